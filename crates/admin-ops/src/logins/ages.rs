//! When devices signed in, according to collected events, because the server does not report it.
//!
//! A snapshot proves no age. A device that it sees first may have been online for long, and a device in two
//! snapshots may have left and returned between them.

use std::sync::{Mutex, PoisonError};

use easemob_admin_api::{DeviceId, UnixMillis, UserId};

use crate::logins::store::{LoginEvent, LoginKind, LoginStore};
use crate::select::ages::{Ages, IdStamps};

/// Ages from the last login event of a device, or else from the time stamp in its id.
#[derive(Debug)]
pub struct KnownAges {
    store: Mutex<Box<dyn LoginStore>>,
}

impl KnownAges {
    /// Reads from a store.
    #[must_use]
    pub fn of(store: Box<dyn LoginStore>) -> Self {
        Self {
            store: Mutex::new(store),
        }
    }
}

impl Ages for KnownAges {
    fn age_of(&self, user: &UserId, device: &DeviceId) -> Option<UnixMillis> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        signed_in_at(&**store, user, device)
    }
}

/// Returns when a `device` that is online signed in, as far as `store` or its id shows.
#[must_use]
pub fn signed_in_at(store: &dyn LoginStore, user: &UserId, device: &DeviceId) -> Option<UnixMillis> {
    // If the store cannot be read, the age is what it would be without the store.
    let last = store.last_event(&user.folded(), device.as_str()).ok().flatten();
    sign_in(last.as_ref(), IdStamps.age_of(user, device))
}

/// Decides by the last event of a device that is online, and the time stamp of its id.
fn sign_in(last: Option<&LoginEvent>, stamp: Option<UnixMillis>) -> Option<UnixMillis> {
    match last {
        None => stamp,
        Some(LoginEvent {
            kind: LoginKind::Login,
            at_ms,
            ..
        }) => u64::try_from(*at_ms).ok().map(UnixMillis),
        // It signed out and is online again, so it signed in later, at an unknown time.
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logins::store::memory::MemoryLogins;
    use crate::logins::store::{Position, SeenDevice, UserState};

    fn event(kind: LoginKind, at_ms: i64) -> LoginEvent {
        LoginEvent {
            call_id: format!("{}-{at_ms}", kind.word()),
            user: "ann".into(),
            resource: "ios_1".into(),
            platform: "ios".into(),
            kind,
            at_ms,
            reason: String::new(),
        }
    }

    #[test]
    fn an_event_comes_before_the_stamp_and_whoever_left_since_is_of_unknown_age() {
        let stamp = Some(UnixMillis(50));
        assert_eq!(sign_in(None, stamp), stamp);
        assert_eq!(sign_in(None, None), None);
        assert_eq!(
            sign_in(Some(&event(LoginKind::Login, 70)), stamp),
            Some(UnixMillis(70))
        );
        for gone in [LoginKind::Logout, LoginKind::Replaced] {
            assert_eq!(sign_in(Some(&event(gone, 70)), stamp), None, "{gone:?}");
        }
    }

    #[test]
    fn what_a_snapshot_saw_is_no_sign_in() {
        let mut store = MemoryLogins::default();
        let web = "webim_random_web_1711929600000";
        let device = |resource: &str| SeenDevice {
            resource: resource.into(),
            platform: "any".into(),
            name: None,
            signed_in_ms: None,
        };
        let id = store.begin("all", 1_800_000_000_000).unwrap();
        let online = UserState::Online(vec![device("ios_1"), device("ios_2"), device(web)]);
        store
            .add(
                id,
                &[("ann".into(), online)],
                &Position::default(),
                1_800_000_000_000,
            )
            .unwrap();
        store.record_events(&[event(LoginKind::Login, 70)], 100).unwrap();
        let ages = KnownAges::of(Box::new(store));
        let ann = UserId::parse("ANN").unwrap();
        let age = |id: &str| ages.age_of(&ann, &DeviceId::parse(id).unwrap());
        assert_eq!(age("ios_1"), Some(UnixMillis(70)));
        assert_eq!(age("ios_2"), None);
        assert_eq!(age(web), Some(UnixMillis(1_711_929_600_000)));
    }

    #[test]
    fn a_login_that_was_followed_by_a_logout_makes_nobody_the_oldest() {
        let mut store = MemoryLogins::default();
        let events = [
            event(LoginKind::Login, 1_700),
            event(LoginKind::Logout, 1_710),
            LoginEvent {
                resource: "ios_2".into(),
                ..event(LoginKind::Login, 1_705)
            },
        ];
        store.record_events(&events, 2_000).unwrap();
        let age = |id: &str| {
            signed_in_at(
                &store,
                &UserId::parse("ann").unwrap(),
                &DeviceId::parse(id).unwrap(),
            )
        };
        assert_eq!((age("ios_1"), age("ios_2")), (None, Some(UnixMillis(1_705))));
    }
}
