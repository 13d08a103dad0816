//! The report of a user who is locked or unlocked.

use easemob_admin_api::DeviceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome, one};
use crate::jobs::verify_locks::{BannedUser, LockVerdict};
use crate::run::basis::Basis;
use crate::run::item::Item;
use crate::run::recorder::RecordError;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::server::calls::CallError;

/// One user of a run that locks or unlocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReport {
    /// The line of the list.
    pub line: u64,
    /// The user.
    pub user: String,
    /// The outcome for the user.
    pub outcome: Outcome,
    /// How many devices were signed out.
    pub devices_ended: Option<u64>,
    /// The failure, if any.
    #[serde(flatten)]
    pub failure: Failure,
    /// The resource ids of the devices that were signed out, separated by spaces.
    pub devices: String,
    /// When the lock ends, to the second.
    pub until: Option<String>,
    /// How it is known which devices were online; empty for users who were not banned by this run.
    #[serde(default)]
    pub basis: Option<Basis>,
}

impl LockReport {
    /// Creates a report without failure.
    #[must_use]
    pub fn new(item: &Item, outcome: Outcome) -> Self {
        Self {
            line: item.line,
            user: item.user.to_string(),
            outcome,
            devices_ended: None,
            failure: Failure::default(),
            devices: String::new(),
            until: None,
            basis: None,
        }
    }

    /// Adds the devices that were signed out.
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

    /// Adds how it is known which devices were online.
    #[must_use]
    pub fn based_on(self, basis: Option<Basis>) -> Self {
        Self { basis, ..self }
    }

    /// Adds a failure.
    #[must_use]
    pub fn with(self, failure: impl Into<Failure>) -> Self {
        Self {
            failure: failure.into(),
            ..self
        }
    }

    /// Creates the report of a user who was read again after the run.
    #[must_use]
    pub fn verified(user: &BannedUser, verdict: &LockVerdict) -> Self {
        let (outcome, online): (_, &[DeviceId]) = match verdict {
            LockVerdict::Holds => (Outcome::VerifiedLocked, &[]),
            LockVerdict::StillOnline(devices) => (Outcome::StillOnline, devices),
            LockVerdict::NotBanned(devices) => (Outcome::NoLongerBanned, devices),
            LockVerdict::Unknown(_) => (Outcome::NotVerified, &[]),
        };
        let names: Vec<&str> = online.iter().map(DeviceId::as_str).collect();
        let item = Item::new(0, user.line, user.user.clone());
        let report = Self {
            devices: names.join(" "),
            ..Self::new(&item, outcome)
        };
        match verdict {
            LockVerdict::Unknown(error) => report.with(&**error),
            _ => report,
        }
    }

    /// Creates the report of a user whose job was interrupted.
    #[must_use]
    pub fn cut_off(item: &Item) -> Self {
        Self::new(item, Outcome::Unknown).with(Failure::cut_off())
    }
}

/// Returns the result of a user for whom a call failed.
#[must_use]
pub fn failed(report: LockReport, error: &CallError) -> Done<LockReport> {
    let report = LockReport {
        outcome: error.outcome(),
        ..report.with(error)
    };
    Done {
        failures: vec![error.clone()],
        ..one(report, Settled::of_error(error))
    }
}

/// Returns the result of a user for whom nothing was sent, because nothing can be recorded any more.
#[must_use]
pub fn not_started(item: &Item, error: &RecordError) -> Done<LockReport> {
    Done {
        stop: Some(Stop::Record(error.clone())),
        ..one(LockReport::new(item, Outcome::NotStarted), Settled::NotStarted)
    }
}
