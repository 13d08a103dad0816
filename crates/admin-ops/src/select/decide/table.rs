//! The decisions about a user of a plan, for every way in which the devices may differ from it.

use easemob_admin_api::{DeviceId, UnixMillis, UserId};

use crate::run::basis::Known;
use crate::run::item::Item;
use crate::select::decide::*;
use crate::select::selection::Keep;

/// Parses device ids separated by spaces.
fn ids(text: &str) -> Vec<DeviceId> {
    let parse = |id: &str| DeviceId::parse(id).unwrap();
    text.split_whitespace().map(parse).collect()
}

fn text(ids: &[DeviceId]) -> String {
    let ids: Vec<&str> = ids.iter().map(DeviceId::as_str).collect();
    ids.join(" ")
}

/// Creates devices that signed in at the second that their ids end with.
fn online(text: &str) -> Vec<SeenDevice> {
    let seen = |id: DeviceId| SeenDevice {
        signed_in_at: id
            .as_str()
            .rsplit_once('_')
            .and_then(|(_, second)| second.parse().ok())
            .map(UnixMillis),
        id,
        name: None,
        uuid: None,
    };
    ids(text).into_iter().map(seen).collect()
}

/// Which devices a row selects.
#[derive(Debug, Clone, Copy)]
enum Means {
    All,
    Ios,
    /// All except the newest two on each platform.
    Surplus,
    /// All, as long as two stay.
    TwoSurvive,
}

impl Means {
    fn selection(self) -> Selection {
        match self {
            Self::All => Selection::default(),
            Self::Ios => Selection {
                platforms: vec!["ios".parse().unwrap()],
                ..Selection::default()
            },
            Self::Surplus => Selection {
                keep_newest: Some(Keep::Each(2)),
                ..Selection::default()
            },
            Self::TwoSurvive => Selection {
                min_surviving: 2,
                ..Selection::default()
            },
        }
    }
}

/// The input of a decision.
#[derive(Debug, Clone, Copy)]
struct Given {
    /// The devices that the plan signs out and keeps; `None` without a plan.
    plan: Option<(&'static str, &'static str)>,
    /// The devices that an earlier attempt was about to sign out.
    intended: Option<&'static str>,
    means: Means,
    online: &'static str,
}

/// The decision as text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decided {
    ends: String,
    spares: String,
    others: String,
    gone: String,
    drift: (String, String, String),
    stops: bool,
    everything: bool,
    counted_before: bool,
}

fn decided(given: Given, on_drift: OnDrift) -> Decided {
    let task = Task {
        item: Item {
            number: 0,
            line: 1,
            user: UserId::parse("ann").unwrap(),
            planned: given.plan.map(|(end, keep)| Planned {
                end: ids(end),
                keep: ids(keep),
            }),
        },
        intended: given.intended.map(ids),
        known: Known::Nothing,
    };
    let order = Order {
        selection: given.means.selection(),
        on_drift,
    };
    let decision = decide(&task, &online(given.online), &order);
    let chosen = |choices: &[Choice]| {
        let mut ids: Vec<DeviceId> = choices.iter().map(|choice| choice.device.id.clone()).collect();
        ids.sort();
        text(&ids)
    };
    let mut others: Vec<DeviceId> = decision.others.iter().map(|device| device.id.clone()).collect();
    others.sort();
    Decided {
        ends: chosen(&decision.victims),
        spares: chosen(&decision.spared),
        others: text(&others),
        gone: text(&decision.gone),
        drift: (
            text(&decision.drift.gone),
            text(&decision.drift.left),
            text(&decision.drift.new),
        ),
        stops: decision.drift.stops(),
        everything: decision.everything,
        counted_before: decision.counted_before,
    }
}

fn plan(end: &'static str, keep: &'static str, means: Means, online: &'static str) -> Given {
    Given {
        plan: Some((end, keep)),
        intended: None,
        means,
        online,
    }
}

fn drifted(gone: &str, left: &str, new: &str) -> (String, String, String) {
    (gone.into(), left.into(), new.into())
}

fn decision(ends: &str, spares: &str, others: &str) -> Decided {
    Decided {
        ends: ends.into(),
        spares: spares.into(),
        others: others.into(),
        ..Decided::default()
    }
}

const ALL: [OnDrift; 4] = [
    OnDrift::Skip,
    OnDrift::Stop,
    OnDrift::Include,
    OnDrift::StillMeant,
];

#[test]
fn how_the_devices_differ_does_not_depend_on_what_is_done_about_it() {
    for (end, keep, online, drift, stops) in [
        // As planned.
        ("ios_1 ios_2", "web_1", "ios_1 ios_2 web_1", ("", "", ""), false),
        ("ios_1", "", "ios_1", ("", "", ""), false),
        // A planned device has left, as the plan wanted.
        ("ios_1 ios_2", "web_1", "ios_2 web_1", ("ios_1", "", ""), false),
        ("ios_1 ios_2", "web_1", "web_1", ("ios_1 ios_2", "", ""), false),
        ("ios_1 ios_2", "", "", ("ios_1 ios_2", "", ""), false),
        // One that was to stay has left.
        ("ios_1", "web_1 web_2", "ios_1 web_2", ("", "web_1", ""), true),
        ("ios_1", "web_1 web_2", "ios_1", ("", "web_1 web_2", ""), true),
        // One is new.
        ("ios_1", "web_1", "ios_1 web_1 mac_9", ("", "", "mac_9"), true),
        ("ios_1", "", "ios_1 mac_9 web_9", ("", "", "mac_9 web_9"), true),
        // Several of these.
        ("ios_1", "web_1", "web_1 mac_9", ("ios_1", "", "mac_9"), true),
        ("ios_1", "web_1", "ios_1 mac_9", ("", "web_1", "mac_9"), true),
        ("ios_1", "web_1", "mac_9", ("ios_1", "web_1", "mac_9"), true),
        ("ios_1", "web_1", "", ("ios_1", "web_1", ""), true),
    ] {
        for on_drift in ALL {
            for means in [Means::All, Means::Ios, Means::TwoSurvive] {
                let given = plan(end, keep, means, online);
                let decided = decided(given, on_drift);
                let (gone, left, new) = drift;
                assert_eq!(decided.drift, drifted(gone, left, new), "{given:?} {on_drift:?}");
                assert_eq!(decided.stops, stops, "{given:?} {on_drift:?}");
                assert_eq!(decided.gone, gone, "{given:?} {on_drift:?}");
                assert!(
                    !decided.everything && !decided.counted_before,
                    "{given:?} {on_drift:?}"
                );
                let planned = ids(end);
                let named = |id: &DeviceId| planned.contains(id);
                if on_drift != OnDrift::Include {
                    assert!(ids(&decided.ends).iter().all(named), "{given:?} {on_drift:?}");
                }
            }
        }
    }
}

#[test]
fn a_plan_ends_what_it_names_and_no_more() {
    // Nothing differs, so the order for differences does not matter, whatever the selection would be now.
    for on_drift in [OnDrift::Skip, OnDrift::Stop, OnDrift::Include] {
        for means in [Means::All, Means::Ios] {
            let given = plan("web_1", "ios_1 web_2", means, "ios_1 web_1 web_2");
            assert_eq!(
                decided(given, on_drift),
                decision("web_1", "", "ios_1 web_2"),
                "{given:?} {on_drift:?}"
            );
        }
    }
    // A planned device that is no longer selected stays only if the order says so.
    let given = plan("web_1", "ios_1 web_2", Means::Ios, "ios_1 web_1 web_2");
    assert_eq!(
        decided(given, OnDrift::StillMeant),
        decision("", "ios_1", "web_1 web_2")
    );
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
#[test]
fn what_is_done_about_a_difference() {
    use OnDrift::{Include, Skip, StillMeant, Stop};
    for (given, on_drift, (ends, spares, others)) in [
        // A new device stays, is selected like any other, or stays although it is selected now.
        (
            ("ios_1", "web_1", Means::All, "ios_1 ios_9 web_1"),
            Skip,
            ("ios_1", "ios_9", "web_1"),
        ),
        (
            ("ios_1", "web_1", Means::All, "ios_1 ios_9 web_1"),
            Stop,
            ("ios_1", "ios_9", "web_1"),
        ),
        (
            ("ios_1", "web_1", Means::Ios, "ios_1 ios_9 web_1"),
            Include,
            ("ios_1 ios_9", "", "web_1"),
        ),
        (
            ("ios_1", "web_1", Means::Ios, "ios_1 ios_9 web_1"),
            StillMeant,
            ("ios_1", "ios_9", "web_1"),
        ),
        // A new device that is not selected is ignored.
        (
            ("ios_1", "web_1", Means::Ios, "ios_1 mac_9 web_1"),
            Include,
            ("ios_1", "", "mac_9 web_1"),
        ),
        (
            ("ios_1", "web_1", Means::Ios, "ios_1 mac_9 web_1"),
            StillMeant,
            ("ios_1", "", "mac_9 web_1"),
        ),
        (
            ("ios_1", "web_1", Means::Ios, "ios_1 mac_9 web_1"),
            Skip,
            ("ios_1", "mac_9", "web_1"),
        ),
        // A planned device that has left is not replaced by another.
        (
            ("ios_1 ios_2", "web_1", Means::Ios, "ios_2 web_1"),
            Skip,
            ("ios_2", "", "web_1"),
        ),
        (
            ("ios_1 ios_2", "web_1", Means::Ios, "ios_2 web_1"),
            StillMeant,
            ("ios_2", "", "web_1"),
        ),
        (
            ("ios_1 ios_2", "web_1", Means::Ios, "ios_2 web_1"),
            Include,
            ("ios_2", "", "web_1"),
        ),
        // The surplus has become smaller by itself: the rest stays.
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_2 web_3"),
            StillMeant,
            ("web_1", "web_2 web_3", ""),
        ),
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_3"),
            StillMeant,
            ("", "web_1 web_3", ""),
        ),
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_3"),
            Skip,
            ("", "web_1 web_3", ""),
        ),
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_3"),
            Stop,
            ("", "web_1 web_3", ""),
        ),
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_3"),
            Include,
            ("", "web_1 web_3", ""),
        ),
        // The surplus has become larger: only named devices are signed out.
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_2 web_3 web_4"),
            StillMeant,
            ("web_1", "web_2 web_3 web_4", ""),
        ),
        (
            ("web_1", "web_2 web_3", Means::Surplus, "web_1 web_2 web_3 web_4"),
            Include,
            ("web_1 web_2", "web_3 web_4", ""),
        ),
        // The last two stay, whichever were to stay.
        (
            ("ios_1 ios_2", "web_1 web_2", Means::TwoSurvive, "ios_1 ios_2"),
            Skip,
            ("", "ios_1 ios_2", ""),
        ),
        (
            ("ios_1 ios_2", "web_1 web_2", Means::TwoSurvive, "ios_1 ios_2"),
            StillMeant,
            ("", "ios_1 ios_2", ""),
        ),
        // No device is online, or all have changed.
        (("ios_1", "web_1", Means::All, ""), Skip, ("", "", "")),
        (("ios_1", "web_1", Means::All, ""), StillMeant, ("", "", "")),
        (("ios_1", "web_1", Means::All, "mac_9"), Skip, ("", "mac_9", "")),
        (
            ("ios_1", "web_1", Means::All, "mac_9"),
            StillMeant,
            ("", "mac_9", ""),
        ),
        (
            ("ios_1", "web_1", Means::All, "mac_9"),
            Include,
            ("mac_9", "", ""),
        ),
    ] {
        let (end, keep, means, online) = given;
        let decided = decided(plan(end, keep, means, online), on_drift);
        assert_eq!(
            (
                decided.ends.as_str(),
                decided.spares.as_str(),
                decided.others.as_str()
            ),
            (ends, spares, others),
            "{given:?} {on_drift:?}"
        );
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
#[test]
fn what_an_earlier_attempt_was_about_to_end() {
    use OnDrift::{Include, Skip, StillMeant, Stop};
    let none = ("", "", "");
    for (plan, intended, means, online, on_drift, (ends, spares, others), gone, drift, everything) in [
        // Without a plan: named devices are signed out, in one call only if no other device is online.
        (
            None,
            "ios_1 web_1",
            Means::All,
            "ios_1 web_1",
            Skip,
            ("ios_1 web_1", "", ""),
            "",
            none,
            true,
        ),
        (
            None,
            "ios_1 web_1",
            Means::All,
            "web_1",
            Skip,
            ("web_1", "", ""),
            "ios_1",
            none,
            true,
        ),
        (
            None,
            "ios_1 web_1",
            Means::All,
            "web_1 mac_9",
            Skip,
            ("web_1", "", "mac_9"),
            "ios_1",
            none,
            false,
        ),
        (
            None,
            "ios_1",
            Means::Ios,
            "ios_1 ios_9",
            Skip,
            ("ios_1", "", "ios_9"),
            "",
            none,
            false,
        ),
        (
            None,
            "ios_1",
            Means::All,
            "",
            Skip,
            ("", "", ""),
            "ios_1",
            none,
            true,
        ),
        // Named devices are signed out even if they are not selected now, unless the order says otherwise.
        (
            None,
            "web_1",
            Means::Ios,
            "web_1 ios_9",
            Skip,
            ("web_1", "", "ios_9"),
            "",
            none,
            false,
        ),
        (
            None,
            "web_1",
            Means::Ios,
            "web_1 ios_9",
            StillMeant,
            ("", "ios_9", "web_1"),
            "",
            none,
            false,
        ),
        (
            None,
            "web_1",
            Means::All,
            "web_1",
            StillMeant,
            ("web_1", "", ""),
            "",
            none,
            false,
        ),
        (
            None,
            "web_1 web_2",
            Means::All,
            "web_2",
            StillMeant,
            ("web_2", "", ""),
            "web_1",
            none,
            false,
        ),
        // Drift from a plan matters only to an order that stops at a difference.
        (
            Some(("ios_1 ios_2", "web_1")),
            "ios_1 ios_2",
            Means::Ios,
            "ios_2 web_1",
            Stop,
            ("ios_2", "", "web_1"),
            "ios_1",
            ("ios_1", "", ""),
            false,
        ),
        (
            Some(("ios_1 ios_2", "web_1")),
            "ios_1 ios_2",
            Means::Ios,
            "ios_2 web_1 mac_9",
            Stop,
            ("ios_2", "", "mac_9 web_1"),
            "ios_1",
            ("ios_1", "", "mac_9"),
            false,
        ),
        (
            Some(("ios_1 ios_2", "web_1")),
            "ios_1 ios_2",
            Means::Ios,
            "ios_2",
            Stop,
            ("ios_2", "", ""),
            "ios_1",
            ("ios_1", "web_1", ""),
            false,
        ),
        (
            Some(("ios_1 ios_2", "web_1")),
            "ios_1 ios_2",
            Means::Ios,
            "ios_2 web_1 mac_9",
            Skip,
            ("ios_2", "", "mac_9 web_1"),
            "ios_1",
            none,
            false,
        ),
        (
            Some(("ios_1", "web_1")),
            "ios_1",
            Means::All,
            "ios_1 mac_9",
            Include,
            ("ios_1", "", "mac_9"),
            "",
            none,
            false,
        ),
        (
            Some(("ios_1 ios_2", "web_1")),
            "ios_1 ios_2",
            Means::Ios,
            "ios_2 ios_9",
            StillMeant,
            ("ios_2", "ios_9", ""),
            "ios_1",
            none,
            false,
        ),
    ] {
        let given = Given {
            plan,
            intended: Some(intended),
            means,
            online,
        };
        let (left_gone, left, new) = drift;
        let expected = Decided {
            gone: gone.into(),
            drift: drifted(left_gone, left, new),
            stops: !left.is_empty() || !new.is_empty(),
            everything,
            counted_before: true,
            ..decision(ends, spares, others)
        };
        assert_eq!(decided(given, on_drift), expected, "{given:?} {on_drift:?}");
    }
}

#[test]
fn without_a_plan_the_order_for_differences_means_nothing() {
    for on_drift in ALL {
        for (means, online, (ends, spares, others), everything) in [
            (Means::All, "ios_1 web_1", ("ios_1 web_1", "", ""), true),
            (Means::Ios, "ios_1 web_1", ("ios_1", "", "web_1"), false),
            (
                Means::Surplus,
                "web_1 web_2 web_3",
                ("web_1", "web_2 web_3", ""),
                false,
            ),
            (Means::All, "", ("", "", ""), true),
        ] {
            let given = Given {
                plan: None,
                intended: None,
                means,
                online,
            };
            let expected = Decided {
                everything,
                ..decision(ends, spares, others)
            };
            assert_eq!(decided(given, on_drift), expected, "{given:?} {on_drift:?}");
        }
    }
}

#[test]
fn a_difference_is_told_in_words() {
    for (gone, left, new, said) in [
        ("", "", "", ""),
        ("ios_1", "", "", "gone: ios_1"),
        ("", "web_1", "", "gone but should have stayed: web_1"),
        ("", "", "mac_9 mac_8", "new: mac_9 mac_8"),
        (
            "ios_1 ios_2",
            "web_1",
            "mac_9",
            "gone: ios_1 ios_2; new: mac_9; gone but should have stayed: web_1",
        ),
    ] {
        let drift = Drift {
            gone: ids(gone),
            left: ids(left),
            new: ids(new),
        };
        assert_eq!(drift.to_string(), said);
        assert_eq!(drift.is_empty(), said.is_empty());
    }
}
