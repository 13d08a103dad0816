//! Keeps the records of `easemob-admin` in PostgreSQL, so that several machines share them.
//!
//! What is there: the connection, the schema with its migrations, [runs](runs::PgRuns), their [audit trail](trail::PgTrail),
//! the [locks](locks::PgLocks), [logins](logins::PgLogins), the [rate budget](budget::PgBudget), and the
//! [documents](documents::PgDocuments) of services.
//!
//! | module | what it contains |
//! |---|---|
//! | [`address`] | the address of a database, which never has a password |
//! | [`password`] | where the password comes from |
//! | [`database`] | opens a database and keeps its connections |
//! | [`schema`] | the versions of the tables, and which programs may use them |
//! | [`budget`] | the rate of an app, for all machines together |
//! | [`runs`] | runs, with their users and records |
//! | [`trail`] | the audit trail |
//! | [`locks`] | bans with an end |
//! | [`logins`] | which devices were online when |
//! | [`documents`] | keys, schedules, and who does what of a service |
//!
//! The connections must reach the server itself: a pool such as pgbouncer is refused, because it drops the settings of
//! sessions, and guards of users are locks of a session.
//! PostgreSQL 13 or newer is required.

pub mod address;
pub mod budget;
mod calling;
pub mod database;
pub mod documents;
mod lease;
pub mod locks;
pub mod logins;
mod pages;
pub mod password;
pub mod runs;
pub mod schema;
mod statement;
mod tls;
pub mod trail;
mod transaction;
mod visit;
mod worker_role;

#[cfg(test)]
extern crate self as easemob_admin_store_pg;
#[cfg(test)]
#[allow(dead_code, reason = "some of it is for the tests of the public items")]
#[path = "../tests/cluster/mod.rs"]
mod cluster;
