//! Policies: how many devices each user may have, compared with what is online, and enforced.

use easemob_admin_ops::run::direction::Priority;
use serde::{Deserialize, Serialize};

/// A comparison to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewCheck {
    /// The policy, as its file has it: TOML.
    pub policy: String,
    /// The users, whose devices are read now; 10,000 at most.
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
    /// The users. An empty list is refused.
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
