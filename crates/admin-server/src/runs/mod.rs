//! Works on runs, and keeps what they report.

mod reports;
mod runner;

pub(crate) use self::reports::Reports;
pub(crate) use self::runner::{Runner, Work};
