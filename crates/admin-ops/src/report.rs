//! What the engine reports about each item of a run. Front ends make rows, bars and messages of it, and a
//! remote one reads the same reports from a stream.

pub mod ban;
pub mod device;
pub mod limits;
pub mod lock;
pub mod recorded;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use self::ban::BanReport;
use self::device::DeviceReport;
use self::limits::LimitsReport;
use self::lock::LockReport;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::server::calls::CallError;

macro_rules! outcomes {
    ($($(#[$about:meta])* $name:ident = $word:literal,)+) => {
        /// The outcome of a user or a device, in one word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Outcome {
            $($(#[$about])* #[serde(rename = $word)] $name,)+
        }

        impl Outcome {
            /// All outcomes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the word, as it is serialised.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

outcomes! {
    /// The session was ended.
    LoggedOut = "logged_out",
    /// A real run would end the session.
    WouldLogOut = "would_log_out",
    /// The device stays, because of a rule.
    Kept = "kept",
    /// The device had already left.
    Gone = "gone",
    /// The devices of the user differ from the plan, and nothing was done.
    Drifted = "drifted",
    /// There was nothing to do.
    NothingToDo = "nothing_to_do",
    /// Read again: the device is gone.
    VerifiedGone = "verified_gone",
    /// Read again: the device is still online.
    StillOnline = "still_online",
    /// Read again: the user has signed in on it again.
    SignedInAgain = "signed_in_again",
    /// Read again: the user is banned, and no device is online.
    VerifiedLocked = "verified_locked",
    /// Read again: the user is not banned any more.
    NoLongerBanned = "no_longer_banned",
    /// It could not be read again.
    NotVerified = "not_verified",
    /// The user was banned.
    Banned = "banned",
    /// The user would be banned.
    WouldBan = "would_ban",
    /// The user was banned already, and nothing was sent.
    AlreadyBanned = "already_banned",
    /// The ban was lifted.
    Unbanned = "unbanned",
    /// The ban would be lifted.
    WouldUnban = "would_unban",
    /// The user was locked.
    Locked = "locked",
    /// The user would be locked.
    WouldLock = "would_lock",
    /// The lock in force now ends later.
    Extended = "extended",
    /// The lock in force would end later.
    WouldExtend = "would_extend",
    /// The existing lock does not end earlier.
    AlreadyLocked = "already_locked",
    /// An existing ban is in force and stays.
    BannedBefore = "banned_before",
    /// Somebody lifted or replaced the lock of an earlier attempt.
    LiftedSince = "lifted_since",
    /// The lock would have expired by now.
    TimeOver = "time_over",
    /// The lock was lifted.
    Unlocked = "unlocked",
    /// The lock would be lifted.
    WouldUnlock = "would_unlock",
    /// The lock no longer exists.
    NotLocked = "not_locked",
    /// The user is not banned, so there is nothing to lift.
    NotBanned = "not_banned",
    /// A process is still working on the lock.
    LockInProgress = "lock_in_progress",
    /// It is unknown who set the ban, because the run of the lock cannot be read.
    RunUnreadable = "run_unreadable",
    /// The user was locked again, or the lock extended, since the command was started.
    ChangedSince = "changed_since",
    /// The limits were set, or removed.
    Set = "set",
    /// The limits would be set, or removed.
    WouldSet = "would_set",
    /// The limits are already as requested.
    Unchanged = "unchanged",
    /// It failed.
    Failed = "failed",
    /// The result is unknown.
    Unknown = "unknown",
    /// Nothing was sent.
    NotStarted = "not_started",
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The report of one user, or of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Report {
    /// A device to sign out, or a user without devices.
    Device(DeviceReport),
    /// A user who was banned or unbanned.
    Ban(BanReport),
    /// A user who was locked or unlocked.
    Lock(LockReport),
    /// A user whose limits were set, or the app.
    Limits(LimitsReport),
}

impl Report {
    /// Returns the line of the list that named the user, if the report has it.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::Device(report) => Some(report.line),
            Self::Ban(report) => Some(report.line),
            Self::Lock(report) => Some(report.line),
            Self::Limits(_) => None,
        }
    }

    /// Returns the user; nobody if it is about the app.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Device(report) => Some(&report.user),
            Self::Ban(report) => Some(&report.user),
            Self::Lock(report) => Some(&report.user),
            Self::Limits(report) => report.user.as_deref(),
        }
    }

    /// Returns what became of the user or the device.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Device(report) => report.outcome,
            Self::Ban(report) => report.outcome,
            Self::Lock(report) => report.outcome,
            Self::Limits(report) => report.outcome,
        }
    }
}

impl From<DeviceReport> for Report {
    fn from(report: DeviceReport) -> Self {
        Self::Device(report)
    }
}

impl From<BanReport> for Report {
    fn from(report: BanReport) -> Self {
        Self::Ban(report)
    }
}

impl From<LockReport> for Report {
    fn from(report: LockReport) -> Self {
        Self::Lock(report)
    }
}

impl From<LimitsReport> for Report {
    fn from(report: LimitsReport) -> Self {
        Self::Limits(report)
    }
}

/// The failure in a report; empty if there was none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The name of the call, such as `devices.list`.
    pub call: Option<Cow<'static, str>>,
    /// What happened.
    pub error: Option<String>,
    /// Whether the request may have taken effect.
    pub outcome_unknown: Option<bool>,
    /// Whether repeating may help.
    pub retry_may_help: Option<bool>,
}

impl Failure {
    /// Creates the failure of an item whose result is unknown.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self {
            call: None,
            error: Some(why.into()),
            outcome_unknown: Some(true),
            retry_may_help: Some(true),
        }
    }

    /// Creates the failure of a job that was interrupted because the run was aborted.
    #[must_use]
    pub fn cut_off() -> Self {
        Self::unknown("interrupted; requests that were sent may have taken effect")
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        Self {
            call: Some(error.call.into()),
            error: Some(error.message.clone()),
            outcome_unknown: Some(error.outcome_unknown),
            retry_may_help: Some(error.retry_may_help),
        }
    }
}

/// Returns the result of a job with one report.
#[must_use]
pub fn one<R>(report: R, settled: Settled) -> Done<R> {
    Done::settled(vec![report], settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_as_it_is_written() {
        for outcome in Outcome::ALL {
            let written = serde_json::to_value(outcome).unwrap();
            assert_eq!(written, outcome.as_str());
            assert_eq!(serde_json::from_value::<Outcome>(written).unwrap(), *outcome);
        }
    }
}
