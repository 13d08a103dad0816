//! Runs on disk: one directory per run, with the journal and a copy of the input.

pub mod directory;
pub mod id;
pub mod input;
