//! The service over HTTP, with the sandbox as the server of the app.
#![allow(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "it/approvals.rs"]
mod approvals;
#[path = "it/audit.rs"]
mod audit;
#[path = "it/directory.rs"]
mod directory;
#[path = "it/events.rs"]
mod events;
#[path = "it/logins.rs"]
mod logins;
#[path = "it/openapi.rs"]
mod openapi;
#[path = "it/proxy.rs"]
mod proxy;
#[path = "it/served.rs"]
mod served;
#[path = "it/table.rs"]
mod table;
#[path = "it/vendor_token.rs"]
mod vendor_token;
