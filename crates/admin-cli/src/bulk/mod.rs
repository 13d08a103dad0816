//! Bulk work on users: pick, record, act, count, stop, go on.
//!
//! Nothing here knows the argument parser, the tables or HTTP. A job reaches the server through the small
//! trait [`calls::SessionCalls`] and the disk through the small trait [`recorder::Sink`], so that every rule,
//! and every crash, can be tested without a network. [`select`] and [`decide`] decide purely which devices are
//! ended, [`limits`] says how many may stay, [`logout`] carries one user from reading to a settled result, [`recorder`]
//! has the intent on record before anything is sent and the [`outcome`] after it, [`journal`] and [`runs`] are what is
//! kept of a run, [`resume`] says what is left to do, [`plan`] is a run that can be reviewed before it is done,
//! [`verify`] reads again afterwards, [`pipeline`] runs many jobs at a time, [`level`] finds how many, [`breaker`]
//! notices that going on is pointless, [`ages`] tells when devices signed in, [`cap`] keeps the promise of
//! `--max-logouts`, [`tally`] counts.

pub mod action;
pub mod ages;
pub mod breaker;
pub mod calls;
pub mod cap;
pub mod decide;
pub mod digest;
pub mod exempt;
pub mod item;
pub mod journal;
pub mod level;
pub mod limits;
pub mod logout;
pub mod outcome;
pub mod pattern;
pub mod pipeline;
pub mod plan;
pub mod recorder;
pub mod resume;
pub mod runs;
pub mod select;
pub mod tally;
pub mod verify;
