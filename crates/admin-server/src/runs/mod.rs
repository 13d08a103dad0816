//! Works on runs, and keeps what they report.

mod reports;
mod runner;
mod sharing;

pub(crate) use self::reports::Reports;
pub(crate) use self::runner::{Runner, Work};
pub(crate) use self::sharing::{is_shared, share};
