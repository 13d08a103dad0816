//! Brings the lock book up to what the journals of runs say.

use std::collections::BTreeSet;

use crate::locks::bans::{self, Ban};
use crate::locks::book::{LockBook, LockBookError};
use crate::locks::lock::{Lock, Locks, settle};
use crate::run::directory::Runs;
use crate::run::id::RunId;

/// Brings pending locks up to what the journals of their runs say, and returns all locks.
///
/// A run may have been killed before it could do so itself.
///
/// # Errors
/// When the book cannot be read or written.
pub fn reconcile(runs: &Runs, book: &LockBook) -> Result<Locks, LockBookError> {
    let locks = book.read()?;
    if !locks.values().any(Lock::is_pending) {
        return Ok(locks);
    }
    book.change(|locks| {
        // Read while nobody else can change the book: a run that is going on makes its intent known and then looks
        // for its lock, so either the intent is seen here, or the run sees that its lock is gone.
        for (user, run, banned) in settled(runs, locks) {
            settle(locks, &user, &run, banned);
        }
        locks.clone()
    })
}

/// Returns the user, the run, and whether it has banned the user, for all that runs of pending locks have settled.
fn settled(runs: &Runs, locks: &Locks) -> Vec<(String, String, bool)> {
    let pending = locks.values().filter(|lock| lock.is_pending());
    let ids: BTreeSet<&str> = pending.flat_map(Lock::runs).collect();
    let mut settled = Vec::new();
    for id in ids.into_iter().filter_map(RunId::parse) {
        // A run that cannot be read leaves its locks pending, which is told wherever locks are.
        let bans = bans::by_user(runs, &id).unwrap_or_default();
        let known = bans.into_iter().filter(|(_, ban)| *ban != Ban::Meant);
        settled.extend(known.map(|(user, ban)| (user.folded(), id.to_string(), ban == Ban::Done)));
    }
    settled
}
