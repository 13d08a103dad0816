//! The locks of an app, kept by a service: to read.

use std::sync::Arc;

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

/// The locks of one app of a service. Runs at the service change them; this only reads.
#[derive(Debug, Clone)]
pub struct RemoteLocks(Arc<ServiceApp>);

impl RemoteLocks {
    /// Uses the locks of an app.
    #[must_use]
    pub fn of(app: ServiceApp) -> Self {
        Self(Arc::new(app))
    }

    fn place(&self) -> String {
        format!("the service at {}", self.0.service().url())
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
        let state = self.0.service.json(&Asking::get(self.0.path("locks/state")));
        state.map_err(|error| self.failed(error))
    }
}

impl LockStores for RemoteLocks {
    fn of(&self, _: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        Ok(Arc::new(self.clone()))
    }
}

impl LockStore for RemoteLocks {
    fn app_root(&self) -> Option<&str> {
        let view = self.0.view();
        (!view.sandbox).then_some(view.app_root.as_str())
    }

    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError> {
        let path = self.0.path(&format!("users/{}/lock", part(user.as_str())));
        match self.0.service.json(&Asking::get(path)) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == Some("no-such-lock") => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError> {
        let locks = self.0.service.pages(&self.0.path("locks"));
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
        let asking = Asking::post(self.0.path("locks/lifted"), &Lifted { at });
        let asking = asking.map_err(|error| self.failed(self.0.service.unusable(error)))?;
        self.0
            .service
            .json::<LocksState>(&asking)
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    fn guard<'a>(&'a self, _: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>> {
        Box::pin(async { Err(self.only_the_service()) })
    }
}
