//! Snapshots: who was online with which devices at one time.

use serde::{Deserialize, Serialize};

/// A snapshot's number. A newer snapshot has a greater one, and none is used twice.
pub type SnapshotId = i64;

/// What a scan found out about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserState {
    /// The server said offline. It says so of users that do not exist, too.
    Offline,
    /// Online, with these devices.
    Online(Vec<SeenDevice>),
    /// Online when the status was read, but without a device when the devices were.
    Changed,
    /// The server knows no such user, or did not mention the user: how many devices is not known.
    Unknown(String),
    /// The read failed: how many devices is not known.
    Failed(String),
}

/// A device that was online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDevice {
    /// The resource id.
    pub resource: String,
    /// Its platform.
    pub platform: String,
    /// The name shown to people, if the server told it.
    pub name: Option<String>,
    /// When it signed in, in milliseconds since 1970, if its id says so.
    pub signed_in_ms: Option<i64>,
}

/// How far a scan came: enough to go on from there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// The cursor of the page that is being worked on; none on the first page, or if users come from a list.
    pub cursor: Option<String>,
    /// How many users of that page, or of the list, are done.
    pub done: u64,
}

/// A scan, finished or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its number.
    pub id: SnapshotId,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When it was complete; none if it was not.
    pub finished_ms: Option<i64>,
    /// `all`, or what tells a list apart from others.
    pub source: String,
    /// What it counted.
    pub counts: Counts,
    /// The limits of the app at that time, as JSON, if they were read.
    pub limits: Option<String>,
    /// The version of this crate that began it; none if that was 0.2.0 or earlier.
    pub program: Option<String>,
}

impl Snapshot {
    /// Returns whether every user of `other` was read in this one, so that a user without a device here had none.
    ///
    /// Users who are offline are not kept one by one, and which of them a scan of a list or a part of a scan came to is
    /// not known afterwards: only a complete scan of all users, or of the same list, says so much.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.finished_ms.is_some() && (self.source == "all" || self.source == other.source)
    }
}

/// What a scan counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Users that were asked about.
    pub users: u64,
    /// Users with at least one device.
    pub online: u64,
    /// Users who were offline.
    pub offline: u64,
    /// Users who signed out while they were being read.
    pub changed: u64,
    /// Users that the server does not know or did not mention.
    pub unknown: u64,
    /// Users whose read failed.
    pub failed: u64,
    /// Devices of the users online.
    pub devices: u64,
}

impl Counts {
    /// Counts one more user.
    pub fn add(&mut self, state: &UserState) {
        self.users += 1;
        match state {
            UserState::Offline => self.offline += 1,
            UserState::Online(devices) => {
                self.online += 1;
                self.devices += u64::try_from(devices.len()).unwrap_or(u64::MAX);
            }
            UserState::Changed => self.changed += 1,
            UserState::Unknown(_) => self.unknown += 1,
            UserState::Failed(_) => self.failed += 1,
        }
    }

    /// Returns how many users' devices are not known.
    #[must_use]
    pub fn not_known(&self) -> u64 {
        self.unknown + self.failed
    }
}

/// A user whose devices are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotKnown {
    /// The user.
    pub user: String,
    /// `unknown` or `failed`.
    pub state: String,
    /// Why.
    pub why: String,
}

/// A device that differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The user.
    pub user: String,
    /// The device.
    pub resource: String,
    /// Its platform.
    pub platform: String,
    /// What differs.
    pub kind: ChangeKind,
}

/// What differs between two snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is in the later one only.
    SignedIn,
    /// It is in the earlier one only.
    SignedOut,
    /// It is in the earlier one only, and the later one does not know the user's devices.
    NotKnownLater,
    /// It is in the later one only, and the earlier one did not know the user's devices.
    NotKnownEarlier,
}

impl ChangeKind {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::NotKnownLater => "not_known_later",
            Self::NotKnownEarlier => "not_known_earlier",
        }
    }
}

/// A device that a user was seen with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    /// The resource id.
    pub resource: String,
    /// Its platform.
    pub platform: String,
    /// The name shown to people.
    pub name: Option<String>,
    /// When a snapshot saw it first, in milliseconds since 1970.
    pub first_seen_ms: i64,
    /// When a snapshot saw it last.
    pub last_seen_ms: i64,
}
