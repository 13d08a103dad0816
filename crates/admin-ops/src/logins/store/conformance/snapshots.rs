//! Snapshots, and the devices that were seen.

use super::{add, device, devices, failed, ids, not_known, online, open, scanned, snapshot, unknown};
use crate::logins::store::{
    ChangeKind, Counts, KnownDevice, LoginStore, LoginStores, NotKnown, PROGRAM, Position, SeenDevice,
    Snapshot, SnapshotId, StoreError, UserState,
};

/// Users are counted by their state, and an unfinished scan says how far it came.
pub fn a_scan_is_counted_and_resumed(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let id = store.begin("all", 100).unwrap();
    assert_eq!(store.unfinished("all").unwrap().unwrap().1, Position::default());
    let users = [
        online("ann", &["ios_1", "web_1"]),
        ("bob".into(), UserState::Offline),
        ("eve".into(), UserState::Changed),
        unknown("kim"),
        failed("lee"),
    ];
    let after = Position {
        cursor: Some("next".into()),
        done: 5,
    };
    store.add(id, &users, &after, 110).unwrap();
    let mut expected = Snapshot {
        id,
        started_ms: 100,
        finished_ms: None,
        source: "all".into(),
        counts: Counts {
            users: 5,
            online: 1,
            offline: 1,
            changed: 1,
            unknown: 1,
            failed: 1,
            devices: 2,
        },
        limits: None,
        program: Some(PROGRAM.into()),
    };
    assert_eq!(store.unfinished("all").unwrap(), Some((expected.clone(), after)));
    assert_eq!(store.unfinished("list:1").unwrap(), None);
    let end = Position {
        cursor: None,
        done: 6,
    };
    let more = [("pat".to_owned(), UserState::Offline)];
    store.add(id, &more, &end, 120).unwrap();
    assert_eq!(store.unfinished("all").unwrap().unwrap().1, end);
    store.finish(id, 130).unwrap();
    assert_eq!(store.unfinished("all").unwrap(), None);
    expected.finished_ms = Some(130);
    expected.counts.users += 1;
    expected.counts.offline += 1;
    assert_eq!(store.snapshots().unwrap(), [expected]);
}

/// Everything that was found is told, users and resources by their bytes.
pub fn what_was_found_is_read_back_whole_and_in_order(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let whole = SeenDevice {
        resource: "ios_10".into(),
        platform: "ios".into(),
        name: Some("Ann's \"phone\" 手机".into()),
        signed_in_ms: Some(1_767_225_600_123),
    };
    let bare = SeenDevice {
        name: None,
        ..device("Web_1")
    };
    let second = device("ios_2");
    let of_zoe = UserState::Online(vec![second.clone(), whole.clone(), bare.clone()]);
    let users = [
        ("zoe".to_owned(), of_zoe),
        online("émile", &["ios_1"]),
        failed("zoe 2"),
        online("a_b", &["ios_1"]),
        unknown("ab"),
        failed("Zoe"),
    ];
    let id = scanned(&mut *store, &users, 100);
    let other = scanned(&mut *store, &[online("bob", &["ios_3"])], 200);
    let kept = devices(&*store, id);
    let expected = [
        ("a_b", device("ios_1")),
        ("zoe", bare),
        ("zoe", whole),
        ("zoe", second),
        ("émile", device("ios_1")),
    ];
    assert_eq!(kept, expected.map(|(user, device)| (user.to_owned(), device)));
    let lost = |user: &str, state: &str, why: &str| NotKnown {
        user: user.into(),
        state: state.into(),
        why: why.into(),
    };
    let expected = [
        lost("Zoe", "failed", "503"),
        lost("ab", "unknown", "no such user"),
        lost("zoe 2", "failed", "503"),
    ];
    assert_eq!(not_known(&*store, id), expected);
    assert_eq!(devices(&*store, other), [("bob".into(), device("ios_3"))]);
    assert_eq!(not_known(&*store, other), []);
    assert_eq!(ids(&*store), [id, other]);
}

/// A page that comes twice is counted twice, and nobody is in it twice.
pub fn a_user_who_is_added_again_is_in_the_newer_state(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let id = store.begin("all", 100).unwrap();
    add(&mut *store, id, &[online("ann", &["ios_1"]), failed("bob")], 100);
    let renamed = SeenDevice {
        name: Some("tablet".into()),
        ..device("ios_1")
    };
    let again = UserState::Online(vec![renamed.clone(), device("ios_2")]);
    add(&mut *store, id, &[("ann".into(), again), unknown("bob")], 110);
    let ann = |device| ("ann".to_owned(), device);
    assert_eq!(devices(&*store, id), [ann(renamed), ann(device("ios_2"))]);
    assert_eq!(not_known(&*store, id)[0].state, "unknown");
    let counts = snapshot(&*store, id).counts;
    assert_eq!((counts.users, counts.devices), (4, 3));
    assert_eq!((counts.failed, counts.unknown), (1, 1));
}

/// Whatever was begun before the newest scan of the same users is never gone on with, finished or not.
pub fn only_the_newest_scan_of_the_same_users_is_resumed(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let unfinished = |store: &dyn LoginStore, source| {
        let found = store.unfinished(source).unwrap();
        found.map(|(snapshot, _)| snapshot.id)
    };
    let first = store.begin("all", 100).unwrap();
    let second = store.begin("all", 100).unwrap();
    let list = store.begin("list:1", 50).unwrap();
    assert!(first < second && second < list);
    assert_eq!(unfinished(&*store, "all"), Some(second));
    assert_eq!(unfinished(&*store, "list:1"), Some(list));
    store.finish(second, 200).unwrap();
    assert_eq!(unfinished(&*store, "all"), None);
    assert_eq!(unfinished(&*store, "list:1"), Some(list));
}

/// Two scans that add to one snapshot would count every user twice.
pub fn a_snapshot_belongs_to_whoever_began_or_resumed_it(stores: &dyn LoginStores) {
    let (mut first, mut second) = (open(stores), open(stores));
    let id = first.begin("all", 100).unwrap();
    assert!(matches!(second.resume("all"), Err(StoreError::Taken(taken)) if taken == id));
    assert!(second.resume("list:1").unwrap().is_none(), "there is none");
    let other = second.begin("list:1", 100).unwrap();
    add(&mut *first, id, &[online("ann", &["ios_1"])], 110);
    drop(first);
    let (resumed, _) = second.resume("all").unwrap().unwrap();
    assert_eq!((resumed.id, resumed.counts.users), (id, 1));
    assert!(second.resume("all").unwrap().is_some(), "it is the owner already");

    let mut third = open(stores);
    for (source, owned) in [("all", id), ("list:1", other)] {
        assert!(matches!(third.resume(source), Err(StoreError::Taken(taken)) if taken == owned));
    }
    second.finish(id, 200).unwrap();
    assert!(third.resume("all").unwrap().is_none(), "it is finished");
    second.forget(1_000).unwrap();
    assert!(third.resume("list:1").unwrap().is_none(), "it is forgotten");
    let new = third.begin("list:1", 2_000).unwrap();
    assert!(matches!(second.resume("list:1"), Err(StoreError::Taken(taken)) if taken == new));
}

/// Those who are named in the snapshot stay and stay counted; the others are counted when they come again.
pub fn a_restart_counts_anew_and_keeps_who_is_named(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let id = store.begin("all", 100).unwrap();
    store.set_limits(id, "{}").unwrap();
    let other = store.begin("list:1", 100).unwrap();
    let users = [
        online("ann", &["ios_1", "web_1"]),
        ("bob".into(), UserState::Offline),
        ("eve".into(), UserState::Changed),
        unknown("kim"),
        failed("lee"),
    ];
    let after = Position {
        cursor: Some("next".into()),
        done: 5,
    };
    for id in [id, other] {
        store.add(id, &users, &after, 110).unwrap();
    }
    let untouched = snapshot(&*store, other);
    store.restart(id).unwrap();
    let (restarted, position) = store.unfinished("all").unwrap().unwrap();
    let counts = Counts {
        users: 2,
        online: 1,
        unknown: 1,
        devices: 2,
        ..Counts::default()
    };
    assert_eq!((restarted.counts, position), (counts, Position::default()));
    assert_eq!(restarted.limits.as_deref(), Some("{}"));
    assert_eq!(devices(&*store, id).len(), 2);
    let named: Vec<String> = not_known(&*store, id).into_iter().map(|user| user.user).collect();
    assert_eq!(named, ["kim"]);
    assert_eq!(snapshot(&*store, other), untouched);
    assert_eq!(not_known(&*store, other).len(), 2);
    assert_eq!(store.known_devices("ann").unwrap().len(), 2);
}

/// The limits of the app belong to one snapshot.
pub fn the_limits_are_those_that_were_set_last(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let (one, other) = (store.begin("all", 1).unwrap(), store.begin("all", 2).unwrap());
    for limits in [r#"{"ios":1}"#, r#"{"ios":2}"#] {
        store.set_limits(one, limits).unwrap();
        assert_eq!(snapshot(&*store, one).limits.as_deref(), Some(limits));
    }
    assert_eq!(snapshot(&*store, other).limits, None);
}

/// Who would change a snapshot that is finished, or was never there, is refused, and nothing has changed.
pub fn what_is_finished_or_not_there_is_not_changed(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let finished = scanned(&mut *store, &[online("ann", &["ios_1"]), failed("bob")], 100);
    let before = (store.snapshots().unwrap(), not_known(&*store, finished));
    for id in [finished, finished + 1, 0, -1] {
        let users = [
            online("ann", &["ios_2"]),
            online("eve", &["ios_1"]),
            failed("kim"),
        ];
        let position = Position::default();
        let refused = [
            store.add(id, &users, &position, 200),
            store.add(id, &[("pat".into(), UserState::Offline)], &position, 200),
            store.add(id, &[], &position, 200),
            store.restart(id),
            store.set_limits(id, "{}"),
            store.finish(id, 200),
        ];
        for (call, refused) in refused.into_iter().enumerate() {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, StoreError::NotOpen(named) if named == id),
                "{call}: {error}"
            );
        }
        assert_eq!(devices(&*store, id).len(), usize::from(id == finished));
    }
    assert_eq!((store.snapshots().unwrap(), not_known(&*store, finished)), before);
    assert_eq!(store.known_devices("ann").unwrap().len(), 1);
    assert_eq!(store.known_devices("eve").unwrap(), []);
}

/// What is asked about a snapshot that was never there is answered with nothing.
pub fn a_snapshot_that_is_not_there_has_nothing_in_it(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let id = scanned(&mut *store, &[online("ann", &["ios_1"]), failed("bob")], 100);
    let missing = id + 7;
    assert_eq!(devices(&*store, missing), []);
    assert_eq!(not_known(&*store, missing), []);
    let there = snapshot(&*store, id);
    let gone = Snapshot {
        id: missing,
        ..there.clone()
    };
    let mut kinds = Vec::new();
    let visit = &mut |change: super::super::Change| kinds.push(change.kind);
    store.each_change(&there, &gone, visit).unwrap();
    store.each_change(&gone, &there, visit).unwrap();
    assert_eq!(kinds, [ChangeKind::SignedOut, ChangeKind::SignedIn]);
}

fn changes(store: &dyn LoginStore, from: SnapshotId, to: SnapshotId) -> Vec<(String, String, ChangeKind)> {
    let mut changes = Vec::new();
    let visit = &mut |change: super::super::Change| {
        assert!(change.resource.starts_with(&change.platform));
        changes.push((change.user, change.resource, change.kind));
    };
    store
        .each_change(&snapshot(store, from), &snapshot(store, to), visit)
        .unwrap();
    changes
}

/// A device is gone only if the later snapshot knows the devices of its user.
pub fn what_differs_is_told_apart_from_what_is_not_known(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let before = [
        online("ann", &["ios_1", "web_1"]),
        online("bob", &["ios_2"]),
        online("kim", &["ios_4"]),
    ];
    let after = [
        online("ann", &["web_1", "web_2"]),
        failed("bob"),
        online("eve", &["ios_3"]),
        unknown("kim"),
    ];
    let before = scanned(&mut *store, &before, 100);
    let after = scanned(&mut *store, &after, 200);
    let expected = |kinds: [(&str, &str, ChangeKind); 5]| {
        kinds.map(|(user, resource, kind)| (user.to_owned(), resource.to_owned(), kind))
    };
    let there = expected([
        ("ann", "ios_1", ChangeKind::SignedOut),
        ("ann", "web_2", ChangeKind::SignedIn),
        ("bob", "ios_2", ChangeKind::NotKnownLater),
        ("eve", "ios_3", ChangeKind::SignedIn),
        ("kim", "ios_4", ChangeKind::NotKnownLater),
    ]);
    assert_eq!(changes(&*store, before, after), there);
    let back = expected([
        ("ann", "ios_1", ChangeKind::SignedIn),
        ("ann", "web_2", ChangeKind::SignedOut),
        ("bob", "ios_2", ChangeKind::NotKnownEarlier),
        ("eve", "ios_3", ChangeKind::SignedOut),
        ("kim", "ios_4", ChangeKind::NotKnownEarlier),
    ]);
    assert_eq!(changes(&*store, after, before), back);
    assert_eq!(changes(&*store, after, after), []);
}

/// A user without a device in a snapshot had none only if the snapshot covers the user.
pub fn who_was_not_read_in_the_other_snapshot_is_not_known_there(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let everybody = [online("ann", &["ios_1", "web_1"]), online("bob", &["ios_2"])];
    let all = scanned(&mut *store, &everybody, 100);
    let mut partly = |source: &str| {
        let id = store.begin(source, 200).unwrap();
        let part = [online("ann", &["ios_1"]), online("eve", &["ios_3"])];
        add(&mut *store, id, &part, 200);
        id
    };
    let (interrupted, list, other_list) = (partly("all"), partly("list:1"), partly("list:2"));
    for complete in [list, other_list] {
        store.finish(complete, 300).unwrap();
    }
    let kinds = |from, to| -> Vec<(String, ChangeKind)> {
        let changes = changes(&*store, from, to).into_iter();
        changes.map(|(user, _, kind)| (user, kind)).collect()
    };
    let told = |kinds: [(&str, ChangeKind); 3]| kinds.map(|(user, kind)| (user.to_owned(), kind));
    for part in [interrupted, list] {
        let later = [
            ("ann", ChangeKind::SignedOut),
            ("bob", ChangeKind::NotKnownLater),
            ("eve", ChangeKind::SignedIn),
        ];
        assert_eq!(
            kinds(all, part),
            told(later),
            "whoever was read is known, and everybody before"
        );
        let earlier = [
            ("ann", ChangeKind::SignedIn),
            ("bob", ChangeKind::NotKnownEarlier),
            ("eve", ChangeKind::SignedOut),
        ];
        assert_eq!(kinds(part, all), told(earlier));
    }
    let empty = store.begin("list:1", 400).unwrap();
    store.finish(empty, 401).unwrap();
    let kinds = |from, to| -> Vec<ChangeKind> {
        let changes = changes(&*store, from, to).into_iter();
        changes.map(|(.., kind)| kind).collect()
    };
    assert_eq!(kinds(list, empty), [ChangeKind::SignedOut; 2], "the same list");
    assert_eq!(kinds(other_list, empty), [ChangeKind::NotKnownLater; 2]);
}

/// A device was seen from its first snapshot to its last, in whatever order they come, and keeps its last name.
pub fn a_device_is_known_from_its_first_to_its_last_snapshot(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let named = |resource: &str, name: Option<&str>| {
        let name = name.map(str::to_owned);
        SeenDevice {
            name,
            ..device(resource)
        }
    };
    for (now_ms, seen) in [
        (100, vec![named("ios_2", None)]),
        (
            200,
            vec![named("ios_2", Some("phone")), named("web_1", Some("chrome"))],
        ),
        (
            300,
            vec![
                named("ios_2", None),
                named("ios_1", None),
                named("web_1", Some("edge")),
            ],
        ),
        (
            250,
            vec![named("ios_2", None), named("ios_0", None), named("ios_1", None)],
        ),
        (300, vec![named("android_1", None)]),
    ] {
        scanned(&mut *store, &[("ann".into(), UserState::Online(seen))], now_ms);
    }
    scanned(&mut *store, &[online("bob", &["ios_2"])], 400);
    let known = |resource: &str, name: Option<&str>, first_seen_ms, last_seen_ms| KnownDevice {
        resource: resource.into(),
        platform: device(resource).platform,
        name: name.map(str::to_owned),
        first_seen_ms,
        last_seen_ms,
    };
    let expected = [
        known("ios_2", Some("phone"), 100, 300),
        known("web_1", Some("edge"), 200, 300),
        known("ios_0", None, 250, 250),
        known("ios_1", None, 250, 300),
        known("android_1", None, 300, 300),
    ];
    assert_eq!(store.known_devices("ann").unwrap(), expected);
    assert_eq!(store.known_devices("Ann").unwrap(), []);
}
