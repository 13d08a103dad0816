//! How much an app is called.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the process that answers has sent to the server of an app since it started. Two answers give the calls between them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrafficView {
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that the server refused because there were too many.
    pub limited: u64,
    /// How many calls a second there may be at the moment; nothing if there is no limit.
    pub rate: Option<f64>,
    /// How each pool of calls was used, which the server of the app counts apart from the others.
    #[serde(default)]
    pub pools: Vec<PoolView>,
    /// When this was so.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// How a pool of calls was used by the process that answers since it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PoolView {
    /// Its name, such as `accounts`.
    pub pool: String,
    /// Calls that were let through. One that the server counts in two pools is in both.
    pub calls: u64,
    /// How many calls a second there may be at the moment; nothing if there is no limit.
    pub rate: Option<f64>,
}
