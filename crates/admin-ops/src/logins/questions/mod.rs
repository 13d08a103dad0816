//! Figures from snapshots and events. Pure: devices are added one by one.

pub mod count;
pub mod top;
