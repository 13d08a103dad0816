use crate::logins::store::sqlite::SqliteStore;
use crate::logins::store::*;

fn store() -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("logins/app.sqlite")).unwrap();
    (directory, store)
}

fn device(resource: &str) -> SeenDevice {
    SeenDevice {
        resource: resource.into(),
        platform: resource.split('_').next().unwrap().into(),
        name: Some("phone".into()),
        signed_in_ms: None,
    }
}

fn online(user: &str, resources: &[&str]) -> (String, UserState) {
    let devices = resources.iter().map(|resource| device(resource)).collect();
    (user.into(), UserState::Online(devices))
}

fn scanned(store: &mut SqliteStore, users: &[(String, UserState)], now_ms: i64) -> SnapshotId {
    let id = store.begin("all", now_ms).unwrap();
    store.add(id, users, &Position::default(), now_ms).unwrap();
    store.finish(id, now_ms + 1).unwrap();
    id
}

fn login(call_id: &str, user: &str, at_ms: i64, kind: LoginKind) -> LoginEvent {
    LoginEvent {
        call_id: call_id.into(),
        user: user.into(),
        resource: "ios_1".into(),
        platform: "ios".into(),
        kind,
        at_ms,
        reason: String::new(),
    }
}

#[test]
fn a_scan_is_counted_and_gone_on_with() {
    let (_directory, mut store) = store();
    let id = store.begin("all", 100).unwrap();
    let users = [
        online("ann", &["ios_1", "web_1"]),
        ("bob".into(), UserState::Offline),
        ("eve".into(), UserState::Changed),
        ("kim".into(), UserState::Unknown("no such user".into())),
        ("lee".into(), UserState::Failed("503".into())),
    ];
    let after = Position {
        cursor: Some("next".into()),
        done: 5,
    };
    store.add(id, &users, &after, 110).unwrap();
    let (snapshot, position) = store.unfinished("all").unwrap().unwrap();
    let counts = Counts {
        users: 5,
        online: 1,
        offline: 1,
        changed: 1,
        unknown: 1,
        failed: 1,
        devices: 2,
    };
    assert_eq!((snapshot.counts, position), (counts, after));
    assert_eq!(store.unfinished("another list").unwrap(), None);
    store.finish(id, 120).unwrap();
    assert_eq!(store.unfinished("all").unwrap(), None);
    assert_eq!(store.snapshots().unwrap()[0].finished_ms, Some(120));
    let mut not_known = Vec::new();
    store
        .each_not_known(id, &mut |user| not_known.push((user.user, user.state)))
        .unwrap();
    assert_eq!(
        not_known,
        [
            ("kim".into(), "unknown".into()),
            ("lee".into(), "failed".to_owned())
        ]
    );
}

#[test]
fn what_differs_is_told_apart_from_what_is_not_known() {
    let (_directory, mut store) = store();
    let before = [online("ann", &["ios_1", "web_1"]), online("bob", &["ios_2"])];
    let after = [
        online("ann", &["web_1", "web_2"]),
        ("bob".into(), UserState::Failed("503".into())),
        online("eve", &["ios_3"]),
    ];
    let (before, after) = (
        scanned(&mut store, &before, 100),
        scanned(&mut store, &after, 200),
    );
    let changes = changes(&store, before, after);
    let expected = [
        ("ann", "ios_1", ChangeKind::SignedOut),
        ("ann", "web_2", ChangeKind::SignedIn),
        ("bob", "ios_2", ChangeKind::NotKnownLater),
        ("eve", "ios_3", ChangeKind::SignedIn),
    ];
    let expected = expected.map(|(user, resource, kind)| (user.to_owned(), resource.to_owned(), kind));
    assert_eq!(changes, expected);
    let back = self::changes(&store, after, before);
    let of_bob = back.iter().find(|(user, ..)| user == "bob");
    assert_eq!(of_bob.unwrap().2, ChangeKind::NotKnownEarlier);
}

fn changes(store: &SqliteStore, from: SnapshotId, to: SnapshotId) -> Vec<(String, String, ChangeKind)> {
    let all = store.snapshots().unwrap();
    let find = |id| all.iter().find(|snapshot| snapshot.id == id).unwrap();
    let mut changes = Vec::new();
    store
        .each_change(find(from), find(to), &mut |change| {
            changes.push((change.user, change.resource, change.kind));
        })
        .unwrap();
    changes
}

#[test]
fn who_was_not_read_in_the_other_snapshot_is_not_known_there() {
    let (_directory, mut store) = store();
    let everybody = [online("ann", &["ios_1", "web_1"]), online("bob", &["ios_2"])];
    let all = scanned(&mut store, &everybody, 100);
    let mut partly = |source: &str| {
        let id = store.begin(source, 200).unwrap();
        let part = [online("ann", &["ios_1"]), online("eve", &["ios_3"])];
        store.add(id, &part, &Position::default(), 200).unwrap();
        id
    };
    let (interrupted, list, other_list) = (partly("all"), partly("list:1"), partly("list:2"));
    for complete in [list, other_list] {
        store.finish(complete, 300).unwrap();
    }
    let kinds = |from, to| -> Vec<(String, ChangeKind)> {
        let changes = changes(&store, from, to).into_iter();
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
        changes(&store, from, to)
            .into_iter()
            .map(|(.., kind)| kind)
            .collect()
    };
    assert_eq!(kinds(list, empty), [ChangeKind::SignedOut; 2], "the same list");
    assert_eq!(kinds(other_list, empty), [ChangeKind::NotKnownLater; 2]);
}

#[test]
fn an_event_that_comes_twice_is_one_and_times_are_those_of_the_service() {
    let (_directory, mut store) = store();
    let late = login("2", "ann", 50, LoginKind::Login);
    let events = [login("1", "ann", 70, LoginKind::Login), late.clone()];
    assert_eq!(store.record_events(&events, 1_000).unwrap(), [true, true]);
    assert_eq!(
        store.record_events(&[late.clone(), late], 1_001).unwrap(),
        [false, false]
    );
    let mut seen = Vec::new();
    store
        .each_event(Range::ALL, Some("ann"), &mut |event| seen.push(event.at_ms))
        .unwrap();
    assert_eq!(seen, [50, 70]);
    let range = Range {
        since_ms: 60,
        until_ms: 70,
    };
    store
        .each_event(range, None, &mut |event| panic!("{event:?} is out of range"))
        .unwrap();
    let top = store.most_events(LoginKind::Login, Range::ALL, 5).unwrap();
    assert_eq!(top, [("ann".to_owned(), 2)]);
}

#[test]
fn sign_ins_are_found_by_when_they_were_received() {
    let (_directory, mut store) = store();
    let late = [
        login("1", "ann", 5, LoginKind::Login),
        login("2", "bob", 900, LoginKind::Logout),
    ];
    store.record_events(&late, 1_000).unwrap();
    let received = |since_ms, until_ms| store.users_signed_in(Range { since_ms, until_ms }).unwrap();
    assert_eq!(received(1_000, 1_001), ["ann"], "however late it is");
    assert!(received(0, 1_000).is_empty() && received(1_001, 9_999).is_empty());
}

#[test]
fn the_last_event_of_a_device_is_that_of_the_service_and_in_doubt_no_sign_in() {
    let (_directory, mut store) = store();
    assert_eq!(store.last_event("ann", "ios_1").unwrap(), None);
    let last = |store: &SqliteStore| store.last_event("ann", "ios_1").unwrap().unwrap().call_id;
    let login = |call_id, at_ms, kind| login(call_id, "ann", at_ms, kind);
    store
        .record_events(&[login("later", 70, LoginKind::Login)], 300)
        .unwrap();
    store
        .record_events(&[login("earlier", 60, LoginKind::Logout)], 400)
        .unwrap();
    assert_eq!(last(&store), "later");
    store
        .record_events(&[login("at once", 70, LoginKind::Replaced)], 500)
        .unwrap();
    assert_eq!(last(&store), "at once");
    assert_eq!(store.last_event("ann", "ios_2").unwrap(), None);
}

#[test]
fn a_device_is_known_from_its_first_to_its_last_snapshot() {
    let (_directory, mut store) = store();
    scanned(&mut store, &[online("ann", &["ios_1", "ios_2"])], 100);
    scanned(&mut store, &[online("ann", &["ios_1", "ios_2"])], 200);
    let seen = store.known_devices("ann").unwrap();
    assert_eq!((seen[0].first_seen_ms, seen[0].last_seen_ms), (100, 200));
}

#[test]
fn forgetting_keeps_the_newest_snapshot() {
    let (_directory, mut store) = store();
    scanned(&mut store, &[online("ann", &["ios_1"])], 100);
    let newest = scanned(&mut store, &[online("ann", &["ios_2"])], 200);
    store
        .record_events(&[login("1", "ann", 70, LoginKind::Login)], 300)
        .unwrap();
    let forgotten = store.forget(1_000).unwrap();
    let expected = Forgotten {
        snapshots: 1,
        events: 1,
        devices: 1,
    };
    assert_eq!(forgotten, expected);
    assert_eq!(store.snapshots().unwrap()[0].id, newest);
    store.vacuum().unwrap();
}

#[test]
fn a_file_that_is_not_ours_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sqlite");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it was changed");
        error
    };
    assert!(matches!(
        refused(b"not a database at all, but long enough to be read as one"),
        StoreError::Foreign { .. }
    ));
    let make = |script: &str| {
        let other = directory.path().join("other.sqlite");
        let _ = std::fs::remove_file(&other);
        rusqlite::Connection::open(&other)
            .unwrap()
            .execute_batch(script)
            .unwrap();
        std::fs::read(&other).unwrap()
    };
    let foreign = make("CREATE TABLE t (x); PRAGMA user_version = 1;");
    assert!(matches!(refused(&foreign), StoreError::Foreign { .. }));
    let newer = make("CREATE TABLE t (x); PRAGMA application_id = 0x45414c47; PRAGMA user_version = 99;");
    assert!(matches!(refused(&newer), StoreError::Newer { found: 99, .. }));
    let mut damaged =
        make("PRAGMA application_id = 0x45414c47; PRAGMA user_version = 1; CREATE TABLE t (x);");
    damaged[100..].fill(0x5a);
    assert!(matches!(refused(&damaged), StoreError::Damaged { .. }));
}

#[test]
fn opening_a_file_changes_nothing_and_a_newer_one_gets_no_company() {
    let (_directory, store) = store();
    let path = store.path().to_owned();
    drop(store);
    let before = std::fs::read(&path).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    assert!(std::fs::read(&path).unwrap() == before, "it was written to");

    let raise = "PRAGMA user_version = 99";
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(raise)
        .unwrap();
    let files = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    let alone = files();
    assert!(matches!(
        SqliteStore::open(&path),
        Err(StoreError::Newer { found: 99, .. })
    ));
    assert_eq!(files(), alone);
}

#[test]
fn a_file_that_was_begun_and_has_nothing_in_it_is_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sqlite");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full;")
        .unwrap();
    assert_ne!(std::fs::metadata(&path).unwrap().len(), 0);
    let mut store = SqliteStore::open(&path).unwrap();
    assert!(store.begin("all", 1).is_ok());
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, store) = store();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(mode(store.path().parent().unwrap()), 0o700);
}

#[test]
fn two_processes_write_in_turn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sqlite");
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut store = SqliteStore::open(&path).unwrap();
                for event in 0..25 {
                    let event = login(&format!("{writer}-{event}"), "ann", event, LoginKind::Login);
                    store.record_events(&[event], 1).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(
        store.most_events(LoginKind::Login, Range::ALL, 1).unwrap(),
        [("ann".to_owned(), 100)]
    );
}
