use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// 9 September 2021, 14:40 UTC.
const BEGIN: i64 = 1_631_198_400_000;
const HOUR_MS: i64 = 60 * 60_000;
const MINUTE_MS: i64 = 60_000;
const NOW: i64 = BEGIN + 5 * HOUR_MS;
const CHINA: Zone = crate::logins::backfill::keys::LIKELY_ZONES[1];

fn date(begin_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(begin_ms).unwrap();
    time.strftime("%Y%m%d%H%M").to_string()
}

fn asked(begin_ms: i64, posts: u64) -> AskedAgain {
    AskedAgain {
        date: date(begin_ms),
        posts,
        asked_ms: NOW - MINUTE_MS,
        times: 1,
        accepted: true,
    }
}

fn late(at_ms: i64) -> Arrival {
    Arrival {
        at_ms,
        arrived_ms: NOW,
    }
}

fn gap(since_ms: i64, until_ms: i64) -> Gap {
    Gap {
        since_ms,
        until_ms,
        why: "test".into(),
    }
}

#[test]
fn as_many_events_as_there_were_posts_have_to_arrive_about_that_time() {
    let ten = BEGIN + 10 * MINUTE_MS;
    let both = || vec![asked(BEGIN, 2), asked(ten, 1)];
    let unanswered = AskedAgain {
        accepted: false,
        ..asked(ten, 1)
    };
    let [one, two, three] = [late(BEGIN + 1), late(BEGIN + 2), late(ten + 1)];
    let before = Arrival {
        arrived_ms: NOW - 2 * MINUTE_MS,
        ..three
    };
    let live = Arrival {
        at_ms: BEGIN + 1,
        arrived_ms: BEGIN + MINUTE_MS,
    };
    let asked_then = |asked_ms| AskedAgain {
        asked_ms,
        ..asked(BEGIN, 1)
    };
    let rows: [(&str, Vec<AskedAgain>, Vec<Arrival>, usize); 10] = [
        ("all of one", vec![asked(BEGIN, 2)], vec![one, two], 1),
        ("one is missing", vec![asked(BEGIN, 2)], vec![one], 0),
        (
            "from another time",
            vec![asked(BEGIN, 1)],
            vec![late(BEGIN + HOUR_MS)],
            0,
        ),
        ("all of both", both(), vec![one, two, three], 2),
        (
            "two at the border are not three",
            both(),
            vec![late(ten - 1), late(ten - 2)],
            0,
        ),
        ("before it was asked for", both(), vec![one, two, before], 0),
        ("sent when it happened", vec![asked_then(BEGIN)], vec![live], 0),
        (
            "all of both, of one without an answer",
            vec![asked(BEGIN, 2), unanswered.clone()],
            vec![one, two, three],
            2,
        ),
        (
            "too few, without an answer",
            vec![asked(BEGIN, 2), unanswered],
            vec![one, two],
            0,
        ),
        (
            "far apart",
            vec![asked(BEGIN, 2), asked(BEGIN + HOUR_MS, 1)],
            vec![one, two],
            1,
        ),
    ];
    for (case, asked, arrivals, expected) in rows {
        assert_eq!(arrived(Zone::UTC, &asked, &arrivals).len(), expected, "{case}");
    }
}

#[test]
fn the_zone_is_the_one_that_explains_all_that_arrived() {
    let zones = [Zone::UTC, CHINA];
    let keys = [asked(BEGIN, 2), asked(BEGIN + HOUR_MS, 2)];
    let there = BEGIN - 8 * HOUR_MS;
    for (case, arrivals, expected) in [
        ("nothing arrived", vec![], None),
        ("one", vec![late(BEGIN)], Some(Zone::UTC)),
        ("one in China", vec![late(there)], Some(CHINA)),
        ("in neither", vec![late(BEGIN + 5 * HOUR_MS)], None),
        ("in both", vec![late(BEGIN), late(there)], None),
    ] {
        assert_eq!(zone_of(&zones, &keys, &arrivals), expected, "{case}");
    }
    let long = [asked(BEGIN, 1), asked(there, 1)];
    assert_eq!(zone_of(&zones, &long, &[late(there)]), None, "both explain it");
    assert_eq!(zone_of(&zones, &[], &[late(there)]), None);
}

fn known(slices: &[(i64, Slice)], stored_since_ms: Option<i64>) -> Known {
    Known {
        slices: slices.iter().cloned().collect(),
        zone: Zone::UTC,
        stored_since_ms,
        now_ms: NOW,
    }
}

fn minutes(left: &[Left]) -> Vec<(i64, i64, Vec<Open>)> {
    left.iter()
        .map(|left| {
            let minute = |at_ms: i64| (at_ms - BEGIN).div_euclid(MINUTE_MS);
            let Gap {
                since_ms, until_ms, ..
            } = left.gap;
            let why = left.why.iter().copied().collect();
            (minute(since_ms), minute(until_ms), why)
        })
        .collect()
}

#[test]
fn a_gap_is_closed_only_where_everything_arrived_or_nothing_failed() {
    let at = |minute: i64| BEGIN + minute * MINUTE_MS;
    let whole = gap(at(3), at(47));
    let arrived = |minute| (at(minute), Slice::Arrived);
    let open = |minute, why| (at(minute), Slice::Open(why));
    for (case, slices, since, expected) in [
        (
            "nothing is stored",
            vec![],
            None,
            vec![(3, 47, vec![Open::NotStored])],
        ),
        (
            "all arrived",
            vec![arrived(0), arrived(10), arrived(20), arrived(30), arrived(40)],
            Some(at(0)),
            vec![],
        ),
        ("none failed, as is known", vec![], Some(at(0)), vec![]),
        (
            "none failed in between",
            vec![arrived(0), arrived(30)],
            Some(at(0)),
            vec![],
        ),
        (
            "the service may have been bought later",
            vec![arrived(20)],
            Some(at(20)),
            vec![(3, 24, vec![Open::NotStored])],
        ),
        (
            "one did not arrive",
            vec![open(20, Open::NotArrived)],
            Some(at(0)),
            vec![(15, 34, vec![Open::NotArrived])],
        ),
        (
            "two apart",
            vec![open(0, Open::UsedUp), open(40, Open::NotSent)],
            Some(at(0)),
            vec![(3, 14, vec![Open::UsedUp]), (35, 47, vec![Open::NotSent])],
        ),
        (
            "what failed late",
            vec![open(50, Open::NotSent)],
            Some(at(0)),
            vec![(45, 47, vec![Open::NotSent])],
        ),
        (
            "what failed later",
            vec![open(60, Open::NotSent)],
            Some(at(0)),
            vec![],
        ),
        (
            "just before",
            vec![open(-10, Open::NotSent)],
            Some(at(-10)),
            vec![(3, 4, vec![Open::NotSent])],
        ),
    ] {
        let left = known(&slices, since).left_of(&whole);
        assert_eq!(minutes(&left), expected, "{case}");
        assert!(left.iter().all(|left| left.gap.why == "test"));
    }
}

#[test]
fn what_is_too_old_or_not_over_stays_open() {
    let of = |since_ms, until_ms| known(&[], Some(0)).left_of(&gap(since_ms, until_ms));
    let why = |left: &[Left]| -> Vec<Open> { left.iter().flat_map(|left| left.why.clone()).collect() };
    let old = of(NOW - STORED_MS - HOUR_MS, NOW - STORED_MS + HOUR_MS);
    assert_eq!(why(&old), [Open::TooOld]);
    assert!(old[0].gap.until_ms < NOW - STORED_MS + HOUR_MS / 2, "shortened");
    let running = of(NOW - HOUR_MS, NOW + 5 * MINUTE_MS);
    assert_eq!(why(&running), [Open::NotOver]);
    assert!(running[0].gap.since_ms > NOW - HOUR_MS, "shortened");
    assert_eq!(running[0].gap.until_ms, NOW + 5 * MINUTE_MS);
    // However long it is, it is judged at once.
    assert_eq!(of(0, i64::MAX).len(), 2);
}

proptest! {
    /// The promise: what may be among posts that did not arrive stays in the gap.
    #[test]
    fn nothing_that_may_be_missing_is_closed(
        since in 0_i64..4 * HOUR_MS, length in 0_i64..2 * HOUR_MS,
        states in vec((0_i64..40, 0_u8..3), 0..20), stored in proptest::option::of(0_i64..4 * HOUR_MS),
        at in 0.0_f64..1.0, late in 0_i64..=LATE_MS, ahead in 0_usize..2,
    ) {
        let zone = [Zone::UTC, CHINA][ahead];
        let origin = slice_of(BEGIN - 2 * HOUR_MS, zone);
        let gap = gap(origin + since, origin + since + length);
        let slices = states.into_iter().map(|(number, state)| {
            let slice = if state == 0 { Slice::Arrived } else { Slice::Open(Open::NotArrived) };
            (origin + number * SLICE_MS, slice)
        });
        let known = Known {
            slices: slices.collect(), zone, stored_since_ms: stored.map(|since| origin + since), now_ms: NOW,
        };
        let left = known.left_of(&gap);
        for part in &left {
            prop_assert!(part.gap.since_ms >= gap.since_ms && part.gap.until_ms <= gap.until_ms);
            prop_assert!(part.gap.since_ms <= part.gap.until_ms && !part.why.is_empty());
        }
        prop_assert!(left.windows(2).all(|two| two[0].gap.until_ms < two[1].gap.since_ms));
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a place in the gap")]
        let at_ms = gap.since_ms + (length as f64 * at) as i64;
        for stored_at in [at_ms, at_ms + late] {
            if known.slice(slice_of(stored_at, zone)) != Slice::Arrived {
                let stays = left.iter().any(|part| (part.gap.since_ms..=part.gap.until_ms).contains(&at_ms));
                prop_assert!(stays, "{at_ms} under {stored_at}");
            }
        }
    }

    /// What arrives once is counted once, however the keys lie.
    #[test]
    fn no_key_arrives_for_less_than_its_posts(
        keys in vec((0_i64..30, 1_u64..5), 1..8), events in vec(0_i64..5 * HOUR_MS, 0..30),
    ) {
        let keys: BTreeMap<i64, u64> = keys.into_iter().collect();
        let asked: Vec<AskedAgain> = keys.iter().map(|(number, posts)| asked(BEGIN - 2 * HOUR_MS + number * SLICE_MS, *posts)).collect();
        let arrivals: Vec<Arrival> = events.iter().map(|at| late(BEGIN - 2 * HOUR_MS + at)).collect();
        let dates = arrived(Zone::UTC, &asked, &arrivals);
        let posts: u64 = asked.iter().filter(|one| dates.contains(&one.date)).map(|one| one.posts).sum();
        prop_assert!(posts <= u64::try_from(arrivals.len()).unwrap());
    }
}
