//! What every store of logins promises: one function for each rule, to be run over each store.
//!
//! [`login_store_conformance!`](crate::login_store_conformance) makes a test of each.
#![allow(clippy::unwrap_used, reason = "a rule that is broken is a panic")]

mod directory;
mod events;
mod forgetting;
mod snapshots;

pub use self::directory::*;
pub use self::events::*;
pub use self::forgetting::*;
pub use self::snapshots::*;

use std::thread;

use crate::logins::store::{
    Gap, LoginEvent, LoginKind, LoginStore, LoginStores, NotKnown, Position, Range, SeenDevice, Snapshot,
    SnapshotId, UserState,
};

/// Makes a test of each rule for the stores that `$fresh` makes: a function without arguments that makes a new place and
/// returns what the place lasts for, and the [`LoginStores`] in it.
#[macro_export]
macro_rules! login_store_conformance {
    ($fresh:path) => {
        $crate::login_store_conformance! {
            $fresh:
            nothing_is_kept_at_first
            targets_are_kept_apart
            what_was_written_is_there_for_others
            writers_at_the_same_time_lose_nothing
            a_visitor_may_ask_the_store
            a_scan_is_counted_and_resumed
            what_was_found_is_read_back_whole_and_in_order
            a_user_who_is_added_again_is_in_the_newer_state
            only_the_newest_scan_of_the_same_users_is_resumed
            a_snapshot_belongs_to_whoever_began_or_resumed_it
            a_restart_counts_anew_and_keeps_who_is_named
            the_limits_are_those_that_were_set_last
            what_is_finished_or_not_there_is_not_changed
            a_snapshot_that_is_not_there_has_nothing_in_it
            what_differs_is_told_apart_from_what_is_not_known
            who_was_not_read_in_the_other_snapshot_is_not_known_there
            a_device_is_known_from_its_first_to_its_last_snapshot
            an_event_that_comes_twice_is_one
            events_are_in_the_order_in_which_they_happened
            the_users_with_the_most_events_come_first
            sign_ins_are_found_by_when_they_were_received
            a_watch_has_one_owner_and_keeps_its_position
            the_last_event_of_a_device_is_in_doubt_no_sign_in
            the_last_sign_of_life_is_remembered
            a_gap_counts_from_its_first_to_its_last_millisecond
            what_is_left_of_a_gap_takes_its_place
            what_was_asked_for_again_adds_up
            an_event_arrived_when_it_came_last
            users_are_known_by_the_newest_word_about_their_devices
            a_page_of_users_is_what_a_search_of_all_finds
            users_are_forgotten_when_nothing_new_is_known_of_them
            events_are_counted_by_hour
            forgetting_keeps_the_newest_finished_snapshot
            what_is_from_that_time_on_is_not_forgotten
            a_device_of_a_kept_snapshot_is_not_forgotten
            numbers_of_forgotten_snapshots_are_not_used_again
            compacting_changes_nothing
        }
    };
    ($fresh:path: $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                let (_place, stores) = $fresh();
                $crate::logins::store::conformance::$rule(&stores);
            }
        )+
    };
}

const TARGET: &str = "im.example.com+acme+chat";

/// Opens one and the same store, as another process would.
fn open(stores: &dyn LoginStores) -> Box<dyn LoginStore> {
    stores.of(TARGET).unwrap()
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

fn failed(user: &str) -> (String, UserState) {
    (user.into(), UserState::Failed("503".into()))
}

fn unknown(user: &str) -> (String, UserState) {
    (user.into(), UserState::Unknown("no such user".into()))
}

fn add(store: &mut dyn LoginStore, id: SnapshotId, users: &[(String, UserState)], now_ms: i64) {
    store.add(id, users, &Position::default(), now_ms).unwrap();
}

/// A finished snapshot of all users.
fn scanned(store: &mut dyn LoginStore, users: &[(String, UserState)], now_ms: i64) -> SnapshotId {
    let id = store.begin("all", now_ms).unwrap();
    add(store, id, users, now_ms);
    store.finish(id, now_ms + 1).unwrap();
    id
}

fn ids(store: &dyn LoginStore) -> Vec<SnapshotId> {
    let snapshots = store.snapshots().unwrap().into_iter();
    snapshots.map(|snapshot| snapshot.id).collect()
}

fn snapshot(store: &dyn LoginStore, id: SnapshotId) -> Snapshot {
    let mut snapshots = store.snapshots().unwrap().into_iter();
    snapshots.find(|snapshot| snapshot.id == id).unwrap()
}

fn devices(store: &dyn LoginStore, id: SnapshotId) -> Vec<(String, SeenDevice)> {
    let mut devices = Vec::new();
    let visit = &mut |user: &str, device| devices.push((user.to_owned(), device));
    store.each_device(id, visit).unwrap();
    devices
}

fn not_known(store: &dyn LoginStore, id: SnapshotId) -> Vec<NotKnown> {
    let mut users = Vec::new();
    store.each_not_known(id, &mut |user| users.push(user)).unwrap();
    users
}

fn event(call_id: &str, user: &str, at_ms: i64, kind: LoginKind) -> LoginEvent {
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

fn login(call_id: &str, user: &str, at_ms: i64) -> LoginEvent {
    event(call_id, user, at_ms, LoginKind::Login)
}

fn events(store: &dyn LoginStore, range: Range, user: Option<&str>) -> Vec<LoginEvent> {
    let mut events = Vec::new();
    store
        .each_event(range, user, &mut |event| events.push(event))
        .unwrap();
    events
}

fn gap(since_ms: i64, until_ms: i64) -> Gap {
    Gap {
        since_ms,
        until_ms,
        why: "no collector was running".into(),
    }
}

fn range(since_ms: i64, until_ms: i64) -> Range {
    Range { since_ms, until_ms }
}

/// There is no store before one was opened, and nothing in it before anything was written.
pub fn nothing_is_kept_at_first(stores: &dyn LoginStores) {
    assert_eq!(stores.targets().unwrap(), [""; 0]);
    assert!(stores.kept(TARGET).unwrap().is_none());
    let mut store = open(stores);
    assert_eq!(store.forget(i64::MAX).unwrap(), super::Forgotten::default());
    assert_eq!(stores.targets().unwrap(), [TARGET]);
    for store in [store, stores.kept(TARGET).unwrap().unwrap()] {
        assert_eq!(store.snapshots().unwrap(), []);
        assert_eq!(store.unfinished("all").unwrap(), None);
        assert_eq!(store.known_devices("ann").unwrap(), []);
        assert_eq!(events(&*store, Range::ALL, None), []);
        assert_eq!(store.last_event("ann", "ios_1").unwrap(), None);
        assert_eq!(store.alive().unwrap(), None);
        assert_eq!(store.gaps(Range::ALL).unwrap(), []);
    }
}

/// What is kept of one target is not there for another.
pub fn targets_are_kept_apart(stores: &dyn LoginStores) {
    let mut one = open(stores);
    scanned(&mut *one, &[online("ann", &["ios_1"])], 100);
    one.record_events(&[login("1", "ann", 1)], 2).unwrap();
    let mut other = stores.of("another").unwrap();
    assert_eq!(other.snapshots().unwrap(), []);
    assert_eq!(other.record_events(&[login("1", "bob", 1)], 2).unwrap(), [true]);
    assert_eq!(events(&*one, Range::ALL, None), [login("1", "ann", 1)]);
    assert_eq!(stores.targets().unwrap(), ["another", TARGET]);
}

/// What one process wrote is seen by another that opened the store before, and by one that opens it later.
pub fn what_was_written_is_there_for_others(stores: &dyn LoginStores) {
    let before = open(stores);
    let mut store = open(stores);
    let id = store.begin("list:1", 100).unwrap();
    let after = Position {
        cursor: Some("next".into()),
        done: 2,
    };
    let users = [online("ann", &["ios_1"]), failed("bob")];
    store.add(id, &users, &after, 110).unwrap();
    store.record_events(&[login("1", "ann", 1)], 2).unwrap();
    store.record_gap(&gap(1, 2)).unwrap();
    store.set_alive(3).unwrap();
    drop(store);
    for store in [before, open(stores)] {
        let (snapshot, position) = store.unfinished("list:1").unwrap().unwrap();
        assert_eq!(
            (snapshot.id, snapshot.started_ms, position),
            (id, 100, after.clone())
        );
        assert_eq!(devices(&*store, id), [("ann".into(), device("ios_1"))]);
        assert_eq!(not_known(&*store, id)[0].user, "bob");
        assert_eq!(store.known_devices("ann").unwrap().len(), 1);
        assert_eq!(events(&*store, Range::ALL, None), [login("1", "ann", 1)]);
        assert_eq!(store.gaps(Range::ALL).unwrap(), [gap(1, 2)]);
        assert_eq!(store.alive().unwrap(), Some(3));
    }
}

/// Those who write at the same time lose nothing of each other, and take one another's events for duplicates.
pub fn writers_at_the_same_time_lose_nothing(stores: &dyn LoginStores) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 25;
    let opened: Vec<_> = (0..WRITERS).map(|_| open(stores)).collect();
    let id = open(stores).begin("all", 1).unwrap();
    let new: u64 = thread::scope(|scope| {
        let write = |writer: u64, mut store: Box<dyn LoginStore>| {
            let mut new = 0;
            for number in 0..EACH {
                let own = login(&format!("{writer}-{number}"), "ann", 1);
                let shared = login(&format!("shared-{number}"), "bob", 1);
                let kept = store.record_events(&[own, shared], 1).unwrap();
                new += kept.into_iter().filter(|new| *new).count() as u64;
                let user = format!("user{writer}-{number}");
                add(&mut *store, id, &[online(&user, &["ios_1"])], 1);
            }
            new
        };
        let writers: Vec<_> = (0..)
            .zip(opened)
            .map(|(writer, store)| scope.spawn(move || write(writer, store)))
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(new, (WRITERS + 1) * EACH);
    let store = open(stores);
    let most = store.most_events(LoginKind::Login, Range::ALL, 5).unwrap();
    assert_eq!(most, [("ann".into(), WRITERS * EACH), ("bob".into(), EACH)]);
    assert_eq!(snapshot(&*store, id).counts.users, WRITERS * EACH);
}

/// While it is told of devices, users, changes or events, a visitor can ask for more.
pub fn a_visitor_may_ask_the_store(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let first = scanned(&mut *store, &[online("ann", &["ios_1"]), failed("bob")], 100);
    let second = scanned(&mut *store, &[online("ann", &["ios_2"])], 200);
    store.record_events(&[login("1", "ann", 1)], 2).unwrap();
    let mut asked = 0;
    let mut ask = || {
        asked += 1;
        assert_eq!(devices(&*store, second), [("ann".into(), device("ios_2"))]);
        assert!(store.last_event("ann", "ios_1").unwrap().is_some());
    };
    store.each_device(first, &mut |_, _| ask()).unwrap();
    store.each_not_known(first, &mut |_| ask()).unwrap();
    let (from, to) = (snapshot(&*store, first), snapshot(&*store, second));
    store.each_change(&from, &to, &mut |_| ask()).unwrap();
    store.each_event(Range::ALL, None, &mut |_| ask()).unwrap();
    store.each_event(Range::ALL, Some("ann"), &mut |_| ask()).unwrap();
    assert_eq!(asked, 1 + 1 + 2 + 1 + 1);
}
