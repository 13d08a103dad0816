//! The bans of a run that locks or bans users, according to its journal.

use std::collections::{HashMap, HashSet};
use std::io;

use easemob_admin_api::UserId;

use crate::run::id::RunId;
use crate::run::journal::record::{Failure, Outcome, Record, State};
use crate::run::store::RunStore;

/// The call that bans.
pub const BAN: &str = "users.ban";

/// How far a run got with the ban of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ban {
    /// The request was about to be sent, and its result is unknown.
    Meant,
    /// The run has banned the user.
    Done,
    /// The run has not banned the user, and will not.
    Not,
}

/// The bans of a run by item number; items that were not started are missing.
pub type Bans = HashMap<u64, Ban>;

/// The records of a run, folded.
#[derive(Debug, Default)]
struct Folded {
    bans: Bans,
    /// Items that were intended again after a ban that may have arrived.
    doubtful: HashSet<u64>,
}

impl Folded {
    fn note(&mut self, record: &Record) {
        match record {
            Record::Begin(_) | Record::End(_) | Record::Directed(_) => {}
            // Whatever was known before, a further attempt got this far.
            Record::Intent(intent) => {
                if self.may_be_banned(intent.n) {
                    self.doubtful.insert(intent.n);
                }
                self.bans.insert(intent.n, Ban::Meant);
            }
            Record::Outcome(outcome) => {
                if let Some(ban) = self.judge(outcome) {
                    self.bans.insert(outcome.n, ban);
                }
            }
        }
    }

    fn may_be_banned(&self, n: u64) -> bool {
        matches!(self.bans.get(&n), Some(Ban::Meant | Ban::Done))
    }

    /// Returns what an outcome proves about the ban, or `None` if the question stays open.
    fn judge(&self, outcome: &Outcome) -> Option<Ban> {
        let failed = |call: fn(&str) -> bool| {
            let of_the_user = |failure: &Failure| failure.device.is_none() && call(&failure.call);
            outcome.failed.iter().any(of_the_user)
        };
        match outcome.state {
            State::Done => Some(Ban::Done),
            State::Nothing | State::Skipped => Some(Ban::Not),
            // This ban was refused, but that of an earlier attempt may have arrived.
            State::FailedFinal if failed(|call| call == BAN) => {
                (!self.doubtful.contains(&outcome.n)).then_some(Ban::Not)
            }
            // Nothing was sent this time.
            State::FailedFinal if failed(|call| call.starts_with("users.")) => {
                (!self.may_be_banned(outcome.n)).then_some(Ban::Not)
            }
            // The ban came first, so the failure came after it.
            State::FailedFinal | State::FailedRetry | State::Unknown
                if !failed(|call| call.starts_with("users.")) =>
            {
                Some(Ban::Done)
            }
            _ => None,
        }
    }
}

/// Reads the bans of a run, or returns `None` if it cannot be read.
#[must_use]
pub fn of_run(runs: &dyn RunStore, id: &RunId) -> Option<Bans> {
    of_records(runs.records(id).ok()?).ok()
}

/// Reads the bans of a run from its records.
///
/// # Errors
/// When a record cannot be read.
pub fn of_records(records: impl Iterator<Item = io::Result<Record>>) -> io::Result<Bans> {
    let mut folded = Folded::default();
    for record in records {
        folded.note(&record?);
    }
    Ok(folded.bans)
}

/// Returns the items of a run whose users it banned, or found banned.
///
/// # Errors
/// When a record cannot be read.
pub fn in_force(records: impl Iterator<Item = io::Result<Record>>) -> io::Result<HashSet<u64>> {
    let (mut folded, mut in_force) = (Folded::default(), HashSet::new());
    for record in records {
        let record = record?;
        folded.note(&record);
        if let Record::Outcome(outcome) = record {
            let banned = folded.bans.get(&outcome.n) == Some(&Ban::Done);
            if banned || outcome.state == State::Nothing {
                in_force.insert(outcome.n);
            }
        }
    }
    Ok(in_force)
}

/// Reads the bans of a run by user, for items that were started, or returns `None` if it cannot be read.
#[must_use]
pub fn by_user(runs: &dyn RunStore, id: &RunId) -> Option<Vec<(UserId, Ban)>> {
    let bans = of_run(runs, id)?;
    let mut begun = Vec::new();
    for item in runs.items(id).ok()? {
        // If the list ends early, it is unknown who is missing.
        let item = item.ok()?;
        begun.extend(bans.get(&item.number).map(|ban| (item.user, *ban)));
    }
    Some(begun)
}

/// Returns true if one of the runs may have banned the user.
#[must_use]
pub fn may_be_of<'a>(runs: &dyn RunStore, mut ids: impl Iterator<Item = &'a str>, user: &UserId) -> bool {
    ids.any(|id| {
        let bans = RunId::parse(id)
            .and_then(|id| by_user(runs, &id))
            .unwrap_or_default();
        bans.iter()
            .any(|(banned, ban)| banned.folded() == user.folded() && *ban != Ban::Not)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::record::Intent;

    fn intent() -> Record {
        Record::Intent(Intent {
            n: 0,
            at: 0,
            call: "users.ban".into(),
            devices: Vec::new(),
            kept: Vec::new(),
        })
    }

    fn outcome(state: State, failed: Option<&str>) -> Record {
        let failure = |call: &str| Failure {
            device: None,
            call: call.into(),
            status: None,
            error: "test".into(),
            unknown: false,
        };
        Record::Outcome(Outcome {
            n: 0,
            at: 0,
            state,
            server_at: None,
            ended: Vec::new(),
            failed: failed.map(failure).into_iter().collect(),
            basis: None,
        })
    }

    fn ban(records: &[Record]) -> Option<Ban> {
        let mut folded = Folded::default();
        for record in records {
            folded.note(record);
        }
        folded.bans.get(&0).copied()
    }

    #[test]
    fn the_last_word_counts() {
        let refused = outcome(State::FailedFinal, Some("users.ban"));
        let unread = outcome(State::FailedFinal, Some("users.get"));
        let banned = outcome(State::FailedRetry, Some("devices.list"));
        let unknown = outcome(State::Unknown, Some("users.ban"));
        for (records, expected) in [
            (&[][..], None),
            (&[intent()], Some(Ban::Meant)),
            (&[intent(), outcome(State::Done, None)], Some(Ban::Done)),
            (&[outcome(State::Nothing, None)], Some(Ban::Not)),
            (&[outcome(State::Skipped, None)], Some(Ban::Not)),
            (std::slice::from_ref(&unread), Some(Ban::Not)),
            (&[intent(), refused.clone()], Some(Ban::Not)),
            (&[intent(), refused.clone(), intent()], Some(Ban::Meant)),
            // A ban that may have arrived counts, whatever a later attempt could not do.
            (&[intent(), unknown.clone(), unread.clone()], Some(Ban::Meant)),
            (&[intent(), unread.clone()], Some(Ban::Meant)),
            (&[intent(), banned.clone(), unread.clone()], Some(Ban::Done)),
            (&[intent(), banned, intent(), refused.clone()], Some(Ban::Meant)),
            (
                &[intent(), unknown.clone(), intent(), refused.clone()],
                Some(Ban::Meant),
            ),
            (&[intent(), intent(), refused.clone()], Some(Ban::Meant)),
            (
                &[
                    intent(),
                    unknown,
                    unread.clone(),
                    intent(),
                    outcome(State::Done, None),
                ],
                Some(Ban::Done),
            ),
            (&[intent(), refused.clone(), intent(), refused], Some(Ban::Not)),
            (
                &[intent(), outcome(State::FailedRetry, Some("users.ban"))],
                Some(Ban::Meant),
            ),
            (
                &[intent(), outcome(State::FailedRetry, Some("devices.list"))],
                Some(Ban::Done),
            ),
            (&[outcome(State::FailedRetry, Some("users.get"))], None),
            (
                &[intent(), outcome(State::FailedFinal, Some("sessions.logout_all"))],
                Some(Ban::Done),
            ),
        ] {
            assert_eq!(ban(records), expected, "{records:?}");
        }
    }

    #[test]
    fn who_is_banned_by_a_run_or_was_before_is_banned_after_it() {
        let unread = outcome(State::FailedRetry, Some("users.get"));
        let devices_unread = outcome(State::FailedRetry, Some("devices.list"));
        for (records, banned) in [
            (vec![intent()], false),
            (vec![intent(), outcome(State::Done, None)], true),
            (vec![intent(), devices_unread], true),
            (vec![outcome(State::Nothing, None)], true),
            (vec![outcome(State::Skipped, None)], false),
            (vec![unread], false),
        ] {
            let found = in_force(records.clone().into_iter().map(Ok)).unwrap();
            assert_eq!(found.contains(&0), banned, "{records:?}");
        }
    }
}
