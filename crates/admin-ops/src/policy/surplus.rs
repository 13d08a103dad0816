//! Computes by how much a user exceeds the limits, and which devices may be signed out for it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_api::{DeviceId, DeviceLimits, UserId};

use crate::select::limits::Group;
use crate::select::selection::{Choice, Keep, Selection, select_victims};
use crate::server::calls::SeenDevice;

/// A group of devices of one user that exceeds its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surplus {
    /// The devices of one platform, or all.
    pub group: Group,
    /// How many of them are online and counted.
    pub online: usize,
    /// How many are allowed.
    pub limit: usize,
    /// Devices to sign out, oldest first.
    pub victims: Vec<Choice>,
    /// Devices that may not or need not be signed out, and why.
    pub spared: Vec<Choice>,
}

impl Surplus {
    /// Returns by how many devices the limit is exceeded.
    #[must_use]
    pub fn over(&self) -> usize {
        self.online - self.limit
    }

    /// Returns how many devices over the limit stay, because their age is unknown or equal, or too few would
    /// survive.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.over().saturating_sub(self.victims.len())
    }
}

/// Returns, for each group with more `devices` than `limits` allow, the number online and the limit.
#[must_use]
pub fn exceeded<'a>(
    devices: impl IntoIterator<Item = &'a DeviceId>,
    limits: &DeviceLimits,
) -> BTreeMap<Group, (usize, usize)> {
    let mut groups = BTreeMap::new();
    for device in devices.into_iter().collect::<BTreeSet<_>>() {
        if let Some((group, limit)) = Group::of(device, limits) {
            groups.entry(group).or_insert((0, limit)).0 += 1;
        }
    }
    groups.retain(|_, (online, limit)| online > limit);
    groups
}

/// Returns where `user` exceeds the limits in `selection`, and which devices to sign out.
///
/// Exempt users and devices are not counted.
#[must_use]
pub fn surplus(user: &UserId, devices: &[SeenDevice], selection: &Selection) -> Vec<Surplus> {
    let Some(Keep::Limits(limits)) = &selection.keep_newest else {
        return Vec::new();
    };
    if selection.exempt.cover_user(user) {
        return Vec::new();
    }
    let limits = limits.of(user);
    let counted = devices.iter().map(|device| &device.id);
    let exceeded = exceeded(
        counted.filter(|device| !selection.exempt.cover_device(user, device)),
        limits,
    );
    if exceeded.is_empty() {
        return Vec::new();
    }
    let selected = select_victims(user, devices, selection);
    let of = |choices: &[Choice], group: &Group| -> Vec<Choice> {
        let belongs = |choice: &&Choice| {
            Group::of(&choice.device.id, limits).is_some_and(|(own, _)| own == *group)
                && !selection.exempt.cover_device(user, &choice.device.id)
        };
        choices.iter().filter(belongs).cloned().collect()
    };
    exceeded
        .into_iter()
        .map(|(group, (online, limit))| Surplus {
            victims: of(&selected.victims, &group),
            spared: of(&selected.spared, &group),
            group,
            online,
            limit,
        })
        .collect()
}

/// The surplus of many users in total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Users that were read.
    pub users: u64,
    /// Users over a limit.
    pub users_over: u64,
    /// Devices that were online.
    pub online: u64,
    /// Devices over a limit.
    pub over: u64,
    /// Devices over a limit to sign out.
    pub victims: u64,
    /// Devices of unknown age among those to sign out.
    pub victims_of_unknown_age: u64,
    /// Devices over a limit that stay.
    pub undecided: u64,
}

impl Totals {
    /// Adds one user with `online` devices.
    pub fn count(&mut self, online: usize, surplus: &[Surplus]) {
        self.users += 1;
        self.users_over += u64::from(!surplus.is_empty());
        self.online += online as u64;
        for surplus in surplus {
            self.over += surplus.over() as u64;
            self.victims += surplus.victims.len() as u64;
            let unknown = |choice: &&Choice| choice.device.signed_in_at.is_none();
            self.victims_of_unknown_age += surplus.victims.iter().filter(unknown).count() as u64;
            self.undecided += surplus.undecided() as u64;
        }
    }
}

#[cfg(test)]
mod tests;
