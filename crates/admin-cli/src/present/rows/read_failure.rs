//! The columns of a row about a user who could not be read.

use easemob_admin_ops::server::calls::CallError;
use serde::Serialize;

use super::{failure_line, flag};

/// Why a user could not be read; empty if the user was read.
#[derive(Debug, Default, Serialize)]
pub struct ReadFailure {
    call: Option<&'static str>,
    /// The error message.
    pub error: Option<String>,
    retry_may_help: Option<bool>,
}

impl ReadFailure {
    /// Returns the cells of `call`, `error` and `retry_may_help`.
    #[must_use]
    pub fn cells(&self) -> [String; 3] {
        [
            self.call.unwrap_or_default().into(),
            self.error.clone().unwrap_or_default(),
            flag(self.retry_may_help),
        ]
    }

    /// Returns the line for stderr.
    #[must_use]
    pub fn line(&self, line: u64, user: &str) -> Option<String> {
        failure_line(line, user, self.error.as_deref())
    }
}

impl From<&CallError> for ReadFailure {
    fn from(error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            retry_may_help: Some(error.retry_may_help),
        }
    }
}
