//! The rows of `sessions lock` and `sessions unlock`.

use easemob_admin_ops::report::Outcome;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_words::t;

use super::{basis, failure_cells, failure_line};
use crate::drive::RunRow;
use crate::render::report::Row;

impl Row for LockReport {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "devices_ended",
        "call",
        "error",
        "outcome_unknown",
        "retry_may_help",
        "devices",
        "until",
        "basis",
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "devices", "until", "note"];

    fn cells(&self) -> Vec<String> {
        let [call, error, outcome_unknown, retry_may_help] = failure_cells(&self.failure);
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.to_string(),
            devices_ended(self),
            call,
            error,
            outcome_unknown,
            retry_may_help,
            self.devices.clone(),
            self.until.clone().unwrap_or_default(),
            basis(self.basis),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        vec![
            self.user.clone(),
            self.outcome.as_str().replace('_', " "),
            devices_ended(self),
            self.until.clone().unwrap_or_default(),
            self.failure
                .error
                .clone()
                .unwrap_or_else(|| note(self.outcome).into()),
        ]
    }
}

fn devices_ended(report: &LockReport) -> String {
    let ended = report.devices_ended.map(|devices| devices.to_string());
    ended.unwrap_or_default()
}

/// Explains an outcome that differs from what was requested.
fn note(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::BannedBefore => t!("an existing ban stays in force"),
        Outcome::AlreadyLocked => t!("the existing lock does not end earlier"),
        Outcome::TimeOver => t!("the lock would have expired by now"),
        Outcome::LiftedSince => t!("the lock of an earlier attempt was lifted or replaced since then"),
        Outcome::NotLocked => t!("the lock was lifted, or replaced by a permanent ban"),
        Outcome::StillOnline => t!("banned, but a device is online"),
        Outcome::NoLongerBanned => t!("somebody has lifted the ban since then"),
        Outcome::NotBanned => t!("not banned, so there is nothing to lift"),
        Outcome::LockInProgress => t!("a process is still working on this lock"),
        Outcome::RunUnreadable => t!("unknown who set the ban: the run of the lock cannot be read"),
        Outcome::ChangedSince => t!("locked again or extended since the command was started"),
        _ => "",
    }
}

impl RunRow for LockReport {
    fn failure(&self) -> Option<String> {
        failure_line(self.line, &self.user, self.failure.error.as_deref())
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}
