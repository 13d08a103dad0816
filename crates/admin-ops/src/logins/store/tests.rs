//! The store in memory and the one in SQLite, told the same, answer the same.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::memory::MemoryLogins;
use super::sqlite::SqliteLogins;
use super::*;

/// What is told to both.
#[derive(Debug, Clone)]
enum Told {
    Begin(&'static str, i64),
    Add(SnapshotId, Vec<(String, UserState)>, Position, i64),
    Restart(SnapshotId),
    SetLimits(SnapshotId, &'static str),
    Finish(SnapshotId, i64),
    RecordEvents(Vec<LoginEvent>, i64),
    SetAlive(i64),
    RecordGap(Gap),
    Forget(i64),
    Compact,
}

const USERS: [&str; 4] = ["ann", "Bob", "a_b", "émile"];
const RESOURCES: [&str; 3] = ["ios_1", "ios_10", "Web_1"];
const SOURCES: [&str; 2] = ["all", "list:1"];

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(of).prop_map(str::to_owned)
}

/// So few that much happens in one millisecond.
fn time() -> impl Strategy<Value = i64> {
    -1..12_i64
}

fn device() -> impl Strategy<Value = SeenDevice> {
    let name = option::of(text(&["phone", "tablet"]));
    (text(&RESOURCES), text(&["ios", "web"]), name, option::of(time())).prop_map(
        |(resource, platform, name, signed_in_ms)| SeenDevice {
            resource,
            platform,
            name,
            signed_in_ms,
        },
    )
}

fn state() -> impl Strategy<Value = UserState> {
    prop_oneof![
        1 => Just(UserState::Offline),
        1 => Just(UserState::Changed),
        4 => vec(device(), 0..4).prop_map(UserState::Online),
        1 => text(&["not there", "silence"]).prop_map(UserState::Unknown),
        1 => text(&["503", "429"]).prop_map(UserState::Failed),
    ]
}

fn event() -> impl Strategy<Value = LoginEvent> {
    let kinds = vec![LoginKind::Login, LoginKind::Logout, LoginKind::Replaced];
    let whose = (text(&USERS), text(&RESOURCES), text(&["ios", "web"]));
    let call_id = (0..30_u8).prop_map(|number| number.to_string());
    (call_id, whose, select(kinds), time(), text(&["", "why"])).prop_map(
        |(call_id, (user, resource, platform), kind, at_ms, reason)| LoginEvent {
            call_id,
            user,
            resource,
            platform,
            kind,
            at_ms,
            reason,
        },
    )
}

fn position() -> impl Strategy<Value = Position> {
    (option::of(text(&["next", ""])), 0..9_u64).prop_map(|(cursor, done)| Position { cursor, done })
}

fn told() -> impl Strategy<Value = Told> {
    let id = || 0..6_i64;
    let gap = (time(), time(), text(&["down", "blocked"]));
    prop_oneof![
        4 => (select(&SOURCES), time()).prop_map(|(source, at)| Told::Begin(source, at)),
        8 => (id(), vec((text(&USERS), state()), 0..4), position(), time())
            .prop_map(|(id, users, after, at)| Told::Add(id, users, after, at)),
        1 => id().prop_map(Told::Restart),
        1 => (id(), select(&["{}", "[]"])).prop_map(|(id, limits)| Told::SetLimits(id, limits)),
        2 => (id(), time()).prop_map(|(id, at)| Told::Finish(id, at)),
        4 => (vec(event(), 0..5), time()).prop_map(|(events, at)| Told::RecordEvents(events, at)),
        1 => time().prop_map(Told::SetAlive),
        2 => gap.prop_map(|(since_ms, until_ms, why)| Told::RecordGap(Gap { since_ms, until_ms, why })),
        1 => time().prop_map(Told::Forget),
        1 => Just(Told::Compact),
    ]
}

/// Tells a store, and returns its answer.
fn tell(store: &mut dyn LoginStore, told: &Told) -> String {
    let answer = |given: Result<String, StoreError>| given.unwrap_or_else(|error| error.to_string());
    answer(match told {
        Told::Begin(source, at) => store.begin(source, *at).map(|id| id.to_string()),
        Told::Add(id, users, after, at) => store.add(*id, users, after, *at).map(|()| "done".into()),
        Told::Restart(id) => store.restart(*id).map(|()| "done".into()),
        Told::SetLimits(id, limits) => store.set_limits(*id, limits).map(|()| "done".into()),
        Told::Finish(id, at) => store.finish(*id, *at).map(|()| "done".into()),
        Told::RecordEvents(events, at) => store.record_events(events, *at).map(|new| format!("{new:?}")),
        Told::SetAlive(at) => store.set_alive(*at).map(|()| "done".into()),
        Told::RecordGap(gap) => store.record_gap(gap).map(|()| "done".into()),
        Told::Forget(before) => store.forget(*before).map(|gone| format!("{gone:?}")),
        Told::Compact => store.compact().map(|()| "done".into()),
    })
}

/// All that can be asked of a store, answered line by line.
fn answers(store: &dyn LoginStore, range: Range) -> Vec<String> {
    let mut answers = Vec::new();
    let mut note = |question: &str, answer: &dyn fmt::Debug| answers.push(format!("{question}: {answer:?}"));
    let snapshots = store.snapshots().unwrap();
    note("snapshots", &snapshots);
    for source in SOURCES {
        note("unfinished", &store.unfinished(source).unwrap());
    }
    // One more than there are.
    for id in 0..=snapshots.last().map_or(0, |last| last.id + 1) {
        let visit = &mut |user: &str, device| note("device", &(id, user, device));
        store.each_device(id, visit).unwrap();
        store
            .each_not_known(id, &mut |user| note("not known", &(id, user)))
            .unwrap();
    }
    for from in &snapshots {
        for to in &snapshots {
            let visit = &mut |change| note("change", &(from.id, to.id, change));
            store.each_change(from, to, visit).unwrap();
        }
    }
    for user in USERS {
        note("known", &(user, store.known_devices(user).unwrap()));
        let visit = &mut |event| note("event of one", &event);
        store.each_event(range, Some(user), visit).unwrap();
        for resource in RESOURCES {
            note("last", &store.last_event(user, resource).unwrap());
        }
    }
    store
        .each_event(range, None, &mut |event| note("event", &event))
        .unwrap();
    for kind in [LoginKind::Login, LoginKind::Logout, LoginKind::Replaced] {
        for most in [0, 2, usize::MAX] {
            note("most", &store.most_events(kind, range, most).unwrap());
        }
    }
    note("signed in", &store.sign_ins(range).unwrap());
    note("alive", &store.alive().unwrap());
    note("gaps", &store.gaps(range).unwrap());
    note("by hour", &store.events_by_hour(range).unwrap());
    let mut shapes = store.shapes().unwrap();
    shapes.sort_by_key(Shape::word);
    note("shapes", &shapes);
    let which = WhichUsers {
        seen_since_ms: Some(range.since_ms),
        ..WhichUsers::default()
    };
    for order in [UserOrder::User, UserOrder::LastSeen, UserOrder::Devices] {
        note("users", &store.users(&which, order, None, 3).unwrap());
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn both_stores_answer_alike(all in vec(told(), 0..40), since_ms in time(), until_ms in time()) {
        let home = tempfile::tempdir().unwrap();
        let mut in_sqlite = SqliteLogins::open(&home.path().join("logins.sqlite")).unwrap();
        in_sqlite.hurry_for_test();
        let mut in_memory = MemoryLogins::default();
        for told in &all {
            prop_assert_eq!(tell(&mut in_memory, told), tell(&mut in_sqlite, told), "{:?}", told);
        }
        for range in [Range { since_ms, until_ms }, Range::ALL] {
            prop_assert_eq!(answers(&in_memory, range), answers(&in_sqlite, range));
        }
    }
}
