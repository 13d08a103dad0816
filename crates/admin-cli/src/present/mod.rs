//! From what the engine reports to what people and scripts read.

pub mod limits;
pub mod rows;
pub mod words;
