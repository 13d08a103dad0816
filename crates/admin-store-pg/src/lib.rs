//! Keeps the records of `easemob-admin` in PostgreSQL, so that several machines share them.
//!
//! What is there: the connection, the schema with its migrations, [runs](runs::PgRuns), their [audit trail](trail::PgTrail)
//! the [locks](locks::PgLocks), and [logins](logins::PgLogins).
//!
//! | module | what it contains |
//! |---|---|
//! | [`address`] | the address of a database, which never has a password |
//! | [`password`] | where the password comes from |
//! | [`database`] | opens a database and keeps its connections |
//! | [`schema`] | the versions of the tables, and which programs may use them |
//! | [`runs`] | runs, with their users and records |
//! | [`trail`] | the audit trail |
//! | [`locks`] | bans with an end |
//! | [`logins`] | which devices were online when |
//!
//! The connections must reach the server itself: a pool such as pgbouncer is refused, because it drops the settings of
//! sessions, and guards of users are locks of a session.
//! PostgreSQL 13 or newer is required.

pub mod address;
mod calling;
pub mod database;
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
