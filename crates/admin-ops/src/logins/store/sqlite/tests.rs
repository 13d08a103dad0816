use tempfile::TempDir;

use super::*;

fn fresh() -> (TempDir, LoginDatabases) {
    let home = tempfile::tempdir().unwrap();
    let stores = LoginDatabases::below(home.path().join("logins"));
    (home, stores)
}

crate::login_store_conformance!(fresh);

fn made() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("logins/app.sqlite");
    drop(SqliteLogins::open(&path).unwrap());
    (home, path)
}

#[test]
fn what_is_in_the_directory_and_is_no_database_is_no_target() {
    let (home, stores) = fresh();
    let all = home.path().join("logins");
    drop(stores.of("one").unwrap());
    std::fs::create_dir(all.join("empty")).unwrap();
    std::fs::write(all.join("file"), "").unwrap();
    assert_eq!(stores.targets().unwrap(), ["one"]);
    assert!(stores.kept("empty").unwrap().is_none());
    assert!(all.join("one/logins.sqlite").exists());
    assert!(!all.join("empty/logins.sqlite").exists());
}

#[test]
fn a_forgotten_device_is_looked_for_by_keys_alone() {
    let (_home, path) = made();
    let store = SqliteLogins::open(&path).unwrap();
    let mut plan = store
        .connection
        .prepare(&format!("EXPLAIN QUERY PLAN {FORGET_DEVICES}"))
        .unwrap();
    let steps = plan.query_map([0], |row| row.get(3)).unwrap();
    let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
    let of_kept: Vec<&String> = steps.iter().filter(|step| step.contains("kept")).collect();
    let [by_key] = of_kept.as_slice() else {
        panic!("{steps:?}")
    };
    assert!(
        by_key.ends_with("USING PRIMARY KEY (snapshot=? AND user=? AND resource=?)"),
        "{by_key}"
    );
}

#[test]
fn a_file_that_is_not_ours_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sqlite");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = SqliteLogins::open(&path).unwrap_err();
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

/// Who is known, with the times, which are those of snapshots and events.
fn known(store: &SqliteLogins) -> (Vec<KnownUser>, Vec<Shape>) {
    let everybody = WhichUsers::default();
    let users = store.users(&everybody, UserOrder::User, None, 100).unwrap();
    let mut shapes = store.shapes().unwrap();
    shapes.sort_by_key(Shape::word);
    (users, shapes)
}

#[test]
fn a_file_of_an_older_version_knows_its_users_once_it_is_opened() {
    let (_home, path) = made();
    let mut store = SqliteLogins::open(&path).unwrap();
    let device = |resource: &str| SeenDevice {
        resource: resource.into(),
        platform: resource.split('_').next().unwrap().into(),
        name: None,
        signed_in_ms: None,
    };
    let event = |call_id: &str, user: &str, resource: &str, kind, at_ms| LoginEvent {
        call_id: call_id.into(),
        user: user.into(),
        resource: resource.into(),
        platform: device(resource).platform,
        kind,
        at_ms,
        reason: String::new(),
    };
    for (began, users) in [
        (100, vec![("ann", vec!["ios_1"]), ("old", vec!["web_1"])]),
        (
            200,
            vec![("ann", vec!["ios_1", "web_\"1\""]), ("bob", vec!["web_1"])],
        ),
    ] {
        let id = store.begin("all", began).unwrap();
        for (at, (user, resources)) in (began..).zip(users) {
            let devices = resources.into_iter().map(device).collect();
            let online = [(user.to_owned(), UserState::Online(devices))];
            store.add(id, &online, &Position::default(), at).unwrap();
        }
        if began == 200 {
            let gone = [("old".to_owned(), UserState::Offline)];
            store.add(id, &gone, &Position::default(), 203).unwrap();
        }
        store.finish(id, began + 9).unwrap();
    }
    let events = [
        event("1", "ann", "ios_1", LoginKind::Logout, 250),
        event("2", "eve", "pc_1", LoginKind::Login, 251),
        event("3", "eve", "pc_1", LoginKind::Replaced, 251),
        event("4", "eve", "pc_2", LoginKind::Login, 252),
        event("5", "joe", "pc_2", LoginKind::Login, 50),
    ];
    store.record_events(&events, 300).unwrap();
    let before = known(&store);
    assert_eq!(before.0.len(), 5);
    store
        .connection
        .execute_batch("DROP TABLE users; DROP TABLE shapes; DROP TABLE user_parts; PRAGMA user_version = 2;")
        .unwrap();
    drop(store);
    let mut store = SqliteLogins::open(&path).unwrap();
    assert_eq!(known(&store), before);
    // What was brought over is gone on with.
    store
        .record_events(&[event("6", "ann", "web_\"1\"", LoginKind::Logout, 260)], 300)
        .unwrap();
    assert_eq!(known(&store).0[0].devices(), 0);
}

#[test]
fn opening_a_file_changes_nothing_and_a_newer_one_gets_no_company() {
    let (_home, path) = made();
    let before = std::fs::read(&path).unwrap();
    drop(SqliteLogins::open(&path).unwrap());
    assert!(std::fs::read(&path).unwrap() == before, "it was written to");

    let raise = "PRAGMA user_version = 99";
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(raise)
        .unwrap();
    let files = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    let alone = files();
    assert!(matches!(
        SqliteLogins::open(&path),
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
    let mut store = SqliteLogins::open(&path).unwrap();
    assert!(store.begin("all", 1).is_ok());
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, path) = made();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}
