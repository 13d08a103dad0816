//! A run: what is to be done with whom, on record before anything is sent.
//!
//! [`new`] puts one on record; [`attempt`] is the work of one process on a run; [`directory`] has one per run, with its [`input`] and its [`journal`]; [`recorder`] has the intent on record before
//! anything is sent and the [`outcome`] after it, and [`resume`] says what is left to do.

pub mod attempt;
pub mod conformance;
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
