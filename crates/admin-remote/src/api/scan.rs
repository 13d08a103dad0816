//! Scans that somebody asked the service for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SnapshotView;

/// A scan to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewScan {
    /// The users; all users of the app without this. In a body of lines, each has a line instead. An empty list is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<String>>,
    /// Keep the device limits of the app with the snapshot, on servers that report them.
    #[serde(default)]
    pub limits: bool,
    /// Read the devices of every user, also of those whom the server reports as offline.
    #[serde(default)]
    pub read_every_user: bool,
}

/// Where a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ScanState {
    /// No process has begun it yet.
    Waiting,
    /// A process is reading. If it dies, another one continues.
    Running,
    /// Somebody stopped it, and the process has not noticed yet.
    Stopping,
    /// Everybody was read.
    Complete,
    /// The server listed entries that are not users, so the snapshot is incomplete.
    Incomplete,
    /// Continuing was pointless.
    Failed,
    /// Somebody stopped it. The snapshot stays incomplete.
    Stopped,
}

impl ScanState {
    /// Returns whether there is something left to do.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Stopping)
    }
}

/// A scan that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scan {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub owner: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub asked_at: Timestamp,
    /// How many users it was asked for; nothing if all.
    pub users: Option<u64>,
    /// Where it is.
    pub state: ScanState,
    /// What it has counted so far.
    pub snapshot: Option<SnapshotView>,
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended_at: Option<Timestamp>,
    /// Why it ended early.
    pub why: Option<String>,
}
