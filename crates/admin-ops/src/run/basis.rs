//! What the record of a user rests on.

use serde::{Deserialize, Serialize};

/// How it is known which devices of a user are online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The device list was read.
    Devices,
    /// The server reported the user as offline, and the device list was not read.
    Status,
    /// Nothing was read: everything was signed out.
    Unread,
    /// The device list was read at the end of the run, because the user, reported as offline at first, was
    /// online by then.
    DevicesAgain,
}

impl Basis {
    /// Returns its word in rows and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Status => "status",
            Self::Unread => "unread",
            Self::DevicesAgain => "devices_again",
        }
    }
}

/// What a run knows about a user before it reads the devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Known {
    /// Nothing, so the device list is read.
    #[default]
    Nothing,
    /// The server reports the user as offline.
    Offline,
    /// The device list was read a moment ago and was empty.
    NoDevices,
    /// The user was reported as offline earlier and is online now, so the device list is read.
    Appeared,
}

impl Known {
    /// Returns what a result rests on that starts from this.
    #[must_use]
    pub fn basis(self) -> Basis {
        match self {
            Self::Nothing | Self::NoDevices => Basis::Devices,
            Self::Offline => Basis::Status,
            Self::Appeared => Basis::DevicesAgain,
        }
    }

    /// Returns true if the user has no device, so that no list has to be read.
    #[must_use]
    pub fn is_without_devices(self) -> bool {
        matches!(self, Self::Offline | Self::NoDevices)
    }
}
