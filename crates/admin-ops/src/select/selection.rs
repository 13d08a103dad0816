//! Selects the devices of a user. Pure: no clock, no network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_api::{DeviceId, Platform, UserId};
use easemob_admin_words::told_later;
use serde::{Deserialize, Serialize};

use crate::names::key;
use crate::select::exemptions::Exemptions;
use crate::select::limits::{Group, Limits};
use crate::select::pattern::Pattern;
use crate::server::calls::SeenDevice;

/// Which devices of each user are selected: those that match every condition, except those that are to stay.
///
/// Several values of one condition mean any of them. Without any condition, every device is selected. A condition of a newer
/// version is refused when it is read: without it, more devices would be selected than was meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Only these devices, by their exact resource ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceId>,
    /// Only devices of these platforms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Only devices whose resource id matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Pattern>,
    /// Only devices whose name matches; a device without a name matches no pattern.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Pattern>,
    /// How many of the newest matching devices stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_newest: Option<Keep>,
    /// What happens to devices of unknown age when the newest stay.
    #[serde(skip_serializing_if = "UnknownAge::is_default")]
    pub unknown_age: UnknownAge,
    /// These devices stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep_devices: Vec<DeviceId>,
    /// The fewest devices of the user that stay online, whatever the other conditions say.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_surviving: usize,
    /// Users and devices that are never signed out.
    #[serde(skip_serializing_if = "Exemptions::is_empty")]
    pub exempt: Exemptions,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// How many of the newest devices stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Keep {
    /// A number on each platform.
    Each(usize),
    /// As many as the limits of the user allow.
    Limits(Limits),
}

impl Keep {
    /// Returns the group that a device of `user` is ranked in, and how many of it stay, or `None` if all of
    /// them stay.
    fn quota(&self, user: &UserId, device: &DeviceId) -> Option<(Group, usize)> {
        match self {
            Self::Each(keep) => Some((Group::Platform(device.platform()), *keep)),
            Self::Limits(limits) => Group::of(device, limits.of(user)),
        }
    }
}

/// What `--keep-newest` does with a device of unknown age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownAge {
    /// It stays: a wrong logout cannot be taken back.
    #[default]
    Keep,
    /// It counts as older than every device with a known age.
    Oldest,
}

impl UnknownAge {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Selection {
    /// Returns true if every device of every user is selected, including those that sign in at that moment.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns why `device` matches the conditions, or `None` if it does not.
    ///
    /// `named` contains the devices of the selection.
    fn fits(&self, device: &SeenDevice, named: &BTreeSet<&DeviceId>) -> Option<String> {
        let mut why = Vec::new();
        if !named.is_empty() {
            named.contains(&device.id).then(|| why.push("named".to_owned()))?;
        }
        if !self.platforms.is_empty() {
            let platform = device.id.platform();
            self.platforms
                .contains(&platform)
                .then(|| why.push(format!("platform {platform}")))?;
        }
        if !self.resources.is_empty() {
            let pattern = self
                .resources
                .iter()
                .find(|pattern| pattern.matches(device.id.as_str()))?;
            why.push(format!("resource matches {pattern}"));
        }
        if !self.names.is_empty() {
            let name = device.name.as_deref()?;
            let pattern = self.names.iter().find(|pattern| pattern.matches(name))?;
            why.push(format!("name matches {pattern}"));
        }
        Some(why.join(", "))
    }
}

/// A device with the reason for its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The device.
    pub device: SeenDevice,
    /// Why it is signed out, or why it stays.
    pub why: String,
}

/// The devices of one user, divided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// Devices that are selected.
    pub victims: Vec<Choice>,
    /// Devices that match but stay because of a rule, which is reported.
    pub spared: Vec<Choice>,
    /// Devices that do not match.
    pub others: Vec<SeenDevice>,
}

/// Divides the `devices` of `user` into those that `selection` selects and those that stay.
///
/// A device listed twice is decided once.
#[must_use]
pub fn select_victims(user: &UserId, devices: &[SeenDevice], selection: &Selection) -> Selected {
    let unique: BTreeMap<&str, &SeenDevice> = devices
        .iter()
        .rev()
        .map(|device| (device.id.as_str(), device))
        .collect();
    let online = unique.len();
    let user_is_exempt = selection.exempt.cover_user(user);
    // A user may have thousands of devices, and an earlier attempt may have named all of them.
    let named: BTreeSet<&DeviceId> = selection.devices.iter().collect();
    let mut selected = Selected::default();
    let mut candidates = Vec::new();
    for device in unique.into_values() {
        let choice = |why: &str| Choice {
            device: device.clone(),
            why: why.to_owned(),
        };
        match selection.fits(device, &named) {
            None => selected.others.push(device.clone()),
            Some(_) if user_is_exempt => selected.spared.push(choice("the user is exempt")),
            Some(_) if selection.exempt.cover_device(user, &device.id) => {
                selected.spared.push(choice("the device is exempt"));
            }
            Some(_) if is_kept(&device.id, selection) => {
                selected.spared.push(choice("one of the devices to keep"));
            }
            Some(why) => candidates.push(choice(&why)),
        }
    }
    if let Some(keep) = &selection.keep_newest {
        candidates = keep_newest(user, candidates, keep, selection.unknown_age, &mut selected);
    }
    let survivors = online - candidates.len();
    let missing = selection.min_surviving.saturating_sub(survivors);
    selected.victims = spare_newest(candidates, missing, selection, &mut selected.spared);
    for victim in selected.victims.iter_mut().filter(|victim| victim.why.is_empty()) {
        let rest = !selection.keep_devices.is_empty();
        victim.why = if rest {
            told_later!("not one of the devices to keep")
        } else {
            told_later!("all devices")
        }
        .into();
    }
    selected
}

/// Returns true if the device is one of those to keep, ignoring case.
fn is_kept(device: &DeviceId, selection: &Selection) -> bool {
    let mut named = selection.keep_devices.iter();
    named.any(|kept| key(kept.as_str()) == key(device.as_str()))
}

/// Ranks each group of devices by age and returns those beyond the number that stays.
///
/// A device that is exactly as old as the last one that stays, stays too: it is unknown which came first.
/// Devices of unknown age take no place in the ranking unless they count as oldest: a device with enough
/// newer ones of known age is surplus whatever the age of the unknown ones.
fn keep_newest(
    user: &UserId,
    candidates: Vec<Choice>,
    keep: &Keep,
    unknown_age: UnknownAge,
    selected: &mut Selected,
) -> Vec<Choice> {
    let mut groups: BTreeMap<String, (usize, Vec<Choice>)> = BTreeMap::new();
    for choice in candidates {
        match keep.quota(user, &choice.device.id) {
            None => selected.others.push(choice.device),
            Some((group, keep)) => {
                let group = groups.entry(group.to_string());
                group.or_insert((keep, Vec::new())).1.push(choice);
            }
        }
    }
    let limited = matches!(keep, Keep::Limits(_));
    let mut victims = Vec::new();
    for (group, (keep, mut ranked)) in groups {
        if limited && ranked.len() <= keep {
            selected
                .others
                .extend(ranked.into_iter().map(|choice| choice.device));
            continue;
        }
        let age = |choice: &Choice| choice.device.signed_in_at;
        // `None` sorts before every time, so unknown ages come last when reversed.
        ranked.sort_by(|a, b| {
            let ids = || a.device.id.as_str().cmp(b.device.id.as_str());
            age(b).cmp(&age(a)).then_with(ids)
        });
        // Of devices that signed in at the same moment, either may be the newer one.
        let boundary = keep
            .checked_sub(1)
            .and_then(|last| ranked.get(last))
            .and_then(age);
        let mut beyond = Vec::new();
        for (rank, choice) in ranked.into_iter().enumerate() {
            let at = age(&choice);
            let because = |why: String| Choice { why, ..choice };
            match (at, unknown_age) {
                (None, UnknownAge::Keep) => selected
                    .spared
                    .push(because(told_later!("age unknown, so it stays").into())),
                _ if rank < keep => selected
                    .spared
                    .push(because(format!("one of the newest {keep} {group}"))),
                (Some(_), _) if at == boundary => selected.spared.push(because(format!(
                    "as old as one of the newest {keep} {group}, so it stays"
                ))),
                (None, UnknownAge::Oldest) => {
                    beyond.push(because(format!("age unknown, treated as oldest {group}")));
                }
                (Some(_), _) => beyond.push(because(format!("older than the newest {keep} {group}"))),
            }
        }
        // Oldest first, so that an interrupted run has signed out the right ones.
        victims.extend(beyond.into_iter().rev());
    }
    victims
}

/// Takes the newest `missing` devices out of `candidates`, so that enough of the user's devices survive.
///
/// A device of unknown age may be the newest, so it is spared before all others, unless the operator chose to
/// treat it as oldest.
fn spare_newest(
    candidates: Vec<Choice>,
    missing: usize,
    selection: &Selection,
    spared: &mut Vec<Choice>,
) -> Vec<Choice> {
    if missing == 0 {
        return candidates;
    }
    let unknown_first = selection.keep_newest.is_none() || selection.unknown_age == UnknownAge::Keep;
    let mut by_age: Vec<_> = candidates
        .iter()
        .map(|choice| {
            let at = choice.device.signed_in_at;
            let known = if unknown_first { at.is_some() } else { at.is_none() };
            (known, Reverse(at), choice.device.id.clone())
        })
        .collect();
    by_age.sort();
    let saved: BTreeSet<DeviceId> = by_age.into_iter().take(missing).map(|(_, _, id)| id).collect();
    let (stay, go): (Vec<Choice>, Vec<Choice>) = candidates
        .into_iter()
        .partition(|choice| saved.contains(&choice.device.id));
    let why = format!("stays so that {} survive", selection.min_surviving);
    spared.extend(stay.into_iter().map(|choice| Choice {
        why: why.clone(),
        ..choice
    }));
    go
}

#[cfg(test)]
mod tests;
