use easemob_admin_api::{DeviceLimits, Platform, UnixMillis};
use proptest::prelude::*;

use crate::select::selection::*;

fn user() -> UserId {
    UserId::parse("ann").unwrap()
}

fn device(id: &str) -> SeenDevice {
    SeenDevice {
        id: DeviceId::parse(id).unwrap(),
        name: None,
        uuid: None,
        signed_in_at: age(id),
    }
}

/// Ids end in `@N` if the age is known, to keep tests short.
fn age(id: &str) -> Option<UnixMillis> {
    let (_, millis) = id.rsplit_once('@')?;
    Some(UnixMillis(millis.parse().ok()?))
}

fn ids_of(choices: &[Choice]) -> Vec<String> {
    choices
        .iter()
        .map(|choice| choice.device.id.as_str().to_owned())
        .collect()
}

fn victims(ids: &[&str], selection: &Selection) -> Vec<String> {
    let devices: Vec<_> = ids.iter().map(|id| device(id)).collect();
    ids_of(&select_victims(&user(), &devices, selection).victims)
}

fn newest(keep: usize, unknown_age: UnknownAge) -> Selection {
    Selection {
        keep_newest: Some(Keep::Each(keep)),
        unknown_age,
        ..Selection::default()
    }
}

fn named(ids: &[&str]) -> Vec<DeviceId> {
    ids.iter().map(|id| DeviceId::parse(*id).unwrap()).collect()
}

#[test]
fn all_means_all_and_each_once() {
    let selection = Selection::default();
    assert!(selection.is_everything());
    assert_eq!(
        victims(&["ios_1", "web_1", "ios_1"], &selection),
        ["ios_1", "web_1"]
    );
}

#[test]
fn one_device_is_matched_exactly() {
    let selection = Selection {
        devices: named(&["ios_1"]),
        ..Selection::default()
    };
    assert_eq!(victims(&["ios_1", "ios_11", "IOS_1"], &selection), ["ios_1"]);
}

#[test]
fn platform_is_what_precedes_the_first_underscore() {
    let selection = Selection {
        platforms: vec!["web".parse().unwrap()],
        ..Selection::default()
    };
    assert_eq!(
        victims(&["web_1", "webim_2", "website_3", "ios_web"], &selection),
        ["web_1", "webim_2"]
    );
}

#[test]
fn conditions_are_combined() {
    let selection = Selection {
        platforms: vec!["web".parse().unwrap(), "ios".parse().unwrap()],
        resources: vec!["*_old*".into()],
        keep_devices: named(&["web_old2"]),
        ..Selection::default()
    };
    let online = ["web_old1", "web_old2", "web_new", "ios_old", "android_old"];
    assert_eq!(victims(&online, &selection), ["ios_old", "web_old1"]);
}

#[test]
fn a_device_without_a_name_fits_no_name() {
    let selection = Selection {
        names: vec!["*".into()],
        ..Selection::default()
    };
    let mut pixel = device("android_1");
    pixel.name = Some("Pixel 9".into());
    let selected = select_victims(&user(), &[pixel, device("ios_1")], &selection);
    assert_eq!(ids_of(&selected.victims), ["android_1"]);
    assert_eq!(selected.victims[0].why, "name matches *");
    assert_eq!(selected.others, [device("ios_1")]);
}

#[test]
fn keep_newest_counts_each_platform() {
    let ids = ["web_a@1", "web_b@3", "web_c@2", "ios_a@1", "ios_b@2"];
    assert_eq!(
        victims(&ids, &newest(1, UnknownAge::Keep)),
        ["ios_a@1", "web_a@1", "web_c@2"]
    );
}

#[test]
fn keep_newest_zero_spares_only_unknown_ages() {
    assert_eq!(
        victims(&["web_a@1", "web_b"], &newest(0, UnknownAge::Keep)),
        ["web_a@1"]
    );
    assert_eq!(
        victims(&["web_a@1", "web_b"], &newest(0, UnknownAge::Oldest)),
        ["web_b", "web_a@1"]
    );
}

#[test]
fn devices_of_the_same_age_as_the_last_that_stays_are_spared() {
    let devices = ["web_a@2", "web_b@2", "web_c@2", "web_d@1", "web_e@3"].map(device);
    for (keep, victims, spared) in [(1, 4, 1), (2, 1, 4), (3, 1, 4), (4, 1, 4), (5, 0, 5)] {
        let selected = select_victims(&user(), &devices, &newest(keep, UnknownAge::Oldest));
        assert_eq!(
            (selected.victims.len(), selected.spared.len()),
            (victims, spared),
            "{keep}"
        );
    }
    let selected = select_victims(&user(), &devices, &newest(2, UnknownAge::Keep));
    let why: Vec<_> = selected.spared.iter().map(|choice| choice.why.as_str()).collect();
    let tied = "as old as one of the newest 2 on web, so it stays";
    assert_eq!(
        why,
        [
            "one of the newest 2 on web",
            "one of the newest 2 on web",
            tied,
            tied
        ]
    );
}

fn limited(limits: DeviceLimits) -> Selection {
    let limits = Limits {
        app: limits,
        users: Vec::new(),
    };
    Selection {
        keep_newest: Some(Keep::Limits(limits)),
        ..Selection::default()
    }
}

#[test]
fn limits_count_each_platform_for_itself() {
    let ids = ["web_a@1", "web_b@3", "web_c@2", "ios_a@1", "ios_b@2", "mac_a@1"];
    let mut limits = DeviceLimits::default()
        .with(Platform::Web, 1)
        .with(Platform::Ios, 2);
    assert_eq!(victims(&ids, &limited(limits.clone())), ["web_a@1", "web_c@2"]);
    limits.default = Some(0);
    assert_eq!(victims(&ids, &limited(limits)), ["mac_a@1", "web_a@1", "web_c@2"]);
}

#[test]
fn single_mode_keeps_the_newest_of_all() {
    let single = limited(DeviceLimits::single());
    assert_eq!(
        victims(&["web_a@1", "ios_a@3", "mac_a@2"], &single),
        ["web_a@1", "mac_a@2"]
    );
}

#[test]
fn who_is_within_the_limits_is_not_even_told() {
    let devices = [device("web_a@1"), device("web_b"), device("mac_a")];
    let limits = DeviceLimits::default().with(Platform::Web, 2);
    let selected = select_victims(&user(), &devices, &limited(limits));
    assert_eq!((selected.others.len(), selected.spared.len()), (3, 0));
}

#[test]
fn unknown_age_says_why_it_stays() {
    let devices = [device("ios_1"), device("ios_2")];
    let selected = select_victims(&user(), &devices, &newest(1, UnknownAge::Keep));
    assert!(selected.victims.is_empty());
    assert!(
        selected
            .spared
            .iter()
            .all(|choice| choice.why == "age unknown, so it stays")
    );
}

#[test]
fn the_newest_survive_and_those_of_unknown_age_before_them() {
    let ids = ["ios_a@5", "web_a@9", "web_b", "web_c@7"];
    let surviving = |min_surviving| Selection {
        min_surviving,
        ..Selection::default()
    };
    assert_eq!(victims(&ids, &surviving(1)), ["ios_a@5", "web_a@9", "web_c@7"]);
    assert_eq!(victims(&ids, &surviving(2)), ["ios_a@5", "web_c@7"]);
    assert!(victims(&ids, &surviving(9)).is_empty());
    let oldest = Selection {
        min_surviving: 1,
        ..newest(0, UnknownAge::Oldest)
    };
    assert_eq!(victims(&["web_a@1", "web_b"], &oldest), ["web_b"]);
}

#[test]
fn exempt_users_and_devices_are_spared_and_told() {
    let exempt = |text: &str| Selection {
        exempt: Exemptions::parse(text),
        ..Selection::default()
    };
    assert!(victims(&["ios_1", "web_1"], &exempt("ANN")).is_empty());
    assert_eq!(victims(&["ios_1", "web_1"], &exempt("ann/ios_*")), ["web_1"]);
    assert!(
        !exempt("bob").is_everything(),
        "an exemption rules out the call that ends everything"
    );
}

fn ids() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("(ios|web|webim|custom5)_[a-d](@[0-9])?", 0..24)
}

proptest! {
    #[test]
    fn keep_newest_keeps_its_promises(ids in ids(), keep in 0_usize..5, oldest: bool) {
        let policy = if oldest { UnknownAge::Oldest } else { UnknownAge::Keep };
        let devices: Vec<_> = ids.iter().map(|id| device(id)).collect();
        let selected = select_victims(&user(), &devices, &newest(keep, policy));
        let unique: BTreeSet<&String> = ids.iter().collect();
        prop_assert_eq!(selected.victims.len() + selected.spared.len(), unique.len());
        let mut platforms: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let tied = |choice: &&Choice| choice.why.starts_with("as old as");
        for choice in selected.spared.iter().filter(|choice| !tied(choice)) {
            platforms.entry(choice.device.id.platform().to_string()).or_default().0 += 1;
        }
        for choice in &selected.victims {
            platforms.entry(choice.device.id.platform().to_string()).or_default().1 += 1;
            prop_assert!(oldest || choice.device.signed_in_at.is_some(), "an unknown age was chosen");
            for kept in &selected.spared {
                let same = kept.device.id.platform() == choice.device.id.platform();
                if let (true, Some(kept), Some(ended)) = (same, kept.device.signed_in_at, choice.device.signed_in_at) {
                    prop_assert!(kept > ended, "a device was kept that is no newer");
                }
            }
        }
        for (kept, ended) in platforms.into_values() {
            prop_assert!(kept >= keep.min(kept + ended), "fewer than promised were kept");
            if oldest { prop_assert!(kept <= keep); }
        }
    }

    #[test]
    fn whatever_is_asked_enough_survive_and_nobody_is_lost(
        ids in ids(),
        min_surviving in 0_usize..6,
        keep in proptest::option::of(0_usize..4),
        oldest: bool,
        kept in "(ios|web)_[a-d]",
        pattern in "[iwc*][*]",
        exempt in "ann/(ios|web)_[a-d]\\*",
    ) {
        let devices: Vec<_> = ids.iter().map(|id| device(id)).collect();
        let selection = Selection {
            resources: vec![pattern.as_str().into()],
            keep_newest: keep.map(Keep::Each),
            unknown_age: if oldest { UnknownAge::Oldest } else { UnknownAge::Keep },
            keep_devices: named(&[&kept]),
            min_surviving,
            exempt: Exemptions::parse(&exempt),
            ..Selection::default()
        };
        let selected = select_victims(&user(), &devices, &selection);
        let unique: BTreeSet<&String> = ids.iter().collect();
        let survivors = selected.spared.len() + selected.others.len();
        prop_assert_eq!(selected.victims.len() + survivors, unique.len());
        prop_assert!(selected.victims.is_empty() || survivors >= min_surviving);
        for victim in &selected.victims {
            prop_assert!(victim.device.id.as_str() != kept);
            prop_assert!(selection.resources[0].matches(victim.device.id.as_str()));
            prop_assert!(!selection.exempt.cover_device(&user(), &victim.device.id));
            prop_assert!(!victim.why.is_empty());
        }
    }

    #[test]
    fn a_selection_survives_being_written_down(keep in proptest::option::of(0_usize..4), min in 0_usize..3) {
        let selection = Selection {
            platforms: vec!["web".parse().unwrap()],
            names: vec!["Pixel*".into()],
            keep_newest: keep.map(Keep::Each),
            min_surviving: min,
            exempt: Exemptions::parse("ceo\nann/ios_1"),
            ..Selection::default()
        };
        let json = serde_json::to_string(&selection).unwrap();
        prop_assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), selection);
    }
}

#[test]
fn only_what_is_selected_is_written_down() {
    let json = |selection: &Selection| serde_json::to_value(selection).unwrap();
    assert_eq!(json(&Selection::default()), serde_json::json!({}));
    let some = Selection {
        unknown_age: UnknownAge::Oldest,
        min_surviving: 1,
        ..Selection::default()
    };
    assert_eq!(
        json(&some),
        serde_json::json!({"unknown_age": "oldest", "min_surviving": 1})
    );
    assert_eq!(serde_json::from_value::<Selection>(json(&some)).unwrap(), some);
}

#[test]
fn victims_are_called_all_devices_or_the_rest() {
    let online = [device("ios_1"), device("web_1")];
    let whys = |selection: &Selection| -> Vec<String> {
        let victims = select_victims(&user(), &online, selection).victims;
        victims.into_iter().map(|choice| choice.why).collect()
    };
    assert_eq!(whys(&Selection::default()), ["all devices", "all devices"]);
    let others = Selection {
        keep_devices: vec![DeviceId::parse("ios_1").unwrap()],
        ..Selection::default()
    };
    assert_eq!(whys(&others), ["not one of the devices to keep"]);
}

#[test]
fn a_device_of_unknown_age_survives_unless_it_counts_as_oldest_among_the_newest() {
    let online = [device("ios_1@5"), device("web_1")];
    for (keep_newest, unknown_age, victim) in [
        (None, UnknownAge::Keep, "ios_1@5"),
        (None, UnknownAge::Oldest, "ios_1@5"),
        (Some(Keep::Each(0)), UnknownAge::Oldest, "web_1"),
    ] {
        let selection = Selection {
            keep_newest,
            unknown_age,
            min_surviving: 1,
            ..Selection::default()
        };
        let selected = select_victims(&user(), &online, &selection);
        assert_eq!(ids_of(&selected.victims), [victim], "{selection:?}");
        assert_eq!(selected.spared[0].why, "stays so that 1 survive");
    }
}
