//! Rows of runs that set or lift locks.

use easemob_admin_api::DeviceId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::recorder::RecordError;
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::schedule::tally::{Settled, Tally};
use easemob_admin_ops::server::calls::CallError;
use jiff::Timestamp;
use serde::Serialize;

use crate::drive::{Done, RunRow};
use crate::render::report::Row;

/// One user of a run that locks or unlocks.
#[derive(Debug, Serialize)]
pub struct LockRow {
    line: u64,
    user: String,
    outcome: &'static str,
    devices_ended: Option<u64>,
    call: Option<&'static str>,
    error: Option<String>,
    outcome_unknown: Option<bool>,
    retry_may_help: Option<bool>,
    devices: String,
    until: Option<String>,
}

impl LockRow {
    /// A row without failure.
    #[must_use]
    pub fn new(item: &Item, outcome: &'static str) -> Self {
        Self {
            line: item.line,
            user: item.user.to_string(),
            outcome,
            devices_ended: None,
            call: None,
            error: None,
            outcome_unknown: None,
            retry_may_help: None,
            devices: String::new(),
            until: None,
        }
    }

    /// Adds the devices that were ended.
    #[must_use]
    pub fn ended(self, devices: &[DeviceId]) -> Self {
        let names: Vec<&str> = devices.iter().map(DeviceId::as_str).collect();
        Self {
            devices_ended: Some(devices.len() as u64),
            devices: names.join(" "),
            ..self
        }
    }

    /// Adds the end of the lock.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        Self {
            until: Some(format!("{until:.0}")),
            ..self
        }
    }

    /// Makes it the row of a user of whom nobody knows what became, and says why.
    #[must_use]
    pub fn unknown(self, why: &str) -> Self {
        Self {
            error: Some(why.to_owned()),
            outcome_unknown: Some(true),
            retry_may_help: Some(true),
            ..self
        }
    }

    /// The row of a user whose job was cut off by a second Ctrl-C.
    #[must_use]
    pub fn cut_off(item: &Item) -> Self {
        Self::new(item, "unknown").unknown("cut off; what was sent may have taken effect")
    }

    /// Makes it the row of a user for whom nothing was sent, because the run stops.
    #[must_use]
    pub fn not_started(self) -> Self {
        Self {
            outcome: "not_started",
            ..self
        }
    }

    /// Makes it the row of a failure.
    #[must_use]
    pub fn failed(self, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            outcome_unknown: Some(error.outcome_unknown),
            retry_may_help: Some(error.retry_may_help),
            ..self
        }
    }
}

impl Row for LockRow {
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
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "devices", "until", "note"];

    fn cells(&self) -> Vec<String> {
        let flag = |value: Option<bool>| value.map(|flag| flag.to_string()).unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.into(),
            self.devices_ended
                .map(|devices| devices.to_string())
                .unwrap_or_default(),
            self.call.unwrap_or_default().into(),
            self.error.clone().unwrap_or_default(),
            flag(self.outcome_unknown),
            flag(self.retry_may_help),
            self.devices.clone(),
            self.until.clone().unwrap_or_default(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let note = match (&self.error, self.outcome) {
            (Some(error), _) => error.clone(),
            (None, "banned_before") => "somebody else's ban is in force and stays".into(),
            (None, "already_locked") => "the lock in force ends no earlier".into(),
            (None, "time_over") => "the lock would have ended by now".into(),
            (None, "lifted_since") => "what an earlier attempt began was undone by somebody".into(),
            (None, "not_locked") => "the lock was lifted, or a ban without end took its place".into(),
            (None, "not_banned") => "not banned, so there is nothing to lift".into(),
            (None, "lock_in_progress") => "a process is still working on this lock".into(),
            (None, "run_unreadable") => {
                "cannot tell who set the ban: the run of the lock cannot be read".into()
            }
            (None, "changed_since") => "locked anew or extended since this was asked for".into(),
            _ => String::new(),
        };
        vec![
            self.user.clone(),
            self.outcome.replace('_', " "),
            self.devices_ended
                .map(|devices| devices.to_string())
                .unwrap_or_default(),
            self.until.clone().unwrap_or_default(),
            note,
        ]
    }
}

impl RunRow for LockRow {
    fn failure(&self) -> Option<String> {
        self.error
            .as_ref()
            .map(|error| format!("line {}, {}: {error}", self.line, self.user))
    }
}

/// Reports one user.
#[must_use]
pub fn one(row: LockRow, settled: Settled) -> Done<LockRow> {
    let mut tally = Tally::default();
    tally.count(settled);
    Done {
        reports: vec![row],
        tally,
        failures: Vec::new(),
        stop: None,
    }
}

/// Reports a user for whom a call failed.
#[must_use]
pub fn failed(row: LockRow, error: &CallError) -> Done<LockRow> {
    let row = LockRow {
        outcome: error.row_outcome(),
        ..row.failed(error)
    };
    Done {
        failures: vec![error.clone()],
        ..one(row, Settled::of_error(error))
    }
}

/// Reports a user for whom nothing was sent, because nothing can be put on record any more.
#[must_use]
pub fn not_started(row: LockRow, error: &RecordError) -> Done<LockRow> {
    Done {
        stop: Some(Stop::Record(error.clone())),
        ..one(row, Settled::NotStarted)
    }
}
