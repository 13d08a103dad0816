//! Recorded, resumable operations on the sessions of many users of an Easemob IM server.
//!
//! Every operation is a run. The engine records a run before it sends anything, and the outcome afterwards. Nothing
//! here depends on an argument parser, tables, or exit codes. A run reaches the server through small traits, so tests
//! cover every rule and every crash without a network.
//!
//! Start with [`operations`].
//!
//! | module | what it contains |
//! |---|---|
//! | [`operations`] | the engine as one object |
//! | [`run`] | a run: its journal, its input, and what is left to do |
//! | [`worker`] | which range of which run a worker takes next, and what follows from its end |
//! | [`jobs`] | the work on one user |
//! | [`schedule`] | the work on many users: how many at once, when to stop, and caps |
//! | [`status_first`] | which users need not be read, because the server reports them as offline |
//! | [`report`] | what the engine reports about each item |
//! | [`record`] | what a run writes to the audit trail |
//! | [`plan`] | runs that can be reviewed before they are executed |
//! | [`locks`] | bans with an end |
//! | [`policy`] | how many devices each user may have, and which devices are the surplus |
//! | [`select`] | which devices are selected, and the decision about each user (pure) |
//! | [`names`] | the one check of names and patterns, and the classes of characters in a name |
//! | [`server`] | the server calls that jobs need, as traits |
//! | [`probe`] | finds out what a server does where the vendor's pages are silent |
//! | [`target`] | the server and app of an operation |
//! | [`stores`], [`store_error`] | where records are kept, and why a store cannot be used |
//! | [`trails`] | the audit trails to read, wherever they are kept |
//! | [`logins`] | which devices were online when, and how that changed |
//! | [`collector`] | receives the posts of the service when devices sign in and out |
//! | [`documents`] | small documents that a service keeps and several processes change |
//! | [`listening`] | servers that silent connections cannot shut out |
//! | [`causes`] | an error with its causes in one line |
//! | [`files`] | private files, digests, and texts that are not UTF-8 |

pub mod causes;
pub mod collector;
pub mod documents;
pub mod files;
pub mod jobs;
pub mod listening;
pub mod locks;
pub mod logins;
pub mod names;
pub mod operations;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod record;
pub mod report;
pub mod run;
pub mod schedule;
pub mod select;
pub mod server;
pub mod status_first;
pub mod store_error;
pub mod stores;
pub mod target;
pub mod trails;
pub mod undo;
pub mod worker;

#[cfg(test)]
mod simulation;

/// The examples of `docs/backends.md`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/backends.md")]
struct Backends;
