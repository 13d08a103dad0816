use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::locks::lock::LockState;

const ONE: &str = "https://one/acme/chat";

fn fresh() -> impl Fn(Option<&str>) -> Arc<dyn LockStore> {
    let home = tempfile::tempdir().unwrap();
    move |app_root| Arc::new(open(&home, app_root))
}

crate::lock_store_conformance!(fresh);

fn place(home: &TempDir) -> PathBuf {
    home.path().join("locks/im.example.com.sqlite")
}

fn open(home: &TempDir, app_root: Option<&str>) -> SqliteLocks {
    SqliteLocks::open(place(home), app_root.map(str::to_owned)).unwrap()
}

fn refused(home: &TempDir) -> StoreError {
    SqliteLocks::open(place(home), Some(ONE.into()))
        .unwrap_err()
        .source
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn lock(name: &str, app_root: Option<&str>) -> Lock {
    Lock {
        app_root: app_root.map(str::to_owned),
        ..Lock::for_test(name, "20260101-000000-000001", LockState::Locked)
    }
}

fn put(locks: &SqliteLocks, lock: &Lock) -> Result<(), LockStoreError> {
    locks.change(&[&lock.user], &mut |_, _| Some(lock.clone()))
}

/// Returns the names of the existing files.
fn files(home: &TempDir) -> Vec<String> {
    let directory = place(home).parent().unwrap().to_owned();
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Writes a file of an earlier version, under its name.
fn earlier(home: &TempDir, ending: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = place(home).with_extension(ending);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn page(locks: &[Lock]) -> String {
    serde_json::json!({"easemob_admin_locks": 1, "edition": 7, "locks": locks}).to_string()
}

#[test]
fn who_just_looks_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let locks = open(&home, Some(ONE));
    assert_eq!(locks.list(Listing::All).unwrap(), []);
    assert_eq!(locks.lifted_last().unwrap(), None);
    assert!(!place(&home).parent().unwrap().exists());

    let other = open(&home, Some(ONE));
    put(&other, &lock("ann", Some(ONE))).unwrap();
    assert_eq!(locks.count().unwrap(), 1, "a file that is made later is seen");
    assert_eq!(files(&home), ["im.example.com.sqlite"]);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    put(&open(&home, None), &lock("ann", None)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place(&home)), 0o600);
    assert_eq!(mode(place(&home).parent().unwrap()), 0o700);
}

#[test]
fn a_file_that_is_not_ours_is_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    put(&open(&home, None), &lock("ann", None)).unwrap();
    let ours = fs::read(place(&home)).unwrap();
    let changed = |script: &str| {
        fs::write(place(&home), &ours).unwrap();
        let connection = Connection::open(place(&home)).unwrap();
        connection.execute_batch(script).unwrap();
        drop(connection);
        fs::read(place(&home)).unwrap()
    };
    let cases = [
        (
            b"not a database at all, but long enough to be one".to_vec(),
            "not a database of locks",
        ),
        (changed("PRAGMA application_id = 7"), "not a database of locks"),
        (
            changed("PRAGMA user_version = 99"),
            "format 99, but this version only knows formats up to 1",
        ),
        (ours[..ours.len() / 2].to_vec(), "damaged"),
    ];
    for (content, says) in cases {
        fs::write(place(&home), &content).unwrap();
        let error = refused(&home).to_string();
        assert!(
            error.contains(says) && error.contains("left unchanged"),
            "{error}"
        );
        assert_eq!(fs::read(place(&home)).unwrap(), content, "{says}");
    }
}

#[test]
fn a_row_that_somebody_spoiled_is_not_taken_for_a_lock() {
    for (column, value) in [
        ("until", "tomorrow"),
        ("state", "open"),
        ("earlier", "["),
        ("name", ""),
    ] {
        let home = tempfile::tempdir().unwrap();
        let locks = open(&home, None);
        put(&locks, &lock("ann", None)).unwrap();
        let connection = Connection::open(place(&home)).unwrap();
        connection
            .execute(&format!("UPDATE locks SET {column} = ?1"), [value])
            .unwrap();
        let error = locks.lock_of(&user("ann")).unwrap_err();
        assert!(matches!(error.source, StoreError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let locks = open(&home, None);
    put(&locks, &lock("ann", None)).unwrap();
    locks.limit_pages_for_test(10);
    let others = (0..1_000).map(|number| user(&format!("user{number}")));
    let users: Vec<UserId> = [user("ann")].into_iter().chain(others).collect();
    let users: Vec<&UserId> = users.iter().collect();
    let enter = &mut |index: usize, _| {
        Some(Lock {
            reason: Some("another".into()),
            ..lock(users[index].as_str(), None)
        })
    };
    let error = locks.change(&users, enter).unwrap_err();
    assert!(matches!(error.source, StoreError::Full(_)), "{error:?}");
    for locks in [locks, open(&home, None)] {
        assert_eq!(locks.list(Listing::All).unwrap(), [lock("ann", None)]);
    }
}

#[test]
fn what_a_killed_process_began_is_undone() {
    let home = tempfile::tempdir().unwrap();
    put(&open(&home, None), &lock("ann", None)).unwrap();
    let mut writer = Connection::open(place(&home)).unwrap();
    // Changes that do not fit in memory go to the file before the transaction is complete.
    writer.pragma_update(None, "cache_size", 1).unwrap();
    let transaction = writer.transaction().unwrap();
    for number in 0..1_000 {
        rows::put(&transaction, &lock(&format!("user{number}"), None)).unwrap();
    }
    transaction
        .execute("DELETE FROM locks WHERE user = 'ann'", [])
        .unwrap();

    let after = tempfile::tempdir().unwrap();
    fs::create_dir(place(&after).parent().unwrap()).unwrap();
    for file in files(&home) {
        let from = place(&home).with_file_name(&file);
        fs::copy(from, place(&after).with_file_name(&file)).unwrap();
    }
    assert_eq!(files(&after).len(), 2, "the file and its journal");
    assert_eq!(
        open(&after, None).list(Listing::All).unwrap(),
        [lock("ann", None)]
    );
}

#[test]
fn a_place_that_cannot_be_looked_into_is_not_empty() {
    let home = tempfile::tempdir().unwrap();
    let locks = open(&home, None);
    fs::write(place(&home).parent().unwrap(), "in the way").unwrap();
    assert!(matches!(refused(&home), StoreError::File { .. }));
    for error in [
        locks.count().unwrap_err(),
        put(&locks, &lock("ann", None)).unwrap_err(),
        locks.at_rest(&mut || panic!("nobody is kept away")).unwrap_err(),
    ] {
        assert!(matches!(error.source, StoreError::File { .. }), "{error:?}");
    }
}

#[test]
fn the_file_of_an_earlier_version_is_taken_in_once_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let other = "https://other/acme/chat";
    let pending = Lock {
        state: LockState::Pending,
        earlier: vec!["a".into()],
        ..lock("Bob", Some(ONE))
    };
    let kept = [lock("ann", None), pending.clone(), lock("cat", Some(other))];
    let json = earlier(&home, "json", page(&kept));
    let note = earlier(&home, "lifted", "2026-01-01T00:00:00Z\n");

    let locks = open(&home, Some(ONE));
    assert_eq!(locks.list(Listing::All).unwrap(), [lock("ann", None), pending]);
    assert_eq!(locks.elsewhere().unwrap(), [(other.to_owned(), 1)]);
    assert_eq!(
        locks.lifted_last().unwrap(),
        Some("2026-01-01T00:00:00Z".parse().unwrap())
    );
    assert!(!json.exists() && !note.exists());
    let imported = fs::read_to_string(json.with_extension("json.imported")).unwrap();
    assert_eq!(imported, page(&kept));
}

#[test]
fn a_file_without_locks_is_taken_in_too() {
    let home = tempfile::tempdir().unwrap();
    let json = earlier(&home, "json", page(&[]));
    assert_eq!(open(&home, None).count().unwrap(), 0);
    assert!(!json.exists() && json.with_extension("json.imported").exists());
}

#[test]
fn a_file_that_cannot_be_taken_in_is_left_as_it_is_and_nothing_is_made() {
    let torn = page(&[lock("ann", None)]);
    let spoiled = r#"{"easemob_admin_locks":1,"locks":[{"user":"ann"}]}"#;
    for (content, says) in [
        (&torn[..torn.len() - 9], "damaged"),
        ("", "damaged"),
        ("no locks at all", "damaged"),
        (spoiled, "damaged"),
        (r#"{"locks":[]}"#, "not a file of locks"),
        ("[]", "not a file of locks"),
        (
            r#"{"easemob_admin_locks":2,"locks":{}}"#,
            "format 2, but this version only knows formats up to 1",
        ),
    ] {
        let home = tempfile::tempdir().unwrap();
        let json = earlier(&home, "json", content);
        for _ in 0..2 {
            let error = refused(&home).to_string();
            assert!(
                error.contains(says) && error.contains(".json "),
                "{content}: {error}"
            );
            assert_eq!(fs::read_to_string(&json).unwrap(), content);
            assert_eq!(files(&home), ["im.example.com.json"], "{content}");
        }
    }
}

#[test]
fn a_process_that_is_killed_while_it_takes_a_file_in_leaves_it_to_the_next() {
    let home = tempfile::tempdir().unwrap();
    let both = page(&[lock("ann", None), lock("bob", None)]);
    let json = earlier(&home, "json", &both);

    // Killed when only the tables were written.
    drop(database::open(&place(&home), &LAYOUT).unwrap());
    assert_eq!(open(&home, None).count().unwrap(), 2);

    // Killed after everything was written, before the file was renamed.
    fs::rename(json.with_extension("json.imported"), &json).unwrap();
    let locks = open(&home, None);
    locks.change(&[&user("ann")], &mut |_, _| None).unwrap();
    assert_eq!(locks.list(Listing::All).unwrap(), [lock("bob", None)]);
    assert!(!json.exists());

    // A lifted lock stays lifted, however often.
    fs::rename(json.with_extension("json.imported"), &json).unwrap();
    assert_eq!(open(&home, None).list(Listing::All).unwrap(), [lock("bob", None)]);
    assert!(!json.exists());
}

#[test]
fn what_an_earlier_version_sets_later_is_not_lost() {
    let home = tempfile::tempdir().unwrap();
    let json = earlier(&home, "json", page(&[lock("ann", None)]));
    drop(open(&home, None));
    earlier(&home, "json", page(&[lock("bob", None)]));
    earlier(&home, "lifted", "2026-01-01T00:00:00Z\n");
    let locks = open(&home, None);
    let expected = [lock("ann", None), lock("bob", None)];
    assert_eq!(locks.list(Listing::All).unwrap(), expected);
    let second = json.with_extension("json.imported-2");
    assert_eq!(fs::read_to_string(second).unwrap(), page(&expected[1..]));
    // It did not know the locks in the database.
    assert_eq!(locks.lifted_last().unwrap(), None);
}

#[test]
fn two_processes_take_a_file_in_once() {
    let home = tempfile::tempdir().unwrap();
    let many: Vec<Lock> = (0..500)
        .map(|number| lock(&format!("user{number}"), None))
        .collect();
    earlier(&home, "json", page(&many));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(open(&home, None).count().unwrap(), 500));
        }
    });
    let left = [
        "im.example.com.json.imported",
        "im.example.com.lock",
        "im.example.com.sqlite",
    ];
    assert_eq!(files(&home), left);
}
