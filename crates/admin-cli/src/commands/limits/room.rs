//! How much `limits enforce --watch` may still end within the hour, and whom it has to come back to. Pure.

use easemob_admin_api::UserId;
use easemob_admin_ops::policy::surplus::Surplus;

/// The logouts that are left, taken by one user after the other.
#[derive(Debug, Default)]
pub(super) struct Room {
    left: u64,
    /// Users with devices that go as soon as there is room again.
    pub(super) deferred: Vec<String>,
    /// Users that could not be read.
    pub(super) unread: Vec<String>,
}

impl Room {
    /// Room for so many devices.
    pub(super) fn of(left: u64) -> Self {
        Self {
            left,
            ..Self::default()
        }
    }

    /// Returns `found` with those victims that there is room for, the oldest first; nothing if there is none.
    pub(super) fn take(&mut self, user: &UserId, mut found: Vec<Surplus>) -> Option<Vec<Surplus>> {
        let victims = |found: &[Surplus]| found.iter().map(|surplus| surplus.victims.len()).sum::<usize>();
        let wanted = victims(&found);
        for surplus in &mut found {
            surplus
                .victims
                .truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= surplus.victims.len() as u64;
        }
        let taken = victims(&found);
        if taken < wanted {
            self.deferred.push(user.to_string());
        }
        (taken > 0 || wanted == 0).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{DeviceId, DeviceLimits, UnixMillis};

    use super::*;
    use easemob_admin_ops::policy::Policy;
    use easemob_admin_ops::policy::surplus::surplus;
    use easemob_admin_ops::select::exemptions::Exemptions;
    use easemob_admin_ops::select::limits::Limits;
    use easemob_admin_ops::select::selection::UnknownAge;
    use easemob_admin_ops::server::calls::SeenDevice;

    fn found(user: &UserId, web: u64, ios: u64) -> Vec<Surplus> {
        let device = |platform: &str, at: u64| SeenDevice {
            id: DeviceId::parse(format!("{platform}_{at}")).unwrap(),
            name: None,
            uuid: None,
            signed_in_at: Some(UnixMillis(at)),
        };
        let devices: Vec<_> = (0..web)
            .map(|at| device("web", at))
            .chain((0..ios).map(|at| device("ios", at)))
            .collect();
        let policy = Policy {
            limits: Limits {
                app: DeviceLimits::multi(1),
                users: Vec::new(),
            },
            exempt: Exemptions::default(),
            min_surviving: 0,
            unknown_age: UnknownAge::Keep,
        };
        surplus(user, &devices, &policy.selection())
    }

    fn ids(found: &[Surplus]) -> Vec<String> {
        let victims = found.iter().flat_map(|surplus| &surplus.victims);
        victims.map(|choice| choice.device.id.to_string()).collect()
    }

    #[test]
    fn users_are_taken_until_nothing_is_left_and_the_rest_waits() {
        let user = |name: &str| UserId::parse(name).unwrap();
        let [ann, bob, eve, kim] = ["ann", "bob", "eve", "kim"].map(user);
        let mut room = Room::of(4);
        let taken = room.take(&ann, found(&ann, 3, 1)).unwrap();
        assert_eq!(ids(&taken), ["web_0", "web_1"]);
        let taken = room.take(&bob, found(&bob, 3, 3)).unwrap();
        assert_eq!(ids(&taken).len(), 2, "the oldest of somebody who has more");
        assert_eq!(room.take(&eve, found(&eve, 2, 0)), None);
        assert_eq!(
            room.take(&kim, found(&kim, 1, 1)),
            Some(vec![]),
            "whoever exceeds nothing is done"
        );
        assert_eq!(room.deferred, ["bob", "eve"]);
    }
}
