//! Finds the users with the most devices.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::logins::store::{LoginKind, LoginStore, Range, SeenDevice, Snapshot, StoreError};

/// A user with devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: String,
    /// The number of devices.
    pub devices: u64,
    /// The number of devices on each platform.
    pub platforms: BTreeMap<String, u64>,
}

/// The number of devices, their user (the last name first), and the number on each platform.
type Ranked = (u64, Reverse<String>, BTreeMap<String, u64>);

/// Finds the users with the most devices; devices arrive user by user, and only the wanted number of users is
/// stored.
#[derive(Debug)]
pub struct Ranking {
    most: usize,
    over: u64,
    user: String,
    platforms: BTreeMap<String, u64>,
    /// The top users, with the smallest to be removed first.
    heap: BinaryHeap<Reverse<Ranked>>,
}

impl Ranking {
    /// Finds at most `most` users with more than `over` devices.
    #[must_use]
    pub fn new(most: usize, over: u64) -> Self {
        Self {
            most,
            over,
            user: String::new(),
            platforms: BTreeMap::new(),
            heap: BinaryHeap::new(),
        }
    }

    /// Adds the next device.
    pub fn add(&mut self, user: &str, device: &SeenDevice) {
        if user != self.user {
            self.settle();
            user.clone_into(&mut self.user);
        }
        *self.platforms.entry(device.platform.clone()).or_default() += 1;
    }

    fn settle(&mut self) {
        let platforms = std::mem::take(&mut self.platforms);
        let devices = platforms.values().sum();
        if devices > self.over {
            let user = std::mem::take(&mut self.user);
            self.heap.push(Reverse((devices, Reverse(user), platforms)));
            if self.heap.len() > self.most {
                self.heap.pop();
            }
        }
    }

    /// Returns the users, the most devices first, then by name.
    #[must_use]
    pub fn finish(mut self) -> Vec<Holder> {
        self.settle();
        let sorted = self.heap.into_sorted_vec();
        let holder = |Reverse((devices, Reverse(user), platforms))| Holder {
            user,
            devices,
            platforms,
        };
        sorted.into_iter().map(holder).collect()
    }
}

/// Returns at most `most` users of a snapshot with more than `over` devices.
///
/// # Errors
/// When the store cannot be read.
pub fn by_devices(
    store: &dyn LoginStore,
    snapshot: &Snapshot,
    most: usize,
    over: u64,
) -> Result<Vec<Holder>, StoreError> {
    let mut ranking = Ranking::new(most, over);
    store.each_device(snapshot.id, &mut |user, device| ranking.add(user, &device))?;
    Ok(ranking.finish())
}

/// Returns at most `most` users with more than `over` events of a kind.
///
/// # Errors
/// When the store cannot be read.
pub fn by_events(
    store: &dyn LoginStore,
    kind: LoginKind,
    range: Range,
    most: usize,
    over: u64,
) -> Result<Vec<(String, u64)>, StoreError> {
    let mut users = store.most_events(kind, range, most)?;
    users.retain(|(_, count)| *count > over);
    Ok(users)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(devices: &[u64], most: usize, over: u64) -> Vec<(String, u64)> {
        let mut ranking = Ranking::new(most, over);
        let device = SeenDevice {
            resource: "x".into(),
            platform: "ios".into(),
            name: None,
            signed_in_ms: None,
        };
        for (user, count) in devices.iter().enumerate() {
            for _ in 0..*count {
                ranking.add(&format!("user{user:02}"), &device);
            }
        }
        let ranked = ranking.finish();
        ranked.into_iter().map(|one| (one.user, one.devices)).collect()
    }

    proptest! {
        #[test]
        fn they_are_the_first_of_all_sorted(devices in proptest::collection::vec(0_u64..6, 0..30), most in 0_usize..10) {
            let mut all = rank(&devices, usize::MAX, 0);
            let mut sorted = all.clone();
            sorted.sort_by(|one, other| (Reverse(one.1), &one.0).cmp(&(Reverse(other.1), &other.0)));
            prop_assert_eq!(&all, &sorted);
            all.truncate(most);
            prop_assert_eq!(rank(&devices, most, 0), all);
        }
    }

    #[test]
    fn who_does_not_exceed_is_left_out() {
        assert_eq!(rank(&[4, 5, 4], 9, 4), [("user01".to_owned(), 5)]);
    }
}
