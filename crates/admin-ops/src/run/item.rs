//! The items of a run: one user, with the devices that a plan names, if there is a plan.

use easemob_admin_api::{DeviceId, UserId};
use serde::{Deserialize, Serialize};

use crate::run::basis::Known;

/// One item of a run. Its number is its position in the run's copy of the input, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The position in the run, counted from 0.
    #[serde(skip)]
    pub number: u64,
    /// The line of the input, counted from 1; for users given as arguments, their position.
    pub line: u64,
    /// The user.
    pub user: UserId,
    /// What a plan says about the user's devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
}

impl Item {
    /// Creates an item without a plan.
    #[must_use]
    pub fn new(number: u64, line: u64, user: UserId) -> Self {
        Self {
            number,
            line,
            user,
            planned: None,
        }
    }
}

/// The devices of one user according to a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Devices to sign out.
    pub end: Vec<DeviceId>,
    /// Devices that were online and stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<DeviceId>,
}

/// An item with what is known from earlier attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The item.
    pub item: Item,
    /// Devices that an earlier attempt intended to sign out, if it got that far; no others may be signed out.
    pub intended: Option<Vec<DeviceId>>,
    /// What is known about the user's devices.
    pub known: Known,
}

impl Task {
    /// Returns this task with what is known about the user's devices.
    #[must_use]
    pub fn knowing(self, known: Known) -> Self {
        Self { known, ..self }
    }

    /// Returns true if no plan and no earlier attempt names devices of the user.
    #[must_use]
    pub fn names_no_device(&self) -> bool {
        self.item.planned.is_none() && self.intended.is_none()
    }

    /// Returns a task without history.
    #[must_use]
    pub fn fresh(item: Item) -> Self {
        Self {
            item,
            intended: None,
            known: Known::Nothing,
        }
    }
}
