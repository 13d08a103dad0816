//! The report of a run as a whole.

use serde::{Deserialize, Serialize};

use crate::jobs::execute::Executed;
use crate::run::attempt::Attempt;
use crate::schedule::breaker::Fatal;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Ended;
use crate::schedule::tally::Tally;
use crate::server::calls::CallError;
use crate::status_first::StatusReport;

/// How an attempt on a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The id of the run.
    pub run: String,
    /// How many users this attempt had to work on.
    pub users: u64,
    /// The results of the users.
    pub tally: Tally,
    /// Users that were not reached, or were waiting for their turn when the run was stopped.
    pub not_started: u64,
    /// The line of the first such user.
    pub first_line_not_started: Option<u64>,
    /// Users that failed in earlier attempts and were not retried; repeating may help.
    pub failed_earlier_retry_may_help: u64,
    /// Users that failed in earlier attempts and were not retried; repeating will not help.
    pub failed_earlier_final: u64,
    /// Users whose devices differed from the plan.
    pub drifted: u64,
    /// What came of asking for the status first, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_first: Option<StatusReport>,
    /// How many requests the server has had from this process meanwhile.
    #[serde(default)]
    pub requests: u64,
    /// Why the attempt ended early, if it did.
    pub stopped: Option<Stopped>,
}

/// Why an attempt ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The reason as one word, such as `interrupted` or `max_logouts`.
    pub reason: String,
    /// The error behind it, if there is one.
    pub error: Option<String>,
    /// What kind of error it is, if the server is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FatalKind>,
}

/// Why a server ended an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FatalKind {
    /// It would refuse every further request.
    Refused,
    /// It does not have the call.
    Unsupported,
    /// There is no token.
    NoToken,
    /// It gives no usable answer.
    Unreachable,
}

impl From<&Fatal> for FatalKind {
    fn from(fatal: &Fatal) -> Self {
        let unsupported = |error: &CallError| {
            error
                .origin
                .as_ref()
                .is_some_and(easemob_admin_api::Error::is_unsupported)
        };
        match fatal {
            Fatal::Refused(error) if unsupported(error) => Self::Unsupported,
            Fatal::Refused(_) => Self::Refused,
            Fatal::NoToken(_) => Self::NoToken,
            Fatal::Unreachable(_) => Self::Unreachable,
        }
    }
}

impl RunReport {
    /// Creates the report with what is known at the start.
    pub(super) fn begin(attempt: &Attempt) -> Self {
        let left = attempt.which.leaves(&attempt.before);
        let users = attempt.which.count(&attempt.before);
        Self {
            run: attempt.header.run.clone(),
            users,
            tally: Tally::default(),
            not_started: users,
            first_line_not_started: None,
            failed_earlier_retry_may_help: left.retry_may_help,
            failed_earlier_final: left.last,
            drifted: 0,
            status_first: None,
            requests: 0,
            stopped: None,
        }
    }

    /// Creates the report of a dry run, which nothing is known of at the start.
    pub(super) fn of_preview(users: u64) -> Self {
        Self {
            run: String::new(),
            users,
            tally: Tally::default(),
            not_started: users,
            first_line_not_started: None,
            failed_earlier_retry_may_help: 0,
            failed_earlier_final: 0,
            drifted: 0,
            status_first: None,
            requests: 0,
            stopped: None,
        }
    }

    pub(super) fn end(&mut self, ended: Ended, executed: Executed) {
        self.tally = ended.tally;
        self.not_started = self.users.saturating_sub(ended.tally.settled());
        self.first_line_not_started = ended.first_line_not_started;
        self.drifted = executed.drifted;
        self.status_first = executed.status;
        let silent = ended.silent.map(|error| Stopped {
            reason: "unreachable".into(),
            error: Some(error.to_string()),
            kind: Some(FatalKind::Unreachable),
        });
        self.stopped = ended.stop.as_ref().map(Stopped::from).or(silent);
    }

    /// Returns true if every user of the run is done, or there was nothing to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let failed = self.failed_earlier_retry_may_help + self.failed_earlier_final;
        failed == 0 && self.tally.done + self.tally.nothing_to_do == self.users
    }
}

impl From<&Stop> for Stopped {
    fn from(stop: &Stop) -> Self {
        let error = match stop {
            Stop::Fatal(fatal) => Some(fatal.error().to_string()),
            Stop::Record(error) => Some(error.to_string()),
            Stop::Output(error) | Stop::Input(error) => Some(error.to_string()),
            Stop::Wished(_) | Stop::Aborted | Stop::Cap | Stop::Drift | Stop::ReaderGone => None,
        };
        let kind = match stop {
            Stop::Fatal(fatal) => Some(FatalKind::from(fatal)),
            _ => None,
        };
        Self {
            reason: stop.word().into(),
            error,
            kind,
        }
    }
}
