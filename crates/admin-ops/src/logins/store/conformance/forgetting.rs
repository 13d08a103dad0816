//! What is forgotten, and what stays.

use super::{add, devices, event, events, failed, gap, ids, login, not_known, online, open, scanned};
use crate::logins::store::{Forgotten, LoginKind, LoginStore, LoginStores, Range};

fn known(store: &dyn LoginStore, user: &str) -> Vec<String> {
    let devices = store.known_devices(user).unwrap().into_iter();
    devices.map(|device| device.resource).collect()
}

/// The newest finished snapshot is what questions are about: it stays however old it is, with its devices, and no other does.
pub fn forgetting_keeps_the_newest_finished_snapshot(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let older = scanned(&mut *store, &[online("ann", &["ios_1"]), failed("eve")], 100);
    let newest = scanned(&mut *store, &[online("ann", &["ios_2"]), failed("bob")], 90);
    let unfinished = store.begin("all", 300).unwrap();
    add(&mut *store, unfinished, &[online("ann", &["ios_3"])], 300);
    store
        .record_events(
            &[login("1", "ann", 70), event("2", "ann", 80, LoginKind::Logout)],
            300,
        )
        .unwrap();
    store.record_gap(&gap(1, 2)).unwrap();
    store.set_alive(5).unwrap();
    let forgotten = Forgotten {
        snapshots: 2,
        events: 2,
        devices: 2,
    };
    assert_eq!(store.forget(1_000).unwrap(), forgotten);
    assert_eq!(
        store.forget(1_000).unwrap(),
        Forgotten::default(),
        "all of it is forgotten"
    );
    assert_eq!(ids(&*store), [newest]);
    assert_eq!(devices(&*store, newest).len(), 1);
    assert_eq!(not_known(&*store, newest).len(), 1);
    for gone in [older, unfinished] {
        assert_eq!(
            (devices(&*store, gone), not_known(&*store, gone)),
            (vec![], vec![])
        );
        assert!(store.finish(gone, 400).is_err());
    }
    assert_eq!(known(&*store, "ann"), ["ios_2"]);
    assert_eq!(events(&*store, Range::ALL, None), []);
    assert_eq!(store.gaps(Range::ALL).unwrap(), []);
    assert_eq!(store.alive().unwrap(), Some(5));
    let new = store.record_events(&[login("1", "ann", 70)], 400).unwrap();
    assert_eq!(new, [true], "an event that was forgotten is new");
}

/// Of everything, what is from the very time that is given stays.
pub fn what_is_from_that_time_on_is_not_forgotten(stores: &dyn LoginStores) {
    let mut store = open(stores);
    scanned(&mut *store, &[online("ann", &["ios_1"])], 99);
    let kept = scanned(&mut *store, &[online("ann", &["ios_2"])], 100);
    let unfinished = store.begin("list:1", 100).unwrap();
    let newest = scanned(&mut *store, &[], 200);
    // A device that only a snapshot had which is forgotten, but was seen since then.
    let late = store.begin("list:2", 99).unwrap();
    add(&mut *store, late, &[online("bob", &["ios_3"])], 100);
    store
        .record_events(&[login("1", "ann", 99), login("2", "ann", 100)], 1)
        .unwrap();
    for gap in [gap(98, 99), gap(98, 100), gap(100, 101)] {
        store.record_gap(&gap).unwrap();
    }
    let forgotten = Forgotten {
        snapshots: 2,
        events: 1,
        devices: 1,
    };
    assert_eq!(store.forget(100).unwrap(), forgotten);
    assert_eq!(ids(&*store), [kept, unfinished, newest]);
    assert_eq!(known(&*store, "ann"), ["ios_2"]);
    assert_eq!(known(&*store, "bob"), ["ios_3"]);
    assert_eq!(events(&*store, Range::ALL, None), [login("2", "ann", 100)]);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap(98, 100), gap(100, 101)]);
}

/// A device stays known as long as any snapshot has it for the same user.
pub fn a_device_of_a_kept_snapshot_is_not_forgotten(stores: &dyn LoginStores) {
    let mut store = open(stores);
    scanned(
        &mut *store,
        &[online("ann", &["ios_1"]), online("bob", &["ios_2"])],
        100,
    );
    // Begun after what was seen before it, by a clock that was put back meanwhile.
    let unfinished = store.begin("list:1", 500).unwrap();
    add(&mut *store, unfinished, &[online("ann", &["ios_2"])], 150);
    scanned(&mut *store, &[online("bob", &["ios_1"])], 200);
    let forgotten = Forgotten {
        snapshots: 1,
        events: 0,
        devices: 2,
    };
    assert_eq!(store.forget(400).unwrap(), forgotten);
    assert_eq!(
        known(&*store, "ann"),
        ["ios_2"],
        "of the snapshot that is not finished"
    );
    assert_eq!(known(&*store, "bob"), ["ios_1"], "of the newest");
}

/// The number of a snapshot names no other one later.
pub fn numbers_of_forgotten_snapshots_are_not_used_again(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let last = (0..3).map(|_| store.begin("all", 1).unwrap()).max().unwrap();
    assert_eq!(store.forget(2).unwrap().snapshots, 3);
    drop(store);
    assert!(open(stores).begin("all", 3).unwrap() > last);
}

/// What is kept is the same after its space was given back.
pub fn compacting_changes_nothing(stores: &dyn LoginStores) {
    let mut store = open(stores);
    scanned(&mut *store, &[online("ann", &["ios_1"])], 100);
    let id = scanned(&mut *store, &[online("ann", &["ios_2"]), failed("bob")], 200);
    store.record_events(&[login("1", "ann", 300)], 300).unwrap();
    store.forget(150).unwrap();
    let all = |store: &dyn LoginStore| {
        (
            store.snapshots().unwrap(),
            devices(store, id),
            not_known(store, id),
            store.known_devices("ann").unwrap(),
            events(store, Range::ALL, None),
        )
    };
    let before = all(&*store);
    store.compact().unwrap();
    for store in [store, open(stores)] {
        assert_eq!(all(&*store), before);
    }
}
