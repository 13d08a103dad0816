//! The rows of `sessions logout`, `sessions apply` and `limits enforce`.

use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_words::t;

use super::{basis, failure_cells, failure_line, flag};
use crate::drive::RunRow;
use crate::render::report::Row;

impl Row for DeviceReport {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "device",
        "platform",
        "name",
        "why",
        "confirmed_by_reading",
        "call",
        "error",
        "outcome_unknown",
        "retry_may_help",
        "basis",
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "device", "name", "note"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let [call, error, outcome_unknown, retry_may_help] = failure_cells(&self.failure);
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.to_string(),
            text(&self.device),
            text(&self.platform),
            text(&self.name),
            text(&self.why),
            flag(self.confirmed_by_reading),
            call,
            error,
            outcome_unknown,
            retry_may_help,
            basis(self.basis),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let note = match (&self.failure.error, self.confirmed_by_reading) {
            (Some(error), _) => error.clone(),
            (None, Some(true)) => t!("{}; confirmed by reading", text(&self.why)),
            (None, _) => text(&self.why),
        };
        vec![
            self.user.clone(),
            self.outcome.as_str().replace('_', " "),
            text(&self.device),
            text(&self.name),
            note,
        ]
    }
}

impl RunRow for DeviceReport {
    fn failure(&self) -> Option<String> {
        let device = self.device.as_deref();
        let who = device.map_or_else(|| self.user.clone(), |device| format!("{} {device}", self.user));
        failure_line(self.line, &who, self.failure.error.as_deref())
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}
