//! The rows of a comparison of users with a policy.

use easemob_admin_api::{DeviceId, UserId};
use serde::Serialize;

use crate::logins::ages::signed_in_at;
use crate::logins::store::{LoginStore, NotKnown, SeenDevice as StoredDevice, SnapshotId, StoreError};
use crate::policy::surplus::{Surplus, Totals, surplus};
use crate::run::item::Item;
use crate::select::limits::Group;
use crate::select::selection::{Choice, Selection};
use crate::server::calls::{CallError, SeenDevice};

/// A group of devices of one user that exceeds its limit, or a user who could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedRow {
    /// The line of the user in the list.
    pub line: u64,
    /// The user.
    pub user: String,
    /// `exceeds`, or why the user could not be compared.
    pub outcome: &'static str,
    /// The platform; `None` if all devices share one limit.
    pub platform: Option<String>,
    /// How many devices are online and counted.
    pub online: Option<usize>,
    /// How many are allowed.
    pub limit: Option<usize>,
    /// How many are over the limit.
    pub over: Option<usize>,
    /// The devices that an enforcement would sign out.
    pub would_end: Vec<String>,
    /// Those of them whose age is unknown.
    pub of_unknown_age: Vec<String>,
    /// How many over the limit would stay.
    pub undecided: Option<usize>,
    /// Why they would.
    pub why: Option<String>,
    /// The call that failed.
    pub call: Option<&'static str>,
    /// The failure.
    pub error: Option<String>,
    /// Whether repeating may help.
    pub retry_may_help: Option<bool>,
}

impl ComparedRow {
    /// A row of a user of whom nothing more is known.
    #[must_use]
    pub fn new(item: &Item, outcome: &'static str) -> Self {
        Self {
            line: item.line,
            user: item.user.to_string(),
            outcome,
            platform: None,
            online: None,
            limit: None,
            over: None,
            would_end: Vec::new(),
            of_unknown_age: Vec::new(),
            undecided: None,
            why: None,
            call: None,
            error: None,
            retry_may_help: None,
        }
    }

    fn exceeds(item: &Item, surplus: &Surplus) -> Self {
        let ids = |choices: &mut dyn Iterator<Item = &Choice>| {
            choices.map(|choice| choice.device.id.to_string()).collect()
        };
        let unknown = |choice: &&Choice| choice.device.signed_in_at.is_none();
        Self {
            platform: match &surplus.group {
                Group::Platform(platform) => Some(platform.to_string()),
                Group::InAll => None,
            },
            online: Some(surplus.online),
            limit: Some(surplus.limit),
            over: Some(surplus.over()),
            would_end: ids(&mut surplus.victims.iter()),
            of_unknown_age: ids(&mut surplus.victims.iter().filter(unknown)),
            undecided: Some(surplus.undecided()),
            why: (surplus.undecided() > 0).then(|| reasons(&surplus.spared)),
            ..Self::new(item, "exceeds")
        }
    }

    /// A row of a user whose devices could not be read.
    #[must_use]
    pub fn failed(item: &Item, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            retry_may_help: Some(error.retry_may_help),
            ..Self::new(item, error.outcome().as_str())
        }
    }

    /// A row of a user whose devices a scan could not read.
    #[must_use]
    pub fn not_known(item: &Item, why: &str) -> Self {
        Self {
            error: Some(why.into()),
            retry_may_help: Some(true),
            ..Self::new(item, "failed")
        }
    }
}

/// Returns the reasons why devices stay, without duplicates.
fn reasons(spared: &[Choice]) -> String {
    let mut reasons: Vec<&str> = spared.iter().map(|choice| choice.why.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join("; ")
}

/// Compares the devices of a user with the limits of a policy, and counts them.
#[must_use]
pub fn compare(
    item: &Item,
    devices: &[SeenDevice],
    selection: &Selection,
    totals: &mut Totals,
) -> (Vec<ComparedRow>, Vec<Surplus>) {
    let found = surplus(&item.user, devices, selection);
    totals.count(devices.len(), &found);
    let rows = found.iter().map(|surplus| ComparedRow::exceeds(item, surplus));
    (rows.collect(), found)
}

/// What a snapshot has of a user.
pub type Stored = Result<Vec<SeenDevice>, NotKnown>;

/// Visits the users of a snapshot: first those with devices, then those whose devices are not known.
///
/// # Errors
/// When the store cannot be read.
pub fn each_stored(
    store: &dyn LoginStore,
    snapshot: SnapshotId,
    visit: &mut dyn FnMut(&Item, Stored),
) -> Result<(), StoreError> {
    let mut line = 0;
    let mut show = |user: &str, stored: Stored| {
        if let Ok(user) = UserId::parse(user) {
            line += 1;
            visit(&Item::new(line - 1, line, user), stored);
        }
    };
    let (mut user, mut devices) = (String::new(), Vec::new());
    store.each_device(snapshot, &mut |owner, device| {
        if owner != user {
            if !devices.is_empty() {
                show(&user, Ok(std::mem::take(&mut devices)));
            }
            owner.clone_into(&mut user);
        }
        devices.extend(seen(store, owner, device));
    })?;
    if !devices.is_empty() {
        show(&user, Ok(devices));
    }
    store.each_not_known(snapshot, &mut |not_known| {
        show(&not_known.user.clone(), Err(not_known));
    })
}

/// Returns a stored device as a device list would have shown it; `None` if its id or the user name is not
/// valid.
fn seen(store: &dyn LoginStore, user: &str, device: StoredDevice) -> Option<SeenDevice> {
    let id = DeviceId::parse(device.resource).ok()?;
    let user = UserId::parse(user).ok()?;
    Some(SeenDevice {
        signed_in_at: signed_in_at(store, &user, &id),
        id,
        name: device.name,
        uuid: None,
    })
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{DeviceLimits, UnixMillis};

    use super::*;
    use crate::logins::store::memory::MemoryLoginStores;
    use crate::logins::store::{LoginStores as _, Position, UserState};
    use crate::policy::Policy;
    use crate::select::exemptions::Exemptions;
    use crate::select::limits::Limits;
    use crate::select::selection::UnknownAge;

    fn item() -> Item {
        Item::new(6, 7, UserId::parse("ann").unwrap())
    }

    /// Compares one device whose age is known and two others with these limits.
    fn compared(limits: DeviceLimits, unknown_age: UnknownAge) -> (Vec<ComparedRow>, Totals) {
        let policy = Policy {
            limits: Limits {
                app: limits,
                users: Vec::new(),
            },
            exempt: Exemptions::default(),
            min_surviving: 0,
            unknown_age,
        };
        let device = |(id, at): (&str, Option<u64>)| SeenDevice {
            id: DeviceId::parse(id).unwrap(),
            name: None,
            uuid: None,
            signed_in_at: at.map(UnixMillis),
        };
        let devices = [("web_a", Some(3)), ("web_b", None), ("web_c", None)].map(device);
        let mut totals = Totals::default();
        let (rows, found) = compare(&item(), &devices, &policy.selection(), &mut totals);
        assert_eq!(rows.len(), found.len());
        (rows, totals)
    }

    #[test]
    fn a_row_says_what_would_go_and_why_the_rest_stays() {
        let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let exceeds = ComparedRow {
            platform: Some("web".into()),
            online: Some(3),
            limit: Some(1),
            over: Some(2),
            ..ComparedRow::new(&item(), "exceeds")
        };
        let (rows, totals) = compared(DeviceLimits::multi(1), UnknownAge::Keep);
        let stays = ComparedRow {
            undecided: Some(2),
            why: Some("age unknown, so it stays; one of the newest 1 on web".into()),
            ..exceeds.clone()
        };
        assert_eq!(rows, [stays]);
        assert_eq!((totals.users, totals.undecided), (1, 2));

        let (mut rows, _) = compared(DeviceLimits::multi(1), UnknownAge::Oldest);
        rows[0].would_end.sort();
        rows[0].of_unknown_age.sort();
        let goes = ComparedRow {
            would_end: ids(&["web_b", "web_c"]),
            of_unknown_age: ids(&["web_b", "web_c"]),
            undecided: Some(0),
            ..exceeds
        };
        assert_eq!(rows, [goes]);

        let (rows, _) = compared(DeviceLimits::single(), UnknownAge::Keep);
        assert_eq!((&rows[0].platform, rows[0].over), (&None, Some(2)));
        let (rows, totals) = compared(DeviceLimits::multi(3), UnknownAge::Keep);
        assert_eq!((rows, totals.users, totals.online), (vec![], 1, 3));
    }

    #[test]
    fn a_user_who_could_not_be_read_has_a_row_with_the_failure() {
        let busy = CallError::new("devices.list", "busy");
        let expected = ComparedRow {
            call: Some("devices.list"),
            error: Some("busy".into()),
            retry_may_help: Some(true),
            ..ComparedRow::new(&item(), "failed")
        };
        assert_eq!(ComparedRow::failed(&item(), &busy), expected);
        let stored = ComparedRow::not_known(&item(), "busy");
        assert_eq!(
            stored,
            ComparedRow {
                call: None,
                ..expected
            }
        );
        assert_eq!((stored.line, stored.user.as_str()), (7, "ann"));
    }

    #[test]
    fn each_user_of_a_snapshot_is_shown_once_with_all_devices() {
        let mut store = MemoryLoginStores::default().of("prod").unwrap();
        let snapshot = store.begin("all", 100).unwrap();
        let device = |resource: &str| StoredDevice {
            resource: resource.into(),
            platform: "ios".into(),
            name: Some("phone".into()),
            signed_in_ms: None,
        };
        let users = [
            ("pat", UserState::Offline),
            ("ann", UserState::Online(vec![device("ios_1"), device("ios_2")])),
            ("bob", UserState::Online(vec![device("ios_3")])),
            ("eve", UserState::Failed("busy".into())),
        ];
        let users = users.map(|(user, state)| (user.to_owned(), state));
        store.add(snapshot, &users, &Position::default(), 110).unwrap();
        let mut shown = Vec::new();
        each_stored(&*store, snapshot, &mut |item, stored| {
            let devices = stored.map(|devices| {
                assert!(
                    devices
                        .iter()
                        .all(|device| device.name.as_deref() == Some("phone"))
                );
                devices
                    .iter()
                    .map(|device| device.id.to_string())
                    .collect::<Vec<_>>()
            });
            let devices = devices.map_or_else(|not_known| not_known.why, |ids| ids.join(" "));
            shown.push((item.number, item.line, item.user.to_string(), devices));
        })
        .unwrap();
        let row =
            |number, user: &str, devices: &str| (number, number + 1, user.to_owned(), devices.to_owned());
        let expected = [
            row(0, "ann", "ios_1 ios_2"),
            row(1, "bob", "ios_3"),
            row(2, "eve", "busy"),
        ];
        assert_eq!(shown, expected);
    }
}
