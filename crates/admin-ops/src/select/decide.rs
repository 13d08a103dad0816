//! Decides what to do about one user, from the devices online and from earlier decisions. Pure.
//!
//! There are three cases: a new user, whose devices the selection divides; a user of a plan, whose devices
//! are named and may have changed since then; and a user of an earlier attempt, some of whose named devices
//! may still be online. Named devices are signed out as they were named, but never so many that fewer stay
//! than the selection requires, because devices that were to stay may have left. If the order is to sign out
//! only devices that are still selected, devices that signed out by themselves reduce the surplus.

use std::collections::BTreeSet;
use std::fmt;

use easemob_admin_api::DeviceId;
use easemob_admin_words::told_later;

use crate::run::item::{Planned, Task};
use crate::run::job::OnDrift;
use crate::select::selection::{Choice, Selection, select_victims};
use crate::server::calls::SeenDevice;

/// What a run intends to do to each user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// Which devices are selected.
    pub selection: Selection,
    /// What to do about users whose devices differ from their plan.
    pub on_drift: OnDrift,
}

/// The decision about one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Devices to sign out.
    pub victims: Vec<Choice>,
    /// Devices that stay because of a rule, which is reported.
    pub spared: Vec<Choice>,
    /// Devices that were not selected.
    pub others: Vec<SeenDevice>,
    /// Devices that were named earlier and are no longer online.
    pub gone: Vec<DeviceId>,
    /// Whether the call that signs out all devices of the user does no more than intended.
    pub everything: bool,
    /// Whether the cap already counted the victims in an earlier attempt.
    pub counted_before: bool,
    /// How the devices differ from the plan.
    pub drift: Drift,
}

impl Decision {
    /// Returns how many devices are online.
    #[must_use]
    pub fn online(&self) -> usize {
        self.victims.len() + self.spared.len() + self.others.len()
    }
}

/// How the devices of a user differ from the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// Devices that the plan would sign out and that are gone.
    pub gone: Vec<DeviceId>,
    /// Devices that the plan would leave online and that are gone.
    pub left: Vec<DeviceId>,
    /// Devices that the plan did not see.
    pub new: Vec<DeviceId>,
}

impl Drift {
    /// Returns true if nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.left.is_empty() && self.new.is_empty()
    }

    /// Returns true if `--on-drift stop` stops here: a device is new, or one that was to stay is gone. A
    /// planned device that signed out by itself is as the plan wanted it.
    #[must_use]
    pub fn stops(&self) -> bool {
        !self.left.is_empty() || !self.new.is_empty()
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("gone", &self.gone),
            ("new", &self.new),
            ("gone but should have stayed", &self.left),
        ];
        let mut separator = "";
        for (name, devices) in parts.into_iter().filter(|(_, devices)| !devices.is_empty()) {
            let ids: Vec<&str> = devices.iter().map(DeviceId::as_str).collect();
            write!(f, "{separator}{name}: {}", ids.join(" ").escape_debug())?;
            separator = "; ";
        }
        Ok(())
    }
}

/// Decides about the user of `task`, whose `devices` are online.
#[must_use]
pub fn decide(task: &Task, devices: &[SeenDevice], order: &Order) -> Decision {
    if let Some(intended) = &task.intended {
        return match order.on_drift {
            OnDrift::StillMeant => Decision {
                gone: gone(intended, devices),
                counted_before: true,
                ..still_meant(task, intended, devices, &order.selection)
            },
            // Stopping at a difference also applies to a user that was already started: devices signed out by
            // then are as planned.
            OnDrift::Stop => Decision {
                drift: task
                    .item
                    .planned
                    .as_ref()
                    .map_or_else(Drift::default, |planned| drift(planned, devices)),
                ..go_on(task, intended, devices, &order.selection)
            },
            _ => go_on(task, intended, devices, &order.selection),
        };
    }
    let Some(planned) = &task.item.planned else {
        return afresh(task, devices, &order.selection);
    };
    let drift = drift(planned, devices);
    match order.on_drift {
        OnDrift::StillMeant => Decision {
            gone: drift.gone.clone(),
            drift,
            ..still_meant(task, &planned.end, devices, &order.selection)
        },
        OnDrift::Include if !drift.is_empty() => Decision {
            gone: drift.gone.clone(),
            drift,
            // Only named devices: the call that signs out everything is not part of any plan.
            everything: false,
            ..afresh(task, devices, &order.selection)
        },
        _ => by_plan(task, planned, devices, drift, &order.selection),
    }
}

fn afresh(task: &Task, devices: &[SeenDevice], selection: &Selection) -> Decision {
    let selected = select_victims(&task.item.user, devices, selection);
    Decision {
        victims: selected.victims,
        spared: selected.spared,
        others: selected.others,
        everything: selection.is_everything(),
        ..Decision::default()
    }
}

/// Applies the selection now, restricted to the devices that were named earlier.
fn still_meant(task: &Task, named: &[DeviceId], devices: &[SeenDevice], selection: &Selection) -> Decision {
    let mut decision = afresh(task, devices, selection);
    let named: BTreeSet<&DeviceId> = named.iter().collect();
    let (victims, new) = std::mem::take(&mut decision.victims)
        .into_iter()
        .partition(|choice| named.contains(&choice.device.id));
    decision.victims = victims;
    let stays = |choice: Choice| Choice {
        why: format!("{}, but only since the devices were selected", choice.why),
        ..choice
    };
    let new: Vec<Choice> = new;
    decision.spared.extend(new.into_iter().map(stays));
    decision.everything = false;
    decision
}

/// Returns the devices in `named` that are no longer online.
fn gone(named: &[DeviceId], devices: &[SeenDevice]) -> Vec<DeviceId> {
    let online: BTreeSet<&DeviceId> = devices.iter().map(|device| &device.id).collect();
    named.iter().filter(|id| !online.contains(id)).cloned().collect()
}

fn drift(planned: &Planned, devices: &[SeenDevice]) -> Drift {
    let online: BTreeSet<&DeviceId> = devices.iter().map(|device| &device.id).collect();
    let known: BTreeSet<&DeviceId> = planned.end.iter().chain(&planned.keep).collect();
    Drift {
        gone: gone(&planned.end, devices),
        left: gone(&planned.keep, devices),
        new: online
            .into_iter()
            .filter(|id| !known.contains(id))
            .cloned()
            .collect(),
    }
}

/// Signs out the devices that were named earlier, as long as enough others stay.
///
/// If the newest devices that were to stay may have left, the devices online now decide which are the newest.
fn named(
    task: &Task,
    named: &[DeviceId],
    devices: &[SeenDevice],
    selection: &Selection,
    newest_may_have_left: bool,
    why: &str,
) -> Decision {
    let mut decision = if named.is_empty() {
        // A selection that names no device would select all of them.
        let mut seen = BTreeSet::new();
        let unique = devices.iter().filter(|device| seen.insert(&device.id));
        Decision {
            others: unique.cloned().collect(),
            ..Decision::default()
        }
    } else if newest_may_have_left && selection.keep_newest.is_some() {
        still_meant(task, named, devices, selection)
    } else {
        let those = Selection {
            devices: named.to_vec(),
            min_surviving: selection.min_surviving,
            ..Selection::default()
        };
        afresh(task, devices, &those)
    };
    for victim in &mut decision.victims {
        victim.why = why.into();
    }
    decision
}

fn by_plan(
    task: &Task,
    planned: &Planned,
    devices: &[SeenDevice],
    drift: Drift,
    selection: &Selection,
) -> Decision {
    // The plan was reviewed with ages that this machine may not know.
    let newest_may_have_left = !drift.left.is_empty();
    let end = &planned.end;
    let mut decision = named(
        task,
        end,
        devices,
        selection,
        newest_may_have_left,
        told_later!("planned"),
    );
    let unplanned: BTreeSet<&DeviceId> = drift.new.iter().collect();
    let (new, others) = std::mem::take(&mut decision.others)
        .into_iter()
        .partition(|device| unplanned.contains(&device.id));
    decision.others = others;
    let new: Vec<SeenDevice> = new;
    decision.spared.extend(new.into_iter().map(|device| Choice {
        device,
        why: told_later!("new since the plan").into(),
    }));
    decision.gone.clone_from(&drift.gone);
    decision.drift = drift;
    decision.everything = false;
    decision
}

fn go_on(task: &Task, intended: &[DeviceId], devices: &[SeenDevice], selection: &Selection) -> Decision {
    let why = told_later!("selected by an earlier attempt");
    let decision = named(task, intended, devices, selection, true, why);
    Decision {
        counted_before: true,
        gone: gone(intended, devices),
        // A device that signed in since then was never selected, so it rules out the call that signs out
        // everything.
        everything: selection.is_everything() && decision.others.is_empty(),
        ..decision
    }
}

#[cfg(test)]
mod table;

#[cfg(test)]
mod tests {
    use easemob_admin_api::{UnixMillis, UserId};
    use proptest::prelude::*;

    use super::*;
    use crate::run::basis::Known;
    use crate::run::item::Item;
    use crate::select::selection::Keep;

    fn ids(texts: &[&str]) -> Vec<DeviceId> {
        texts.iter().map(|id| DeviceId::parse(*id).unwrap()).collect()
    }

    fn online(texts: &[&str]) -> Vec<SeenDevice> {
        let seen = |id| SeenDevice {
            id,
            name: None,
            uuid: None,
            signed_in_at: None,
        };
        ids(texts).into_iter().map(seen).collect()
    }

    fn task(planned: Option<(&[&str], &[&str])>, intended: Option<&[&str]>) -> Task {
        Task {
            item: Item {
                number: 0,
                line: 1,
                user: UserId::parse("ann").unwrap(),
                planned: planned.map(|(end, keep)| Planned {
                    end: ids(end),
                    keep: ids(keep),
                }),
            },
            intended: intended.map(ids),
            known: Known::Nothing,
        }
    }

    fn victims(decision: &Decision) -> Vec<&str> {
        decision
            .victims
            .iter()
            .map(|choice| choice.device.id.as_str())
            .collect()
    }

    fn order(on_drift: OnDrift) -> Order {
        Order {
            on_drift,
            ..Order::default()
        }
    }

    fn decide_now(task: &Task, devices: &[&str], on_drift: OnDrift) -> Decision {
        decide(task, &online(devices), &order(on_drift))
    }

    #[test]
    fn a_plan_is_followed_to_the_letter() {
        let task = task(Some((&["ios_1", "web_1"], &["mac_1"])), None);
        let decision = decide_now(&task, &["ios_1", "web_1", "mac_1"], OnDrift::Skip);
        assert_eq!(victims(&decision), ["ios_1", "web_1"]);
        assert!(decision.drift.is_empty() && !decision.everything);
    }

    #[test]
    fn drift_is_told_and_new_devices_are_left_alone() {
        let task = task(Some((&["ios_1", "web_1"], &["mac_1"])), None);
        let decision = decide_now(&task, &["web_1", "web_2"], OnDrift::Skip);
        assert_eq!(victims(&decision), ["web_1"]);
        assert_eq!(decision.gone, ids(&["ios_1"]));
        assert_eq!(decision.drift.new, ids(&["web_2"]));
        assert_eq!(decision.spared[0].why, "new since the plan");
    }

    #[test]
    fn new_devices_can_be_included_by_the_selection() {
        let task = task(Some((&["ios_1"], &[])), None);
        let decision = decide_now(&task, &["web_2"], OnDrift::Include);
        assert_eq!(victims(&decision), ["web_2"]);
        assert!(!decision.everything);
    }

    #[test]
    fn an_earlier_attempt_is_finished_without_touching_anybody_new() {
        let earlier = task(None, Some(&["ios_1", "web_1"]));
        let decision = decide_now(&earlier, &["web_1", "web_2"], OnDrift::Skip);
        assert_eq!((victims(&decision), decision.everything), (vec!["web_1"], false));
        assert_eq!(decision.gone, ids(&["ios_1"]));
        let decision = decide_now(&earlier, &["web_1"], OnDrift::Skip);
        assert!(
            decision.everything && decision.counted_before,
            "one call is enough if nobody else is there"
        );
    }

    /// Two devices may stay on each platform, and ids end with the time of their sign-in.
    fn two_each(task: &Task, devices: &[&str]) -> Decision {
        let order = Order {
            selection: Selection {
                keep_newest: Some(Keep::Each(2)),
                ..Selection::default()
            },
            on_drift: OnDrift::StillMeant,
        };
        let mut devices = online(devices);
        for device in &mut devices {
            let at = device.id.as_str().rsplit_once('_').unwrap().1.parse().unwrap();
            device.signed_in_at = Some(UnixMillis(at));
        }
        decide(task, &devices, &order)
    }

    #[test]
    fn what_is_no_longer_meant_stays_although_it_was_planned() {
        let task = task(Some((&["web_1"], &["web_2", "web_3"])), None);
        assert_eq!(victims(&two_each(&task, &["web_1", "web_2", "web_3"])), ["web_1"]);
        let left_by_itself = two_each(&task, &["web_1", "web_2"]);
        assert!(
            left_by_itself.victims.is_empty(),
            "ending it would end more than the surplus"
        );
        let one_more = two_each(&task, &["web_1", "web_2", "web_3", "web_4"]);
        assert_eq!(victims(&one_more), ["web_1"]);
        assert_eq!(one_more.drift.new, ids(&["web_4"]));
        let told: Vec<&str> = one_more.spared.iter().map(|choice| choice.why.as_str()).collect();
        assert!(
            told.contains(&"older than the newest 2 on web, but only since the devices were selected"),
            "{told:?}"
        );
    }

    #[test]
    fn a_reviewed_plan_needs_no_ages_as_long_as_those_that_stay_are_there() {
        let order = Order {
            selection: Selection {
                keep_newest: Some(Keep::Each(1)),
                ..Selection::default()
            },
            on_drift: OnDrift::Stop,
        };
        let task = task(Some((&["ios_a"], &["ios_b"])), None);
        let decision = decide(&task, &online(&["ios_a", "ios_b"]), &order);
        assert_eq!(victims(&decision), ["ios_a"]);
        assert!(decision.drift.is_empty());
    }

    #[test]
    fn an_earlier_attempt_ends_no_more_than_is_still_meant() {
        let task = task(
            Some((&["web_1", "web_2"], &["web_3", "web_4"])),
            Some(&["web_1", "web_2"]),
        );
        let decision = two_each(&task, &["web_2", "web_3", "web_4"]);
        assert_eq!(
            (victims(&decision), decision.counted_before),
            (vec!["web_2"], true)
        );
        assert_eq!(decision.gone, ids(&["web_1"]));
        assert!(two_each(&task, &["web_2", "web_4"]).victims.is_empty());
    }

    /// Returns the decision about a named device when the device that was to stay has left.
    fn without_the_kept(selection: Selection, on_drift: OnDrift, earlier: bool) -> Decision {
        let task = task(Some((&["web_1"], &["web_2"])), earlier.then_some(&["web_1"]));
        let order = Order { selection, on_drift };
        let mut devices = online(&["web_1"]);
        devices[0].signed_in_at = Some(UnixMillis(1));
        decide(&task, &devices, &order)
    }

    #[test]
    fn the_last_device_stays_when_the_one_that_was_to_stay_has_left() {
        let newest = Selection {
            keep_newest: Some(Keep::Each(1)),
            ..Selection::default()
        };
        let surviving = Selection {
            min_surviving: 1,
            ..Selection::default()
        };
        let both = Selection {
            min_surviving: 1,
            ..newest.clone()
        };
        for selection in [newest, surviving, both] {
            for earlier in [false, true] {
                for on_drift in [OnDrift::Skip, OnDrift::Stop, OnDrift::Include] {
                    let decision = without_the_kept(selection.clone(), on_drift, earlier);
                    assert!(decision.victims.is_empty(), "{on_drift:?} {selection:?}");
                    assert_eq!(decision.spared.len(), 1, "it is told that it stays");
                }
            }
        }
    }

    #[test]
    fn a_device_that_was_to_stay_and_left_is_drift() {
        let decision = without_the_kept(Selection::default(), OnDrift::Stop, false);
        assert_eq!(decision.drift.left, ids(&["web_2"]));
        assert!(!decision.drift.is_empty());
        assert_eq!(victims(&decision), ["web_1"], "nothing says that one has to stay");
    }

    proptest! {
        #[test]
        fn enough_devices_survive(
            end in proptest::collection::vec("(ios|web)_[a-d]", 0..5),
            keep in proptest::collection::vec("(ios|web)_[a-d]", 0..5),
            now in proptest::collection::btree_set("(ios|web)_[a-d]", 0..8),
            min_surviving in 0_usize..4,
            earlier: bool,
        ) {
            let strs = |texts: &[String]| texts.iter().map(|text| DeviceId::parse(text).unwrap()).collect::<Vec<_>>();
            let mut task = task(None, earlier.then_some(&[]));
            task.intended = earlier.then(|| strs(&end));
            task.item.planned = Some(Planned { end: strs(&end), keep: strs(&keep) });
            let order = Order {
                selection: Selection { min_surviving, ..Selection::default() },
                on_drift: OnDrift::Skip,
            };
            let now: Vec<&str> = now.iter().map(String::as_str).collect();
            let decision = decide(&task, &online(&now), &order);
            prop_assert_eq!(decision.online(), now.len());
            let ended = decision.victims.len();
            prop_assert!(ended == 0 || now.len() - ended >= min_surviving);
        }

        #[test]
        fn only_named_devices_are_ended(
            end in proptest::collection::vec("(ios|web)_[a-d]", 0..5),
            keep in proptest::collection::vec("(ios|web)_[a-d]", 0..5),
            now in proptest::collection::vec("(ios|web)_[a-d]", 0..8),
            earlier: bool,
        ) {
            let strs = |texts: &[String]| texts.iter().map(|text| DeviceId::parse(text).unwrap()).collect::<Vec<_>>();
            let mut task = task(None, None);
            if earlier {
                task.intended = Some(strs(&end));
            } else {
                task.item.planned = Some(Planned { end: strs(&end), keep: strs(&keep) });
            }
            let now: Vec<&str> = now.iter().map(String::as_str).collect();
            let decision = decide_now(&task, &now, OnDrift::Skip);
            for victim in victims(&decision) {
                prop_assert!(end.iter().any(|id| id == victim) && now.contains(&victim));
            }
            for id in &end {
                let ended = victims(&decision).contains(&id.as_str());
                let gone = decision.gone.iter().any(|gone| gone.as_str() == id);
                prop_assert!(ended != gone, "each named device is either there or gone");
            }
            if decision.everything {
                prop_assert!(now.iter().all(|id| end.iter().any(|named| named == id)));
            }
        }
    }
}
