//! The action of a run, as its journal stores it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::jobs::set_limits::LimitChange;
use crate::names::{Kind, Unclear, check};
use crate::select::selection::Selection;

/// What a run does to each of its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Signs out the devices that match the selection when each user's turn comes.
    Logout {
        /// Which devices.
        selection: Selection,
    },
    /// Signs out all devices without reading them first.
    LogoutUnread,
    /// Signs out the devices that a plan names.
    Apply {
        /// The digest of the plan.
        plan_sha256: String,
        /// What to do about users whose devices have changed since the plan.
        on_drift: OnDrift,
        /// The selection that the plan was made with.
        selection: Selection,
    },
    /// Signs out the devices that exceeded the limits of a policy, as far as they still do.
    Enforce {
        /// The file of the policy, as it was given.
        policy: String,
        /// The digest of that file.
        policy_sha256: String,
        /// The policy as a selection, so that the run can be resumed after the file has changed.
        selection: Selection,
        /// The id of the watch that this run is a batch of. Earlier versions gave the first batch none, and the others its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        series: Option<String>,
    },
    /// Keeps users from signing in.
    Ban {
        /// Whether each user is looked up first, so that an intent proves that the user was not banned. Missing in runs of
        /// older versions, which banned at once.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        looks_first: bool,
    },
    /// Allows users to sign in again.
    Unban {
        /// The run whose bans are lifted, if this run undoes one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<String>,
    },
    /// Bans users and signs them out for some time.
    Lock {
        /// When the lock is to be lifted.
        until: Timestamp,
    },
    /// Lifts locks.
    Unlock {
        /// When the locks were read: locks that were set or extended later are left alone. Missing in runs of
        /// older versions, which read them shortly before they were created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        as_of: Option<Timestamp>,
        /// The run whose locks are lifted, if this run undoes one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<String>,
    },
    /// Sets the device limits of users or of the app.
    SetLimits {
        /// The new limits as text.
        limits: String,
        /// The change. Missing in runs of older versions, which only stored the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<LimitChange>,
    },
}

impl Action {
    /// Checks the names and patterns of an action that a program sent: one that could match nobody is refused.
    ///
    /// # Errors
    /// When one of them is unclear.
    pub fn check_names(&self) -> Result<(), Unclear> {
        let (Self::Logout { selection } | Self::Apply { selection, .. } | Self::Enforce { selection, .. }) =
            self
        else {
            return Ok(());
        };
        let devices = selection.devices.iter().chain(&selection.keep_devices);
        let devices = devices.map(|device| (device.to_string(), Kind::Device));
        let platforms = selection
            .platforms
            .iter()
            .map(|one| (one.to_string(), Kind::Platform));
        let resources = selection
            .resources
            .iter()
            .map(|one| (one.to_string(), Kind::DevicePattern));
        let names = selection
            .names
            .iter()
            .map(|one| (one.to_string(), Kind::DeviceName));
        for (text, kind) in devices.chain(platforms).chain(resources).chain(names) {
            check(&text, kind)?;
        }
        selection.exempt.check()
    }

    /// Returns true if a plan names the devices.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        matches!(self, Self::Apply { .. } | Self::Enforce { .. })
    }

    /// Returns true if unfinished work can be resumed; otherwise the command must be run again.
    #[must_use]
    pub fn can_be_gone_on_with(&self) -> bool {
        !matches!(self, Self::SetLimits { change: None, .. })
    }

    /// Returns the command that creates such runs.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self {
            Self::Logout { .. } | Self::LogoutUnread => "sessions logout",
            Self::Apply { .. } => "sessions apply",
            Self::Enforce { .. } => "limits enforce",
            Self::Ban { .. } => "users ban",
            Self::Unban { undoes: Some(_) } | Self::Unlock { undoes: Some(_), .. } => "runs undo",
            Self::Unban { undoes: None } => "users unban",
            Self::Lock { .. } => "sessions lock",
            Self::Unlock { .. } => "sessions unlock",
            Self::SetLimits { .. } => "limits set",
        }
    }
}

/// What to do about a user whose devices have changed since the plan was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// Sign out planned devices that are still online and still selected, and leave new ones alone.
    #[default]
    Skip,
    /// Stop the run before it changes the user.
    Stop,
    /// Apply the selection again, so that new devices count too.
    Include,
    /// Apply the selection again, and sign out only planned devices that it still selects.
    StillMeant,
}
