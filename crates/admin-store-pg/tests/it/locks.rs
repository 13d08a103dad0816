//! Locks, by the rules of every store, from several processes, and over connections that are cut.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::UserId;
use easemob_admin_ops::lock_store_conformance;
use easemob_admin_ops::locks::lock::{Lock, LockState};
use easemob_admin_ops::locks::store::{Listing, LockStore};
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::locks::{PgLockStores, PgLocks};
use easemob_admin_store_pg::password::PasswordSource;
use futures_util::FutureExt as _;
use jiff::Timestamp;

use crate::cluster::TestDatabase;
use crate::cut::{Budget, Cut};

pub(crate) const ROOT: Option<&str> = Some("https://one.example.com/acme/chat");

fn store(database: &TestDatabase) -> PgLockStores {
    PgLockStores::in_database(Database::open(&database.address(), &PasswordSource::Nothing).unwrap())
}

fn migrated() -> Option<TestDatabase> {
    let database = TestDatabase::create()?;
    Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
    Some(database)
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn lock(name: &str, run: &str) -> Lock {
    Lock {
        user: user(name),
        since: Timestamp::UNIX_EPOCH,
        until: Timestamp::UNIX_EPOCH,
        state: LockState::Locked,
        run: run.into(),
        earlier: Vec::new(),
        changed: None,
        app_root: ROOT.map(str::to_owned),
        operator: "ann".into(),
        reason: None,
        ticket: None,
    }
}

mod conformance {
    use super::*;

    /// Each test has a database, and each opening is as that of another process. Without PostgreSQL the rules are tried
    /// with the store in memory, which keeps them; that they did not run is said elsewhere.
    fn fresh() -> impl Fn(Option<&str>) -> Arc<dyn LockStore> {
        let database = migrated();
        let memory = easemob_admin_ops::locks::memory::MemoryLocks::default();
        move |app_root| match &database {
            Some(database) => Arc::new(store(database).at("place", app_root)),
            None => Arc::new(memory.of(app_root)),
        }
    }

    lock_store_conformance!(fresh);
}

#[test]
fn places_do_not_see_each_other() {
    let Some(database) = migrated() else { return };
    let stores = store(&database);
    let (one, two) = (stores.at("one", ROOT), stores.at("two", ROOT));
    one.change(&[&user("ann")], &mut |_, _| Some(lock("ann", "r")))
        .unwrap();
    one.note_lifted(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(two.list(Listing::All).unwrap(), []);
    assert_eq!((two.count().unwrap(), two.lifted_last().unwrap()), (0, None));
    two.change(&[&user("ann")], &mut |_, _| None).unwrap();
    assert_eq!(one.count().unwrap(), 1);
}

#[test]
fn the_store_works_on_threads_of_another_runtime() {
    let Some(database) = migrated() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let locks = store(&database).at("place", ROOT);
        assert_eq!(locks.count().unwrap(), 0);
        drop(locks.guard(&user("ann")).await.unwrap());
    });
}

/// The number of rounds of each process in the test below.
const ROUNDS: usize = 25;

/// Returns the stores and the file of a process that a test started; nothing if this is no such process.
fn stores_of_process(file: &str) -> Option<(PgLockStores, PathBuf)> {
    let address = env::var("EASEMOB_TEST_ADDRESS").ok()?;
    let file = env::var_os(file)?.into();
    let address = DatabaseAddress::parse(&address).unwrap();
    let database = Database::open(&address, &PasswordSource::Nothing).unwrap();
    Some((PgLockStores::in_database(database), file))
}

/// Is the other process of the test below; on its own it does nothing.
#[test]
fn other_process() {
    let Some((stores, file)) = stores_of_process("EASEMOB_TEST_FILE") else {
        return;
    };
    let locks = stores.at("place", ROOT);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..ROUNDS {
            // Without the guard, the other process would read the same number.
            let _guard = locks.guard(&user("ann")).await.unwrap();
            let count: usize = fs::read_to_string(&file).unwrap().parse().unwrap();
            std::thread::yield_now();
            fs::write(&file, (count + 1).to_string()).unwrap();
            add(&locks);
        }
    });
}

/// Is the process of the test below that holds a guard and stands still; on its own it does nothing.
#[test]
fn holding_process() {
    let Some((stores, file)) = stores_of_process("EASEMOB_TEST_HELD") else {
        return;
    };
    let locks = stores.with_silence(SILENCE).at("place", ROOT);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.block_on(locks.guard(&user("ann"))).unwrap();
    fs::write(&file, "held").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

/// After how long a silence the guards of the process above are free.
const SILENCE: Duration = Duration::from_secs(1);

#[test]
fn a_guard_is_kept_by_a_process_that_works_and_taken_over_from_one_that_stands_still() {
    let Some(database) = migrated() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("held");
    let mut holding = Command::new(env::current_exe().unwrap())
        .args(["--exact", "locks::holding_process"])
        .env("EASEMOB_TEST_ADDRESS", database.url())
        .env("EASEMOB_TEST_HELD", &file)
        .spawn()
        .unwrap();
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let locks = store(&database).at("place", ROOT);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let ann = user("ann");
    let wait = |longest| runtime.block_on(async { tokio::time::timeout(longest, locks.guard(&ann)).await });
    assert!(wait(SILENCE * 4).is_err(), "it works, and keeps its guard");
    let stop = Command::new("kill")
        .args(["-STOP", &holding.id().to_string()])
        .status();
    assert!(stop.unwrap().success());
    let taken = wait(SILENCE * 30);
    holding.kill().unwrap();
    holding.wait().unwrap();
    drop(
        taken
            .expect("the guard of a process that stands still is free")
            .unwrap(),
    );
}

fn add(locks: &PgLocks) {
    let mut add = |_, held: Option<Lock>| {
        let mut held = held.unwrap_or_else(|| lock("bob", "r"));
        held.earlier.push(std::process::id().to_string());
        Some(held)
    };
    locks.change(&[&user("bob")], &mut add).unwrap();
}

#[test]
fn two_processes_lose_nothing_and_never_have_the_same_guard() {
    let Some(database) = migrated() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("count");
    fs::write(&file, "0").unwrap();
    let start = || {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "locks::other_process"])
            .env("EASEMOB_TEST_ADDRESS", database.url())
            .env("EASEMOB_TEST_FILE", &file)
            .spawn()
            .unwrap()
    };
    for mut process in [start(), start()] {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), (2 * ROUNDS).to_string());
    let bob = store(&database)
        .at("place", ROOT)
        .lock_of(&user("bob"))
        .unwrap()
        .unwrap();
    assert_eq!(bob.earlier.len(), 2 * ROUNDS);
    let mut processes = bob.earlier;
    processes.sort();
    processes.dedup();
    assert_eq!(processes.len(), 2);
}

/// Changes three users: one lock is new, one is another, one is removed.
fn change_three(locks: &PgLocks, run: &str, asked: &mut dyn FnMut(usize)) -> bool {
    let changed = locks.change(&[&user("ann"), &user("bob"), &user("cat")], &mut |index, _| {
        asked(index);
        match index {
            0 => Some(lock("ann", run)),
            1 => Some(lock("bob", run)),
            _ => None,
        }
    });
    changed.is_ok()
}

fn content(locks: &PgLocks) -> Vec<(String, String)> {
    let listed = locks.list(Listing::All).unwrap().into_iter();
    listed.map(|lock| (lock.user.to_string(), lock.run)).collect()
}

fn prepare(locks: &PgLocks) -> Vec<(String, String)> {
    let users = ["ann", "bob", "cat"].map(user);
    let users = users.each_ref();
    locks
        .change(&users, &mut |index, _| {
            (index > 0).then(|| lock(users[index].as_str(), "before"))
        })
        .unwrap();
    content(locks)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(user, run)| ((*user).to_owned(), (*run).to_owned()));
    owned.collect()
}

#[test]
fn a_session_that_the_server_ends_changes_nothing() {
    let Some(database) = migrated() else { return };
    let locks = store(&database).at("place", ROOT);
    let before = prepare(&locks);
    for cut_at in 0..3 {
        let mut cut = 0;
        let changed = change_three(&locks, "after", &mut |index| {
            if index == cut_at {
                cut += database.cut_transactions();
            }
        });
        assert_eq!((changed, cut), (false, 1), "{cut_at}");
        assert_eq!(content(&locks), before, "{cut_at}");
    }
    let at_rest = locks.at_rest(&mut || {
        database.cut_transactions();
    });
    assert!(at_rest.is_err());
    assert!(change_three(&locks, "after", &mut |_| ()));
    assert_eq!(content(&locks), pairs(&[("ann", "after"), ("bob", "after")]));
}

#[test]
fn a_connection_that_is_cut_anywhere_leaves_a_change_whole() {
    let Some(database) = migrated() else { return };
    let cut = Cut::before(&database.address());
    let behind = Database::open(cut.address(), &PasswordSource::Nothing).unwrap();
    let locks = PgLockStores::in_database(behind).at("place", ROOT);
    let after = pairs(&[("ann", "after"), ("bob", "after")]);
    let bytes: &dyn Fn(usize) -> Budget = &|step| Budget::Bytes(41 * step);
    let messages: &dyn Fn(usize) -> Budget = &|step| Budget::Messages(step + 1);
    for (budget, changed_though_cut) in [(bytes, 0), (messages, 1)] {
        let (mut unchanged, mut changed) = (0, 0);
        for step in 0.. {
            let before = prepare(&locks);
            cut.after(budget(step));
            let done = change_three(&locks, "after", &mut |_| ());
            let was_cut = cut.never();
            let expected = if done { &after } else { &before };
            assert_eq!(&content(&locks), expected, "{:?}", budget(step));
            match (was_cut, done) {
                (false, done) => {
                    assert!(done);
                    break;
                }
                (true, false) => unchanged += 1,
                (true, true) => changed += 1,
            }
        }
        assert!(unchanged > 3, "{unchanged}");
        // The answer to the commit was lost, and the server said what became of it.
        assert_eq!(changed, changed_though_cut);
    }
}

#[test]
fn locks_are_read_and_guards_taken_although_the_connection_is_cut() {
    let Some(database) = migrated() else { return };
    let cut = Cut::before(&database.address());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut cuts = 0;
    for step in 1.. {
        // Connections of its own, so that those of the guards are made anew.
        let behind = Database::open(cut.address(), &PasswordSource::Nothing).unwrap();
        let locks = PgLockStores::in_database(behind).at("place", ROOT);
        assert!(change_three(&locks, "now", &mut |_| ()));
        cut.after(Budget::Messages(step));
        let ann = user("ann");
        let guard = runtime.block_on(locks.guard(&ann)).unwrap();
        assert_eq!(locks.lock_of(&ann).unwrap().unwrap().run, "now");
        let was_cut = cut.never();
        drop(guard);
        if !was_cut {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 3, "{cuts}");
}

#[test]
fn a_guard_is_taken_over_from_a_session_that_was_cut() {
    let Some(database) = migrated() else { return };
    let (one, two) = (
        store(&database).at("place", ROOT),
        store(&database).at("place", ROOT),
    );
    let ann = user("ann");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let held = runtime.block_on(one.guard(&ann)).unwrap();
    let guards = "SELECT pg_terminate_backend(pid, 10000)::text FROM pg_locks WHERE locktype = 'advisory' AND database = \
                  (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(database.run(guards).len(), 1);
    drop(runtime.block_on(two.guard(&ann)).unwrap());
    // The task of this process that has the guard counts until it lets it go.
    assert!(one.guard(&ann).now_or_never().is_none());
    drop(held);
    drop(runtime.block_on(one.guard(&ann)).unwrap());
}

#[test]
fn locks_are_brought_in_once_and_those_that_are_there_stay() {
    let Some(database) = migrated() else { return };
    let stores = store(&database);
    let one = stores.at("place", ROOT);
    one.change(&[&user("ann")], &mut |_, _| Some(lock("ann", "here")))
        .unwrap();
    let other = Lock {
        app_root: Some("https://two.example.com/acme/chat".into()),
        ..lock("bob", "imported")
    };
    let locks = [lock("ann", "imported"), lock("bob", "imported"), other];
    let lifted = Some(Timestamp::UNIX_EPOCH);
    assert_eq!(stores.import("place", &locks, lifted).unwrap(), 2);
    assert_eq!(content(&one), pairs(&[("ann", "here"), ("bob", "imported")]));
    assert_eq!(one.elsewhere().unwrap().len(), 1);
    assert_eq!(one.lifted_last().unwrap(), lifted);
    assert_eq!(stores.import("place", &locks, lifted).unwrap(), 0);
}
