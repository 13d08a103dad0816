//! Plans: sign-outs to be reviewed first, device by device.

use easemob_admin_ops::plan::document::PlanTotals;
use easemob_admin_ops::run::job::OnDrift;
use easemob_admin_ops::select::selection::Selection;
use serde::{Deserialize, Serialize};

use super::{Problem, RunView};

/// A plan to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"selection": {"platforms": ["web"]}, "users": ["ann", "bob"], "reason": "leaked tokens", "max_logouts": 100})))]
pub struct NewPlan {
    /// The id of the run that the plan becomes, as for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"))]
    pub id: Option<String>,
    /// Which devices of each user.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub selection: Selection,
    /// The users, whose devices are read now; in a body of lines, each has a line instead. An empty list is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// What becomes of users whose devices have changed when the plan is carried out: `skip`, `stop`, `include` or `still_meant`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub on_drift: OnDrift,
    /// Why. Required, except on the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Refuse to plan more than this, and stop before more devices are signed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_logouts: Option<u64>,
}

/// A plan: a run that waits to be started. Its items name the devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plan {
    /// The run; nothing if there is nothing to sign out.
    pub run: Option<RunView>,
    /// What was read and chosen: `users_read`, `users_unread`, `users_to_log_out`, `devices_online` and `devices_to_end`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub totals: PlanTotals,
    /// Users who could not be read, and are not part of the run; an answer in lines has told of them before.
    pub unread: Vec<UnreadUser>,
}

/// A line of an answer about a plan of a list that was sent in lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PlanLine {
    /// A user who could not be read.
    Unread(UnreadUser),
    /// So many users were read so far.
    Read(u64),
    /// The end: the plan.
    Planned(Box<Plan>),
    /// The end: why there is no plan.
    Refused(Problem),
}

/// A user who could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnreadUser {
    /// The user.
    pub user: String,
    /// Why.
    pub error: String,
}
