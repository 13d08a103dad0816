//! What is kept about logins, and what can be asked of it.
//!
//! [`LoginStore`] is small, so that another database can be put behind it without touching a command. `sqlite` is the
//! one that ships.

mod schema;
pub mod sqlite;
mod sqlite_questions;
mod sqlite_store;

use serde::{Deserialize, Serialize};

pub use crate::store_error::StoreError;

/// A snapshot's number; they only grow.
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
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

/// What a device did, as the service tells it by webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// It signed in.
    Login,
    /// It signed out, or was signed out.
    Logout,
    /// It had to go for another device.
    Replaced,
}

impl LoginKind {
    /// Returns the word that is kept.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Replaced => "replaced",
        }
    }

    /// Reads the word that is kept.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Login, Self::Logout, Self::Replaced]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// A login event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginEvent {
    /// The service's id of the call; events of one id are one event.
    pub call_id: String,
    /// The user.
    pub user: String,
    /// The device.
    pub resource: String,
    /// Its platform.
    pub platform: String,
    /// What it did.
    pub kind: LoginKind,
    /// When, by the clock of the service, in milliseconds since 1970.
    pub at_ms: i64,
    /// Why, in the words of the service; empty if it gives none.
    #[serde(default)]
    pub reason: String,
}

/// A time of which events may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// Why it is believed.
    pub why: String,
}

/// Keeps snapshots and events.
pub trait LoginStore {
    /// Begins a snapshot.
    ///
    /// # Errors
    /// When it cannot be written.
    fn begin(&mut self, source: &str, now_ms: i64) -> Result<SnapshotId, StoreError>;

    /// Adds users to a snapshot that is not finished, with the position after them: both or neither.
    ///
    /// # Errors
    /// When they cannot be written.
    fn add(
        &mut self,
        snapshot: SnapshotId,
        users: &[(String, UserState)],
        after: &Position,
        now_ms: i64,
    ) -> Result<(), StoreError>;

    /// Puts a snapshot that is not finished back to the beginning of its list, without losing what is kept of users.
    ///
    /// What is only counted (users who were offline or changed meanwhile) is counted anew, and so are reads that failed:
    /// whoever is still named in the snapshot need not be read again.
    ///
    /// # Errors
    /// When it cannot be written.
    fn restart(&mut self, snapshot: SnapshotId) -> Result<(), StoreError>;

    /// Keeps the limits of the app at the time of a snapshot.
    ///
    /// # Errors
    /// When they cannot be written.
    fn set_limits(&mut self, snapshot: SnapshotId, limits: &str) -> Result<(), StoreError>;

    /// Ends a snapshot.
    ///
    /// # Errors
    /// When it cannot be written.
    fn finish(&mut self, snapshot: SnapshotId, now_ms: i64) -> Result<(), StoreError>;

    /// Returns the newest snapshot of this source that is not finished, and how far it came.
    ///
    /// # Errors
    /// When it cannot be read.
    fn unfinished(&self, source: &str) -> Result<Option<(Snapshot, Position)>, StoreError>;

    /// Returns all snapshots, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError>;

    /// Keeps events, all or none, and returns of each whether it is new.
    ///
    /// # Errors
    /// When they cannot be written.
    fn record_events(&mut self, events: &[LoginEvent], received_ms: i64) -> Result<Vec<bool>, StoreError>;

    /// Returns when a collector was last there, in milliseconds since 1970.
    ///
    /// # Errors
    /// When it cannot be read.
    fn alive(&self) -> Result<Option<i64>, StoreError>;

    /// Notes that a collector is there.
    ///
    /// # Errors
    /// When it cannot be written.
    fn set_alive(&mut self, now_ms: i64) -> Result<(), StoreError>;

    /// Keeps a time of which events may be missing.
    ///
    /// # Errors
    /// When it cannot be written.
    fn record_gap(&mut self, gap: &Gap) -> Result<(), StoreError>;

    /// Visits the devices of a snapshot, user by user.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_device(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(&str, SeenDevice),
    ) -> Result<(), StoreError>;

    /// Visits the users of a snapshot whose devices are not known.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_not_known(&self, snapshot: SnapshotId, visit: &mut dyn FnMut(NotKnown))
    -> Result<(), StoreError>;

    /// Visits what differs between two snapshots, by user and device; who was not read in one of them is not known there.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_change(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        visit: &mut dyn FnMut(Change),
    ) -> Result<(), StoreError>;

    /// Visits events in the order in which they happened, of all users or of one.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_event(
        &self,
        range: Range,
        user: Option<&str>,
        visit: &mut dyn FnMut(LoginEvent),
    ) -> Result<(), StoreError>;

    /// Returns the users with most events of a kind, most first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn most_events(
        &self,
        kind: LoginKind,
        range: Range,
        most: usize,
    ) -> Result<Vec<(String, u64)>, StoreError>;

    /// Returns the users of whom a sign-in was received in a time, by the clock of this machine.
    ///
    /// # Errors
    /// When they cannot be read.
    fn users_signed_in(&self, received: Range) -> Result<Vec<String>, StoreError>;

    /// Returns the devices that a user was ever seen with.
    ///
    /// # Errors
    /// When they cannot be read.
    fn known_devices(&self, user: &str) -> Result<Vec<KnownDevice>, StoreError>;

    /// Returns the last event of a device; of several in one millisecond, one that is no sign-in.
    ///
    /// # Errors
    /// When it cannot be read.
    fn last_event(&self, user: &str, resource: &str) -> Result<Option<LoginEvent>, StoreError>;

    /// Returns the times of which events may be missing.
    ///
    /// # Errors
    /// When they cannot be read.
    fn gaps(&self, range: Range) -> Result<Vec<Gap>, StoreError>;

    /// Forgets snapshots, events, gaps and devices from before a time; the newest finished snapshot stays.
    ///
    /// # Errors
    /// When it cannot be written.
    fn forget(&mut self, before_ms: i64) -> Result<Forgotten, StoreError>;
}

/// A time range, from (inclusive) to (exclusive), in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first millisecond.
    pub since_ms: i64,
    /// The first millisecond after it.
    pub until_ms: i64,
}

impl Range {
    /// All of time.
    pub const ALL: Self = Self {
        since_ms: 0,
        until_ms: i64::MAX,
    };
}

/// A user whose devices are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotKnown {
    /// The user.
    pub user: String,
    /// `unknown` or `failed`.
    pub state: String,
    /// Why.
    pub why: String,
}

/// A device that differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Forgotten {
    /// How many snapshots.
    pub snapshots: usize,
    /// How many events.
    pub events: usize,
    /// How many devices that no kept snapshot has.
    pub devices: usize,
}

#[cfg(test)]
mod tests;
