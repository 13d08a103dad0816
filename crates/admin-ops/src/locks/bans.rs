//! What the journal of a run that locks says of the bans of its users.

use std::collections::HashMap;

use easemob_admin_api::UserId;

use crate::run::directory::Runs;
use crate::run::id::RunId;
use crate::run::journal::record::{Outcome, Record, State};

/// How far a run has come with the ban of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ban {
    /// The request was about to be sent, and nobody knows what came of it.
    Meant,
    /// The run has banned the user.
    Done,
    /// The run has not, and leaves it at that.
    Not,
}

/// The bans of a run by the number of the item; an item that was not begun is left out.
pub type Bans = HashMap<u64, Ban>;

/// Folds the records of a run.
fn fold(bans: &mut Bans, record: &Record) {
    match record {
        Record::Begin(_) | Record::End(_) => {}
        // Whatever was known before, a further attempt has come as far as this.
        Record::Intent(intent) => drop(bans.insert(intent.n, Ban::Meant)),
        Record::Outcome(outcome) => {
            if let Some(banned) = has_banned(outcome) {
                bans.insert(outcome.n, if banned { Ban::Done } else { Ban::Not });
            }
        }
    }
}

/// Returns whether the user was banned; nothing if that is not known.
fn has_banned(outcome: &Outcome) -> Option<bool> {
    let of_the_ban = outcome
        .failed
        .iter()
        .any(|failure| failure.device.is_none() && failure.call.starts_with("users."));
    match outcome.state {
        State::Done => Some(true),
        State::Nothing | State::Skipped => Some(false),
        State::FailedFinal if of_the_ban => Some(false),
        // The ban came first, so what failed came after it.
        State::FailedFinal | State::FailedRetry | State::Unknown if !of_the_ban => Some(true),
        _ => None,
    }
}

/// Reads the bans of a run; nothing if it cannot be read.
#[must_use]
pub fn of_run(runs: &Runs, id: &RunId) -> Option<Bans> {
    let mut bans = Bans::new();
    for record in runs.records(id).ok()? {
        fold(&mut bans, &record.ok()?);
    }
    Some(bans)
}

/// Reads the bans of a run by the user, for items that were begun; nothing if it cannot be read.
#[must_use]
pub fn by_user(runs: &Runs, id: &RunId) -> Option<Vec<(UserId, Ban)>> {
    let bans = of_run(runs, id)?;
    let mut begun = Vec::new();
    for item in runs.items(id).ok()? {
        // Of a list that ends early nobody knows who is not on it.
        let item = item.ok()?;
        begun.extend(bans.get(&item.number).map(|ban| (item.user, *ban)));
    }
    Some(begun)
}

/// Returns true if one of the runs may have banned the user.
#[must_use]
pub fn may_be_of<'a>(runs: &Runs, mut ids: impl Iterator<Item = &'a str>, user: &UserId) -> bool {
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
    use crate::run::journal::record::{Failure, Intent};

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
        })
    }

    fn ban(records: &[Record]) -> Option<Ban> {
        let mut bans = Bans::new();
        for record in records {
            fold(&mut bans, record);
        }
        bans.get(&0).copied()
    }

    #[test]
    fn the_last_word_counts() {
        let refused = outcome(State::FailedFinal, Some("users.ban"));
        for (records, expected) in [
            (&[][..], None),
            (&[intent()], Some(Ban::Meant)),
            (&[intent(), outcome(State::Done, None)], Some(Ban::Done)),
            (&[outcome(State::Nothing, None)], Some(Ban::Not)),
            (&[outcome(State::Skipped, None)], Some(Ban::Not)),
            (&[intent(), refused.clone()], Some(Ban::Not)),
            (&[intent(), refused, intent()], Some(Ban::Meant)),
            (
                &[intent(), outcome(State::FailedRetry, Some("users.ban"))],
                Some(Ban::Meant),
            ),
            (
                &[intent(), outcome(State::FailedRetry, Some("devices.list"))],
                Some(Ban::Done),
            ),
            (&[outcome(State::FailedRetry, Some("users.get"))], None),
        ] {
            assert_eq!(ban(records), expected, "{records:?}");
        }
    }
}
