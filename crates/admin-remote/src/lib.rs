//! The HTTP API of the easemob-admin service, and with the feature `client` the stores of the engine over it.

pub mod api;
#[cfg(feature = "client")]
pub mod client;
