//! The content of a plan.

use easemob_admin_api::{DeviceId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::item::{Item, Planned};
use crate::run::journal::header::Operator;
use crate::select::decide::Decision;
use crate::select::selection::{Choice, Selection};
use crate::server::calls::{CallError, SeenDevice};

/// The newest format that this version reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanHeader {
    /// The format of the file.
    #[serde(rename = "easemob_admin_plan")]
    pub format: u32,
    /// When the first device was read.
    pub created: Timestamp,
    /// The version of the tool.
    pub tool: String,
    /// The app key, or the app root if there is no key.
    pub app: String,
    /// The root URL of all calls.
    pub app_root: String,
    /// Whether the server is the embedded sandbox.
    pub sandbox: bool,
    /// Who made the plan.
    pub operator: Operator,
    /// The reason.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
    /// Which devices are selected.
    pub selection: Selection,
    /// A description of where the users came from.
    pub source: String,
}

/// One user with devices to sign out, or one that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedUser {
    /// The line of the input.
    pub line: u64,
    /// The user.
    pub user: UserId,
    /// When the devices were read.
    pub seen: Timestamp,
    /// Devices to sign out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end: Vec<PlannedDevice>,
    /// Devices that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<PlannedDevice>,
    /// Why the devices could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One device as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDevice {
    /// The resource id.
    pub device: DeviceId,
    /// The name that the device reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it signed in, if its id shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<Timestamp>,
    /// Why it is signed out, or why it stays; `None` for devices that were not selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The line before the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTotals {
    /// Users that were read.
    pub users_read: u64,
    /// Users that could not be read.
    pub users_unread: u64,
    /// Users with devices to sign out.
    pub users_to_log_out: u64,
    /// Devices that were online.
    pub devices_online: u64,
    /// Devices to sign out.
    pub devices_to_end: u64,
}

impl PlannedUser {
    /// Records the decision about one user.
    #[must_use]
    pub fn of(item: &Item, chosen: &Result<Decision, CallError>, seen: Timestamp) -> Self {
        let mut user = Self {
            line: item.line,
            user: item.user.clone(),
            seen,
            end: Vec::new(),
            keep: Vec::new(),
            error: None,
        };
        match chosen {
            Err(error) => user.error = Some(error.to_string()),
            Ok(decision) => {
                let told = |choice: &Choice| PlannedDevice::of(&choice.device, Some(&choice.why));
                user.end = decision.victims.iter().map(told).collect();
                user.keep = decision.spared.iter().map(told).collect();
                let others = decision.others.iter();
                user.keep
                    .extend(others.map(|other| PlannedDevice::of(other, None)));
            }
        }
        user
    }

    /// Converts the user to an item of a run, or returns `None` if there is nothing to do.
    #[must_use]
    pub fn into_item(self, number: u64) -> Option<Item> {
        let ids = |devices: Vec<PlannedDevice>| devices.into_iter().map(|device| device.device).collect();
        (!self.end.is_empty()).then(|| Item {
            number,
            line: self.line,
            user: self.user,
            planned: Some(Planned {
                end: ids(self.end),
                keep: ids(self.keep),
            }),
        })
    }
}

impl PlannedDevice {
    fn of(device: &SeenDevice, why: Option<&str>) -> Self {
        let at = device.signed_in_at.and_then(|at| i64::try_from(at.0).ok());
        Self {
            device: device.id.clone(),
            name: device.name.clone(),
            signed_in_at: at.and_then(|at| Timestamp::from_millisecond(at).ok()),
            why: why.map(str::to_owned),
        }
    }
}

impl PlanTotals {
    /// Counts one user.
    pub fn count(&mut self, user: &PlannedUser) {
        if user.error.is_some() {
            self.users_unread += 1;
            return;
        }
        self.users_read += 1;
        self.users_to_log_out += u64::from(!user.end.is_empty());
        self.devices_to_end += user.end.len() as u64;
        self.devices_online += (user.end.len() + user.keep.len()) as u64;
    }
}
