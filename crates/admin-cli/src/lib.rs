//! The `easemob-admin` command line, as a library.
//!
//! The binary is one call of [`main`]. Tests call [`run`] with their own environment and streams.
//!
//! | module | what it does |
//! |---|---|
//! | [`commands`] | one file per command; the tree mirrors the help |
//! | [`acts`] | the commands that change something, each a run of the engine, [`easemob_admin_ops`] |
//! | [`drive`], [`present`] | report on runs: rows, progress, summary and exit code |
//! | [`input`] | reads user lists |
//! | [`config`] | finds server and credentials |
//! | [`capability_file`] | what a server was found to do |
//! | [`stores`] | where records are kept |
//! | `absence` | outlasts a service or a database that is away |
//! | `heads` | keeps heads of the audit trail outside the database (feature `postgres`) |
//! | [`render`] | writes rows |
//! | [`ui`], [`progress`], [`confirm`] | talk to the operator |
//! | [`exit`] | the exit codes |
//!
//! stdout carries data only; everything else goes to stderr.

mod absence;
pub mod acts;
pub mod amounts;
pub mod budget;
mod busy;
pub mod capability_file;
pub mod cli;
pub mod command_error;
pub mod commands;
pub mod completion;
pub mod config;
pub mod confirm;
pub mod context;
pub mod disk_hint;
pub mod drive;
mod embedded;
mod entry;
pub mod exit;
pub mod forecast;
#[cfg(feature = "postgres")]
pub mod heads;
pub mod input;
pub mod interrupt;
pub mod next_step;
pub mod outages;
pub mod ownership;
pub mod pauses;
mod posting;
pub mod present;
pub mod progress;
pub mod render;
pub mod sign_in;
pub mod stores;
pub mod summary;
pub mod through;
pub mod ui;
mod verbose;

pub use entry::{Streams, main, run};
