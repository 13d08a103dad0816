//! The audit trail: what was done, by whom, to whom, why, and with which result.
//!
//! Entries are lines of JSON in segments of bounded size. Each entry has its number and the SHA-256 of the line before,
//! so that verifying can name the first bad one. The entries are also the leaves of a Merkle tree (RFC 6962, by
//! `tlog_tiles`). Its size and root are signed at intervals: a signed head that was kept elsewhere proves all entries
//! before it. `docs/audit.md` says what a trail can and cannot prove.
//!
//! [`AuditTrail`] keeps the trail of one profile in a directory, with one file per segment. Writers fail closed:
//! [`AuditTrail::open`] proves that the trail can be written before anything is sent, and [`AuditTrail::append`]
//! returns only when the entries are on disk. Opening does not read the whole trail. The header of each file has the
//! right edge of the tree over all entries before it, so opening hashes only the last file, which is bounded.
//!
//! [`Search`] finds the entries of a user or a time without reading the whole trail. It derives an index from each full
//! segment. Neither writing nor verifying uses these indexes, and they can be deleted at any time.
//!
//! Lines need not be in files. A store of your own makes lines with a [`Chain`], signs heads with [`Checkpoint::sign`],
//! and gives all lines or a range to a [`Verifier`]. A [`HeadSigner`] keeps the key and the signed heads in a directory.
//! [`MemoryTrail`] is the smallest such store:
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use easemob_admin_audit::{Event, Kind, MemoryTrail, Outcome, SigningKey, Verifier};
//!
//! let key = SigningKey::from_pem(&SigningKey::generate_pem()?)?;
//! let mut trail = MemoryTrail::new("prod", key);
//! for (second, user) in (0..).zip(["ann", "bob", "eve"]) {
//!     let mut event = Event::new(UNIX_EPOCH + Duration::from_secs(second), Kind::Outcome);
//!     event.user = Some(user.to_owned());
//!     event.outcome = Some(Outcome::Ended);
//!     trail.append(&[event])?;
//! }
//! trail.checkpoint(UNIX_EPOCH + Duration::from_secs(3))?;
//!
//! let verified = |lines: &[Vec<u8>]| {
//!     let mut verifier = Verifier::new("prod", trail.key(), trail.heads());
//!     for line in lines {
//!         if verifier.line(0, line).is_break() {
//!             break;
//!         }
//!     }
//!     verifier.finish()
//! };
//! let mut lines: Vec<Vec<u8>> = trail.lines().map(|(_, line)| line.to_vec()).collect();
//! let found = verified(&lines);
//! assert!(found.holds());
//! assert_eq!((found.size, found.unsigned()), (3, 0));
//!
//! // Line 1 is the header of the only segment.
//! lines[2] = String::from_utf8(lines[2].clone())?.replace("bob", "dan").into_bytes();
//! assert_eq!(
//!     verified(&lines).problems[0].to_string(),
//!     "prod/entries-000000000000.jsonl, line 3: entry 1 was changed: the next entry does not match it",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate does not depend on the command line, tables, HTTP or an async runtime.

mod chain;
mod checkpoint;
mod error;
mod event;
mod event_time;
pub mod export;
mod filter;
mod key;
mod kind;
mod limits;
mod line;
mod memory;
mod naming;
mod run_context;
mod trail;
mod tree;
mod verify;

pub use chain::Chain;
pub use checkpoint::Checkpoint;
pub use error::AuditError;
pub use event::{Claims, Event, Operator, TOOL};
pub use event_time::EventTime;
pub use filter::Filter;
pub use key::{PublicKey, SigningKey};
pub use kind::{Kind, Outcome};
pub use limits::Limits;
pub use line::{Entry, LONGEST_LINE};
pub use memory::MemoryTrail;
pub use naming::directory_name;
pub use run_context::RunContext;
pub use trail::{
    Against, ArchiveWriter, AuditTrail, Entries, HeadSigner, Search, SearchMemory, SignedHeads, StoredLines,
    archived_lines, stored_heads, verify,
};
pub use verify::{Head, Problem, Verification, Verifier};
