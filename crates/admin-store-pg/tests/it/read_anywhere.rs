//! The trail from any entry on, and as it is stored.

use std::time::Duration;

use easemob_admin_audit::{Filter, Limits, Verifier};
use easemob_admin_ops::trails::{Trail, Trails};
use serde_json::Value;

use crate::heads::run;
use crate::runs::Place;

fn numbers(trail: &dyn Trail, range: std::ops::Range<u64>, newest: Option<u64>) -> Vec<u64> {
    let found = trail.search_between(Filter::default(), range, newest).unwrap();
    found.map(|entry| entry.unwrap().seq).collect()
}

fn field(line: &[u8], name: &str) -> Option<u64> {
    serde_json::from_slice::<Value>(line).unwrap()[name].as_u64()
}

#[test]
fn reading_begins_and_ends_at_any_entry() {
    let Some(place) = Place::new() else { return };
    // Segments of a few entries.
    let small = Limits {
        file_bytes: 900,
        ..Limits::default()
    };
    let machine = place
        .machine("one")
        .with_trails(|trails| trails.with_limits(small));
    let name = "prod";
    let trails: &dyn Trails = machine.trails();
    let trail = Trails::of(trails, name).unwrap();
    assert_eq!((trail.end().unwrap(), trail.lines(0).unwrap().count()), (0, 0));
    run(&machine, 0, 30);
    let trail = Trails::of(trails, name).unwrap();
    let end = trail.end().unwrap();
    assert_eq!(end, 62);
    let all: Vec<Vec<u8>> = trail.lines(0).unwrap().map(Result::unwrap).collect();
    assert!(all.iter().filter(|line| field(line, "first").is_some()).count() > 5);
    let key = &trail.keys().unwrap()[0];
    let mut verifier = Verifier::new(machine.trail().origin(), key, trail.heads(key).unwrap());
    let mut segment = 0;
    for line in &all {
        segment = field(line, "first").unwrap_or(segment);
        assert!(verifier.line(segment, line).is_continue());
    }
    let found = verifier.finish();
    assert!(
        found.holds() && found.size == end && found.unsigned() == 0,
        "{found:?}"
    );
    for from in 0..=end + 1 {
        let rest: Vec<Vec<u8>> = trail.lines(from).unwrap().map(Result::unwrap).collect();
        assert!(all.ends_with(&rest), "{from}");
        let first = rest.iter().find_map(|line| field(line, "seq"));
        assert_eq!(first, (from < end).then_some(from));
        for to in [from, from + 1, from + 9, end, u64::MAX] {
            let expected: Vec<u64> = (from..to.min(end)).collect();
            assert_eq!(numbers(&*trail, from..to, None), expected, "{from}..{to}");
            let newest = expected.len().saturating_sub(3);
            assert_eq!(
                numbers(&*trail, from..to, Some(3)),
                expected[newest..],
                "{from}..{to}"
            );
        }
    }
}

#[test]
fn an_append_of_another_process_is_heard_and_found() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (place.machine("one"), place.machine("two"));
    run(&one, 0, 1);
    let trails: &dyn Trails = one.trails();
    let mut changes = trails.changes().unwrap();
    let trail = Trails::of(trails, "prod").unwrap();
    let mut found = trail
        .search_between(Filter::default(), 4..u64::MAX, None)
        .unwrap();
    assert!(found.next().is_none());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut heard = || {
        let woken = async { tokio::time::timeout(Duration::from_secs(20), changes.changed()).await };
        runtime.block_on(woken).unwrap().unwrap();
    };
    // That it listens.
    heard();
    run(&two, 1, 1);
    heard();
    found.read_on().unwrap();
    assert_eq!(
        found.map(|entry| entry.unwrap().seq).collect::<Vec<_>>(),
        [4, 5, 6, 7]
    );
}
