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
