//! Who is known, and what is believed to be online: kept with each scan and event, so that a page of users is found by an index.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LoginEvent, LoginKind, SeenDevice};

/// How long it is remembered that a device signed out, for events that come in another order: the service keeps failed posts for
/// three days.
const LATE_MS: i64 = 3 * 24 * 60 * 60 * 1_000;

/// Devices of one user by platform, and how many users have just these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The number of devices on each platform; none of users who are not online.
    pub platforms: BTreeMap<String, u64>,
    /// How many users.
    pub users: u64,
}

impl Shape {
    /// Reads the word for it that stores keep.
    #[must_use]
    pub fn read(word: &str, users: u64) -> Self {
        Self {
            // Only words of `word` are ever kept.
            platforms: serde_json::from_str(word).unwrap_or_default(),
            users,
        }
    }

    /// Returns the word for it that stores keep.
    #[must_use]
    pub fn word(&self) -> String {
        word(&self.platforms)
    }

    /// Returns how many devices.
    #[must_use]
    pub fn devices(&self) -> u64 {
        self.platforms.values().sum()
    }
}

fn word(platforms: &BTreeMap<String, u64>) -> String {
    serde_json::to_string(platforms).unwrap_or_default()
}

/// Which users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichUsers {
    /// Those with just these devices; all, if there is no such list.
    pub shapes: Option<Vec<Shape>>,
    /// Those whose name begins with this.
    pub begins_with: Option<String>,
    /// Those whose name has this within.
    pub contains: Option<String>,
    /// Those who were seen at or after this time, in milliseconds since 1970.
    pub seen_since_ms: Option<i64>,
}

impl WhichUsers {
    /// Returns whether the number of devices alone decides.
    #[must_use]
    pub fn is_by_shape(&self) -> bool {
        self.begins_with.is_none() && self.contains.is_none() && self.seen_since_ms.is_none()
    }

    /// Returns the names between which those begin that are wanted, from (inclusive) to (exclusive).
    #[must_use]
    pub fn names(&self) -> Option<(String, String)> {
        let from = self.begins_with.clone()?;
        // No name has this character.
        let to = format!("{from}{}", char::MAX);
        Some((from, to))
    }
}

/// The order of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserOrder {
    /// By name.
    #[default]
    User,
    /// Whoever was seen last comes first, then by name.
    LastSeen,
    /// Whoever has the most devices comes first, then by name.
    Devices,
}

/// A user who is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownUser {
    /// The user.
    pub user: String,
    /// The number of devices on each platform that are believed to be online.
    pub platforms: BTreeMap<String, u64>,
    /// When a scan or an event last saw a device, in milliseconds since 1970.
    pub last_seen_ms: i64,
}

impl KnownUser {
    /// Returns how many devices are believed to be online.
    #[must_use]
    pub fn devices(&self) -> u64 {
        self.platforms.values().sum()
    }

    /// Returns the place of this user in every order.
    #[must_use]
    pub fn place(&self) -> UserPlace {
        UserPlace {
            user: self.user.clone(),
            last_seen_ms: self.last_seen_ms,
            devices: self.devices(),
        }
    }
}

/// The place of a user in every order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPlace {
    /// The user.
    pub user: String,
    /// When the user was seen last.
    pub last_seen_ms: i64,
    /// How many devices.
    pub devices: u64,
}

impl UserPlace {
    /// Compares two places.
    #[must_use]
    pub fn compare(&self, other: &Self, order: UserOrder) -> std::cmp::Ordering {
        let by_name = self.user.cmp(&other.user);
        match order {
            UserOrder::User => by_name,
            UserOrder::LastSeen => other.last_seen_ms.cmp(&self.last_seen_ms).then(by_name),
            UserOrder::Devices => other.devices.cmp(&self.devices).then(by_name),
        }
    }
}

/// What is known of one user, as stores keep it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserRecord {
    /// When a scan last read the devices.
    pub read_ms: i64,
    /// When a device was last seen; never, if there is no record.
    pub last_seen_ms: Option<i64>,
    sessions: BTreeMap<String, Session>,
}

/// What was last heard of a device: its platform, when, and whether it is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Session(String, i64, bool);

impl UserRecord {
    /// Reads a record.
    #[must_use]
    pub fn of(read_ms: i64, last_seen_ms: i64, sessions: &str) -> Self {
        Self {
            read_ms,
            last_seen_ms: Some(last_seen_ms),
            // Only what `sessions` writes is ever kept.
            sessions: serde_json::from_str(sessions).unwrap_or_default(),
        }
    }

    /// Returns the devices in the form that is kept.
    #[must_use]
    pub fn sessions(&self) -> String {
        serde_json::to_string(&self.sessions).unwrap_or_default()
    }

    /// Returns how many devices are online by platform.
    #[must_use]
    pub fn platforms(&self) -> BTreeMap<String, u64> {
        let mut platforms = BTreeMap::new();
        for Session(platform, _, is_online) in self.sessions.values() {
            if *is_online {
                *platforms.entry(platform.clone()).or_default() += 1;
            }
        }
        platforms
    }

    /// Returns the word for the devices that are online.
    #[must_use]
    pub fn shape(&self) -> String {
        word(&self.platforms())
    }

    /// A scan read these devices. What is known from a later time stays.
    pub fn read(&mut self, devices: &[SeenDevice], at_ms: i64) {
        if at_ms < self.read_ms {
            return;
        }
        self.read_ms = at_ms;
        self.sessions
            .retain(|_, Session(_, known_ms, _)| *known_ms > at_ms);
        for device in devices {
            self.sessions
                .entry(device.resource.clone())
                .or_insert_with(|| Session(device.platform.clone(), at_ms, true));
            self.last_seen_ms = self.last_seen_ms.max(Some(at_ms));
        }
    }

    /// A device signed in or out. Of two events in one millisecond, the one that is no sign-in is believed.
    pub fn happened(&mut self, event: &LoginEvent) {
        self.last_seen_ms = self.last_seen_ms.max(Some(event.at_ms));
        if event.at_ms < self.read_ms {
            return;
        }
        let now = Session(
            event.platform.clone(),
            event.at_ms,
            event.kind == LoginKind::Login,
        );
        let known = self.sessions.get(&event.resource);
        if known.is_none_or(|known| (known.1, !known.2) < (now.1, !now.2)) {
            self.sessions.insert(event.resource.clone(), now);
        }
        let newest = self.sessions.values().map(|session| session.1).max();
        let old = newest.unwrap_or_default().saturating_sub(LATE_MS);
        self.sessions
            .retain(|_, Session(_, known_ms, is_online)| *is_online || *known_ms >= old);
    }
}

/// Returns the users of whom a scan found out what devices they have.
pub fn read_by_scan(users: &[(String, super::UserState)]) -> impl Iterator<Item = (&str, &[SeenDevice])> {
    use super::UserState::{Changed, Failed, Offline, Online, Unknown};
    users.iter().filter_map(|(user, state)| match state {
        Offline | Changed => Some((user.as_str(), &[][..])),
        Online(devices) => Some((user.as_str(), devices.as_slice())),
        Unknown(_) | Failed(_) => None,
    })
}

/// What happens to the records of users, gathered for a store that reads and writes many at once.
#[derive(Debug, Default)]
pub struct Directory {
    records: BTreeMap<String, Kept>,
}

#[derive(Debug)]
struct Kept {
    record: UserRecord,
    /// The shape that counts for the user in the store; none without a record there.
    counted: Option<String>,
}

/// A record as a store writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenRecord {
    /// The user.
    pub user: String,
    /// When a scan last read the devices.
    pub read_ms: i64,
    /// When a device was last seen.
    pub last_seen_ms: i64,
    /// The devices.
    pub sessions: String,
    /// The word for the devices that are online.
    pub shape: String,
}

impl Directory {
    /// Takes the record of a user from the store, with the shape that counts there.
    pub fn take(&mut self, user: String, record: UserRecord, shape: String) {
        let counted = Some(shape);
        self.records.insert(user, Kept { record, counted });
    }

    fn record(&mut self, user: &str, read_ms: i64) -> &mut UserRecord {
        let kept = self.records.entry(user.to_owned()).or_insert_with(|| Kept {
            record: UserRecord {
                read_ms,
                ..UserRecord::default()
            },
            counted: None,
        });
        &mut kept.record
    }

    /// A scan read the devices of users.
    pub fn read(&mut self, users: &[(String, super::UserState)], at_ms: i64) {
        for (user, devices) in read_by_scan(users) {
            if self.records.contains_key(user) || !devices.is_empty() {
                self.record(user, 0).read(devices, at_ms);
            }
        }
    }

    /// Events happened that are new. Whoever has no record was not online when the last complete scan began.
    pub fn happened<'a>(&mut self, events: impl IntoIterator<Item = &'a LoginEvent>, scan_began_ms: i64) {
        for event in events {
            self.record(&event.user, scan_began_ms).happened(event);
        }
    }

    /// Returns what is to be written, by user, and by how many users each shape changes.
    #[must_use]
    pub fn written(self) -> (Vec<WrittenRecord>, BTreeMap<String, i64>) {
        let (mut records, mut changes) = (Vec::new(), BTreeMap::<String, i64>::new());
        for (user, Kept { record, counted }) in self.records {
            let Some(last_seen_ms) = record.last_seen_ms else {
                continue;
            };
            let shape = record.shape();
            if counted.as_ref() != Some(&shape) {
                *changes.entry(shape.clone()).or_default() += 1;
                if let Some(counted) = counted {
                    *changes.entry(counted).or_default() -= 1;
                }
            }
            records.push(WrittenRecord {
                user,
                read_ms: record.read_ms,
                last_seen_ms,
                sessions: record.sessions(),
                shape,
            });
        }
        changes.retain(|_, change| *change != 0);
        (records, changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(resource: &str) -> SeenDevice {
        SeenDevice {
            resource: resource.into(),
            platform: resource.split('_').next().unwrap().into(),
            name: None,
            signed_in_ms: None,
        }
    }

    fn event(kind: LoginKind, resource: &str, at_ms: i64) -> LoginEvent {
        LoginEvent {
            call_id: String::new(),
            user: "ann".into(),
            resource: resource.into(),
            platform: device(resource).platform,
            kind,
            at_ms,
            reason: String::new(),
        }
    }

    #[test]
    fn the_newest_word_about_a_device_counts() {
        use LoginKind::{Login, Replaced};
        let mut record = UserRecord::default();
        record.read(&[device("ios_1"), device("web_1")], 100);
        assert_eq!(record.shape(), r#"{"ios":1,"web":1}"#);
        // It came late: the scan has seen more.
        record.happened(&event(Replaced, "ios_1", 99));
        assert_eq!(record.shape(), r#"{"ios":1,"web":1}"#);
        record.happened(&event(Login, "ios_2", 101));
        record.happened(&event(Replaced, "ios_1", 101));
        record.happened(&event(Login, "ios_1", 101));
        assert_eq!(
            record.shape(),
            r#"{"ios":1,"web":1}"#,
            "in doubt it is not online"
        );
        // A scan that read before the events knows less of these devices.
        record.read(&[device("ios_1"), device("web_1")], 100);
        assert_eq!(record.shape(), r#"{"ios":1,"web":1}"#);
        record.read(&[], 200);
        assert_eq!((record.shape().as_str(), record.last_seen_ms), ("{}", Some(101)));
        let kept = UserRecord::of(200, 101, &record.sessions());
        assert_eq!(kept, record);
    }

    #[test]
    fn sign_outs_are_forgotten_when_none_comes_late_any_more() {
        let mut record = UserRecord::default();
        for number in 0..10 {
            let at_ms = number * LATE_MS;
            let resource = format!("web_{number}");
            record.happened(&event(LoginKind::Login, &resource, at_ms));
            record.happened(&event(LoginKind::Logout, &resource, at_ms + 1));
        }
        assert!(record.sessions.len() <= 2, "{record:?}");
    }

    #[test]
    fn a_shape_is_read_as_it_was_written() {
        let shape = Shape {
            platforms: [("ios".to_owned(), 2), ("a\"b".to_owned(), 1)].into(),
            users: 3,
        };
        assert_eq!(Shape::read(&shape.word(), 3), shape);
    }
}
