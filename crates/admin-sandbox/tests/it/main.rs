//! The imitated calls and the control calls over HTTP.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, which leaves out the functions they share"
)]

mod api;
mod callbacks;
mod contacts;
mod control;
mod faults;
mod groups;
mod habits;
mod jwt;
mod limits;
mod messages;
mod mutes_and_offline;
mod presence;
mod protocol;
mod push;
mod rates;
mod realtime;
mod rooms;
mod roots;
mod sessions;
mod state;
mod tokens;
mod tolerance;
mod users;
mod webhooks;
