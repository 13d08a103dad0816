//! The store of locks, as a trait: one user's lock is a row, which is read and changed without the others.
//!
//! [`SqliteLocks`](super::sqlite::SqliteLocks) is the store that ships;
//! [`MemoryLocks`](super::memory::MemoryLocks) is for tests. The rules that every store must follow are in
//! `conformance`, behind the feature of that name.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use easemob_admin_api::UserId;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::locks::lock::Lock;
use crate::run::recorder::RecordError;
use crate::store_error::StoreError;
use crate::target::Target;

/// Why the locks cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the locks in {place}")]
pub struct LockStoreError {
    /// The place of the locks, for messages: the path of a file, or the name of a server.
    pub place: String,
    /// The cause.
    pub source: StoreError,
}

impl From<LockStoreError> for RecordError {
    fn from(error: LockStoreError) -> Self {
        let kind = match error.source {
            StoreError::Full(_) | StoreError::Unwritten(_) => ErrorKind::StorageFull,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error).into()
    }
}

/// Stores the locks of all targets.
pub trait LockStores: fmt::Debug + Send + Sync {
    /// Opens the locks of a target.
    ///
    /// # Errors
    /// When they cannot be used.
    fn of(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError>;
}

/// Which locks to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All locks.
    All,
    /// Pending locks.
    Pending,
    /// Locks that should have been lifted by then, pending or not.
    Due(Timestamp),
}

/// Stores the locks of the users of one server.
///
/// Users are identified by their names in lower case, as the server does. Other servers may have locks in the
/// same place: they are counted, but otherwise neither visible nor changed. A lock without an app root counts
/// as belonging to this server, whichever that is, because it is better lifted there than never. Times are
/// stored to the microsecond at least.
///
/// Several processes may use the same locks at the same time. Once a call has returned, its changes survive
/// the end of the process and of the machine.
pub trait LockStore: fmt::Debug + Send + Sync {
    /// Returns the root that new locks are entered with; `None` is the embedded sandbox, whose root differs
    /// each time.
    fn app_root(&self) -> Option<&str>;

    /// Returns the lock of a user, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError>;

    /// Returns locks, sorted by user name in lower case.
    ///
    /// # Errors
    /// When they cannot be read.
    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError>;

    /// Returns how many locks there are.
    ///
    /// # Errors
    /// When they cannot be counted.
    fn count(&self) -> Result<u64, LockStoreError>;

    /// Returns the app roots of other servers that have locks in the same place, sorted, with the number of
    /// locks.
    ///
    /// # Errors
    /// When they cannot be counted.
    fn elsewhere(&self) -> Result<Vec<(String, u64)>, LockStoreError>;

    /// Changes the locks of `users`, each named once: all changes are stored, or none.
    ///
    /// `change` is called once for each user, in their order, with the index of the user and the current
    /// lock. If a connection is cut, and nothing has changed, a store may begin again with the first user: only the last
    /// call for each user counts. It returns the new lock, whose user must be the same. From before its first call until this
    /// method returns, nobody else changes a lock of any of these users. It must not use the store itself. It
    /// must read the time of a change itself, for the guarantee of [`at_rest`](Self::at_rest).
    ///
    /// # Errors
    /// When the locks cannot be read or written. Nothing has changed then.
    fn change(
        &self,
        users: &[&UserId],
        change: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), LockStoreError>;

    /// Calls `look` once, while nobody changes any lock. A change that is not visible after a time that is
    /// read within `look` has a later time.
    ///
    /// # Errors
    /// When others cannot be kept from changing locks. `look` is not called then.
    fn at_rest(&self, look: &mut dyn FnMut()) -> Result<(), LockStoreError>;

    /// Returns the time by the clock that the times of locks are written with, which may be another machine's.
    ///
    /// # Errors
    /// When it cannot be read.
    fn now(&self) -> Result<Timestamp, LockStoreError> {
        Ok(Timestamp::now())
    }

    /// Asks whoever keeps the locks to settle those that are pending, and returns true if that was done: then it is not to be
    /// done here.
    ///
    /// # Errors
    /// When it cannot be done.
    fn is_settled_elsewhere(&self) -> Result<bool, LockStoreError> {
        Ok(false)
    }

    /// Returns when expired locks were last lifted, or `None` if they never were.
    ///
    /// # Errors
    /// When it cannot be read.
    fn lifted_last(&self) -> Result<Option<Timestamp>, LockStoreError>;

    /// Records that all locks that were due at that time have been lifted.
    ///
    /// # Errors
    /// When it cannot be written.
    fn note_lifted(&self, at: Timestamp) -> Result<(), LockStoreError>;

    /// Waits for the guard of `user`, which has one holder at a time.
    ///
    /// # Errors
    /// When the guard cannot be used.
    fn guard<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>>;
}

/// The exclusive right to inspect and change the ban of a user.
///
/// Whether a ban may be lifted or counts as a lock is read from the store, and the request takes a while.
/// Without the guard, a request that was meant for one lock could lift another that was set in the meantime.
pub struct UserGuard {
    _held: Box<dyn Send + Sync>,
}

impl UserGuard {
    /// Wraps whatever a store holds for a guard, until it is dropped.
    #[must_use]
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self {
            _held: Box::new(held),
        }
    }
}

impl fmt::Debug for UserGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UserGuard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_that_of_this_machine_and_a_guard_shows_nothing_of_its_own() {
        let locks = crate::locks::memory::MemoryLocks::default();
        let age = Timestamp::now().duration_since(locks.now().unwrap());
        assert!(age.as_secs() < 60, "{age:?}");
        assert_eq!(format!("{:?}", UserGuard::new(())), "UserGuard { .. }");
    }

    #[test]
    fn a_run_that_stops_for_want_of_room_says_so() {
        let kind = |source| {
            let place = "locks.sqlite".into();
            match RecordError::from(LockStoreError { place, source }) {
                RecordError::Failed(error) => error.kind(),
                RecordError::Fenced => panic!("nobody else works on the user"),
            }
        };
        assert_eq!(kind(StoreError::Full("full".into())), ErrorKind::StorageFull);
        assert_eq!(kind(StoreError::Unwritten("full".into())), ErrorKind::StorageFull);
        assert_eq!(kind(StoreError::Busy("busy".into())), ErrorKind::Other);
    }
}
