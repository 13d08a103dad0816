//! Computes the recorded outcome of a finished job. Pure.

use crate::jobs::logout::{Fate, UserResult};
use crate::run::item::Item;
use crate::run::journal::record::{Failure, Outcome, State};
use crate::schedule::tally::Settled;
use crate::server::calls::{CallError, Scope};

/// How many failures of one user are recorded with their full message.
const MOST_IN_FULL: usize = 100;

/// Returns the outcome of a logout job, or `None` if the job ended before there was one.
#[must_use]
pub fn of_logout(item: &Item, result: &UserResult, at: i64) -> Option<Outcome> {
    if matches!(result, UserResult::Drifted(_) | UserResult::Unrecorded(_)) {
        return None;
    }
    let mut outcome = Outcome {
        n: item.number,
        at,
        state: state(Settled::of_logout(result), result.failures()),
        server_at: None,
        ended: Vec::new(),
        failed: Vec::new(),
        basis: result.basis(),
    };
    if let UserResult::Unread(error) = result {
        outcome.failed.push(failure(None, error));
    }
    for device in result.devices() {
        let id = &device.choice.device.id;
        match &device.fate {
            Fate::Ended { server_at, .. } => {
                outcome.ended.push(id.clone());
                outcome.server_at = outcome.server_at.max(*server_at);
            }
            Fate::Failed(error) => {
                let mut failure = failure(Some(id.clone()), error);
                // The record of a user with thousands of devices must fit into a line.
                if outcome.failed.len() >= MOST_IN_FULL {
                    failure.error = "same as for the previous devices".into();
                }
                outcome.failed.push(failure);
            }
            Fate::Gone if outcome.state == State::Nothing => outcome.state = State::Skipped,
            Fate::WouldEnd | Fate::Kept | Fate::Gone | Fate::NotTried => {}
        }
    }
    Some(outcome)
}

/// Returns the outcome of a job with a single call that names no device.
#[must_use]
pub fn of_call(item: &Item, result: &Result<(), CallError>, at: i64) -> Outcome {
    of_number(item.number, result, at)
}

/// Returns the outcome of a single call, given the number of its item.
#[must_use]
pub fn of_number(n: u64, result: &Result<(), CallError>, at: i64) -> Outcome {
    let settled = result.as_ref().map_or_else(Settled::of_error, |()| Settled::Done);
    Outcome {
        n,
        at,
        state: state(settled, result.as_ref().err().into_iter()),
        server_at: None,
        ended: Vec::new(),
        failed: result
            .as_ref()
            .err()
            .map(|error| failure(None, error))
            .into_iter()
            .collect(),
        basis: None,
    }
}

fn state<'a>(settled: Settled, mut failures: impl Iterator<Item = &'a CallError> + Clone) -> State {
    match settled {
        Settled::Done => State::Done,
        Settled::NothingToDo => State::Nothing,
        Settled::NotStarted => State::NotTried,
        Settled::Unknown => State::Unknown,
        Settled::FailedRetry | Settled::FailedFinal => {
            if failures.clone().any(|error| error.outcome_unknown) {
                State::Unknown
            } else if failures.all(|error| error.scope != Scope::Item) {
                // The server was unresponsive or refused everything, which says nothing about this user.
                State::Unreached
            } else if settled == Settled::FailedRetry {
                State::FailedRetry
            } else {
                State::FailedFinal
            }
        }
    }
}

fn failure(device: Option<easemob_admin_api::DeviceId>, error: &CallError) -> Failure {
    Failure {
        device,
        call: error.call.into(),
        status: error.status,
        error: error.message.clone(),
        unknown: error.outcome_unknown,
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{DeviceId, UserId};

    use super::*;
    use crate::jobs::logout::DeviceResult;
    use crate::run::basis::Basis;
    use crate::select::decide::Drift;
    use crate::select::selection::Choice;
    use crate::server::calls::SeenDevice;

    fn item() -> Item {
        Item::new(0, 1, UserId::parse("ann").unwrap())
    }

    fn error(scope: Scope, retry_may_help: bool, outcome_unknown: bool) -> CallError {
        CallError {
            retry_may_help,
            outcome_unknown,
            scope,
            ..CallError::new("sessions.logout_device", "test")
        }
    }

    fn read(fates: Vec<Fate>) -> UserResult {
        let device = |(number, fate)| DeviceResult {
            choice: Choice {
                device: SeenDevice {
                    id: DeviceId::parse(format!("ios_{number}")).unwrap(),
                    name: None,
                    uuid: None,
                    signed_in_at: None,
                },
                why: "all devices".into(),
            },
            fate,
        };
        UserResult::Read {
            online: fates.len(),
            devices: (0..).zip(fates).map(device).collect(),
            drift: Drift::default(),
            basis: Basis::Devices,
        }
    }

    const ENDED: Fate = Fate::Ended {
        confirmed_by_reading: false,
        server_at: None,
    };

    #[test]
    fn how_far_a_failure_reaches_decides_what_is_said_of_the_user() {
        use Scope::{Item, Network, Run, Token};
        for (scope, retry, unknown, state_of_one, settled) in [
            (Item, true, false, State::FailedRetry, Settled::FailedRetry),
            (Item, false, false, State::FailedFinal, Settled::FailedFinal),
            (Item, true, true, State::Unknown, Settled::FailedRetry),
            (Network, true, false, State::Unreached, Settled::FailedRetry),
            (Network, true, true, State::Unknown, Settled::FailedRetry),
            (Run, true, false, State::Unreached, Settled::FailedRetry),
            (Token, true, false, State::NotTried, Settled::NotStarted),
            (Token, true, true, State::Unknown, Settled::FailedRetry),
        ] {
            let error = error(scope, retry, unknown);
            let row = format!("{scope:?} {retry} {unknown}");
            assert_eq!(Settled::of_error(&error), settled, "{row}");
            // A ban, a device list that cannot be read, and the only device of a user.
            assert_eq!(
                of_call(&item(), &Err(error.clone()), 0).state,
                state_of_one,
                "{row}"
            );
            for result in [UserResult::Unread(error.clone()), read(vec![Fate::Failed(error)])] {
                assert_eq!(Settled::of_logout(&result), settled, "{row}");
                assert_eq!(
                    of_logout(&item(), &result, 0).unwrap().state,
                    state_of_one,
                    "{row}"
                );
            }
        }
    }

    #[test]
    fn a_planned_device_that_is_gone_is_skipped_unless_something_was_done() {
        let failed = Fate::Failed(error(Scope::Item, false, false));
        for (fates, state) in [
            (vec![Fate::Gone], State::Skipped),
            (vec![Fate::Kept], State::Nothing),
            (vec![ENDED, Fate::Gone], State::Done),
            (vec![failed, Fate::Gone], State::FailedFinal),
        ] {
            let outcome = of_logout(&item(), &read(fates.clone()), 0).unwrap();
            assert_eq!(outcome.state, state, "{fates:?}");
        }
    }

    #[test]
    fn of_many_failures_only_the_first_are_told_in_full() {
        let failed = || Fate::Failed(error(Scope::Item, false, false));
        let fates = std::iter::repeat_with(failed).take(MOST_IN_FULL + 2).collect();
        let outcome = of_logout(&item(), &read(fates), 0).unwrap();
        let in_full = outcome
            .failed
            .iter()
            .take_while(|failure| failure.error == "test");
        assert_eq!(
            (in_full.count(), outcome.failed.len()),
            (MOST_IN_FULL, MOST_IN_FULL + 2)
        );
    }

    #[test]
    fn who_was_begun_is_not_taken_for_untouched() {
        let unsent = || Fate::Failed(error(Scope::Token, true, false));
        let refused = || Fate::Failed(error(Scope::Item, false, false));
        for (fates, state_of_it, settled) in [
            (
                vec![unsent(), Fate::NotTried],
                State::NotTried,
                Settled::NotStarted,
            ),
            (
                vec![ENDED, unsent(), Fate::NotTried],
                State::Unreached,
                Settled::FailedRetry,
            ),
            (
                vec![refused(), unsent()],
                State::FailedRetry,
                Settled::FailedRetry,
            ),
        ] {
            let result = read(fates);
            assert_eq!(Settled::of_logout(&result), settled);
            assert_eq!(of_logout(&item(), &result, 0).unwrap().state, state_of_it);
        }
    }
}
