//! The audit trail: what was done, by whom, to whom, why, and what came of it.
//!
//! A trail is a directory of one profile. Entries are lines of JSON in files of bounded size; each names its
//! number and the SHA-256 of the line before, so that the first bad one can be named. They are also the leaves
//! of a Merkle tree (RFC 6962, by `tlog_tiles`), whose size and root are signed now and then: a signed head
//! that was kept elsewhere proves all entries before it. What a trail can and cannot prove is in
//! `docs/audit.md`.
//!
//! Writers fail closed: [`AuditTrail::open`] proves that the trail can be written before anything is sent, and
//! [`AuditTrail::append`] returns only when the entries are on the disk.
//!
//! Opening does not read the whole trail. Each file's header carries the right edge of the tree over all
//! entries before it, so only the last file, which is bounded, is hashed again. There is no index beside the
//! entries that could be stale or forged.
//!
//! This crate knows neither the command line nor tables nor HTTP, and no asynchronous runtime.

mod access;
mod chain;
mod checkpoint;
mod diagnosis;
mod entries;
mod error;
mod event;
mod event_time;
pub mod export;
mod filter;
mod key;
mod kind;
mod line;
mod lines;
mod naming;
mod run_context;
mod segment;
mod snapshot;
mod tail;
mod trail;
mod trail_lock;
mod tree;
mod verify;

pub use checkpoint::Checkpoint;
pub use entries::Entries;
pub use error::AuditError;
pub use event::{Claims, Event, Operator, TOOL};
pub use event_time::EventTime;
pub use filter::Filter;
pub use key::PublicKey;
pub use kind::{Kind, Outcome};
pub use line::{Entry, LONGEST_LINE};
pub use naming::directory_name;
pub use run_context::RunContext;
pub use trail::{AuditTrail, Limits};
pub use verify::{Against, Head, Problem, Verification, verify};
