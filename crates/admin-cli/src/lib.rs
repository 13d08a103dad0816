//! The `easemob-admin` command line, as a library.
//!
//! The binary is one call of [`main`]. Tests call [`run`] with their own environment and streams.
//!
//! `commands` has one file per command and mirrors the help; `acts` contains the commands that change
//! something, each a run of the engine, [`easemob_admin_ops`]; `drive` reports on runs; `input` reads user
//! lists; `config` finds server and credentials; `render` writes rows; `ui`, `progress` and `confirm` talk to
//! the operator. Only rows go to stdout; [`exit`] explains the exit codes.

pub mod acts;
pub mod cli;
pub mod command_error;
pub mod commands;
pub mod config;
pub mod confirm;
pub mod context;
pub mod disk_hint;
pub mod drive;
mod embedded;
mod entry;
pub mod exit;
pub mod input;
pub mod interrupt;
pub mod ownership;
pub mod pauses;
pub mod present;
pub mod progress;
pub mod render;
pub mod stores;
pub mod summary;
pub mod ui;

pub use entry::{Streams, main, run};
