//! Locks in memory, for tests and simulations.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use easemob_admin_api::UserId;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::locks::lock::Lock;
use crate::locks::store::{Listing, LockStore, LockStoreError, LockStores, UserGuard};
use crate::target::Target;

/// Locks in memory. Clones and [views](Self::of) share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryLocks {
    kept: Arc<Mutex<Kept>>,
    app_root: Option<String>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By user name in lower case: one lock per server.
    locks: BTreeMap<String, Vec<Lock>>,
    lifted_last: Option<Timestamp>,
    guards: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
}

impl MemoryLocks {
    /// Returns a view of the same locks for the server with this root; `None` is the embedded sandbox.
    #[must_use]
    pub fn of(&self, app_root: Option<&str>) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            app_root: app_root.map(str::to_owned),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ours(&self, lock: &Lock) -> bool {
        match (&self.app_root, &lock.app_root) {
            (Some(here), Some(there)) => here == there,
            _ => true,
        }
    }
}

/// The locks of all targets in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryLockStores(Arc<Mutex<HashMap<String, MemoryLocks>>>);

impl LockStores for MemoryLockStores {
    fn of(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let locks = all.entry(target.name()).or_default();
        Ok(Arc::new(locks.of(target.lasting_root())))
    }
}

impl LockStore for MemoryLocks {
    fn app_root(&self) -> Option<&str> {
        self.app_root.as_deref()
    }

    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError> {
        let kept = self.kept();
        let mut of_user = kept.locks.get(&user.folded()).into_iter().flatten();
        Ok(of_user.find(|lock| self.is_ours(lock)).cloned())
    }

    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError> {
        let wanted = |lock: &&Lock| {
            self.is_ours(lock)
                && match listing {
                    Listing::All => true,
                    Listing::Pending => lock.is_pending(),
                    Listing::Due(at) => lock.is_due(at),
                }
        };
        Ok(self
            .kept()
            .locks
            .values()
            .flatten()
            .filter(wanted)
            .cloned()
            .collect())
    }

    fn count(&self) -> Result<u64, LockStoreError> {
        Ok(self.list(Listing::All)?.len() as u64)
    }

    fn elsewhere(&self) -> Result<Vec<(String, u64)>, LockStoreError> {
        let mut counts = BTreeMap::new();
        for lock in self
            .kept()
            .locks
            .values()
            .flatten()
            .filter(|lock| !self.is_ours(lock))
        {
            *counts
                .entry(lock.app_root.clone().unwrap_or_default())
                .or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn change(
        &self,
        users: &[&UserId],
        change: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), LockStoreError> {
        let mut kept = self.kept();
        for (index, user) in users.iter().enumerate() {
            let of_user = kept.locks.entry(user.folded()).or_default();
            let held = of_user.iter().position(|lock| self.is_ours(lock));
            let held = held.map(|place| of_user.swap_remove(place));
            of_user.extend(change(index, held));
        }
        Ok(())
    }

    fn at_rest(&self, look: &mut dyn FnMut()) -> Result<(), LockStoreError> {
        let _alone = self.kept();
        look();
        Ok(())
    }

    fn lifted_last(&self) -> Result<Option<Timestamp>, LockStoreError> {
        Ok(self.kept().lifted_last)
    }

    fn note_lifted(&self, at: Timestamp) -> Result<(), LockStoreError> {
        self.kept().lifted_last = Some(at);
        Ok(())
    }

    fn guard<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>> {
        let guard = Arc::clone(self.kept().guards.entry(user.folded()).or_default());
        async move { Ok(UserGuard::new(guard.lock_owned().await)) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> impl Fn(Option<&str>) -> Arc<dyn LockStore> {
        let locks = MemoryLocks::default();
        move |app_root| Arc::new(locks.of(app_root))
    }

    crate::lock_store_conformance!(fresh);
}
