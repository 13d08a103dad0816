//! Selects devices and decides about each user. Pure.

pub mod ages;
pub mod decide;
pub mod exemptions;
pub mod limits;
pub mod pattern;
pub mod selection;
