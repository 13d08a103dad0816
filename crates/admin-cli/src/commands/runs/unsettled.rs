//! The users of a run that failed or are not finished.

use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::progress::{Progress, Standing};
use serde::Serialize;

use super::history::Failures;
use crate::render::report::Row;

/// The state of an item that was not started; `runs resume` does it, and it is not a failure.
pub(super) const NOT_STARTED: &str = "not_started";
const FAILED_RETRY: &str = "failed_retry_may_help";
const FAILED: &str = "failed";
const UNKNOWN: &str = "unknown";

/// All of them.
pub(crate) const STATES: [&str; 4] = [NOT_STARTED, FAILED_RETRY, FAILED, UNKNOWN];

/// One user that failed or is not finished.
#[derive(Debug, Serialize)]
pub(super) struct ItemRow {
    pub(super) line: u64,
    pub(super) user: String,
    pub(super) state: &'static str,
    pub(super) devices: String,
    pub(super) call: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
}

impl ItemRow {
    /// Returns the row of an item, or `None` if it is finished.
    pub(super) fn new(item: &Item, progress: &Progress, failures: &Failures) -> Option<Self> {
        let (state, devices) = match progress.standing(item.number) {
            Standing::Settled => return None,
            // The item was not started and yet failed.
            Standing::Untouched if failures.contains_key(&item.number) => (FAILED_RETRY, None),
            Standing::Untouched => (NOT_STARTED, None),
            Standing::Doubtful(devices) => (UNKNOWN, Some(devices)),
            Standing::FailedRetry(devices) => (FAILED_RETRY, devices),
            Standing::FailedFinal(devices) => (FAILED, devices),
        };
        let failure = failures.get(&item.number).and_then(|failures| failures.first());
        let devices = devices.unwrap_or_default().iter().map(ToString::to_string);
        Some(Self {
            line: item.line,
            user: item.user.to_string(),
            state,
            devices: devices.collect::<Vec<_>>().join(" "),
            call: failure.map(|failure| failure.call.clone()),
            status: failure.and_then(|failure| failure.status),
            error: failure.map(|failure| failure.error.clone()),
        })
    }
}

impl Row for ItemRow {
    const COLUMNS: &'static [&'static str] = &["line", "user", "state", "devices", "call", "status", "error"];
    const TABLE: &'static [&'static str] = &["line", "user", "state", "devices", "error"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.state.into(),
            self.devices.clone(),
            text(&self.call),
            self.status.map(|status| status.to_string()).unwrap_or_default(),
            text(&self.error),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.state.replace('_', " "),
            self.devices.clone(),
            self.error.clone().unwrap_or_default(),
        ]
    }
}
