//! Locks: bans with an end. A [`store`] records who is locked, until when, and why.
//!
//! The server knows only bans. A user is entered in the store before the ban is sent, so that no lock can be
//! forgotten; `sessions unlock --due` lifts the locks that have expired. Code that changes a ban because of
//! the store's content holds the [`guard`](store::LockStore::guard) of the user meanwhile.

pub mod bans;
pub mod book;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod guard;
pub mod lock;
pub mod memory;
pub mod reconcile;
pub mod settling;
pub mod sqlite;
pub mod store;
