//! Presence (a paid feature): whether users are there, by device, and subscriptions to that.
//!
//! These answers do not use the envelope. Beside the device list, this is the only source that names the
//! devices of a user.

mod status;
mod subscriptions;

pub use status::{CountIn, CountOnline, GetPresence, Presence, SetPresence};
pub use subscriptions::{ListSubscriptions, Subscribe, Subscriptions, Unsubscribe};

/// How many users one call asks about or subscribes to (presence page).
pub const BATCH: usize = 100;
