//! Computes what is left to do of a run. Pure.

use std::io;

use crate::run::item::{Item, Task};
use crate::run::journal::progress::{Counts, Progress, Standing};

/// Which items an attempt works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Unfinished items: not started, started in vain, or with an unknown outcome.
    Unfinished,
    /// Unfinished items, and failed ones for which repeating may help.
    AndFailed,
    /// Unfinished items, and all failed ones.
    AndAllFailed,
}

impl Which {
    /// Returns the number of such items.
    #[must_use]
    pub fn count(self, counts: &Counts) -> u64 {
        match self {
            Self::Unfinished => counts.unfinished(),
            Self::AndFailed => counts.unfinished() + counts.failed_retry,
            Self::AndAllFailed => counts.unfinished() + counts.failed(),
        }
    }
}

/// Failures of earlier attempts that an attempt does not retry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Failures for which repeating may help.
    pub retry_may_help: u64,
    /// Failures for which repeating will not help.
    pub last: u64,
}

impl Which {
    /// Returns the failures that an attempt does not retry.
    #[must_use]
    pub fn leaves(self, counts: &Counts) -> Left {
        let (retry_may_help, last) = match self {
            Self::Unfinished => (counts.failed_retry, counts.failed_final),
            Self::AndFailed => (0, counts.failed_final),
            Self::AndAllFailed => (0, 0),
        };
        Left { retry_may_help, last }
    }
}

/// Returns what is left to do, in the order of the input.
///
/// Settled items are left out. If an earlier attempt named devices for an item, the task carries them, so
/// that they are looked up before anything is sent, and no others are signed out.
pub fn remaining(
    items: impl Iterator<Item = io::Result<Item>> + Send,
    progress: Progress,
    which: Which,
) -> impl Iterator<Item = io::Result<Task>> + Send {
    items.filter_map(move |item| match item {
        Err(error) => Some(Err(error)),
        Ok(item) => todo(item, &progress, which).map(Ok),
    })
}

fn todo(item: Item, progress: &Progress, which: Which) -> Option<Task> {
    let intended = match (progress.standing(item.number), which) {
        (Standing::Settled, _)
        | (Standing::FailedRetry(_), Which::Unfinished)
        | (Standing::FailedFinal(_), Which::Unfinished | Which::AndFailed) => return None,
        (Standing::Untouched, _) => None,
        (Standing::Doubtful(devices), _) => Some(devices.to_vec()),
        (Standing::FailedRetry(devices) | Standing::FailedFinal(devices), _) => devices.map(<[_]>::to_vec),
    };
    Some(Task {
        intended,
        ..Task::fresh(item)
    })
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{DeviceId, UserId};
    use proptest::prelude::*;

    use super::*;
    use crate::run::journal::record::{Intent, Outcome, Record, State};

    const STATES: [State; 8] = [
        State::Done,
        State::Nothing,
        State::Skipped,
        State::FailedRetry,
        State::FailedFinal,
        State::Unreached,
        State::NotTried,
        State::Unknown,
    ];

    fn items(count: u64) -> impl Iterator<Item = io::Result<Item>> {
        (0..count).map(|number| {
            Ok(Item::new(
                number,
                number + 1,
                UserId::parse(format!("u{number}")).map_err(io::Error::other)?,
            ))
        })
    }

    fn tasks(progress: Progress, count: u64, which: Which) -> Vec<Task> {
        remaining(items(count), progress, which)
            .map(Result::unwrap)
            .collect()
    }

    fn intent(n: u64) -> Record {
        Record::Intent(Intent {
            n,
            at: 0,
            call: "sessions.logout_all".into(),
            devices: vec![DeviceId::parse("ios_1").unwrap()],
            kept: Vec::new(),
        })
    }

    fn outcome(n: u64, state: State) -> Record {
        Record::Outcome(Outcome {
            n,
            at: 0,
            state,
            server_at: None,
            ended: Vec::new(),
            failed: Vec::new(),
            basis: None,
        })
    }

    proptest! {
        /// Whatever was recorded before a crash, each item is either settled or left to do, never both, and
        /// an item with an intent but no good outcome is never started from scratch.
        #[test]
        fn nothing_is_lost_and_nothing_is_done_blindly(
            events in proptest::collection::vec((0_u64..8, proptest::option::of(0_usize..STATES.len())), 0..60)
        ) {
            let mut progress = Progress::new(8);
            let mut last: Vec<(bool, Option<State>)> = vec![(false, None); 8];
            for (n, event) in events {
                let (intended, state) = &mut last[usize::try_from(n).unwrap()];
                match event {
                    None => {
                        *intended = true;
                        *state = Some(State::Unknown);
                        progress.note(intent(n));
                    }
                    Some(index) => {
                        *state = Some(STATES[index]);
                        let settled = matches!(STATES[index], State::Done | State::Nothing | State::Skipped);
                        *intended &= !settled;
                        progress.note(outcome(n, STATES[index]));
                    }
                }
            }
            let all = tasks(progress.clone(), 8, Which::AndAllFailed);
            for (n, (intended, state)) in (0_u64..).zip(&last) {
                let task = all.iter().find(|task| task.item.number == n);
                let settled = matches!(state, Some(State::Done | State::Nothing | State::Skipped));
                prop_assert_eq!(task.is_none(), settled);
                if let Some(task) = task {
                    prop_assert_eq!(task.intended.is_some(), *intended);
                }
            }
            let counts = progress.counts();
            let unfinished = tasks(progress.clone(), 8, Which::Unfinished).len() as u64;
            let retried = tasks(progress, 8, Which::AndFailed).len() as u64;
            prop_assert_eq!(unfinished, counts.unfinished());
            prop_assert_eq!(retried, counts.unfinished() + counts.failed_retry);
            prop_assert_eq!(all.len() as u64, counts.unfinished() + counts.failed());
            for which in [Which::Unfinished, Which::AndFailed, Which::AndAllFailed] {
                let left = which.leaves(&counts);
                let all = counts.unfinished() + counts.failed();
                prop_assert_eq!(which.count(&counts) + left.retry_may_help + left.last, all);
            }
        }
    }
}
