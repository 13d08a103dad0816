//! Locks: bans with an end. Who is locked, until when, and why is kept in a [`store`].
//!
//! The server knows only bans. A user is put into the store before the ban is sent, so that no lock can be forgotten;
//! `sessions unlock --due` lifts those whose time has come. Whoever changes a ban by what the store says holds the
//! [`guard`](store::LockStore::guard) of the user meanwhile.

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
