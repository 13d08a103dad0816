//! The calls, one file or folder per resource; docs/vendor-calls.md has the whole list.
//!
//! The structs here are requests; [`crate::Client`] has a method for each. Use them directly to assert
//! requests in tests, or with [`crate::Client::execute`].

pub mod bans;
pub mod callbacks;
pub mod contacts;
pub mod devices;
pub mod discovery;
pub mod groups;
pub mod limits;
pub mod messages;
pub mod mutes;
pub mod offline;
pub mod password;
pub mod presence;
pub mod push;
pub mod sessions;
pub mod status;
pub mod token;
pub mod users;
