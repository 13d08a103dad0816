//! Login events, and the times of which they may be missing.

use super::{event, events, gap, login, open, range};
use crate::logins::store::{AskedAgain, Gap, LoginEvent, LoginKind, LoginStores, Range, StoreError};

fn ids(events: Vec<LoginEvent>) -> Vec<String> {
    events.into_iter().map(|event| event.call_id).collect()
}

/// An event is known by its call id, within a call and later, and is kept as it came first.
pub fn an_event_that_comes_twice_is_one(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let first = LoginEvent {
        reason: "手机 \"1\"".into(),
        ..event("1", "ann", 70, LoginKind::Replaced)
    };
    let again = event("1", "bob", 80, LoginKind::Login);
    let batch = [first.clone(), login("2", "ann", 50), again.clone()];
    assert_eq!(store.record_events(&batch, 1_000).unwrap(), [true, true, false]);
    assert_eq!(
        store
            .record_events(&[again, login("3", "ann", 90)], 1_001)
            .unwrap(),
        [false, true]
    );
    assert_eq!(store.record_events(&[], 1_002).unwrap(), [true; 0]);
    let expected = [login("2", "ann", 50), first, login("3", "ann", 90)];
    assert_eq!(events(&*store, Range::ALL, None), expected);
}

/// Events come by the time of the service, those of one millisecond by call id, and a range ends before its end.
pub fn events_are_in_the_order_in_which_they_happened(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let all = [
        login("e", "ann", 70),
        login("b", "bob", 70),
        event("C", "ann", 70, LoginKind::Logout),
        event("d", "ann", 60, LoginKind::Replaced),
        login("a", "bob", 80),
    ];
    for (received_ms, event) in all.into_iter().enumerate() {
        let received_ms = i64::try_from(received_ms).unwrap();
        store.record_events(&[event], received_ms).unwrap();
    }
    for (since_ms, until_ms, everybody, ann) in [
        (0, i64::MAX, &["d", "C", "b", "e", "a"][..], &["d", "C", "e"][..]),
        (60, 80, &["d", "C", "b", "e"], &["d", "C", "e"]),
        (61, 81, &["C", "b", "e", "a"], &["C", "e"]),
        (61, 70, &[], &[]),
        (70, 70, &[], &[]),
        (80, 60, &[], &[]),
    ] {
        let range = range(since_ms, until_ms);
        assert_eq!(ids(events(&*store, range, None)), everybody, "{range:?}");
        assert_eq!(ids(events(&*store, range, Some("ann"))), ann, "{range:?}");
        assert_eq!(ids(events(&*store, range, Some("Ann"))), [""; 0]);
    }
}

/// Users are counted for one kind and one range; as many events as another has are ordered by name.
pub fn the_users_with_the_most_events_come_first(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let all: Vec<LoginEvent> = [("zoe", 3), ("ann", 2), ("Bob", 2), ("eve", 1)]
        .into_iter()
        .flat_map(|(user, times)| {
            (0..times).map(move |time| login(&format!("{user}{time}"), user, 50 + time))
        })
        .chain([event("out", "kim", 50, LoginKind::Logout)])
        .collect();
    store.record_events(&all, 1_000).unwrap();
    let most = |kind, range, most| store.most_events(kind, range, most).unwrap();
    let expected = |users: &[(&str, u64)]| -> Vec<(String, u64)> {
        let users = users.iter();
        users.map(|(user, times)| ((*user).to_owned(), *times)).collect()
    };
    let ranking = expected(&[("zoe", 3), ("Bob", 2), ("ann", 2), ("eve", 1)]);
    assert_eq!(most(LoginKind::Login, Range::ALL, usize::MAX), ranking);
    assert_eq!(most(LoginKind::Login, Range::ALL, 2), ranking[..2]);
    assert_eq!(most(LoginKind::Login, Range::ALL, 0), []);
    let later = expected(&[("Bob", 1), ("ann", 1), ("zoe", 1)]);
    assert_eq!(most(LoginKind::Login, range(51, 52), 9), later);
    assert_eq!(most(LoginKind::Logout, Range::ALL, 9), expected(&[("kim", 1)]));
    assert_eq!(most(LoginKind::Replaced, Range::ALL, 9), []);
}

/// Who signed in is found by the clock of this machine, however late an event is.
pub fn sign_ins_are_found_by_when_they_were_received(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let late = [
        login("1", "zoe", 5),
        login("2", "ann", 900),
        login("3", "zoe", 6),
        event("4", "bob", 900, LoginKind::Logout),
        event("5", "bob", 900, LoginKind::Replaced),
    ];
    store.record_events(&late, 1_000).unwrap();
    store
        .record_events(&[login("6", "eve", 1), login("2", "ann", 900)], 1_001)
        .unwrap();
    let received = |since_ms, until_ms| {
        let found = store.sign_ins(range(since_ms, until_ms)).unwrap().into_iter();
        found
            .map(|(call_id, user)| format!("{call_id} {user}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(received(1_000, 1_001), ["2 ann", "1 zoe", "3 zoe"]);
    assert_eq!(received(1_001, 1_002), ["6 eve"]);
    assert_eq!(received(0, 9_999), ["2 ann", "6 eve", "1 zoe", "3 zoe"]);
    assert_eq!(received(0, 1_000), [""; 0]);
    assert_eq!(received(1_002, 9_999), [""; 0]);
}

/// Two watches with one position would each skip what the other has not finished.
pub fn a_watch_has_one_owner_and_keeps_its_position(stores: &dyn LoginStores) {
    let (mut first, mut second) = (open(stores), open(stores));
    assert_eq!(first.own_watch("a.toml").unwrap(), None);
    assert!(matches!(second.own_watch("a.toml"), Err(StoreError::Watched(watch)) if watch == "a.toml"));
    assert_eq!(second.own_watch("b.toml").unwrap(), None, "it is another one");
    first.set_watch_position("a.toml", "one").unwrap();
    first.set_watch_position("a.toml", "two").unwrap();
    assert_eq!(first.own_watch("a.toml").unwrap().as_deref(), Some("two"));
    drop(first);
    second.forget(i64::MAX).unwrap();
    assert_eq!(second.own_watch("a.toml").unwrap().as_deref(), Some("two"));
    assert_eq!(second.own_watch("b.toml").unwrap(), None);
}

/// The last event is that of the service's clock; of one millisecond, whatever says that the device has gone.
pub fn the_last_event_of_a_device_is_in_doubt_no_sign_in(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let elsewhere = |user: &str, resource: &str| LoginEvent {
        resource: resource.into(),
        ..login(&format!("{user} {resource}"), user, 99)
    };
    let others = [elsewhere("ann", "ios_2"), elsewhere("bob", "ios_1")];
    store.record_events(&others, 1).unwrap();
    assert_eq!(store.last_event("ann", "ios_1").unwrap(), None);
    for (event, last) in [
        (login("e", "ann", 70), "e"),
        (event("z", "ann", 60, LoginKind::Logout), "e"),
        (login("f", "ann", 70), "f"),
        (login("a", "ann", 70), "f"),
        (event("c", "ann", 70, LoginKind::Replaced), "c"),
        (event("b", "ann", 70, LoginKind::Logout), "c"),
        (event("d", "ann", 70, LoginKind::Logout), "d"),
        (login("x", "ann", 71), "x"),
    ] {
        store.record_events(&[event], 2).unwrap();
        let found = store.last_event("ann", "ios_1").unwrap().unwrap();
        assert_eq!(found.call_id, last);
    }
    assert_eq!(store.last_event("ann", "ios_3").unwrap(), None);
    assert_eq!(
        store.last_event("bob", "ios_1").unwrap(),
        Some(elsewhere("bob", "ios_1"))
    );
}

/// The sign of life is that which was noted last.
pub fn the_last_sign_of_life_is_remembered(stores: &dyn LoginStores) {
    for now_ms in [5, 9, 7] {
        open(stores).set_alive(now_ms).unwrap();
        assert_eq!(open(stores).alive().unwrap(), Some(now_ms));
    }
}

/// Both ends of a gap belong to it, and a range ends before its end.
pub fn a_gap_counts_from_its_first_to_its_last_millisecond(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let blocked = Gap {
        why: "blocked".into(),
        ..gap(30, 40)
    };
    let point = gap(30, 30);
    for gap in [&gap(30, 40), &gap(10, 20), &blocked, &point, &gap(10, 20)] {
        store.record_gap(gap).unwrap();
    }
    assert_eq!(
        store.gaps(Range::ALL).unwrap(),
        [gap(10, 20), point.clone(), blocked.clone(), gap(30, 40)]
    );
    for (since_ms, until_ms, found) in [
        (0, 10, vec![]),
        (0, 11, vec![gap(10, 20)]),
        (12, 13, vec![gap(10, 20)]),
        (20, 30, vec![gap(10, 20)]),
        (21, 30, vec![]),
        (21, 31, vec![point, blocked.clone(), gap(30, 40)]),
        (40, 99, vec![blocked, gap(30, 40)]),
        (41, 99, vec![]),
    ] {
        let range = range(since_ms, until_ms);
        assert_eq!(store.gaps(range).unwrap(), found, "{range:?}");
    }
}

/// A gap is closed, or becomes smaller, as a whole; one that is not there stays away.
pub fn what_is_left_of_a_gap_takes_its_place(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let blocked = Gap {
        why: "blocked".into(),
        ..gap(10, 40)
    };
    for gap in [&gap(10, 40), &blocked] {
        store.record_gap(gap).unwrap();
    }
    store
        .replace_gap(&gap(10, 40), &[gap(10, 15), gap(30, 40)])
        .unwrap();
    assert_eq!(
        store.gaps(Range::ALL).unwrap(),
        [gap(10, 15), blocked.clone(), gap(30, 40)]
    );
    store.replace_gap(&gap(10, 40), &[gap(1, 2)]).unwrap();
    store.replace_gap(&blocked, &[]).unwrap();
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap(10, 15), gap(30, 40)]);
}

/// The first time counts, because what arrived since then may be what was asked for.
pub fn what_was_asked_for_again_adds_up(stores: &dyn LoginStores) {
    let mut store = open(stores);
    let asked = |date: &str, posts, asked_ms, times, accepted| AskedAgain {
        date: date.into(),
        posts,
        asked_ms,
        times,
        accepted,
    };
    for asked in [
        asked("202401010010", 2, 70, 1, false),
        asked("202401010000", 15, 50, 1, false),
        asked("202401010000", 15, 50, 0, true),
        asked("202401010000", 4, 90, 1, false),
    ] {
        store.note_asked(&asked).unwrap();
    }
    let expected = [
        asked("202401010000", 15, 50, 2, true),
        asked("202401010010", 2, 70, 1, false),
    ];
    assert_eq!(open(stores).asked_again().unwrap(), expected);
    store.forget(60).unwrap();
    assert_eq!(store.asked_again().unwrap(), expected[1..]);
}

/// A post that is sent again proves that it arrived, even if its event was known before.
pub fn an_event_arrived_when_it_came_last(stores: &dyn LoginStores) {
    let mut store = open(stores);
    store
        .record_events(&[login("1", "ann", 50), login("2", "bob", 40)], 1_000)
        .unwrap();
    store
        .record_events(&[login("3", "eve", 60), login("3", "eve", 60)], 1_001)
        .unwrap();
    store.record_events(&[login("1", "ann", 50)], 1_002).unwrap();
    let arrived = |since_ms| {
        let arrivals = store.arrived_since(since_ms).unwrap().into_iter();
        arrivals
            .map(|one| (one.at_ms, one.arrived_ms))
            .collect::<Vec<_>>()
    };
    assert_eq!(arrived(1_000), [(40, 1_000), (50, 1_002), (60, 1_001)]);
    assert_eq!(arrived(1_001), [(50, 1_002), (60, 1_001)]);
    assert_eq!(arrived(1_003), []);
}
