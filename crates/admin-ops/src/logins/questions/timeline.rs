//! What is known of one user, in the order in which it happened.

use crate::logins::store::{KnownDevice, LoginEvent, LoginStore, Range, StoreError};

/// Something that is known to have happened at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What: the word of an event, `first_seen` or `last_seen`.
    pub event: &'static str,
    /// The device.
    pub resource: String,
    /// Its platform.
    pub platform: String,
    /// The reason of an event, or the name of a device.
    pub detail: String,
}

impl Moment {
    fn of_event(event: LoginEvent) -> Self {
        Self {
            at_ms: event.at_ms,
            event: event.kind.word(),
            resource: event.resource,
            platform: event.platform,
            detail: event.reason,
        }
    }

    fn of_device(known: KnownDevice) -> [Self; 2] {
        let first = Self {
            at_ms: known.first_seen_ms,
            event: "first_seen",
            resource: known.resource,
            platform: known.platform,
            detail: known.name.unwrap_or_default(),
        };
        let last = Self {
            at_ms: known.last_seen_ms,
            event: "last_seen",
            ..first.clone()
        };
        [first, last]
    }
}

/// Returns what is known of a user in a time: events, and when snapshots saw each device first and last. Names are in lower case.
///
/// # Errors
/// When the store cannot be read.
pub fn timeline(store: &dyn LoginStore, user: &str, range: Range) -> Result<Vec<Moment>, StoreError> {
    let mut moments = Vec::new();
    store.each_event(range, Some(user), &mut |event| {
        moments.push(Moment::of_event(event));
    })?;
    let devices = store.known_devices(user)?.into_iter();
    moments.extend(devices.flat_map(Moment::of_device));
    moments.retain(|moment| range.contains(moment.at_ms));
    moments.sort_by_key(|moment| moment.at_ms);
    Ok(moments)
}
