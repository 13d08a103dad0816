//! What the service was asked to send again, and what arrived since.

use serde::{Deserialize, Serialize};

/// Ten minutes of posts that the service was asked to send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedAgain {
    /// The service's name of the ten minutes, `yyyyMMddHHmm` in its time zone.
    pub date: String,
    /// How many posts it had stored when it was first asked.
    pub posts: u64,
    /// When it was first asked, by the clock of this machine, in milliseconds since 1970.
    pub asked_ms: i64,
    /// How often it was asked.
    pub times: u64,
    /// Whether it ever answered that it sends them; only events that arrived prove that it did.
    pub accepted: bool,
}

/// An event that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Arrival {
    /// When it happened, by the clock of the service, in milliseconds since 1970.
    pub at_ms: i64,
    /// When it arrived last, by the clock of this machine, in milliseconds since 1970.
    pub arrived_ms: i64,
}
