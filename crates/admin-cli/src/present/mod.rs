//! Presents the engine's reports to people and scripts.

pub mod limits;
pub mod rows;
pub mod words;
