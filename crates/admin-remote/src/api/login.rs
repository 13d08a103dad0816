//! What is kept about logins.

use easemob_admin_ops::logins::store::{LoginKind, Range, SnapshotId, UserOrder, UserPlace, WhichUsers};
use serde::{Deserialize, Serialize};

/// What to read of what is kept about logins. The answer has a line for each thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LoginQuestion {
    /// All snapshots.
    Snapshots,
    /// The devices of a snapshot, each after the name of its user.
    Devices {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// The users of a snapshot who are not known.
    NotKnown {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// What changed from one snapshot to another.
    Changes {
        /// The earlier one.
        from: SnapshotId,
        /// The later one.
        to: SnapshotId,
    },
    /// The devices that a user was seen with.
    KnownDevices {
        /// The user.
        user: String,
    },
    /// The events of a time, of everybody or one user.
    Events {
        /// When.
        range: Range,
        /// Whose.
        user: Option<String>,
    },
    /// The users with the most events of a kind, each with their number.
    MostEvents {
        /// The kind.
        kind: LoginKind,
        /// When.
        range: Range,
        /// How many users.
        most: usize,
    },
    /// The users and devices that signed in, by when that was received.
    SignIns {
        /// When.
        received: Range,
    },
    /// The last event of a device.
    LastEvent {
        /// The user.
        user: String,
        /// The device.
        resource: String,
    },
    /// When events were received last, if they are.
    Alive,
    /// The times of which events may be missing.
    Gaps {
        /// When.
        range: Range,
    },
    /// What the vendor was asked to send again.
    AskedAgain,
    /// What the users who are known have online, and how many users have just that.
    Shapes,
    /// A page of the users who are known.
    Users {
        /// Which users.
        which: WhichUsers,
        /// Their order.
        order: UserOrder,
        /// The place that the page begins after.
        after: Option<UserPlace>,
        /// How many users.
        most: usize,
    },
    /// The number of users who are known.
    CountUsers {
        /// Which users.
        which: WhichUsers,
        /// The number up to which they are counted.
        up_to: usize,
    },
    /// The number of events of each hour and kind.
    EventsByHour {
        /// When.
        range: Range,
    },
    /// What arrived since a time.
    Arrived {
        /// The time, in milliseconds since 1970.
        since_ms: i64,
    },
}
