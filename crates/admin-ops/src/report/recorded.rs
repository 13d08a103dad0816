//! Reports made of what is on record, for whoever was not told them by the process that worked on the users.

use std::collections::BTreeMap;
use std::io;

use easemob_admin_api::DeviceId;

use super::ban::BanReport;
use super::device::DeviceReport;
use super::limits::LimitsReport;
use super::lock::LockReport;
use super::{Failure, Outcome, Report};
use crate::run::direction::RunState;
use crate::run::item::Item;
use crate::run::job::Action;
use crate::run::journal::record::{self, Record, State};
use crate::run::resume::Which;

/// Returns the reports that the newest attempt on a run has on record, in the order of its users.
///
/// Users that `is_told` knows of are left out. The record has less than the process knew that worked on them: neither the names of
/// devices nor why they were chosen, nor why there was nothing to do. Takes as much memory as the outcomes that are left.
///
/// # Errors
/// When the run cannot be read.
pub fn recorded(
    action: &Action,
    items: impl Iterator<Item = io::Result<Item>>,
    records: impl Iterator<Item = io::Result<Record>>,
    which: Which,
    is_told: impl Fn(&Item) -> bool,
) -> io::Result<Vec<Report>> {
    let outcomes = last_outcomes(records, which)?;
    let mut reports = Vec::new();
    for item in items {
        let item = item?;
        match outcomes.get(&item.number) {
            Some(outcome) if !is_told(&item) => of_user(action, &item, outcome, &mut reports),
            _ => {}
        }
    }
    Ok(reports)
}

/// Returns the last outcome of each item in the newest attempt. A run that is left to all workers is begun by each of them, and was
/// directed once; what failed is tried again by one process.
fn last_outcomes(
    records: impl Iterator<Item = io::Result<Record>>,
    which: Which,
) -> io::Result<BTreeMap<u64, record::Outcome>> {
    let (mut outcomes, mut is_shared) = (BTreeMap::new(), false);
    for record in records {
        let is_new = match record? {
            Record::Outcome(outcome) => {
                outcomes.insert(outcome.n, outcome);
                false
            }
            Record::Directed(directed) => {
                is_shared = directed.state == RunState::Open && which == Which::Unfinished;
                is_shared
            }
            Record::Begin(_) => !is_shared,
            Record::Intent(_) | Record::End(_) => false,
        };
        if is_new {
            outcomes.clear();
        }
    }
    Ok(outcomes)
}

/// Adds the reports of one user, at least one.
fn of_user(action: &Action, item: &Item, recorded: &record::Outcome, reports: &mut Vec<Report>) {
    let failed = recorded.failed.first();
    let came = |done, nothing| came_of(recorded.state, failed, done, nothing);
    let failure = failed
        .map(|failed| failure_of(failed, recorded.state))
        .unwrap_or_default();
    let report = match action {
        Action::Logout { .. } | Action::LogoutUnread | Action::Apply { .. } | Action::Enforce { .. } => {
            return of_devices(item, recorded, reports);
        }
        Action::Ban { .. } => BanReport {
            failure,
            ..BanReport::new(item, came(Outcome::Banned, Outcome::AlreadyBanned))
        }
        .into(),
        Action::Unban { .. } => BanReport {
            failure,
            ..BanReport::new(item, came(Outcome::Unbanned, Outcome::NotBanned))
        }
        .into(),
        Action::Lock { until } => LockReport::new(item, came(Outcome::Locked, Outcome::NothingToDo))
            .ended(&recorded.ended)
            .until(*until)
            .based_on(recorded.basis)
            .with(failure)
            .into(),
        Action::Unlock { .. } => LockReport::new(item, came(Outcome::Unlocked, Outcome::NothingToDo))
            .with(failure)
            .into(),
        Action::SetLimits { .. } => LimitsReport {
            failure,
            ..LimitsReport::new(Some(&item.user), came(Outcome::Set, Outcome::Unchanged))
        }
        .into(),
    };
    reports.push(report);
}

/// Adds the reports of the devices that were signed out and of those that were not, or of the user if none is on record.
fn of_devices(item: &Item, recorded: &record::Outcome, reports: &mut Vec<Report>) {
    let report = |device: Option<&DeviceId>, outcome, failure| DeviceReport {
        device: device.map(ToString::to_string),
        platform: device.map(|device| device.platform().to_string()),
        basis: recorded.basis,
        failure,
        ..DeviceReport::new(item, outcome)
    };
    let ended = recorded.ended.iter();
    let ended = ended.map(|device| report(Some(device), Outcome::LoggedOut, Failure::default()));
    let failed = recorded.failed.iter().map(|failed| {
        report(
            failed.device.as_ref(),
            outcome_of(failed),
            failure_of(failed, recorded.state),
        )
    });
    let before = reports.len();
    reports.extend(ended.chain(failed).map(Report::from));
    if reports.len() == before {
        let outcome = came_of(recorded.state, None, Outcome::LoggedOut, Outcome::NothingToDo);
        reports.push(report(None, outcome, Failure::default()).into());
    }
}

/// Returns what became of a user.
fn came_of(state: State, failed: Option<&record::Failure>, done: Outcome, nothing: Outcome) -> Outcome {
    match (state, failed) {
        (_, Some(failed)) => outcome_of(failed),
        (State::Done, None) => done,
        (State::Nothing, None) => nothing,
        (State::Skipped, None) => Outcome::Drifted,
        (State::Unreached | State::NotTried, None) => Outcome::NotStarted,
        (State::FailedRetry | State::FailedFinal, None) => Outcome::Failed,
        (State::Unknown, None) => Outcome::Unknown,
    }
}

fn outcome_of(failed: &record::Failure) -> Outcome {
    if failed.unknown {
        Outcome::Unknown
    } else {
        Outcome::Failed
    }
}

fn failure_of(failed: &record::Failure, state: State) -> Failure {
    Failure {
        call: Some(failed.call.clone().into()),
        error: Some(failed.error.clone()),
        outcome_unknown: Some(failed.unknown),
        retry_may_help: Some(state != State::FailedFinal),
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::UserId;
    use record::{Begin, Directed};

    use super::*;
    use crate::run::basis::Basis;
    use crate::run::journal::header::Operator;
    use crate::select::selection::Selection;

    fn item(number: u64, user: &str) -> Item {
        Item::new(number, number + 10, UserId::parse(user).unwrap())
    }

    fn ended(n: u64, device: &str) -> record::Outcome {
        record::Outcome {
            n,
            at: 1,
            state: State::Done,
            server_at: None,
            ended: vec![DeviceId::parse(device).unwrap()],
            failed: Vec::new(),
            basis: Some(Basis::Devices),
        }
    }

    fn somebody() -> Operator {
        Operator {
            os_user: "ops".into(),
            uid: None,
            sudo_user: None,
            login_uid: None,
            subject: None,
            host: "here".into(),
        }
    }

    fn begin() -> Record {
        Record::Begin(Begin {
            at: 1,
            tool: "1".into(),
            operator: somebody(),
            pid: 1,
        })
    }

    fn directed(state: RunState) -> Record {
        Record::Directed(Directed {
            at: 1,
            operator: somebody(),
            state,
            reason: None,
        })
    }

    fn logout() -> Action {
        Action::Logout {
            selection: Selection::default(),
        }
    }

    fn reports(action: &Action, records: Vec<Record>, which: Which, told: &[u64]) -> Vec<Report> {
        let items = ["ann", "bob", "eve"];
        let items = (0..).zip(items).map(|(number, user)| Ok(item(number, user)));
        let is_told = |item: &Item| told.contains(&item.line);
        recorded(action, items, records.into_iter().map(Ok), which, is_told).unwrap()
    }

    fn rows(records: Vec<Record>, which: Which, told: &[u64]) -> Vec<(String, String, Option<String>)> {
        let of_device = |report| match report {
            Report::Device(report) => (report.user, report.outcome.to_string(), report.device),
            other => panic!("{other:?}"),
        };
        let reports = reports(&logout(), records, which, told);
        reports.into_iter().map(of_device).collect()
    }

    fn row(user: &str, outcome: &str, device: Option<&str>) -> (String, String, Option<String>) {
        (user.into(), outcome.into(), device.map(str::to_owned))
    }

    #[test]
    fn each_device_and_each_failure_is_a_report() {
        let failure = |device: Option<&str>, unknown| record::Failure {
            device: device.map(|device| DeviceId::parse(device).unwrap()),
            call: "sessions.logout_device".into(),
            status: Some(503),
            error: "busy".into(),
            unknown,
        };
        let mixed = record::Outcome {
            state: State::FailedRetry,
            failed: vec![failure(Some("web_1"), false), failure(Some("web_2"), true)],
            ..ended(0, "ios_1")
        };
        let unread = record::Outcome {
            ended: Vec::new(),
            basis: Some(Basis::Unread),
            ..ended(1, "ios_1")
        };
        let nothing = record::Outcome {
            state: State::Nothing,
            basis: Some(Basis::Status),
            ..unread.clone()
        };
        let found = rows(
            vec![
                begin(),
                Record::Outcome(mixed.clone()),
                Record::Outcome(unread.clone()),
                Record::Outcome(record::Outcome { n: 2, ..nothing }),
            ],
            Which::Unfinished,
            &[],
        );
        assert_eq!(
            found,
            [
                row("ann", "logged_out", Some("ios_1")),
                row("ann", "failed", Some("web_1")),
                row("ann", "unknown", Some("web_2")),
                row("bob", "logged_out", None),
                row("eve", "nothing_to_do", None),
            ]
        );
        let reports = reports(
            &logout(),
            vec![begin(), Record::Outcome(mixed)],
            Which::Unfinished,
            &[],
        );
        let Report::Device(failed) = &reports[1] else {
            panic!("{reports:?}")
        };
        assert_eq!((failed.line, failed.platform.as_deref()), (10, Some("web")));
        assert_eq!(failed.failure.retry_may_help, Some(true));
        assert_eq!(failed.failure.error.as_deref(), Some("busy"));
    }

    #[test]
    fn every_state_has_its_word_for_every_kind_of_run() {
        let until = "2026-12-01T00:00:00Z".parse().unwrap();
        let limits = || Action::SetLimits {
            limits: "ios 1".into(),
            change: None,
        };
        let unban = || Action::Unban { undoes: None };
        let unlock = || Action::Unlock {
            as_of: None,
            undoes: None,
        };
        for (action, done, nothing) in [
            (logout(), "logged_out", "nothing_to_do"),
            (Action::LogoutUnread, "logged_out", "nothing_to_do"),
            (Action::Ban { looks_first: true }, "banned", "already_banned"),
            (unban(), "unbanned", "not_banned"),
            (Action::Lock { until }, "locked", "nothing_to_do"),
            (unlock(), "unlocked", "nothing_to_do"),
            (limits(), "set", "unchanged"),
        ] {
            for (state, failed, word, helps) in [
                (State::Done, None, done, None),
                (State::Nothing, None, nothing, None),
                (State::Skipped, None, "drifted", None),
                (State::NotTried, None, "not_started", None),
                (State::Unreached, Some(false), "failed", Some(true)),
                (State::Unknown, Some(true), "unknown", Some(true)),
                (State::FailedRetry, Some(false), "failed", Some(true)),
                (State::FailedFinal, Some(false), "failed", Some(false)),
            ] {
                let failed = failed.map(|unknown| record::Failure {
                    device: None,
                    call: "users.ban".into(),
                    status: None,
                    error: "busy".into(),
                    unknown,
                });
                let outcome = record::Outcome {
                    state,
                    ended: Vec::new(),
                    failed: failed.into_iter().collect(),
                    ..ended(1, "ios_1")
                };
                let reports = reports(
                    &action,
                    vec![begin(), Record::Outcome(outcome)],
                    Which::Unfinished,
                    &[],
                );
                let written = serde_json::to_value(&reports).unwrap();
                assert_eq!(reports.len(), 1, "{written}");
                assert_eq!(written[0]["user"], "bob", "{written}");
                assert_eq!(written[0]["outcome"], word, "{written}");
                assert_eq!(
                    written[0]["retry_may_help"],
                    serde_json::json!(helps),
                    "{written}"
                );
            }
        }
    }

    #[test]
    fn only_the_newest_attempt_counts_and_nobody_is_told_twice() {
        let one = |n, device| Record::Outcome(ended(n, device));
        let two_attempts = vec![
            begin(),
            one(0, "ios_1"),
            begin(),
            one(1, "ios_2"),
            one(2, "ios_3"),
        ];
        assert_eq!(
            rows(two_attempts, Which::Unfinished, &[12]),
            [row("bob", "logged_out", Some("ios_2"))]
        );
        // Each worker begins; together they are one attempt.
        let shared = vec![
            begin(),
            one(0, "ios_1"),
            directed(RunState::Open),
            begin(),
            one(1, "ios_2"),
            begin(),
            one(1, "ios_4"),
            directed(RunState::Paused),
        ];
        assert_eq!(
            rows(shared.clone(), Which::Unfinished, &[]),
            [row("bob", "logged_out", Some("ios_4"))],
            "the last outcome is the one that holds"
        );
        let retried = [shared, vec![begin(), one(2, "ios_5")]].concat();
        assert_eq!(
            rows(retried, Which::AndFailed, &[]),
            [row("eve", "logged_out", Some("ios_5"))]
        );
        assert_eq!(rows(vec![begin()], Which::Unfinished, &[]), []);
    }
}
