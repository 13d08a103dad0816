//! Watches: policies that are enforced while users sign in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A watch to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"policy": "default = 2\n", "max_logouts_per_hour": 100, "reason": "shared accounts"})))]
pub struct NewWatch {
    /// The policy, as its file has it: TOML.
    pub policy: String,
    /// The most devices that are signed out within an hour.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_logouts_per_hour: u64,
    /// How long after a sign-in the user is looked at, in seconds, so that a device that changes networks does not count twice.
    #[serde(default = "five")]
    #[cfg_attr(feature = "openapi", schema(maximum = 3600))]
    pub delay_seconds: u32,
    /// Why. Required, except on the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When it ends by itself; nothing if it stands until somebody stops or removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
}

fn five() -> u32 {
    5
}

/// A policy that is enforced while users sign in, by one process at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Watch {
    /// Its name, unique for the app.
    pub id: String,
    /// The app.
    pub app: String,
    /// Who made it, or changed it last: what it does is done in this name.
    pub owner: String,
    /// The policy.
    pub policy: String,
    /// The most devices that are signed out within an hour.
    pub max_logouts_per_hour: u64,
    /// How long after a sign-in the user is looked at, in seconds.
    pub delay_seconds: u32,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
    /// The digest of the policy.
    pub policy_sha256: String,
    /// Since when it is as it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it ends by itself, if it does.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// The run of its first batch; all batches are one run for whoever pauses or stops it.
    pub first_run: Option<String>,
    /// The run of its last batch.
    pub last_run: Option<String>,
    /// When a process last looked for sign-ins.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub looked_at: Option<Timestamp>,
    /// Users who wait, for the end of the hour or for a server that answers again.
    pub waiting: u64,
    /// Why it no longer works; nothing while it does.
    pub ended: Option<String>,
    /// What went wrong last.
    pub trouble: Option<String>,
}
