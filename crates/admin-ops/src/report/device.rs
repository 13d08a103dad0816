//! The reports of devices to sign out, for `sessions logout`, `sessions apply` and `limits enforce`.

use easemob_admin_api::{DeviceId, UserId};
use easemob_admin_words::told_later;
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome};
use crate::jobs::logout::{DeviceResult, Fate, UserResult};
use crate::jobs::verify::{Ended, Verdict};
use crate::run::basis::Basis;
use crate::run::item::Item;
use crate::select::decide::Order;
use crate::select::selection::Keep;
use crate::server::calls::CallError;

/// One device, or a user without devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The line of the list.
    pub line: u64,
    /// The user.
    pub user: String,
    /// The outcome for the device, or for the user if there is no device.
    pub outcome: Outcome,
    /// The resource id of the device.
    pub device: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Why it was chosen or stays, or why there is nothing to do.
    pub why: Option<String>,
    /// Whether a second reading showed that it is gone, because the answer to its logout was lost.
    pub confirmed_by_reading: Option<bool>,
    /// How it is known which devices were online, if it is known.
    #[serde(default)]
    pub basis: Option<Basis>,
    /// The failure, if any.
    #[serde(flatten)]
    pub failure: Failure,
}

impl DeviceReport {
    pub(super) fn new(item: &Item, outcome: Outcome) -> Self {
        Self::of_user(item.line, &item.user, outcome)
    }

    fn of_user(line: u64, user: &UserId, outcome: Outcome) -> Self {
        Self {
            line,
            user: user.to_string(),
            outcome,
            device: None,
            platform: None,
            name: None,
            why: None,
            confirmed_by_reading: None,
            basis: None,
            failure: Failure::default(),
        }
    }

    /// Creates the report of a user whose job was interrupted.
    #[must_use]
    pub fn cut_off(item: &Item) -> Self {
        Self {
            failure: Failure::cut_off(),
            ..Self::new(item, Outcome::Unknown)
        }
    }

    /// Creates the report of a user who has no devices.
    #[must_use]
    pub fn not_online(item: &Item, basis: Basis) -> Self {
        Self {
            why: Some(told_later!("not online").into()),
            basis: Some(basis),
            ..Self::new(item, Outcome::NothingToDo)
        }
    }

    /// Creates the report of a user whose devices were all signed out without being read.
    #[must_use]
    pub fn ended_everything(item: &Item, confirmed_by_reading: bool) -> Self {
        Self {
            confirmed_by_reading: Some(confirmed_by_reading),
            ..Self::everything(item, Outcome::LoggedOut)
        }
    }

    /// Creates the report of a user whose devices would all be signed out without being read.
    #[must_use]
    pub fn would_end_everything(item: &Item) -> Self {
        Self::everything(item, Outcome::WouldLogOut)
    }

    fn everything(item: &Item, outcome: Outcome) -> Self {
        Self {
            why: Some(told_later!("all devices").into()),
            basis: Some(Basis::Unread),
            ..Self::new(item, outcome)
        }
    }

    /// Creates the report of a user for whom nothing was sent.
    #[must_use]
    pub fn not_started(item: &Item) -> Self {
        Self::new(item, Outcome::NotStarted)
    }

    /// Creates the report of a user whose call failed.
    #[must_use]
    pub fn of_failure(item: &Item, error: &CallError) -> Self {
        let report = Self::new(item, error.outcome());
        if error.given_up {
            report.given_up(error)
        } else {
            report.failed(error)
        }
    }

    fn failed(self, error: &CallError) -> Self {
        Self {
            failure: error.into(),
            ..self
        }
    }

    /// Creates the report of a user or device for which the run stopped before the request was sent.
    fn given_up(self, error: &CallError) -> Self {
        Self {
            why: Some(error.message.clone()),
            ..self
        }
    }

    fn device(item: &Item, result: &DeviceResult) -> Self {
        let outcome = match &result.fate {
            Fate::Ended { .. } => Outcome::LoggedOut,
            Fate::WouldEnd => Outcome::WouldLogOut,
            Fate::Kept => Outcome::Kept,
            Fate::Gone => Outcome::Gone,
            Fate::Failed(error) => error.outcome(),
            Fate::NotTried => Outcome::NotStarted,
        };
        let device = &result.choice.device;
        let row = Self {
            device: Some(device.id.to_string()),
            platform: Some(device.id.platform().to_string()),
            name: device.name.clone(),
            why: Some(result.choice.why.clone()),
            ..Self::new(item, outcome)
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

    /// Creates the report of a device from the second reading.
    #[must_use]
    pub fn verified(user: &Ended, device: &DeviceId, verdict: Verdict, error: Option<&CallError>) -> Self {
        let outcome = match verdict {
            Verdict::Gone => Outcome::VerifiedGone,
            Verdict::StillOnline => Outcome::StillOnline,
            Verdict::SignedInAgain => Outcome::SignedInAgain,
            Verdict::Unknown => Outcome::NotVerified,
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

/// Returns the reports of one user, at least one.
///
/// Devices that stay are reported only if a rule kept them, not if they were never selected.
#[must_use]
pub fn of_user(item: &Item, result: &UserResult, order: &Order) -> Vec<DeviceReport> {
    let online = match result {
        UserResult::Unread(error) => return vec![DeviceReport::of_failure(item, error)],
        UserResult::Drifted(drift) => {
            return vec![DeviceReport {
                why: Some(drift.to_string()),
                ..DeviceReport::new(item, Outcome::Drifted)
            }];
        }
        UserResult::Unrecorded(_) => return vec![DeviceReport::not_started(item)],
        UserResult::Read { online, .. } => *online,
    };
    let with_basis = |report| DeviceReport {
        basis: result.basis(),
        ..report
    };
    let mut reports: Vec<DeviceReport> = result
        .devices()
        .iter()
        .map(|device| with_basis(DeviceReport::device(item, device)))
        .collect();
    if reports.is_empty() {
        let why = if online == 0 {
            told_later!("not online")
        } else if matches!(order.selection.keep_newest, Some(Keep::Limits(_))) {
            told_later!("within the limits")
        } else if order.selection.is_everything() {
            told_later!("none of the selected devices are left")
        } else {
            told_later!("no device matches")
        };
        reports.push(with_basis(DeviceReport {
            why: Some(why.into()),
            ..DeviceReport::new(item, Outcome::NothingToDo)
        }));
    }
    reports
}
