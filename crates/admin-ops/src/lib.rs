//! Recorded, resumable operations on the sessions of many users of an Easemob IM server.
//!
//! Every operation is a run: it is recorded before anything is sent, and its results afterwards. The engine
//! does not depend on the argument parser, tables or exit codes of a command line, and a run reaches the
//! server through small traits, so that every rule, and every crash, can be tested without a network.
//!
//! | module | purpose |
//! |---|---|
//! | [`operations`] | the engine as one object: where a service starts |
//! | [`names`] | the only check of names and patterns, and the classes of characters in names |
//! | [`select`] | which devices are selected, and the decision about each user: pure |
//! | [`policy`] | how many devices each user may have, and which exceed that |
//! | [`schedule`] | works on many users at once: how many, when to give up, how much may be done |
//! | [`stores`], [`store_error`], [`target`] | where records are stored, why a store cannot be used, and what is acted on |
//! | [`server`] | the server calls that jobs need, as traits |
//! | [`jobs`] | the work on one user |
//! | [`report`] | what the engine reports about each item |
//! | [`run`] | a run on disk: its journal, its input, what is left to do |
//! | [`record`] | what a run writes to the audit trail |
//! | [`plan`] | a run that can be reviewed before it is done |
//! | [`locks`] | bans with an end |
//! | [`logins`] | what was online when, how it changed, and a history that the server does not have |
//! | [`collector`] | receives the events that the service posts when devices sign in and out |
//! | [`files`] | private files, digests, and text that is not UTF-8 |

pub mod collector;
pub mod files;
pub mod jobs;
pub mod locks;
pub mod logins;
pub mod names;
pub mod operations;
pub mod plan;
pub mod policy;
pub mod record;
pub mod report;
pub mod run;
pub mod schedule;
pub mod select;
pub mod server;
pub mod store_error;
pub mod stores;
pub mod target;

#[cfg(test)]
mod simulation;

/// The examples of the page for backend services.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/backends.md")]
struct Backends;
