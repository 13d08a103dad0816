//! Where locks are kept, behind a trait: one user's lock is a row, which is read and changed without the others.
//!
//! [`SqliteLocks`](super::sqlite::SqliteLocks) is the store that ships, [`MemoryLocks`](super::memory::MemoryLocks) is for
//! tests. What every store promises is in `conformance`, behind the feature of that name.

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
#[error("the locks in {place} cannot be used")]
pub struct LockStoreError {
    /// Where the locks are, for people: the path of a file, or the name of a server.
    pub place: String,
    /// Why.
    pub source: StoreError,
}

impl From<LockStoreError> for RecordError {
    fn from(error: LockStoreError) -> Self {
        let kind = match error.source {
            StoreError::Full(_) => ErrorKind::StorageFull,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error).into()
    }
}

/// Keeps the locks of all targets.
pub trait LockStores: fmt::Debug + Send + Sync {
    /// Opens the locks of a target.
    ///
    /// # Errors
    /// When they cannot be used.
    fn of(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError>;
}

/// Which locks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All of them.
    All,
    /// Those that are pending.
    Pending,
    /// Those that should have been lifted by then, pending or not.
    Due(Timestamp),
}

/// Keeps the locks of the users of one server.
///
/// Users are told apart as the server does, by their names in lower case. Other servers may have locks in the same place:
/// those are counted, and otherwise neither seen nor changed. A lock without an app root is taken to be of this server,
/// whichever that is, because it is better lifted there than never. Times are kept to the microsecond at least.
///
/// Several processes may use the same locks at the same time. What was written stays written, whatever becomes of the
/// process or the machine after the call has returned.
pub trait LockStore: fmt::Debug + Send + Sync {
    /// Returns the root that new locks are entered with; none for the embedded sandbox, which has another one each time.
    fn app_root(&self) -> Option<&str>;

    /// Returns the lock of a user, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError>;

    /// Returns locks, ordered by the names of their users in lower case.
    ///
    /// # Errors
    /// When they cannot be read.
    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError>;

    /// Returns how many locks there are.
    ///
    /// # Errors
    /// When they cannot be counted.
    fn count(&self) -> Result<u64, LockStoreError>;

    /// Returns the app roots of other servers that have locks in the same place, in order, and how many.
    ///
    /// # Errors
    /// When they cannot be counted.
    fn elsewhere(&self) -> Result<Vec<(String, u64)>, LockStoreError>;

    /// Changes the locks of `users`, each named once: all changes are kept, or none.
    ///
    /// `change` is called once for each user, in their order, with the index of the user and the lock that is held. It
    /// returns the lock that is held from now on, whose user must be the same. From before its first call until this
    /// returns, nobody else changes a lock of any of these users. It must not use the store itself. The time that a lock
    /// was changed at is read within `change`, for the sake of [`at_rest`](Self::at_rest).
    ///
    /// # Errors
    /// When the locks cannot be read or written; then nothing has changed.
    fn change(
        &self,
        users: &[&UserId],
        change: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), LockStoreError>;

    /// Calls `look` once, while nobody changes any lock. A change that is not seen after a time that is read within `look`
    /// has a later time.
    ///
    /// # Errors
    /// When others cannot be kept from changing locks; then `look` is not called.
    fn at_rest(&self, look: &mut dyn FnMut()) -> Result<(), LockStoreError>;

    /// Returns when locks that were due were lifted last; nothing if nobody ever did.
    ///
    /// # Errors
    /// When it cannot be read.
    fn lifted_last(&self) -> Result<Option<Timestamp>, LockStoreError>;

    /// Notes that all locks that were due at that time have been lifted.
    ///
    /// # Errors
    /// When it cannot be written.
    fn note_lifted(&self, at: Timestamp) -> Result<(), LockStoreError>;

    /// Waits until nobody else holds the guard of `user`.
    ///
    /// # Errors
    /// When the guard cannot be used.
    fn guard<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>>;
}

/// Held while the ban of a user is looked at and changed: nobody else holds one for the user in the meantime.
///
/// Whether a ban may be lifted or counts as a lock is read from the store, and the request takes a while: without this,
/// a lock that is set in between would be lifted by a request that was meant for the one before it.
pub struct UserGuard {
    _held: Box<dyn Send + Sync>,
}

impl UserGuard {
    /// Holds on to whatever a store holds for a guard, until it is dropped.
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
