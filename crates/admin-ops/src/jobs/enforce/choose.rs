//! Chooses the devices that exceed the limits of a policy, user by user, while all users are read. Pure.

use easemob_admin_api::{DeviceId, UserId};

use crate::policy::surplus::{Surplus, Totals, surplus};
use crate::run::item::Planned;
use crate::select::selection::Selection;
use crate::server::calls::{CallError, SeenDevice};

/// The choice so far.
#[derive(Debug)]
pub struct Choosing<'a> {
    selection: &'a Selection,
    /// How many more devices may be chosen; `None` means all that exceed the limits.
    left: Option<u64>,
    /// The totals of what was read and chosen.
    pub totals: Totals,
    /// The number of users with chosen devices.
    pub users_to_log_out: u64,
    /// How many users could not be read.
    pub unread: u64,
    /// With a maximum: the users who could not be read and must be read again.
    pub read_again: Vec<UserId>,
    /// Users with devices that were not chosen because the maximum was reached.
    pub deferred: Vec<UserId>,
}

impl<'a> Choosing<'a> {
    /// Chooses all devices that exceed the limits in `selection`.
    #[must_use]
    pub fn everything(selection: &'a Selection) -> Self {
        Self {
            selection,
            left: None,
            totals: Totals::default(),
            users_to_log_out: 0,
            unread: 0,
            read_again: Vec::new(),
            deferred: Vec::new(),
        }
    }

    /// Chooses at most `most` of them; the caller must handle the users in [`deferred`](Self::deferred) and
    /// [`read_again`](Self::read_again).
    #[must_use]
    pub fn at_most(selection: &'a Selection, most: u64) -> Self {
        Self {
            left: Some(most),
            ..Self::everything(selection)
        }
    }

    /// Adds the devices of a user, and returns the planned change, or `None` if no limit is exceeded.
    ///
    /// No device is chosen for a user who could not be read. Without a maximum, such a user is part of the
    /// run, which reads the user again and reports whether the failure has passed.
    pub fn take(&mut self, user: &UserId, read: Result<Vec<SeenDevice>, CallError>) -> Option<Planned> {
        let devices = match read {
            Ok(devices) => devices,
            // A user who does not exist has no devices, now or later.
            Err(error) if error.not_found && self.left.is_some() => return None,
            Err(_) => {
                self.unread += 1;
                if self.left.is_none() {
                    return Some(Planned::default());
                }
                self.read_again.push(user.clone());
                return None;
            }
        };
        let found = self.as_far_as_allowed(user, surplus(user, &devices, self.selection))?;
        self.totals.count(devices.len(), &found);
        let planned = plan(&devices, &found);
        self.users_to_log_out += u64::from(planned.is_some());
        planned
    }

    /// Returns `found` with the victims that are still allowed, oldest first, or `None` if there are none.
    fn as_far_as_allowed(&mut self, user: &UserId, mut found: Vec<Surplus>) -> Option<Vec<Surplus>> {
        let Some(left) = &mut self.left else {
            return Some(found);
        };
        let victims = |found: &[Surplus]| found.iter().map(|surplus| surplus.victims.len()).sum::<usize>();
        let wanted = victims(&found);
        for surplus in &mut found {
            surplus
                .victims
                .truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= surplus.victims.len() as u64;
        }
        let taken = victims(&found);
        if taken < wanted {
            self.deferred.push(user.clone());
        }
        (taken > 0 || wanted == 0).then_some(found)
    }
}

/// Returns the devices to sign out and those that stay, or `None` if there is nothing to sign out.
fn plan(devices: &[SeenDevice], found: &[Surplus]) -> Option<Planned> {
    let victims = found.iter().flat_map(|surplus| &surplus.victims);
    let end: Vec<DeviceId> = victims.map(|choice| choice.device.id.clone()).collect();
    let stays = |id: &DeviceId| !end.contains(id);
    let keep = devices.iter().map(|device| device.id.clone());
    (!end.is_empty()).then(|| Planned {
        keep: keep.filter(stays).collect(),
        end: end.clone(),
    })
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{DeviceLimits, UnixMillis};

    use super::*;
    use crate::policy::Policy;
    use crate::select::exemptions::Exemptions;
    use crate::select::limits::Limits;
    use crate::select::selection::UnknownAge;

    fn one_on_each_platform() -> Selection {
        let policy = Policy {
            limits: Limits {
                app: DeviceLimits::multi(1),
                users: Vec::new(),
            },
            exempt: Exemptions::default(),
            min_surviving: 0,
            unknown_age: UnknownAge::Keep,
        };
        policy.selection()
    }

    fn devices(web: u64, ios: u64) -> Vec<SeenDevice> {
        let device = |platform: &str, at: u64| SeenDevice {
            id: DeviceId::parse(format!("{platform}_{at}")).unwrap(),
            name: None,
            uuid: None,
            signed_in_at: Some(UnixMillis(at)),
        };
        let web = (0..web).map(|at| device("web", at));
        web.chain((0..ios).map(|at| device("ios", at))).collect()
    }

    fn users() -> [UserId; 4] {
        ["ann", "bob", "eve", "kim"].map(|name| UserId::parse(name).unwrap())
    }

    fn ids(devices: &[DeviceId]) -> Vec<&str> {
        devices.iter().map(DeviceId::as_str).collect()
    }

    #[test]
    fn what_goes_and_what_stays_is_known_of_each_user_who_exceeds() {
        let selection = one_on_each_platform();
        let [ann, bob, ..] = users();
        let mut choosing = Choosing::everything(&selection);
        let planned = choosing.take(&ann, Ok(devices(3, 1))).unwrap();
        assert_eq!(ids(&planned.end), ["web_0", "web_1"]);
        assert_eq!(ids(&planned.keep), ["web_2", "ios_0"]);
        assert_eq!(choosing.take(&bob, Ok(devices(1, 1))), None);
        let totals = Totals {
            users: 2,
            users_over: 1,
            online: 6,
            over: 2,
            victims: 2,
            ..Totals::default()
        };
        assert_eq!((choosing.totals, choosing.users_to_log_out), (totals, 1));
    }

    #[test]
    fn users_are_taken_until_nothing_is_left_and_the_rest_waits() {
        let selection = one_on_each_platform();
        let [ann, bob, eve, kim] = users();
        let mut choosing = Choosing::at_most(&selection, 4);
        let planned = choosing.take(&ann, Ok(devices(3, 1))).unwrap();
        assert_eq!(ids(&planned.end), ["web_0", "web_1"]);
        let planned = choosing.take(&bob, Ok(devices(3, 3))).unwrap();
        assert_eq!(planned.end.len(), 2, "the oldest of somebody who has more");
        assert_eq!(choosing.take(&eve, Ok(devices(2, 0))), None);
        assert_eq!(choosing.take(&kim, Ok(devices(1, 1))), None);
        assert_eq!(choosing.deferred, [bob, eve], "kim exceeds nothing");
        assert_eq!(choosing.totals.users, 3, "eve is looked at another time");
        assert_eq!(choosing.totals.users_over, 2);
        assert_eq!((choosing.totals.victims, choosing.users_to_log_out), (4, 2));
    }

    #[test]
    fn who_could_not_be_read_is_told_by_the_run_or_read_again() {
        let selection = one_on_each_platform();
        let [ann, bob, ..] = users();
        let missing = || CallError {
            not_found: true,
            ..CallError::new("devices.list", "503")
        };
        let mut choosing = Choosing::everything(&selection);
        for error in [CallError::new("devices.list", "503"), missing()] {
            assert_eq!(choosing.take(&ann, Err(error)), Some(Planned::default()));
        }
        assert_eq!((choosing.unread, choosing.read_again.len()), (2, 0));
        let mut choosing = Choosing::at_most(&selection, 4);
        assert_eq!(
            choosing.take(&ann, Err(CallError::new("devices.list", "503"))),
            None
        );
        assert_eq!(choosing.take(&bob, Err(missing())), None);
        assert_eq!((choosing.unread, &choosing.read_again[..]), (1, &[ann][..]));
        assert_eq!(
            (choosing.totals, choosing.users_to_log_out),
            (Totals::default(), 0)
        );
    }
}
