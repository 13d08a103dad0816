//! Works on many users at once: the [`run_loop`] works on them, [`pipeline`] runs one job for each, as many
//! at once as [`concurrency`] allows, [`breaker`] detects when continuing is pointless, [`cap`] enforces a
//! limit, and [`tally`] counts.

pub mod breaker;
pub mod cap;
pub mod concurrency;
pub mod forecast;
pub mod pipeline;
pub mod run_loop;
pub mod tally;
