//! When devices signed in, by what was collected and scanned: the server does not tell.

use std::sync::{Mutex, PoisonError};

use easemob_admin_api::{DeviceId, UnixMillis, UserId};

use super::store::LoginStore;
use super::store::sqlite::SqliteStore;
use crate::bulk::ages::{Ages, IdStamps};

/// The last login event of a device; or else when a snapshot saw it first; or else the stamp inside its id.
#[derive(Debug)]
pub struct KnownAges {
    store: Mutex<SqliteStore>,
}

impl KnownAges {
    /// Asks a store.
    #[must_use]
    pub fn of(store: SqliteStore) -> Self {
        Self {
            store: Mutex::new(store),
        }
    }
}

impl Ages for KnownAges {
    fn age_of(&self, user: &UserId, device: &DeviceId) -> Option<UnixMillis> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        // A store that cannot be read knows nothing: then a device is as young or as unknown as without it.
        let known = store.signed_in_ms(&user.folded(), &device.to_string());
        let known = known.ok().flatten().and_then(|millis| u64::try_from(millis).ok());
        known.map(UnixMillis).or_else(|| IdStamps.age_of(user, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logins::store::{LoginEvent, LoginKind, Position, SeenDevice, UserState};

    #[test]
    fn events_come_before_snapshots_and_those_before_stamps() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&directory.path().join("app.sqlite")).unwrap();
        let device = |resource: &str| SeenDevice {
            resource: resource.into(),
            platform: "ios".into(),
            name: None,
            signed_in_ms: None,
        };
        let id = store.begin("all", 100).unwrap();
        let online = UserState::Online(vec![device("ios_1"), device("ios_2")]);
        store
            .add(id, &[("ann".into(), online)], &Position::default(), 100)
            .unwrap();
        let login = LoginEvent {
            call_id: "1".into(),
            user: "ann".into(),
            resource: "ios_1".into(),
            platform: "ios".into(),
            kind: LoginKind::Login,
            at_ms: 70,
            reason: String::new(),
        };
        store.record_events(&[login], 100).unwrap();
        let ages = KnownAges::of(store);
        let ann = UserId::parse("ANN").unwrap();
        let age = |id: &str| ages.age_of(&ann, &DeviceId::parse(id).unwrap());
        assert_eq!(age("ios_1"), Some(UnixMillis(70)));
        assert_eq!(age("ios_2"), Some(UnixMillis(100)));
        let stamped = age("webim_random_web_1711929600000");
        assert_eq!(stamped, Some(UnixMillis(1_711_929_600_000)));
        assert_eq!(age("ios_3"), None);
    }
}
