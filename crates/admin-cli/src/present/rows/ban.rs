//! The rows of `users ban` and `users unban`.

use easemob_admin_ops::report::Outcome;
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_words::t;

use super::{failure_cells, failure_line, flag};
use crate::drive::RunRow;
use crate::render::report::Row;

impl Row for BanReport {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "call",
        "error",
        "outcome_unknown",
        "retry_may_help",
        "lock_ended",
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "note"];

    fn cells(&self) -> Vec<String> {
        let [call, error, outcome_unknown, retry_may_help] = failure_cells(&self.failure);
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.to_string(),
            call,
            error,
            outcome_unknown,
            retry_may_help,
            flag(self.lock_ended),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let note = match (&self.failure.error, self.lock_ended) {
            (Some(error), _) => error.clone(),
            (None, None) => note(self.outcome).into(),
            (None, Some(true)) => t!("was locked; the lock was removed").into(),
            (None, Some(false)) => String::new(),
        };
        vec![self.user.clone(), self.outcome.as_str().replace('_', " "), note]
    }
}

/// Explains an outcome that differs from what was requested.
fn note(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AlreadyBanned => t!("an existing ban stays in force"),
        Outcome::NotBanned => t!("not banned any more, so there is nothing to lift"),
        Outcome::ChangedSince => t!("somebody has locked the user since then"),
        _ => "",
    }
}

impl RunRow for BanReport {
    fn failure(&self) -> Option<String> {
        failure_line(self.line, &self.user, self.failure.error.as_deref())
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}
