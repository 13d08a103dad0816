//! Logins: what was online when, how it changed, and a history that the server does not have.
//!
//! `store` stores them, `scan` reads the server into the store, `questions` computes figures, and `report`
//! writes a page about them. None of these modules depends on the argument parser or on how rows are shown.

pub mod ages;
pub mod backfill;
pub mod directory;
pub mod questions;
pub mod report;
pub mod scan;
pub mod store;
