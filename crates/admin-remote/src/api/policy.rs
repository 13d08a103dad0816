//! Policies: how many devices each user may have, compared with what is online, enforced, and kept with their earlier versions.

use easemob_admin_ops::run::direction::Priority;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A comparison to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"policy": "default = 2\n", "users": ["ann", "bob"]})))]
pub struct NewCheck {
    /// The policy, as its file has it: TOML.
    pub policy: String,
    /// The users, whose devices are read now; in a body of lines, each has a line instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<String>>,
    /// In place of users: everybody in a snapshot, its number, `latest` or `previous`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// An enforcement to be made: a run that signs out what exceeds the limits of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"policy": "default = 2\n", "name": "two-devices", "users": ["ann", "bob"], "reason": "shared accounts", "max_logouts": 100, "dry_run": true})))]
pub struct NewEnforcement {
    /// The id of the run, as for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"))]
    pub id: Option<String>,
    /// The policy, as its file has it: TOML.
    pub policy: String,
    /// The name of the policy, which is recorded with its digest.
    #[serde(default = "unnamed")]
    pub name: String,
    /// The users; in a body of lines, each has a line instead. An empty list is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Why. Required, except on the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Stop before more devices than this are signed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_logouts: Option<u64>,
    /// How urgent it is: `incident`, `normal` or `nightly`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub priority: Priority,
    /// Only read, and answer what would be done. Nothing is recorded.
    #[serde(default)]
    pub dry_run: bool,
    /// Only record the run, and leave the work to a later `start`.
    #[serde(default)]
    pub hold: bool,
    /// Act without the approval that the rules ask for. Needs the scope `break-glass` and a reason, and is loud.
    #[serde(default)]
    pub break_glass: bool,
}

fn unnamed() -> String {
    "policy".into()
}

/// A version of the policy of an app to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"policy": "default = 2\n", "reason": "shared accounts"})))]
pub struct NewPolicyVersion {
    /// The policy, as its file has it: TOML.
    pub policy: String,
    /// The newest version that the writer knows; nothing if there is none. If there is a newer one, nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Why. Required, except on the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// A version of the policy of an app, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyVersion {
    /// Its number, from 1.
    pub version: u64,
    /// The digest of the policy.
    pub policy_sha256: String,
    /// Who kept it.
    pub by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
}

/// A version of the policy of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyText {
    /// What is known of it.
    #[serde(flatten)]
    pub version: PolicyVersion,
    /// The policy, as its file has it: TOML.
    pub policy: String,
}
