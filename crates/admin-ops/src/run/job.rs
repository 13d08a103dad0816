//! What a run does, as its journal keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::jobs::set_limits::LimitChange;
use crate::select::selection::Selection;

/// What a run does to each of its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Ends the devices that the selection means at the time of each user's turn.
    Logout {
        /// Which devices.
        selection: Selection,
    },
    /// Ends the devices that a plan names.
    Apply {
        /// The digest of the plan.
        plan_sha256: String,
        /// What happens to users whose devices have changed since.
        on_drift: OnDrift,
        /// The selection that the plan was made with.
        selection: Selection,
    },
    /// Ends the devices that were beyond the limits of a policy, as far as they still are.
    Enforce {
        /// The file of the policy, as it was named.
        policy: String,
        /// The digest of that file.
        policy_sha256: String,
        /// What the policy means, so that the run can be gone on with when the file has changed.
        selection: Selection,
    },
    /// Keeps users from signing in.
    Ban,
    /// Lets users sign in again.
    Unban,
    /// Bans users and ends their devices for some time.
    Lock {
        /// When the lock is to be lifted.
        until: Timestamp,
    },
    /// Lifts locks.
    Unlock {
        /// When the locks were read from the book: what was set or extended since is not meant. Missing in runs of
        /// older versions, which read them shortly before they were created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        as_of: Option<Timestamp>,
    },
    /// Sets the device limits of users or of the app.
    SetLimits {
        /// What is set, in words.
        limits: String,
        /// What is set. Missing in runs of older versions, which have it in words only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<LimitChange>,
    },
}

impl Action {
    /// Returns true if the devices are those of a plan.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        matches!(self, Self::Apply { .. } | Self::Enforce { .. })
    }

    /// Returns true if what was not finished can be gone on with; else the command is given again.
    #[must_use]
    pub fn can_be_gone_on_with(&self) -> bool {
        !matches!(self, Self::SetLimits { change: None, .. })
    }

    /// Returns the command that does this.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self {
            Self::Logout { .. } => "sessions logout",
            Self::Apply { .. } => "sessions apply",
            Self::Enforce { .. } => "limits enforce",
            Self::Ban => "users ban",
            Self::Unban => "users unban",
            Self::Lock { .. } => "sessions lock",
            Self::Unlock { .. } => "sessions unlock",
            Self::SetLimits { .. } => "limits set",
        }
    }
}

/// What happens to a user whose devices have changed since the plan was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// Planned devices that are still there and still meant are ended; those that are new are left alone.
    #[default]
    Skip,
    /// The run stops before it touches the user.
    Stop,
    /// The selection is made again, so that new devices count too.
    Include,
    /// The selection is made again, and planned devices that it still means are ended; no others.
    StillMeant,
}
