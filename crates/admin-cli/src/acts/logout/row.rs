//! The rows of `sessions logout`, `sessions apply` and `limits enforce`.

use easemob_admin_api::{DeviceId, UserId};
use easemob_admin_ops::jobs::logout::{DeviceResult, Fate, UserResult};
use easemob_admin_ops::jobs::verify::{Ended, Verdict};
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::select::selection::Keep;
use easemob_admin_ops::server::calls::CallError;
use serde::Serialize;

use crate::drive::RunRow;
use crate::render::report::Row;

/// One device, or a user without any.
#[derive(Debug, Serialize)]
pub struct LogoutRow {
    line: u64,
    user: String,
    outcome: &'static str,
    device: Option<String>,
    platform: Option<String>,
    name: Option<String>,
    why: Option<String>,
    confirmed_by_reading: Option<bool>,
    call: Option<&'static str>,
    error: Option<String>,
    outcome_unknown: Option<bool>,
    retry_may_help: Option<bool>,
}

impl LogoutRow {
    fn new(task: &Task, outcome: &'static str) -> Self {
        Self::of_user(task.item.line, &task.item.user, outcome)
    }

    fn of_user(line: u64, user: &UserId, outcome: &'static str) -> Self {
        Self {
            line,
            user: user.to_string(),
            outcome,
            device: None,
            platform: None,
            name: None,
            why: None,
            confirmed_by_reading: None,
            call: None,
            error: None,
            outcome_unknown: None,
            retry_may_help: None,
        }
    }

    /// The row of a user whose job was cut off by a second Ctrl-C.
    #[must_use]
    pub fn cut_off(task: &Task) -> Self {
        let error = "cut off; what was sent may have taken effect".to_owned();
        Self {
            error: Some(error),
            outcome_unknown: Some(true),
            retry_may_help: Some(true),
            ..Self::new(task, "unknown")
        }
    }

    fn failed(self, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            outcome_unknown: Some(error.outcome_unknown),
            retry_may_help: Some(error.retry_may_help),
            ..self
        }
    }

    /// The row of a user, or of a device, for which the run stopped before the request was sent.
    fn given_up(self, error: &CallError) -> Self {
        Self {
            why: Some(error.message.clone()),
            ..self
        }
    }

    fn device(task: &Task, result: &DeviceResult) -> Self {
        let outcome = match &result.fate {
            Fate::Ended { .. } => "logged_out",
            Fate::WouldEnd => "would_log_out",
            Fate::Kept => "kept",
            Fate::Gone => "gone",
            Fate::Failed(error) => error.row_outcome(),
            Fate::NotTried => "not_started",
        };
        let device = &result.choice.device;
        let row = Self {
            device: Some(device.id.to_string()),
            platform: Some(device.id.platform().to_string()),
            name: device.name.clone(),
            why: Some(result.choice.why.clone()),
            ..Self::new(task, outcome)
        };
        match &result.fate {
            Fate::Failed(error) if error.given_up => row.given_up(error),
            Fate::Failed(error) => row.failed(error),
            Fate::Ended {
                confirmed_by_reading, ..
            } => Self {
                confirmed_by_reading: Some(*confirmed_by_reading),
                ..row
            },
            _ => row,
        }
    }

    /// The row of a device that was looked for again.
    #[must_use]
    pub fn verified(user: &Ended, device: &DeviceId, verdict: Verdict, error: Option<&CallError>) -> Self {
        let outcome = match verdict {
            Verdict::Gone => "verified_gone",
            Verdict::StillOnline => "still_online",
            Verdict::SignedInAgain => "signed_in_again",
            Verdict::Unknown => "not_verified",
        };
        let row = Self {
            device: Some(device.to_string()),
            platform: Some(device.platform().to_string()),
            ..Self::of_user(user.line, &user.user, outcome)
        };
        match error {
            Some(error) => row.failed(error),
            None => row,
        }
    }
}

/// Returns the rows of one user, at least one.
///
/// Devices that stay are told only where staying was a decision, not where they were never meant.
pub(super) fn rows(task: &Task, result: &UserResult, order: &Order) -> Vec<LogoutRow> {
    let online = match result {
        UserResult::Unread(error) if error.given_up => {
            return vec![LogoutRow::new(task, "not_started").given_up(error)];
        }
        UserResult::Unread(error) => return vec![LogoutRow::new(task, error.row_outcome()).failed(error)],
        UserResult::Drifted(drift) => {
            return vec![LogoutRow {
                why: Some(drift.to_string()),
                ..LogoutRow::new(task, "drifted")
            }];
        }
        UserResult::Unrecorded(_) => return vec![LogoutRow::new(task, "not_started")],
        UserResult::Read { online, .. } => *online,
    };
    let mut rows: Vec<LogoutRow> = result
        .devices()
        .iter()
        .map(|device| LogoutRow::device(task, device))
        .collect();
    if rows.is_empty() {
        let why = if online == 0 {
            "not online"
        } else if matches!(order.selection.keep_newest, Some(Keep::Limits(_))) {
            "within the limits"
        } else if order.selection.is_everything() {
            "no device is left of those that were meant"
        } else {
            "no device matches"
        };
        rows.push(LogoutRow {
            why: Some(why.into()),
            ..LogoutRow::new(task, "nothing_to_do")
        });
    }
    rows
}

impl Row for LogoutRow {
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
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "device", "name", "note"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let flag = |value: Option<bool>| value.map(|flag| flag.to_string()).unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.into(),
            text(&self.device),
            text(&self.platform),
            text(&self.name),
            text(&self.why),
            flag(self.confirmed_by_reading),
            self.call.unwrap_or_default().into(),
            text(&self.error),
            flag(self.outcome_unknown),
            flag(self.retry_may_help),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let note = match (&self.error, self.confirmed_by_reading) {
            (Some(error), _) => error.clone(),
            (None, Some(true)) => format!("{}; confirmed by reading", text(&self.why)),
            (None, _) => text(&self.why),
        };
        vec![
            self.user.clone(),
            self.outcome.replace('_', " "),
            text(&self.device),
            text(&self.name),
            note,
        ]
    }
}

impl RunRow for LogoutRow {
    fn failure(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let device = self
            .device
            .as_deref()
            .map(|device| format!(" {device}"))
            .unwrap_or_default();
        Some(format!("line {}, {}{device}: {error}", self.line, self.user))
    }
}
