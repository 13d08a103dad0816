//! Many users at a time: the [`run_loop`] works on them, [`pipeline`] runs one job for each, as many at once as [`concurrency`] says, [`breaker`] notices that
//! going on is pointless, [`cap`] keeps the promise of a limit, [`tally`] counts.

pub mod breaker;
pub mod cap;
pub mod concurrency;
pub mod pipeline;
pub mod run_loop;
pub mod tally;
