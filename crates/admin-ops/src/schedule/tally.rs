//! Counts the results of the items of a run.

use serde::{Deserialize, Serialize};

use crate::jobs::logout::{Fate, UserResult};
use crate::server::calls::CallError;

/// The result of one item as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Done, or a real run would do it.
    Done,
    /// There was nothing to do.
    NothingToDo,
    /// Failed; repeating may help.
    FailedRetry,
    /// Failed; repeating will not help.
    FailedFinal,
    /// Not tried, because the run stops.
    NotStarted,
    /// In progress when the run was aborted.
    Unknown,
}

impl Settled {
    /// Returns how a single failure counts.
    #[must_use]
    pub fn of_error(error: &CallError) -> Self {
        if error.was_not_sent() {
            Self::NotStarted
        } else if error.retry_may_help {
            Self::FailedRetry
        } else {
            Self::FailedFinal
        }
    }

    /// Returns how the result of a logout job counts: the worst of its devices.
    #[must_use]
    pub fn of_logout(result: &UserResult) -> Self {
        match result {
            UserResult::Unread(error) => return Self::of_error(error),
            UserResult::Drifted(_) | UserResult::Unrecorded(_) => return Self::NotStarted,
            UserResult::Read { .. } => {}
        }
        let touched = result.devices().iter().any(|device| match &device.fate {
            Fate::Ended { .. } => true,
            Fate::Failed(error) => !error.was_not_sent(),
            Fate::WouldEnd | Fate::Kept | Fate::Gone | Fate::NotTried => false,
        });
        let mut settled = Self::NothingToDo;
        for device in result.devices() {
            settled = match (&device.fate, settled) {
                (Fate::Failed(error), Self::FailedFinal) if error.given_up => Self::FailedFinal,
                (Fate::Failed(error), _) if error.given_up || (error.was_not_sent() && !touched) => {
                    Self::NotStarted
                }
                (Fate::Failed(error), _) if error.retry_may_help => return Self::FailedRetry,
                (Fate::Failed(_), _) | (_, Self::FailedFinal) => Self::FailedFinal,
                (Fate::NotTried, _) | (_, Self::NotStarted) => Self::NotStarted,
                (Fate::Ended { .. } | Fate::WouldEnd, _) => Self::Done,
                (Fate::Kept | Fate::Gone, before) => before,
            };
        }
        settled
    }
}

/// The counters of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Items that were done.
    pub done: u64,
    /// Items with nothing to do.
    pub nothing_to_do: u64,
    /// Failed items for which repeating may help.
    pub failed_retry: u64,
    /// Failed items for which repeating will not help.
    pub failed_final: u64,
    /// Items in progress when the run was aborted.
    pub unknown: u64,
    /// Items that were reached but not tried.
    pub not_tried: u64,
    /// Devices that were, or would be, signed out.
    pub devices: u64,
}

impl Tally {
    /// Counts one item.
    pub fn count(&mut self, settled: Settled) {
        let counter = match settled {
            Settled::Done => &mut self.done,
            Settled::NothingToDo => &mut self.nothing_to_do,
            Settled::FailedRetry => &mut self.failed_retry,
            Settled::FailedFinal => &mut self.failed_final,
            Settled::NotStarted => &mut self.not_tried,
            Settled::Unknown => &mut self.unknown,
        };
        *counter += 1;
    }

    /// Adds the counters of a part.
    pub fn add(&mut self, part: &Self) {
        self.done += part.done;
        self.nothing_to_do += part.nothing_to_do;
        self.failed_retry += part.failed_retry;
        self.failed_final += part.failed_final;
        self.unknown += part.unknown;
        self.not_tried += part.not_tried;
        self.devices += part.devices;
    }

    /// Returns how many items reached a result, good or bad.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.done + self.nothing_to_do + self.failed_retry + self.failed_final + self.unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_before_it_was_sent_was_not_started() {
        let error = |given_up, retry_may_help| CallError {
            retry_may_help,
            given_up,
            ..CallError::new("devices.list", "test")
        };
        for (given_up, retry_may_help, settled) in [
            (true, true, Settled::NotStarted),
            (true, false, Settled::NotStarted),
            (false, true, Settled::FailedRetry),
            (false, false, Settled::FailedFinal),
        ] {
            let error = error(given_up, retry_may_help);
            assert_eq!(Settled::of_error(&error), settled);
            assert_eq!(Settled::of_logout(&UserResult::Unread(error)), settled);
        }
    }
}
