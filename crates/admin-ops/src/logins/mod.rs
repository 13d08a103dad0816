//! Login counts: what was online when, how it changed, and a history that the server does not keep.
//!
//! `store` keeps it, `scan` reads the server into it, `questions` are what is asked of it, `report`
//! is a page about it. None of them knows the
//! argument parser or how rows are shown.

pub mod ages;
pub mod questions;
pub mod report;
pub mod scan;
pub mod store;
