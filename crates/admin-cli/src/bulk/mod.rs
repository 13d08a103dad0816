//! Bulk work on users: pick, act, count, stop.
//!
//! Nothing here knows the argument parser, the tables or HTTP. A job reaches the server through the small
//! trait [`calls::SessionCalls`], so that every rule can be tested without a network:
//! [`select`] decides purely which devices are ended, [`logout`] carries one user from reading to a settled
//! result, [`pipeline`] runs many of them with bounded concurrency, [`breaker`] notices that going on is
//! pointless, [`cap`] keeps the promise of `--max-logouts`, [`tally`] counts.

pub mod breaker;
pub mod calls;
pub mod cap;
pub mod logout;
pub mod pipeline;
pub mod select;
pub mod tally;
