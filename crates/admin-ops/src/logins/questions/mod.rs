//! Figures from snapshots and events. Pure: devices are added one by one.

pub mod changes;
pub mod count;
pub mod timeline;
pub mod top;
pub mod which;
