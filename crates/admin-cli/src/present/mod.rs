//! Presents the engine's reports to people and scripts.

pub mod causes;
pub mod limits;
pub mod rows;
pub mod terms;
pub mod trail_place;
pub mod words;
