use easemob_admin_api::{Platform, UnixMillis};
use proptest::prelude::*;

use crate::policy::Policy;
use crate::policy::surplus::*;
use crate::select::exemptions::Exemptions;
use crate::select::limits::Limits;
use crate::select::selection::UnknownAge;

fn user() -> UserId {
    UserId::parse("ann").unwrap()
}

/// Ids end in `@N` if the age is known, to keep tests short.
fn device(id: &str) -> SeenDevice {
    let stamp = id.rsplit_once('@').map(|(_, at)| at.parse().unwrap());
    SeenDevice {
        id: DeviceId::parse(id).unwrap(),
        name: None,
        uuid: None,
        signed_in_at: stamp.map(UnixMillis),
    }
}

fn devices(ids: &[&str]) -> Vec<SeenDevice> {
    ids.iter().map(|id| device(id)).collect()
}

fn policy(limits: DeviceLimits) -> Policy {
    Policy {
        limits: Limits {
            app: limits,
            users: Vec::new(),
        },
        exempt: Exemptions::default(),
        min_surviving: 0,
        unknown_age: UnknownAge::Keep,
    }
}

fn ids_of(choices: &[Choice]) -> Vec<&str> {
    choices.iter().map(|choice| choice.device.id.as_str()).collect()
}

#[test]
fn each_platform_is_counted_for_itself() {
    let online = devices(&["web_a@3", "web_b@1", "webim_c@2", "ios_a@1", "ios_b@2"]);
    let found = surplus(&user(), &online, &policy(DeviceLimits::multi(2)).selection());
    let [web] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (web.group.clone(), web.online, web.limit),
        (Group::Platform(Platform::Web), 3, 2)
    );
    assert_eq!(
        (ids_of(&web.victims), web.over(), web.undecided()),
        (vec!["web_b@1"], 1, 0)
    );
}

#[test]
fn single_mode_counts_all_devices_together() {
    let online = devices(&["web_a@3", "ios_b@1", "mac_c@2"]);
    let found = surplus(&user(), &online, &policy(DeviceLimits::single()).selection());
    assert_eq!(
        (found.len(), found[0].group.clone(), found[0].over()),
        (1, Group::InAll, 2)
    );
    assert_eq!(ids_of(&found[0].victims), ["ios_b@1", "mac_c@2"]);
}

#[test]
fn what_nobody_may_choose_is_told_as_undecided() {
    let online = devices(&["web_a@3", "web_b", "web_c"]);
    let mut policy = policy(DeviceLimits::multi(1));
    let found = surplus(&user(), &online, &policy.selection());
    assert_eq!((found[0].over(), found[0].undecided()), (2, 2));
    assert_eq!(found[0].victims, []);
    policy.unknown_age = UnknownAge::Oldest;
    let found = surplus(&user(), &online, &policy.selection());
    assert_eq!((ids_of(&found[0].victims).len(), found[0].undecided()), (2, 0));
    let mut totals = Totals::default();
    totals.count(online.len(), &found);
    assert_eq!((totals.victims, totals.victims_of_unknown_age), (2, 2));
}

#[test]
fn devices_of_one_age_are_undecided() {
    let online = devices(&["web_a@3", "web_b@3", "web_c@1"]);
    let found = surplus(&user(), &online, &policy(DeviceLimits::multi(1)).selection());
    assert_eq!(
        (ids_of(&found[0].victims), found[0].undecided()),
        (vec!["web_c@1"], 1)
    );
}

#[test]
fn exempt_devices_are_not_even_counted() {
    let online = devices(&["web_a@1", "web_b@2", "web_kiosk"]);
    let mut policy = policy(DeviceLimits::multi(1));
    policy.exempt = Exemptions::parse("*/web_kiosk");
    let found = surplus(&user(), &online, &policy.selection());
    assert_eq!((found[0].online, ids_of(&found[0].victims)), (2, vec!["web_a@1"]));
    policy.exempt = Exemptions::parse("ANN");
    assert_eq!(surplus(&user(), &online, &policy.selection()), []);
}

#[test]
fn enough_devices_survive() {
    let online = devices(&["web_a@1", "web_b@2", "web_c@3"]);
    let mut policy = policy(DeviceLimits::multi(0));
    policy.min_surviving = 2;
    let found = surplus(&user(), &online, &policy.selection());
    assert_eq!(
        (ids_of(&found[0].victims), found[0].undecided()),
        (vec!["web_a@1"], 2)
    );
}

fn limits() -> impl Strategy<Value = DeviceLimits> {
    let numbers = (
        proptest::option::of(0_u32..4),
        proptest::option::of(0_u32..4),
        any::<bool>(),
    );
    numbers.prop_map(|(default, web, single)| {
        let mut limits = if single {
            DeviceLimits::single()
        } else {
            DeviceLimits::default()
        };
        limits.default = default;
        web.into_iter()
            .fold(limits, |limits, web| limits.with(Platform::Web, web))
    })
}

proptest! {
    #[test]
    fn the_promises_are_kept(
        ids in proptest::collection::vec("(ios|web|webim|custom5)_[a-e](@[0-9])?", 0..24),
        limits in limits(),
        min_surviving in 0_usize..5,
        oldest: bool,
        exempt in proptest::option::of("(ann/)?(ios|web)_[a-d]\\*|ann|bob"),
    ) {
        let online: Vec<SeenDevice> = ids.iter().map(|id| device(id)).collect();
        let mut policy = policy(limits.clone());
        policy.min_surviving = min_surviving;
        policy.unknown_age = if oldest { UnknownAge::Oldest } else { UnknownAge::Keep };
        policy.exempt = exempt.iter().map(|line| match line.as_str() {
            whole @ ("ann" | "bob") => whole.to_owned(),
            device if device.starts_with("ann/") => device.to_owned(),
            device => format!("*/{device}"),
        }).collect::<Vec<_>>().into();
        let selection = policy.selection();
        let found = surplus(&user(), &online, &selection);
        let counts = |id: &DeviceId| !policy.exempt.cover_user(&user()) && !policy.exempt.cover_device(&user(), id);
        let unique: BTreeSet<&DeviceId> = online.iter().map(|device| &device.id).collect();

        // The victims are exactly those that a logout with the same selection signs out.
        let selected = select_victims(&user(), &online, &selection);
        let told: BTreeSet<&DeviceId> =
            found.iter().flat_map(|surplus| &surplus.victims).map(|choice| &choice.device.id).collect();
        let ended: BTreeSet<&DeviceId> = selected.victims.iter().map(|choice| &choice.device.id).collect();
        prop_assert_eq!(&told, &ended);
        prop_assert_eq!(selected.victims.len(), ended.len(), "nobody is ended twice");
        prop_assert_eq!(
            selected.victims.len() + selected.spared.len() + selected.others.len(), unique.len(), "nobody is lost"
        );

        // Never below the minimum, never exempt, never of unknown age unless requested.
        prop_assert!(ended.is_empty() || unique.len() - ended.len() >= min_surviving);
        for victim in &selected.victims {
            prop_assert!(counts(&victim.device.id));
            prop_assert!(oldest || victim.device.signed_in_at.is_some());
        }

        for surplus in &found {
            // Never more than the surplus, and all of it if every age is known and enough devices survive.
            prop_assert!(surplus.online > surplus.limit);
            prop_assert!(surplus.victims.len() <= surplus.over());
            let members: Vec<&SeenDevice> = online.iter().filter(|device| {
                counts(&device.id) && Group::of(&device.id, &limits).is_some_and(|(group, _)| group == surplus.group)
            }).collect();
            let unknown = members.iter().any(|device| device.signed_in_at.is_none());
            let ids: BTreeSet<&DeviceId> = members.iter().map(|device| &device.id).collect();
            let known = ids.iter().filter(|id| id.as_str().contains('@')).count();
            let ages: BTreeSet<UnixMillis> = members.iter().filter_map(|device| device.signed_in_at).collect();
            if min_surviving == 0 && (oldest || !unknown) && known == ages.len() {
                prop_assert_eq!(surplus.undecided(), 0);
            }
            // Oldest first: no device that stays is older than one that goes.
            for victim in &surplus.victims {
                for stays in members.iter().filter(|device| !ended.contains(&device.id)) {
                    if let (Some(stays), Some(goes)) = (stays.signed_in_at, victim.device.signed_in_at) {
                        prop_assert!(goes <= stays, "an older device stays");
                    }
                }
            }
            prop_assert!(surplus.victims.is_sorted_by_key(|choice| choice.device.signed_in_at));
        }

        // Stable: the order of the list does not matter.
        let mut shuffled = online.clone();
        shuffled.reverse();
        prop_assert_eq!(surplus(&user(), &shuffled, &selection), found);
    }

    #[test]
    fn who_was_enforced_is_within_the_limits(
        ids in proptest::collection::vec("(ios|web)_[a-e]@[0-9]", 0..16),
        limits in limits(),
    ) {
        let mut online: Vec<SeenDevice> = ids.iter().map(|id| device(id)).collect();
        online.sort_by_key(|device| device.signed_in_at);
        // If two devices have the same age, either may be the older one, so both may stay.
        online.dedup_by_key(|device| device.signed_in_at);
        let selection = policy(limits).selection();
        let ended: Vec<DeviceId> = select_victims(&user(), &online, &selection)
            .victims
            .into_iter()
            .map(|choice| choice.device.id)
            .collect();
        let left: Vec<SeenDevice> = online.into_iter().filter(|device| !ended.contains(&device.id)).collect();
        prop_assert_eq!(surplus(&user(), &left, &selection), []);
        prop_assert!(select_victims(&user(), &left, &selection).victims.is_empty());
    }
}

#[test]
fn totals_count_users_and_devices() {
    let selection = policy(DeviceLimits::multi(2)).selection();
    let mut totals = Totals::default();
    for online in [&["web_a@3", "web_b@1", "webim_c"][..], &["web_a@3"], &[]] {
        let online = devices(online);
        totals.count(online.len(), &surplus(&user(), &online, &selection));
    }
    let expected = Totals {
        users: 3,
        users_over: 1,
        online: 4,
        over: 1,
        victims: 0,
        victims_of_unknown_age: 0,
        undecided: 1,
    };
    assert_eq!(totals, expected);
}
