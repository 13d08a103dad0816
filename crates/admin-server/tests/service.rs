//! The service over HTTP, with the sandbox as the server of the app.
#![allow(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "it/approvals.rs"]
mod approvals;
#[path = "it/audit.rs"]
mod audit;
#[allow(dead_code, reason = "some of it is for the tests of the store")]
#[path = "../../admin-store-pg/tests/cluster/mod.rs"]
mod cluster;
#[path = "it/directory.rs"]
mod directory;
#[path = "it/earlier.rs"]
mod earlier;
#[path = "it/evasion.rs"]
mod evasion;
#[path = "it/events.rs"]
mod events;
#[path = "it/extremes.rs"]
mod extremes;
#[path = "it/hostile.rs"]
mod hostile;
#[path = "it/http_shapes.rs"]
mod http_shapes;
#[path = "it/kept.rs"]
mod kept;
#[path = "it/lists.rs"]
mod lists;
#[path = "it/logins.rs"]
mod logins;
#[path = "it/long_answers.rs"]
mod long_answers;
#[path = "it/openapi.rs"]
mod openapi;
#[path = "it/problems.rs"]
mod problems;
#[path = "it/proxy.rs"]
mod proxy;
#[path = "it/records.rs"]
mod records;
#[path = "it/served.rs"]
mod served;
#[path = "it/table.rs"]
mod table;
#[path = "it/vendor_token.rs"]
mod vendor_token;
