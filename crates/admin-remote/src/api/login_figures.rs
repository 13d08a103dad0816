//! Figures of logins, as the commands of the group `logins` have them.

use std::collections::BTreeMap;

use easemob_admin_ops::logins::questions::changes::Changed;
use easemob_admin_ops::logins::store::{Change, Counts, Snapshot};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::GapView;

/// A scan, finished or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotView {
    /// The number of the snapshot.
    pub snapshot: i64,
    /// `all`, or what tells a list of users apart from others.
    pub source: String,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub started_at: Option<Timestamp>,
    /// When it was complete; nothing if it is not.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub finished_at: Option<Timestamp>,
    /// What it counted: `users`, `online`, `offline`, `changed`, `unknown`, `failed` and `devices`.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub counts: Counts,
    /// The limits of the app at that time, if they were read.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub limits: Option<serde_json::Value>,
    /// The version that began it.
    pub program: Option<String>,
}

impl From<&Snapshot> for SnapshotView {
    fn from(snapshot: &Snapshot) -> Self {
        let at = |ms| Timestamp::from_millisecond(ms).ok();
        Self {
            snapshot: snapshot.id,
            source: snapshot.source.clone(),
            started_at: at(snapshot.started_ms),
            finished_at: snapshot.finished_ms.and_then(at),
            counts: snapshot.counts,
            limits: snapshot
                .limits
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok()),
            program: snapshot.program.clone(),
        }
    }
}

/// What to count devices by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CountBy {
    /// Their platform.
    #[default]
    Platform,
    /// How many devices their user has.
    Devices,
    /// The first label whose pattern their name matches.
    Label,
}

/// Devices that were counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CountedGroup {
    /// The platform, the number of devices of each user, or the label.
    pub group: String,
    /// Users with at least one device in it; of the group `0`, users without a device.
    pub users: u64,
    /// Devices.
    pub devices: u64,
}

/// The devices of a snapshot, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginCounts {
    /// The snapshot.
    pub snapshot: SnapshotView,
    /// What they were counted by.
    pub by: CountBy,
    /// The groups.
    pub groups: Vec<CountedGroup>,
    /// The number of devices on one platform that was asked about.
    pub over: Option<u64>,
    /// How many users have more.
    pub exceeding: Option<u64>,
}

/// What to rank users by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TopBy {
    /// Devices that are online.
    #[default]
    Devices,
    /// Sign-ins.
    SignIns,
    /// Devices that another sign-in signed out.
    Evictions,
}

/// A user near the top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopUser {
    /// The user.
    pub user: String,
    /// What was counted.
    pub by: TopBy,
    /// How many.
    pub count: u64,
    /// The devices on each platform.
    pub platforms: BTreeMap<String, u64>,
}

/// The users with the most of something, most first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopUsers {
    /// The users.
    pub items: Vec<TopUser>,
    /// The snapshot, if devices were counted.
    pub snapshot: Option<SnapshotView>,
    /// Times of which events may be missing, if events were counted.
    pub gaps: Vec<GapView>,
}

/// What differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginDiff {
    /// The numbers of all that differs: `from`, `to`, `devices_before`, `devices_after`, `signed_in`, `signed_out` and `not_known`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub summary: Changed,
    /// Whether both are complete. If not, users are missing whom nobody can name.
    pub complete: bool,
    /// A page of the devices that differ: `user`, `resource`, `platform` and `kind`.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub items: Vec<Change>,
    /// What to send as `after` for the next page; nothing if this is the last one.
    pub next: Option<String>,
}

/// Something that is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineMoment {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub at: Option<Timestamp>,
    /// `login`, `logout`, `replaced`, `first_seen` or `last_seen`.
    pub event: String,
    /// The device.
    pub resource: String,
    /// Its platform.
    pub platform: String,
    /// The reason of an event, or the name of a device.
    pub detail: String,
}

/// What is known of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timeline {
    /// The user.
    pub user: String,
    /// A page of what happened, oldest first.
    pub items: Vec<TimelineMoment>,
    /// What to send as `after` for the next page; nothing if this is the last one.
    pub next: Option<String>,
    /// Times of which events may be missing.
    pub gaps: Vec<GapView>,
}
