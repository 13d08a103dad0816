//! Every call of the account and session API, one file per resource.
//!
//! The structs here are requests; [`crate::Client`] has a method for each. Use them directly to assert
//! requests in tests, or with [`crate::Client::execute`].

pub mod bans;
pub mod devices;
pub mod limits;
pub mod mutes;
pub mod offline;
pub mod password;
pub mod presence;
pub mod sessions;
pub mod status;
pub mod token;
pub mod users;
