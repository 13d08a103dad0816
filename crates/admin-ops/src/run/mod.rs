//! Runs: what to do to which users, recorded before anything is sent.
//!
//! [`new`] records a run; [`attempt`] is the work of one process on it; [`directory`] stores each run in a
//! directory, with its [`input`] and its [`journal`]; [`recorder`] records the intent before anything is sent
//! and the [`outcome`] after it; [`resume`] computes what is left to do. [`direction`] says who may work on a run,
//! and how it is divided among several.

pub mod attempt;
pub mod basis;
pub mod conformance;
pub mod direction;
pub mod directory;
pub mod id;
pub mod input;
pub mod item;
pub mod job;
pub mod journal;
pub mod memory;
pub mod new;
pub mod outcome;
pub mod recorder;
pub mod resume;
pub mod run_record;
pub mod store;
