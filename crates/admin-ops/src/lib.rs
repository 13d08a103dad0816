//! Recorded, resumable operations on the sessions of many users of an Easemob IM server.
//!
//! What is done is a run: it is written down before anything is sent, and what became of it after. Nothing here knows
//! the argument parser, tables, or the exit codes of a command line, and a run reaches the server through small traits, so
//! that every rule, and every crash, can be tested without a network.
//!
//! | module | what it is |
//! |---|---|
//! | [`operations`] | the engine as one object: what a service begins with |
//! | [`names`] | the one check of names and patterns, and what a character of a name is |
//! | [`select`] | which devices are meant, and what is decided about each user: pure |
//! | [`policy`] | how many devices each user may have, and which are the surplus |
//! | [`schedule`] | many users at a time: how many, when going on is pointless, how much may be done |
//! | [`stores`], [`store_error`], [`target`] | where records are kept, why they cannot be used, and what is acted on |
//! | [`server`] | the server calls that jobs need, as traits |
//! | [`jobs`] | what is done with one user |
//! | [`report`] | what the engine says of each item |
//! | [`run`] | a run on disk: its journal, its input, what is left to do |
//! | [`record`] | what a run says to the audit trail |
//! | [`plan`] | a run that can be reviewed before it is done |
//! | [`locks`] | bans that have an end |
//! | [`logins`] | what was online when, how it changed, and a history that the server does not keep |
//! | [`collector`] | receives what the service posts when devices sign in and out |
//! | [`files`] | private files, digests, and texts that are not UTF-8 |

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
