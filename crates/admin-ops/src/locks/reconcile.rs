//! Updates pending locks from the journals of their runs.

use std::collections::{BTreeSet, HashMap};

use easemob_admin_api::UserId;

use crate::locks::bans::{self, Ban};
use crate::locks::lock::{Lock, settle};
use crate::locks::store::{Listing, LockStore, LockStoreError};
use crate::run::id::RunId;
use crate::run::store::RunStore;

/// Updates pending locks from the journals of their runs.
///
/// A run may have been killed before it could do so itself.
///
/// # Errors
/// When the locks cannot be read or written.
pub fn reconcile(runs: &dyn RunStore, locks: &dyn LockStore) -> Result<(), LockStoreError> {
    if locks.is_settled_elsewhere()? {
        return Ok(());
    }
    let pending = locks.list(Listing::Pending)?;
    if pending.is_empty() {
        return Ok(());
    }
    let users: Vec<&UserId> = pending.iter().map(|lock| &lock.user).collect();
    let mut settled = Vec::new();
    locks.change(&users, &mut |index, held| {
        // Read while nobody else can change these locks. A running attempt records its intent and then looks
        // for its lock, so either the intent is visible here, or the run sees that its lock is gone.
        if index == 0 {
            // What was read before the store began again may be outdated.
            settled = read(runs, &pending);
        }
        let user = users[index].folded();
        let mut of_user = settled
            .iter()
            .filter_map(|(run, bans)| Some((run, *bans.get(&user)?)));
        of_user.try_fold(held?, |lock, (run, banned)| settle(lock, run, banned))
    })
}

/// Reads whether the runs of pending locks have banned users, by user name in lower case, where that is
/// settled.
fn read(runs: &dyn RunStore, pending: &[Lock]) -> Vec<(String, HashMap<String, bool>)> {
    let ids: BTreeSet<&str> = pending.iter().flat_map(Lock::runs).collect();
    let of_run = |id: RunId| {
        // An unreadable run leaves its locks pending, and every listing of locks reports that.
        let bans = bans::by_user(runs, &id).unwrap_or_default();
        let known = bans.into_iter().filter(|(_, ban)| *ban != Ban::Meant);
        let banned = known.map(|(user, ban)| (user.folded(), ban == Ban::Done));
        (id.to_string(), banned.collect())
    };
    ids.into_iter().filter_map(RunId::parse).map(of_run).collect()
}
