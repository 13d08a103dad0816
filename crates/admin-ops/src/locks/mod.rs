//! Locks: bans with an end. Who is locked, until when, and why is kept on this machine, in a [`book`] per profile.
//!
//! The server knows only bans. A user is put into the book before the ban is sent, so that no lock can be
//! forgotten; `sessions unlock --due` lifts those whose time has come. Whoever changes a ban by what the book says
//! holds the [`guard`] of the user meanwhile.

pub mod bans;
pub mod book;
pub mod glance;
pub mod guard;
pub mod lock;
pub mod reconcile;
pub mod settling;
