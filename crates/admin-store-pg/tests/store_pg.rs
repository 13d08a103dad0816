//! The store with a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "it/budget.rs"]
mod budget;
#[allow(dead_code, reason = "some of it is for tests of the whole program")]
mod cluster;
#[path = "it/connecting.rs"]
mod connecting;
#[path = "it/cut.rs"]
mod cut;
#[path = "it/directory.rs"]
mod directory;
#[path = "it/documents.rs"]
mod documents;
#[path = "it/heads.rs"]
mod heads;
#[path = "it/locks.rs"]
mod locks;
#[path = "it/logins.rs"]
mod logins;
#[path = "it/migrating.rs"]
mod migrating;
#[path = "it/model.rs"]
mod model;
#[path = "it/read_anywhere.rs"]
mod read_anywhere;
#[path = "it/recorded.rs"]
mod recorded;
#[path = "it/retention.rs"]
mod retention;
#[path = "it/runs.rs"]
mod runs;
#[path = "it/simulation.rs"]
mod simulation;
#[path = "it/statements.rs"]
mod statements;
#[path = "it/tls.rs"]
mod tls;
#[path = "it/workers.rs"]
mod workers;
