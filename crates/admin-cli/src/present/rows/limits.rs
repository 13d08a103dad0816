//! The rows of `limits set`.

use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_words::t;

use super::failure_cells;
use crate::drive::RunRow;
use crate::present::limits::in_one_line;
use crate::render::report::Row;

/// The limits before and after; empty if they could not be read.
fn limits(report: &LimitsReport) -> [String; 2] {
    if report.before.is_none() {
        return Default::default();
    }
    [&report.before, &report.after].map(|limits| in_one_line(limits.as_ref()))
}

impl Row for LimitsReport {
    const COLUMNS: &'static [&'static str] = &[
        "scope",
        "user",
        "outcome",
        "before",
        "after",
        "call",
        "error",
        "retry_may_help",
        "outcome_unknown",
    ];
    const TABLE: &'static [&'static str] = &["scope", "user", "outcome", "before", "after", "note"];

    fn cells(&self) -> Vec<String> {
        let [before, after] = limits(self);
        let [call, error, outcome_unknown, retry_may_help] = failure_cells(&self.failure);
        vec![
            self.scope.as_str().into(),
            self.user.clone().unwrap_or_default(),
            self.outcome.to_string(),
            before,
            after,
            call,
            error,
            retry_may_help,
            outcome_unknown,
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let [before, after] = limits(self);
        vec![
            self.scope.as_str().into(),
            self.user.clone().unwrap_or_default(),
            self.outcome.as_str().replace('_', " "),
            before,
            after,
            self.failure.error.clone().unwrap_or_default(),
        ]
    }
}

impl RunRow for LimitsReport {
    fn failure(&self) -> Option<String> {
        let error = self.failure.error.as_ref()?;
        let whose = self.user.as_deref().unwrap_or(t!("the app"));
        Some(t!("limits of {whose}: {error}"))
    }
}
