//! What is asked of snapshots and events. Pure: devices come in one by one, figures come out.

pub mod count;
pub mod top;
