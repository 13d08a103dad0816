//! Approval: what somebody asks for, who must agree, and who did.

use std::collections::BTreeSet;

use easemob_admin_ops::run::job::Action;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is done to users, as rules of approval tell acts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Verb {
    /// Sign devices out, by whatever command.
    Logout,
    /// Lock users for some time.
    Lock,
    /// Ban users without an end.
    Ban,
    /// Lift bans or locks.
    Unban,
    /// Set device limits.
    SetLimits,
    /// Register users, through the vendor's API.
    Register,
    /// Set passwords, through the vendor's API.
    SetPassword,
    /// Delete users, through the vendor's API.
    Delete,
    /// Change contacts, presence, mutes, nicknames and push settings, through the vendor's API.
    Settings,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 9] = [
        Self::Logout,
        Self::Lock,
        Self::Ban,
        Self::Unban,
        Self::SetLimits,
        Self::Register,
        Self::SetPassword,
        Self::Delete,
        Self::Settings,
    ];

    /// Returns the word, as it is serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Lock => "lock",
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::SetLimits => "set_limits",
            Self::Register => "register",
            Self::SetPassword => "set_password",
            Self::Delete => "delete",
            Self::Settings => "settings",
        }
    }
}

impl From<&Action> for Verb {
    fn from(action: &Action) -> Self {
        match action {
            Action::Logout { .. } | Action::LogoutUnread | Action::Apply { .. } | Action::Enforce { .. } => {
                Self::Logout
            }
            Action::Lock { .. } => Self::Lock,
            Action::Ban { .. } => Self::Ban,
            Action::Unban { .. } | Action::Unlock { .. } => Self::Unban,
            Action::SetLimits { .. } => Self::SetLimits,
        }
    }
}

/// How many people of a group must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Need {
    /// The group; `*` is anybody who may approve.
    pub group: String,
    /// How many of its people.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 20))]
    pub count: u32,
}

/// A rule: which acts need the approval of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalRule {
    /// The acts.
    pub verbs: BTreeSet<Verb>,
    /// The rule is for acts that bring what one person did without approval within a day to more users than this, over runs
    /// and single calls together.
    pub over_users: u64,
    /// Who must agree; all of these.
    pub needs: Vec<Need>,
    /// How long others have to decide, in minutes.
    #[serde(default = "a_day")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 43200))]
    pub decide_within_minutes: u32,
    /// How long an approved act can be carried out, in minutes from the last approval; resuming and retrying too.
    #[serde(default = "four_hours")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 43200))]
    pub execute_within_minutes: u32,
}

fn a_day() -> u32 {
    24 * 60
}

fn four_hours() -> u32 {
    4 * 60
}

/// The rules of an app. Every rule that fits an act must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"rules": [{"verbs": ["logout"], "over_users": 20, "needs": [{"group": "leads", "count": 1}]}]})))]
pub struct ApprovalRules {
    /// The rules.
    pub rules: Vec<ApprovalRule>,
    /// How many users one person may delete within a day with calls that do not name them, such as the vendor's deletion of
    /// the oldest users. Those who were deleted by name count, too. 0, the default, refuses such calls.
    #[serde(default)]
    pub mass_deletions_a_day: u64,
}

/// What is approved: the run may do less than this, and never more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Order {
    /// What is done to each user.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub action: Action,
    /// The digest of the users, with the devices that the plan names.
    pub items_sha256: String,
    /// The most users.
    pub users: u64,
    /// The most devices that are signed out, where the order names devices; a lock or a ban ends all of a user.
    pub devices: Option<u64>,
}

/// Somebody's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// Who.
    pub by: String,
    /// The groups of that person at the time.
    pub groups: BTreeSet<String>,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Whether it is a yes.
    pub approves: bool,
    /// Why.
    pub reason: String,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ApprovalState {
    /// Others have not agreed yet.
    Pending,
    /// It can be carried out.
    Approved,
    /// Somebody said no.
    Refused,
    /// Nobody decided in time.
    Expired,
    /// It was approved, and can no longer be carried out, resumed or retried.
    Over,
}

/// A request for approval, with every decision. It is kept after it has expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approval {
    /// The run that waits for it, whose id it shares.
    pub run: String,
    /// The name of the app.
    pub app: String,
    /// What is approved.
    pub order: Order,
    /// Who asked.
    pub asked_by: String,
    /// With which key; older requests do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_with: Option<String>,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub asked_at: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
    /// Whether the run begins by itself when it is approved.
    pub starts_itself: bool,
    /// Who must agree; all of these.
    pub needs: Vec<Need>,
    /// Who decided.
    pub decisions: Vec<Decision>,
    /// Until when others can decide.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub decide_by: Timestamp,
    /// How long it can be carried out once it is approved, in minutes.
    pub execute_within_minutes: u32,
    /// Until when it can be carried out, once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub execute_by: Option<Timestamp>,
}

/// A request for approval, and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalView {
    /// The request.
    #[serde(flatten)]
    pub approval: Approval,
    /// Where it is.
    pub state: ApprovalState,
}

/// A reason, for decisions that need one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"reason": "agreed with the owner of the ticket"})))]
pub struct Reasoned {
    /// The reason, which is recorded.
    pub reason: String,
}
