//! The locks of an app, kept by a service: to read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use easemob_admin_api::UserId;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::store::{Listing, LockStore, LockStoreError, LockStores, UserGuard};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::target::Target;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::{Asking, part};
use crate::api::{Lifted, LocksState};

/// Whoever asks for the locks of more users than this gets all locks at once, as they are then: a request for each user of a long
/// list would take hours.
const ONE_BY_ONE: usize = 20;

/// The locks of one app of a service. Runs at the service change them; this only reads.
#[derive(Debug)]
pub struct RemoteLocks {
    app: Arc<ServiceApp>,
    asked: AtomicUsize,
    all: OnceLock<BTreeMap<UserId, Lock>>,
}

impl RemoteLocks {
    /// Uses the locks of an app.
    #[must_use]
    pub fn of(app: ServiceApp) -> Self {
        Self::of_shared(Arc::new(app))
    }

    fn of_shared(app: Arc<ServiceApp>) -> Self {
        Self {
            app,
            asked: AtomicUsize::default(),
            all: OnceLock::new(),
        }
    }

    /// Asks for the lock of one user.
    fn ask(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError> {
        let path = self.app.path(&format!("users/{}/lock", part(user.as_str())));
        match self.app.service.json(&Asking::get(path)) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == Some("no-such-lock") => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn place(&self) -> String {
        format!("the service at {}", self.app.service().url())
    }

    fn failed(&self, error: ServiceError) -> LockStoreError {
        LockStoreError {
            place: self.place(),
            source: error.into(),
        }
    }

    fn only_the_service(&self) -> LockStoreError {
        LockStoreError {
            place: self.place(),
            source: StoreError::ServiceRefused("only a run at the service changes its locks".into()),
        }
    }

    /// Asks the service to settle what ended runs left open, and returns what it knows of the locks as a whole.
    fn state(&self) -> Result<LocksState, LockStoreError> {
        let state = self.app.service.json(&Asking::get(self.app.path("locks/state")));
        state.map_err(|error| self.failed(error))
    }
}

impl LockStores for RemoteLocks {
    fn of(&self, _: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        Ok(Arc::new(Self::of_shared(Arc::clone(&self.app))))
    }
}

impl LockStore for RemoteLocks {
    fn app_root(&self) -> Option<&str> {
        let view = self.app.view();
        (!view.sandbox).then_some(view.app_root.as_str())
    }

    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < ONE_BY_ONE {
            return self.ask(user);
        }
        if self.all.get().is_none() {
            let all = self.list(Listing::All)?.into_iter();
            // Another thread may have been faster.
            let _ = self.all.set(all.map(|lock| (lock.user.clone(), lock)).collect());
        }
        Ok(self.all.get().and_then(|all| all.get(user)).cloned())
    }

    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError> {
        let locks = self.app.service.pages(&self.app.path("locks"));
        let mut locks: Vec<Lock> = locks.map_err(|error| self.failed(error))?;
        locks.retain(|lock| match listing {
            Listing::All => true,
            Listing::Pending => lock.is_pending(),
            Listing::Due(now) => lock.is_due(now),
        });
        Ok(locks)
    }

    fn count(&self) -> Result<u64, LockStoreError> {
        Ok(self.state()?.count)
    }

    fn elsewhere(&self) -> Result<Vec<(String, u64)>, LockStoreError> {
        Ok(self.state()?.elsewhere)
    }

    fn change(
        &self,
        _: &[&UserId],
        _: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), LockStoreError> {
        Err(self.only_the_service())
    }

    /// The service keeps others away while it looks for [`now`](LockStore::now).
    fn at_rest(&self, look: &mut dyn FnMut()) -> Result<(), LockStoreError> {
        look();
        Ok(())
    }

    fn now(&self) -> Result<Timestamp, LockStoreError> {
        Ok(self.state()?.at)
    }

    fn is_settled_elsewhere(&self) -> Result<bool, LockStoreError> {
        self.state().map(|_| true)
    }

    fn lifted_last(&self) -> Result<Option<Timestamp>, LockStoreError> {
        Ok(self.state()?.lifted_last)
    }

    fn note_lifted(&self, at: Timestamp) -> Result<(), LockStoreError> {
        let asking = Asking::post(self.app.path("locks/lifted"), &Lifted { at });
        let asking = asking.map_err(|error| self.failed(self.app.service.unusable(error)))?;
        self.app
            .service
            .json::<LocksState>(&asking)
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    fn guard<'a>(&'a self, _: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>> {
        Box::pin(async { Err(self.only_the_service()) })
    }
}
