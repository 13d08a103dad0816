//! Who may work on a run, and how urgent it is, as people decide from any machine.

use serde::{Deserialize, Serialize};

use crate::run::job::{Action, OnDrift};
use crate::run::journal::header::Header;

/// Who may work on a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Whoever opens it, one process at a time.
    #[default]
    Alone,
    /// Any number of workers, each on ranges of its own.
    Open,
    /// Nobody, until it is resumed.
    Paused,
    /// Nobody: it was given up for good, unless somebody resumes it all the same.
    Stopped,
}

impl RunState {
    /// Returns the word for a state.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// Returns the state with this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Alone, Self::Open, Self::Paused, Self::Stopped]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// How urgent a run is. Workers take ranges of more urgent runs first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// An incident: before everything else.
    Incident,
    /// The work of the day.
    #[default]
    Normal,
    /// What can wait.
    Nightly,
}

impl Priority {
    /// Returns the word for a priority.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Normal => "normal",
            Self::Nightly => "nightly",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields like this")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The items of a range, unless statuses are asked for first: a few seconds of work at 100 requests per second.
const RANGE: u64 = 256;

/// The items of a range if statuses are asked for first: each range has a sample of its own, of which the rest is spared.
const RANGE_BY_STATUS: u64 = 1_024;

/// Returns how many items of a run a worker takes at once; `None` if one worker takes all of them, because
///
/// - a cap of devices counts over the whole run,
/// - a plan that stops on drift stops for everybody,
/// - locks are all entered before the first ban, and settled after the last,
/// - the end of locks and the change of the app itself are short,
/// - names are checked, and statuses asked for again, once for all users, at the end.
#[must_use]
pub fn range_of(header: &Header) -> Option<u64> {
    let Header { reading, action, .. } = header;
    let whole = match action {
        Action::Lock { .. } | Action::Unlock { .. } => true,
        Action::Apply { on_drift, .. } => *on_drift == OnDrift::Stop,
        Action::SetLimits { .. } => header.is_about_the_app(),
        Action::Logout { .. } | Action::LogoutUnread | Action::Enforce { .. } => {
            reading.check_names || reading.again
        }
        Action::Ban { .. } | Action::Unban { .. } => false,
    };
    if whole || header.allowance.is_some() {
        return None;
    }
    let by_status = matches!(
        action,
        Action::Logout { .. } | Action::LogoutUnread | Action::Apply { .. } | Action::Enforce { .. }
    );
    Some(if by_status && reading.asks_first(header.items) {
        RANGE_BY_STATUS
    } else {
        RANGE
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::journal::header::{Durability, FORMAT, Operator};
    use crate::select::selection::Selection;
    use crate::status_first::Reading;

    fn header(action: Action) -> Header {
        Header {
            format: FORMAT,
            run: "r".into(),
            created: Timestamp::UNIX_EPOCH,
            tool: "0".into(),
            app: "acme#chat".into(),
            app_root: "https://im.example.com/acme/chat".into(),
            sandbox: false,
            profile: None,
            operator: Operator::named("ann", "here"),
            reason: None,
            ticket: None,
            action,
            source: String::new(),
            items: 100_000,
            input_sha256: String::new(),
            allowance: None,
            durability: Durability::Batch,
            reading: Reading::EVERY_USER,
            priority: Priority::Normal,
        }
    }

    #[test]
    fn what_counts_over_the_whole_run_is_one_range() {
        let until = Timestamp::UNIX_EPOCH;
        let logout = Action::Logout {
            selection: Selection::default(),
        };
        let apply = |on_drift| Action::Apply {
            plan_sha256: String::new(),
            on_drift,
            selection: Selection::default(),
        };
        for (action, range) in [
            (logout.clone(), Some(RANGE)),
            (Action::LogoutUnread, Some(RANGE)),
            (Action::Ban { looks_first: true }, Some(RANGE)),
            (apply(OnDrift::Skip), Some(RANGE)),
            (apply(OnDrift::Stop), None),
            (Action::Lock { until }, None),
            (
                Action::Unlock {
                    as_of: None,
                    undoes: None,
                },
                None,
            ),
        ] {
            let header = header(action);
            assert_eq!(range_of(&header), range, "{:?}", header.action);
            let capped = Header {
                allowance: Some(1),
                ..header
            };
            assert_eq!(range_of(&capped), None);
        }
        for (reading, range) in [
            (Reading::default(), Some(RANGE_BY_STATUS)),
            (
                Reading {
                    again: true,
                    ..Reading::default()
                },
                None,
            ),
            (
                Reading {
                    check_names: true,
                    ..Reading::default()
                },
                None,
            ),
        ] {
            let header = Header {
                reading,
                ..header(logout.clone())
            };
            assert_eq!(range_of(&header), range, "{reading:?}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in [
            RunState::Alone,
            RunState::Open,
            RunState::Paused,
            RunState::Stopped,
        ] {
            assert_eq!(RunState::of_word(state.word()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        for priority in [Priority::Incident, Priority::Normal, Priority::Nightly] {
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.word());
        }
        assert!(Priority::Incident < Priority::Normal && Priority::Normal < Priority::Nightly);
    }
}
