//! How many users have how many devices.

use std::collections::BTreeMap;

use crate::logins::store::{LoginStore, SeenDevice, Snapshot, StoreError};
use crate::names::{Kind, Unclear, check};
use crate::select::pattern::Pattern;

/// A name for the devices whose own name matches a pattern.
#[derive(Debug, Clone)]
pub struct Label {
    /// The name of the group.
    pub name: String,
    /// The pattern for the device's name.
    pub pattern: Pattern,
}

/// Why a text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLabel {
    /// It lacks a name or a pattern.
    #[error("give a name and a pattern, such as kiosk=Kiosk*")]
    Incomplete,
    /// The pattern could match nothing.
    #[error(transparent)]
    Unclear(#[from] Unclear),
}

impl Label {
    /// Reads `NAME=PATTERN`.
    ///
    /// # Errors
    /// When one of them is missing, or the pattern could match nothing.
    pub fn parse(text: &str) -> Result<Self, NoLabel> {
        match text.split_once('=') {
            Some((name, pattern)) if !name.is_empty() && !pattern.is_empty() => {
                check(pattern, Kind::DeviceName)?;
                Ok(Self {
                    name: name.to_owned(),
                    pattern: Pattern::from(pattern),
                })
            }
            _ => Err(NoLabel::Incomplete),
        }
    }
}

/// What to count devices by.
#[derive(Debug, Clone)]
pub enum By {
    /// Their platform.
    Platform,
    /// The number of devices of their user.
    Devices,
    /// The first label that matches; `other` if none does.
    Label(Vec<Label>),
}

/// One group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Group {
    /// Users with at least one device in it.
    pub users: u64,
    /// Devices in it.
    pub devices: u64,
}

/// Counts devices that arrive user by user.
#[derive(Debug)]
pub struct Counting {
    by: By,
    /// The most devices on one platform that are allowed.
    most: u64,
    user: String,
    on_platform: BTreeMap<String, u64>,
    in_group: BTreeMap<String, u64>,
    groups: BTreeMap<String, Group>,
    /// The groups of [`By::Devices`], in numeric order.
    numbers: BTreeMap<u64, Group>,
    exceeding: u64,
}

impl Counting {
    /// Starts to count; a user with more than `most` devices on one platform exceeds.
    #[must_use]
    pub fn new(by: By, most: Option<u64>) -> Self {
        Self {
            by,
            most: most.unwrap_or(u64::MAX),
            user: String::new(),
            on_platform: BTreeMap::new(),
            in_group: BTreeMap::new(),
            groups: BTreeMap::new(),
            numbers: BTreeMap::new(),
            exceeding: 0,
        }
    }

    /// Adds the next device; the devices of one user must arrive together.
    pub fn add(&mut self, user: &str, device: &SeenDevice) {
        if user != self.user {
            self.settle();
            user.clone_into(&mut self.user);
        }
        if let By::Label(labels) = &self.by {
            let name = device.name.as_deref().unwrap_or_default();
            let label = labels.iter().find(|label| label.pattern.matches(name));
            let label = label.map_or("other", |label| label.name.as_str());
            *self.in_group.entry(label.to_owned()).or_default() += 1;
        }
        *self.on_platform.entry(device.platform.clone()).or_default() += 1;
    }

    /// Counts the user whose devices have all arrived.
    fn settle(&mut self) {
        let on_platform = std::mem::take(&mut self.on_platform);
        if on_platform.is_empty() {
            return;
        }
        self.exceeding += u64::from(on_platform.values().any(|devices| *devices > self.most));
        let groups = match self.by {
            By::Devices => {
                let devices = on_platform.values().sum();
                let number = self.numbers.entry(devices).or_default();
                number.users += 1;
                number.devices += devices;
                return;
            }
            By::Platform => on_platform,
            By::Label(_) => std::mem::take(&mut self.in_group),
        };
        for (group, devices) in groups {
            let group = self.groups.entry(group).or_default();
            group.users += 1;
            group.devices += devices;
        }
    }

    /// Returns the groups in their order, and how many users exceed.
    #[must_use]
    pub fn finish(mut self) -> (Vec<(String, Group)>, u64) {
        self.settle();
        let numbers = self.numbers.into_iter();
        let numbers = numbers.map(|(devices, group)| (devices.to_string(), group));
        (numbers.chain(self.groups).collect(), self.exceeding)
    }
}

/// Counts the devices of a snapshot, and the users with more than `most` of them on one platform. Users without a device are counted
/// in it, not kept one by one.
///
/// # Errors
/// When the store cannot be read.
pub fn of_snapshot(
    store: &dyn LoginStore,
    snapshot: &Snapshot,
    by: By,
    most: Option<u64>,
) -> Result<(Vec<(String, Group)>, u64), StoreError> {
    let none = Group {
        users: snapshot.counts.offline + snapshot.counts.changed,
        devices: 0,
    };
    let mut groups = Vec::new();
    if matches!(by, By::Devices) && none.users > 0 {
        groups.push(("0".to_owned(), none));
    }
    let mut counting = Counting::new(by, most);
    store.each_device(snapshot.id, &mut |user, device| counting.add(user, &device))?;
    let (counted, exceeding) = counting.finish();
    groups.extend(counted);
    Ok((groups, exceeding))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(by: By, most: Option<u64>) -> (Vec<(String, Group)>, u64) {
        let mut counting = Counting::new(by, most);
        for (user, platform, name) in [
            ("ann", "ios", "Kiosk 1"),
            ("ann", "ios", "Kiosk 2"),
            ("ann", "web", "webim"),
            ("bob", "web", "webim"),
        ] {
            let device = SeenDevice {
                resource: "x".into(),
                platform: platform.into(),
                name: Some(name.into()),
                signed_in_ms: None,
            };
            counting.add(user, &device);
        }
        counting.finish()
    }

    fn group(name: &str, users: u64, devices: u64) -> (String, Group) {
        (name.into(), Group { users, devices })
    }

    #[test]
    fn users_are_counted_once_per_group() {
        let (groups, exceeding) = count(By::Platform, Some(1));
        assert_eq!(groups, [group("ios", 1, 2), group("web", 2, 2)]);
        assert_eq!(exceeding, 1);
        let (groups, exceeding) = count(By::Devices, Some(2));
        assert_eq!(groups, [group("1", 1, 1), group("3", 1, 3)]);
        assert_eq!(exceeding, 0);
        let kiosks = Label {
            name: "kiosk".into(),
            pattern: "Kiosk*".into(),
        };
        let (groups, _) = count(By::Label(vec![kiosks]), None);
        assert_eq!(groups, [group("kiosk", 1, 2), group("other", 2, 2)]);
    }

    #[test]
    fn nobody_is_no_group() {
        assert_eq!(Counting::new(By::Devices, Some(0)).finish(), (Vec::new(), 0));
    }
}
