//! The users who are known, and figures about the app.

use std::collections::BTreeMap;

use easemob_admin_ops::report::limits::LimitsView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A user who is known by a scan or an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownUserView {
    /// The user.
    pub user: String,
    /// How many devices are online, as far as is known.
    pub devices: u64,
    /// How many of them on each platform.
    pub platforms: BTreeMap<String, u64>,
    /// Whether that is more than the limits allow.
    pub over_limit: bool,
    /// When a scan or an event last saw a device.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_seen: Option<Timestamp>,
}

/// How many users there are on all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersTotal {
    /// The number.
    pub users: u64,
    /// Whether there may be more: by names and times, users are counted up to 10,000.
    pub at_least: bool,
}

/// A page of users who are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersPage {
    /// The users.
    pub items: Vec<KnownUserView>,
    /// What to send as `after` for the next page, with the same filters and order; nothing if this is the last one.
    pub next: Option<String>,
    /// How many users the filters leave.
    pub total: UsersTotal,
    /// The limits that `over_limit` is about.
    pub limits: AppliedLimits,
    /// From when the knowledge is.
    pub as_of: KnownAsOf,
}

/// Limits that devices were compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppliedLimits {
    /// The limits.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub limits: LimitsView,
    /// Where they come from.
    pub from: LimitsFrom,
}

/// Where limits come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LimitsFrom {
    /// The newest scan that read them.
    Scan,
    /// No scan read them: four devices on each platform, as the vendor's servers have it at first.
    Default,
}

/// From when knowledge is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownAsOf {
    /// The newest complete scan.
    pub scan: Option<ScanTimes>,
    /// When a collector of events was last there.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub collected: Option<Timestamp>,
}

/// A complete scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanTimes {
    /// The number of the snapshot.
    pub snapshot: i64,
    /// `all`, or what tells a list of users apart from others.
    pub source: String,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub started: Option<Timestamp>,
    /// When it was complete.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub finished: Option<Timestamp>,
}

/// How many users and devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OnlineCount {
    /// Users with at least one device.
    pub users: u64,
    /// Devices.
    pub devices: u64,
}

/// Who is online, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OnlineFigures {
    /// All users who are known, online or not.
    pub known_users: u64,
    /// Who is online.
    pub online: OnlineCount,
    /// Who is online on each platform.
    pub platforms: BTreeMap<String, OnlineCount>,
    /// Users with more devices than the limits allow.
    pub over_limit: u64,
    /// How many devices they have too many.
    #[serde(default)]
    pub devices_over: u64,
    /// Who was online about a day before, if a scan of all users counted it.
    #[serde(default)]
    pub day_before: Option<OnlineBefore>,
    /// These limits.
    pub limits: AppliedLimits,
    /// From when the knowledge is.
    pub as_of: KnownAsOf,
}

/// Who was online at an earlier time, as a complete scan of all users found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OnlineBefore {
    /// The scan.
    pub snapshot: i64,
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who was online.
    pub online: OnlineCount,
}

/// What happened in an hour, as the events tell that were received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HourFigures {
    /// When it begins.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub hour: Timestamp,
    /// Devices that signed in.
    pub sign_ins: u64,
    /// Devices that signed out.
    pub sign_outs: u64,
    /// Devices that had to go for another one.
    pub evictions: u64,
}

/// A time of which events may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GapView {
    /// When it begins.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Why it is believed.
    pub why: String,
}

/// What happened in the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastDay {
    /// The hours, oldest first; the last one is not over.
    pub hours: Vec<HourFigures>,
    /// Times within them of which events may be missing.
    pub gaps: Vec<GapView>,
    /// When a collector of events was last there.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub as_of: Option<Timestamp>,
}

/// What is to be done, or is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenWork {
    /// Runs of the last 30 days by their state, without those that are done; of runs in files, the newest 200.
    pub runs: BTreeMap<String, u64>,
    /// Requests for approval that nobody has decided.
    pub waiting_approvals: u64,
    /// Locks.
    pub locks: u64,
    /// Locks that should have been lifted.
    pub locks_due: u64,
    /// When all of this was counted.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub as_of: Timestamp,
}

/// Figures about the app, each from its own time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// Who is online.
    pub now: OnlineFigures,
    /// What happened in the last 24 hours.
    pub last_day: LastDay,
    /// What is to be done.
    pub work: OpenWork,
}
