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
