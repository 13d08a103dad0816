//! What a service keeps about the logins of an app: to read.

use std::fmt;
use std::sync::Arc;

use easemob_admin_ops::logins::store::{
    Arrival, AskedAgain, Change, Forgotten, Gap, KnownDevice, KnownUser, LoginEvent, LoginKind, LoginStore,
    LoginStores, NotKnown, Position, Range, SeenDevice, Shape, Snapshot, SnapshotId, StoreError, UserOrder,
    UserPlace, UserState, WhichUsers,
};
use serde::de::DeserializeOwned;

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::Asking;
use crate::api::{Imported, LoginQuestion};

/// What is kept about the logins of one app of a service.
#[derive(Debug, Clone)]
pub struct RemoteLogins(Arc<ServiceApp>);

/// What was asked of logins cannot be done by a front end of a service.
#[derive(Debug)]
struct ByTheService;

impl fmt::Display for ByTheService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is kept about logins is changed on the machine of the service, not through it")
    }
}

impl std::error::Error for ByTheService {}

fn refused<T>() -> Result<T, StoreError> {
    Err(StoreError::ServiceRefused(Box::new(ByTheService)))
}

impl RemoteLogins {
    /// Uses what is kept about the logins of an app.
    #[must_use]
    pub fn of(app: ServiceApp) -> Self {
        Self(Arc::new(app))
    }

    fn lines<T: DeserializeOwned + 'static>(
        &self,
        question: &LoginQuestion,
    ) -> Result<Box<dyn Iterator<Item = Result<T, StoreError>>>, StoreError> {
        let service = &self.0.service;
        let asking = Asking::post(self.0.path("logins/kept"), question);
        let asking = asking.map_err(|error| StoreError::from(service.unusable(error)))?;
        let this = service.clone();
        let lines = match service.lines(asking) {
            Ok(lines) => lines,
            Err(error) if is_nothing(&error) => return Ok(Box::new(std::iter::empty())),
            Err(error) => return Err(error.into()),
        };
        Ok(Box::new(lines.of::<T>().map(move |line| {
            line.map_err(|error| this.unusable(error).into())
        })))
    }

    fn all<T: DeserializeOwned + 'static>(&self, question: &LoginQuestion) -> Result<Vec<T>, StoreError> {
        self.lines(question)?.collect()
    }

    fn first<T: DeserializeOwned + 'static>(
        &self,
        question: &LoginQuestion,
    ) -> Result<Option<T>, StoreError> {
        self.lines(question)?.next().transpose()
    }

    fn each<T: DeserializeOwned + 'static>(
        &self,
        question: &LoginQuestion,
        mut visit: impl FnMut(T),
    ) -> Result<(), StoreError> {
        self.lines(question)?.try_for_each(|line| line.map(&mut visit))
    }
}

impl ServiceApp {
    /// Lets the service keep posts of the vendor's servers, one in each line. What was kept before is not kept again. Blocks the
    /// thread.
    ///
    /// # Errors
    /// When the service refuses or cannot be used. Some of the posts may be kept then.
    pub fn import_posts(&self, lines: Vec<u8>) -> Result<Imported, ServiceError> {
        let asking = Asking::post_text(self.path("logins/import"), lines);
        self.service.json(&asking)
    }
}

/// Nothing is kept yet.
fn is_nothing(error: &ServiceError) -> bool {
    error.kind() == Some("nothing-kept")
}

impl LoginStores for RemoteLogins {
    fn of(&self, _: &str) -> Result<Box<dyn LoginStore>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    fn kept(&self, _: &str) -> Result<Option<Box<dyn LoginStore>>, StoreError> {
        let asking = Asking::post(self.0.path("logins/kept"), &LoginQuestion::Alive);
        let asking = asking.map_err(|error| StoreError::from(self.0.service.unusable(error)))?;
        match self.0.service.lines(asking) {
            Ok(_) => Ok(Some(Box::new(self.clone()))),
            Err(error) if is_nothing(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn targets(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

impl LoginStore for RemoteLogins {
    fn begin(&mut self, _: &str, _: i64) -> Result<SnapshotId, StoreError> {
        refused()
    }

    fn add(
        &mut self,
        _: SnapshotId,
        _: &[(String, UserState)],
        _: &Position,
        _: i64,
    ) -> Result<(), StoreError> {
        refused()
    }

    fn restart(&mut self, _: SnapshotId) -> Result<(), StoreError> {
        refused()
    }

    fn set_limits(&mut self, _: SnapshotId, _: &str) -> Result<(), StoreError> {
        refused()
    }

    fn finish(&mut self, _: SnapshotId, _: i64) -> Result<(), StoreError> {
        refused()
    }

    fn own(&mut self, _: SnapshotId) -> Result<(), StoreError> {
        refused()
    }

    fn unfinished(&self, _: &str) -> Result<Option<(Snapshot, Position)>, StoreError> {
        refused()
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        self.all(&LoginQuestion::Snapshots)
    }

    fn each_device(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(&str, SeenDevice),
    ) -> Result<(), StoreError> {
        self.each(
            &LoginQuestion::Devices { snapshot },
            |(user, device): (String, SeenDevice)| {
                visit(&user, device);
            },
        )
    }

    fn each_not_known(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(NotKnown),
    ) -> Result<(), StoreError> {
        self.each(&LoginQuestion::NotKnown { snapshot }, visit)
    }

    fn each_change(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        visit: &mut dyn FnMut(Change),
    ) -> Result<(), StoreError> {
        let (from, to) = (from.id, to.id);
        self.each(&LoginQuestion::Changes { from, to }, visit)
    }

    fn known_devices(&self, user: &str) -> Result<Vec<KnownDevice>, StoreError> {
        self.all(&LoginQuestion::KnownDevices { user: user.into() })
    }

    fn record_events(&mut self, _: &[LoginEvent], _: i64) -> Result<Vec<bool>, StoreError> {
        refused()
    }

    fn each_event(
        &self,
        range: Range,
        user: Option<&str>,
        visit: &mut dyn FnMut(LoginEvent),
    ) -> Result<(), StoreError> {
        let user = user.map(str::to_owned);
        self.each(&LoginQuestion::Events { range, user }, visit)
    }

    fn most_events(
        &self,
        kind: LoginKind,
        range: Range,
        most: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        self.all(&LoginQuestion::MostEvents { kind, range, most })
    }

    fn sign_ins(&self, received: Range) -> Result<Vec<(String, String)>, StoreError> {
        self.all(&LoginQuestion::SignIns { received })
    }

    fn own_watch(&mut self, _: &str) -> Result<Option<String>, StoreError> {
        refused()
    }

    fn set_watch_position(&mut self, _: &str, _: &str) -> Result<(), StoreError> {
        refused()
    }

    fn last_event(&self, user: &str, resource: &str) -> Result<Option<LoginEvent>, StoreError> {
        let (user, resource) = (user.to_owned(), resource.to_owned());
        self.first(&LoginQuestion::LastEvent { user, resource })
    }

    fn alive(&self) -> Result<Option<i64>, StoreError> {
        self.first(&LoginQuestion::Alive)
    }

    fn set_alive(&mut self, _: i64) -> Result<(), StoreError> {
        refused()
    }

    fn record_gap(&mut self, _: &Gap) -> Result<(), StoreError> {
        refused()
    }

    fn gaps(&self, range: Range) -> Result<Vec<Gap>, StoreError> {
        self.all(&LoginQuestion::Gaps { range })
    }

    fn replace_gap(&mut self, _: &Gap, _: &[Gap]) -> Result<(), StoreError> {
        refused()
    }

    fn note_asked(&mut self, _: &AskedAgain) -> Result<(), StoreError> {
        refused()
    }

    fn asked_again(&self) -> Result<Vec<AskedAgain>, StoreError> {
        self.all(&LoginQuestion::AskedAgain)
    }

    fn arrived_since(&self, since_ms: i64) -> Result<Vec<Arrival>, StoreError> {
        self.all(&LoginQuestion::Arrived { since_ms })
    }

    fn shapes(&self) -> Result<Vec<Shape>, StoreError> {
        self.all(&LoginQuestion::Shapes)
    }

    fn users(
        &self,
        which: &WhichUsers,
        order: UserOrder,
        after: Option<&UserPlace>,
        most: usize,
    ) -> Result<Vec<KnownUser>, StoreError> {
        let (which, after) = (which.clone(), after.cloned());
        self.all(&LoginQuestion::Users {
            which,
            order,
            after,
            most,
        })
    }

    fn count_users(&self, which: &WhichUsers, up_to: usize) -> Result<usize, StoreError> {
        let which = which.clone();
        let counted = self.first(&LoginQuestion::CountUsers { which, up_to })?;
        Ok(counted.unwrap_or_default())
    }

    fn events_by_hour(&self, range: Range) -> Result<Vec<(i64, LoginKind, u64)>, StoreError> {
        self.all(&LoginQuestion::EventsByHour { range })
    }

    fn forget(&mut self, _: i64) -> Result<Forgotten, StoreError> {
        refused()
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        refused()
    }
}
