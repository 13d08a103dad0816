//! The rules that every store of locks must follow: one function per rule, to run against each store.
//!
//! [`lock_store_conformance!`](crate::lock_store_conformance) makes a test of each.
#![allow(clippy::unwrap_used, reason = "a rule that is broken is a panic")]

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use easemob_admin_api::UserId;
use futures_util::FutureExt as _;
use jiff::Timestamp;

use crate::locks::lock::{Lock, LockState};
use crate::locks::store::{Listing, LockStore};

/// Opens the same place again for the server with a root, as another process would; `None` is the embedded
/// sandbox. The place is empty at first.
pub type Open<'a> = &'a (dyn Fn(Option<&str>) -> Arc<dyn LockStore> + 'a);

/// Makes a test of each rule for the stores that `$fresh` creates: a function without arguments that creates
/// a new place and returns how to [open](crate::locks::conformance::Open) it.
#[macro_export]
macro_rules! lock_store_conformance {
    ($fresh:path) => {
        $crate::lock_store_conformance! {
            $fresh:
            nothing_is_locked_at_first
            a_lock_is_read_back_whole
            names_are_compared_without_case
            a_lock_takes_the_place_of_the_one_before
            locks_are_listed_by_name
            a_lock_is_due_when_its_time_has_come
            a_lock_of_another_server_is_counted_and_left_alone
            a_lock_without_a_server_counts_on_each
            the_sandbox_has_all_locks
            many_users_are_changed_together
            changes_at_the_same_time_are_all_kept
            what_is_being_changed_is_waited_for
            nothing_changes_at_rest
            the_last_lifting_is_remembered
            a_user_has_one_guard
        }
    };
    ($fresh:path: $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                $crate::locks::conformance::$rule(&$fresh());
            }
        )+
    };
}

const ONE: Option<&str> = Some("https://one.example.com/acme/chat");
const TWO: Option<&str> = Some("https://two.example.com/acme/chat");

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn lock(name: &str, app_root: Option<&str>) -> Lock {
    Lock {
        user: user(name),
        since: second(1),
        until: second(100),
        state: LockState::Locked,
        run: "20260101-000000-000001".into(),
        earlier: Vec::new(),
        changed: None,
        app_root: app_root.map(str::to_owned),
        operator: "ann".into(),
        reason: None,
        ticket: None,
    }
}

fn put(locks: &dyn LockStore, lock: &Lock) {
    locks
        .change(&[&lock.user], &mut |_, _| Some(lock.clone()))
        .unwrap();
}

fn remove(locks: &dyn LockStore, name: &str) {
    locks.change(&[&user(name)], &mut |_, _| None).unwrap();
}

fn names(locks: &dyn LockStore, listing: Listing) -> Vec<String> {
    let listed = locks.list(listing).unwrap().into_iter();
    listed.map(|lock| lock.user.to_string()).collect()
}

/// A new store is empty, and an empty change changes nothing.
pub fn nothing_is_locked_at_first(open: Open<'_>) {
    let locks = open(ONE);
    locks.change(&[&user("ann")], &mut |_, held| held).unwrap();
    for locks in [locks, open(ONE)] {
        assert_eq!(locks.app_root(), ONE);
        assert_eq!(locks.lock_of(&user("ann")).unwrap(), None);
        assert_eq!(locks.list(Listing::All).unwrap(), []);
        assert_eq!(locks.count().unwrap(), 0);
        assert_eq!(locks.elsewhere().unwrap(), []);
        assert_eq!(locks.lifted_last().unwrap(), None);
    }
}

/// Every field is stored as it was, whatever its content.
pub fn a_lock_is_read_back_whole(open: Open<'_>) {
    let full = Lock {
        since: Timestamp::from_microsecond(1_767_225_600_123_456).unwrap(),
        until: Timestamp::from_microsecond(253_400_000_000_000_001).unwrap(),
        state: LockState::Pending,
        earlier: vec!["b".into(), "with \"quotes\"".into()],
        changed: Some(Timestamp::from_microsecond(-1).unwrap()),
        operator: "o'hara".into(),
        reason: Some("账号被盗 \u{1f512}\n; DROP TABLE locks".into()),
        ticket: Some(String::new()),
        ..lock("Ann", ONE)
    };
    for whole in [full, lock("bob", ONE)] {
        put(&*open(ONE), &whole);
        assert_eq!(open(ONE).lock_of(&whole.user).unwrap().as_ref(), Some(&whole));
        assert!(open(ONE).list(Listing::All).unwrap().contains(&whole));
    }
}

/// User names ignore case, and the lock keeps the name as it was last written.
pub fn names_are_compared_without_case(open: Open<'_>) {
    let locks = open(ONE);
    put(&*locks, &lock("Ann", ONE));
    assert_eq!(locks.lock_of(&user("aNN")).unwrap(), Some(lock("Ann", ONE)));
    put(&*locks, &lock("ANN", ONE));
    assert_eq!(names(&*locks, Listing::All), ["ANN"]);
    remove(&*locks, "ann");
    assert_eq!(locks.count().unwrap(), 0);
}

/// A user has at most one lock: the last one. The locks of others stay.
pub fn a_lock_takes_the_place_of_the_one_before(open: Open<'_>) {
    let locks = open(ONE);
    for name in ["ann", "bob"] {
        put(&*locks, &lock(name, ONE));
    }
    let later = Lock {
        until: second(200),
        ..lock("ann", ONE)
    };
    let mut before = None;
    let replace = &mut |_, held| {
        before = held;
        Some(later.clone())
    };
    locks.change(&[&later.user], replace).unwrap();
    assert_eq!(before, Some(lock("ann", ONE)));
    assert_eq!(locks.lock_of(&later.user).unwrap(), Some(later));
    remove(&*locks, "ann");
    remove(&*locks, "nobody");
    assert_eq!(open(ONE).list(Listing::All).unwrap(), [lock("bob", ONE)]);
}

/// Lists are sorted by name in lower case, and contain what was requested.
pub fn locks_are_listed_by_name(open: Open<'_>) {
    let locks = open(ONE);
    for (name, state) in [
        ("dan", LockState::Pending),
        ("Bob", LockState::Locked),
        ("ann", LockState::Locked),
        ("Cat", LockState::Pending),
    ] {
        put(
            &*locks,
            &Lock {
                state,
                ..lock(name, ONE)
            },
        );
    }
    assert_eq!(names(&*locks, Listing::All), ["ann", "Bob", "Cat", "dan"]);
    assert_eq!(names(&*locks, Listing::Pending), ["Cat", "dan"]);
    assert_eq!(locks.count().unwrap(), 4);
}

/// A lock is due from its end on, to the fraction of a second, pending or not.
pub fn a_lock_is_due_when_its_time_has_come(open: Open<'_>) {
    let locks = open(ONE);
    let at = |microsecond| Timestamp::from_microsecond(microsecond).unwrap();
    for (name, state, until) in [
        ("ann", LockState::Locked, 1_000_000),
        ("bob", LockState::Locked, 1_000_001),
        ("cat", LockState::Pending, 1_500_000),
        ("dan", LockState::Pending, 20_000_000),
    ] {
        let lock = Lock {
            until: at(until),
            state,
            ..lock(name, ONE)
        };
        put(&*locks, &lock);
    }
    for (now, due) in [
        (999_999, &[][..]),
        (1_000_000, &["ann"]),
        (1_000_001, &["ann", "bob"]),
        (2_000_000, &["ann", "bob", "cat"]),
        (100_000_000, &["ann", "bob", "cat", "dan"]),
    ] {
        assert_eq!(names(&*locks, Listing::Due(at(now))), due, "{now}");
    }
}

/// Locks of another server in the same place are counted, but neither listed nor changed.
pub fn a_lock_of_another_server_is_counted_and_left_alone(open: Open<'_>) {
    let (one, two) = (open(ONE), open(TWO));
    put(&*one, &lock("ann", ONE));
    put(&*one, &lock("bob", ONE));
    assert_eq!(two.lock_of(&user("ann")).unwrap(), None);
    for listing in [Listing::All, Listing::Pending, Listing::Due(second(1_000))] {
        assert_eq!(two.list(listing).unwrap(), [], "{listing:?}");
    }
    assert_eq!(two.count().unwrap(), 0);
    assert_eq!(two.elsewhere().unwrap(), [(ONE.unwrap().to_owned(), 2)]);
    put(&*two, &lock("ann", TWO));
    assert_eq!(one.elsewhere().unwrap(), [(TWO.unwrap().to_owned(), 1)]);
    remove(&*two, "bob");
    remove(&*one, "ann");
    assert_eq!(one.list(Listing::All).unwrap(), [lock("bob", ONE)]);
    assert_eq!(two.list(Listing::All).unwrap(), [lock("ann", TWO)]);
}

/// A lock without a known server belongs to any server that looks, and to the one that changes it from then
/// on.
pub fn a_lock_without_a_server_counts_on_each(open: Open<'_>) {
    let (one, two) = (open(ONE), open(TWO));
    for name in ["ann", "bob"] {
        put(&*open(None), &lock(name, None));
    }
    for locks in [&one, &two] {
        assert_eq!(names(&**locks, Listing::All), ["ann", "bob"]);
        assert_eq!(locks.lock_of(&user("ann")).unwrap(), Some(lock("ann", None)));
        assert_eq!(locks.elsewhere().unwrap(), []);
    }
    put(&*one, &lock("ann", ONE));
    assert_eq!(one.lock_of(&user("ann")).unwrap(), Some(lock("ann", ONE)));
    assert_eq!(names(&*two, Listing::All), ["bob"]);
    remove(&*two, "bob");
    assert_eq!(one.list(Listing::All).unwrap(), [lock("ann", ONE)]);
}

/// A view without a root sees all locks of the place.
pub fn the_sandbox_has_all_locks(open: Open<'_>) {
    put(&*open(ONE), &lock("ann", ONE));
    put(&*open(None), &lock("bob", None));
    let sandbox = open(None);
    assert_eq!(names(&*sandbox, Listing::All), ["ann", "bob"]);
    assert_eq!(sandbox.elsewhere().unwrap(), []);
    remove(&*sandbox, "ann");
    assert_eq!(open(ONE).lock_of(&user("ann")).unwrap(), None);
}

/// A change of many users asks for each of them once, in their order.
pub fn many_users_are_changed_together(open: Open<'_>) {
    let locks = open(ONE);
    put(&*locks, &lock("user7", ONE));
    let users: Vec<UserId> = (0..2_000)
        .rev()
        .map(|number| user(&format!("user{number}")))
        .collect();
    let users: Vec<&UserId> = users.iter().collect();
    let mut asked = 0;
    let enter = &mut |index: usize, held: Option<Lock>| {
        assert_eq!(index, asked);
        asked += 1;
        assert_eq!(held.is_some(), users[index].as_str() == "user7");
        index.is_multiple_of(2).then(|| Lock {
            run: index.to_string(),
            ..lock(users[index].as_str(), ONE)
        })
    };
    locks.change(&users, enter).unwrap();
    assert_eq!(asked, users.len());
    assert_eq!(locks.count().unwrap(), 1_000);
    assert_eq!(locks.lock_of(users[1_000]).unwrap().unwrap().run, "1000");
    assert_eq!(locks.lock_of(users[1_001]).unwrap(), None);
    locks.change(&users, &mut |_, _| None).unwrap();
    assert_eq!(locks.count().unwrap(), 0);
}

/// Concurrent changes, of the same user or of different ones, lose nothing.
pub fn changes_at_the_same_time_are_all_kept(open: Open<'_>) {
    const WRITERS: usize = 4;
    const EACH: usize = 15;
    let stores: Vec<_> = (0..WRITERS).map(|_| open(ONE)).collect();
    thread::scope(|scope| {
        for (writer, locks) in stores.iter().enumerate() {
            scope.spawn(move || {
                for number in 0..EACH {
                    put(&**locks, &lock(&format!("user{writer}-{number}"), ONE));
                    let shared = user("shared");
                    let add = &mut |_, held: Option<Lock>| {
                        let mut held = held.unwrap_or_else(|| lock("shared", ONE));
                        held.earlier.push(format!("{writer}-{number}"));
                        Some(held)
                    };
                    locks.change(&[&shared], add).unwrap();
                }
            });
        }
    });
    let locks = open(ONE);
    assert_eq!(locks.count().unwrap(), (WRITERS * EACH + 1) as u64);
    let shared = locks.lock_of(&user("shared")).unwrap().unwrap();
    assert_eq!(shared.earlier.len(), WRITERS * EACH);
}

/// From the first question of a change to its end, nobody else changes any of its users.
pub fn what_is_being_changed_is_waited_for(open: Open<'_>) {
    let (one, two) = (open(ONE), open(ONE));
    let (ann, bob) = (user("ann"), user("bob"));
    let (done, seen) = mpsc::channel();
    let run = |run: &str, name: &str| Lock {
        run: run.into(),
        ..lock(name, ONE)
    };
    put(&*one, &run("before", "bob"));
    thread::scope(|scope| {
        let mut begun = false;
        let slowly = &mut |index, _| {
            // The first question is about Ann, and Bob must not change either.
            if !std::mem::replace(&mut begun, true) {
                let (two, bob, run, done) = (&two, &bob, &run, done.clone());
                scope.spawn(move || {
                    let change = &mut |_, held: Option<Lock>| {
                        done.send(held.map(|held| held.run)).unwrap();
                        Some(run("after", "bob"))
                    };
                    two.change(&[bob], change).unwrap();
                });
                assert!(seen.recv_timeout(Duration::from_millis(200)).is_err());
            }
            Some(run("between", ["ann", "bob"][index]))
        };
        one.change(&[&ann, &bob], slowly).unwrap();
    });
    assert_eq!(seen.recv().unwrap(), Some("between".into()));
    assert_eq!(open(ONE).lock_of(&bob).unwrap(), Some(run("after", "bob")));
    assert_eq!(open(ONE).lock_of(&ann).unwrap(), Some(run("between", "ann")));
}

/// A change while all locks are inspected is either visible afterwards, or starts afterwards.
pub fn nothing_changes_at_rest(open: Open<'_>) {
    let (one, two) = (open(ONE), open(ONE));
    put(&*one, &lock("ann", ONE));
    let (done, seen) = mpsc::channel();
    thread::scope(|scope| {
        let mut looked = 0;
        let look = &mut || {
            looked += 1;
            let (two, done) = (&two, done.clone());
            scope.spawn(move || {
                let enter = &mut |_, _| {
                    done.send(()).unwrap();
                    Some(lock("bob", ONE))
                };
                two.change(&[&user("bob")], enter).unwrap();
            });
            assert!(seen.recv_timeout(Duration::from_millis(200)).is_err());
        };
        one.at_rest(look).unwrap();
        assert_eq!(looked, 1);
    });
    seen.recv().unwrap();
    assert_eq!(names(&*open(ONE), Listing::All), ["ann", "bob"]);

    thread::scope(|scope| {
        let slowly = &mut |_, _| {
            let (two, done) = (&two, done.clone());
            scope.spawn(move || two.at_rest(&mut || done.send(()).unwrap()).unwrap());
            assert!(seen.recv_timeout(Duration::from_millis(200)).is_err());
            None
        };
        one.change(&[&user("bob")], slowly).unwrap();
    });
    seen.recv().unwrap();
}

/// The time of the last lifting is the one that was recorded last.
pub fn the_last_lifting_is_remembered(open: Open<'_>) {
    for at in [1_767_225_600_123_456, 1_767_225_600_123_457] {
        let at = Timestamp::from_microsecond(at).unwrap();
        open(ONE).note_lifted(at).unwrap();
        assert_eq!(open(ONE).lifted_last().unwrap(), Some(at));
    }
    assert_eq!(open(ONE).list(Listing::All).unwrap(), []);
}

/// Only one holder at a time has the guard of a user, whatever the case of the name, until it is dropped.
pub fn a_user_has_one_guard(open: Open<'_>) {
    let (one, two) = (open(ONE), open(ONE));
    let (ann, also_ann) = (user("Ann"), user("aNN"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let held = one.guard(&ann).await.unwrap();
        let mut waiting = two.guard(&also_ann);
        let patience = Duration::from_millis(50);
        assert!(tokio::time::timeout(patience, &mut waiting).await.is_err());
        drop(held);
        let held = waiting.await.unwrap();
        assert!(one.guard(&ann).now_or_never().is_none());
        drop(held);
        drop(one.guard(&ann).await.unwrap());
    });
}
