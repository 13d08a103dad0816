//! Login events, and the times of which they may be missing.

use serde::{Deserialize, Serialize};

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 60 * 60 * 1_000;

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

/// A time of which events may be missing. Gaps are ordered by when they begin, then by when they end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The first millisecond, since 1970.
    pub since_ms: i64,
    /// The last millisecond.
    pub until_ms: i64,
    /// Why it is believed.
    pub why: String,
}

/// A time range, from (inclusive) to (exclusive), in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Returns whether a time is in it.
    #[must_use]
    pub fn contains(self, at_ms: i64) -> bool {
        (self.since_ms..self.until_ms).contains(&at_ms)
    }
}
