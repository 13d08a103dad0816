//! Logins, by the rules of every store.

use easemob_admin_ops::login_store_conformance;
use easemob_admin_ops::logins::store::memory::MemoryLoginStores;
use easemob_admin_ops::logins::store::{
    AskedAgain, Gap, LoginEvent, LoginKind, LoginStore, LoginStores, Position, Range, SeenDevice, Shape,
    Snapshot, StoreError, UserOrder, UserState, WhichUsers,
};
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::logins::PgLoginStores;
use easemob_admin_store_pg::password::PasswordSource;

use crate::cluster::TestDatabase;

/// Without PostgreSQL the rules are tried with the store in memory, which keeps them.
#[derive(Debug)]
enum Stores {
    Pg(PgLoginStores),
    Memory(MemoryLoginStores),
}

impl LoginStores for Stores {
    fn of(&self, target: &str) -> Result<Box<dyn LoginStore>, StoreError> {
        match self {
            Self::Pg(stores) => stores.of(target),
            Self::Memory(stores) => stores.of(target),
        }
    }

    fn kept(&self, target: &str) -> Result<Option<Box<dyn LoginStore>>, StoreError> {
        match self {
            Self::Pg(stores) => stores.kept(target),
            Self::Memory(stores) => stores.kept(target),
        }
    }

    fn targets(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Pg(stores) => stores.targets(),
            Self::Memory(stores) => stores.targets(),
        }
    }
}

fn fresh() -> (Option<TestDatabase>, Stores) {
    let database = TestDatabase::create();
    let stores = match &database {
        Some(database) => Stores::Pg(stores(database)),
        None => Stores::Memory(MemoryLoginStores::default()),
    };
    (database, stores)
}

fn stores(database: &TestDatabase) -> PgLoginStores {
    Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
    PgLoginStores::in_database(Database::open(&database.address(), &PasswordSource::Nothing).unwrap())
}

mod conformance {
    use super::*;

    login_store_conformance!(fresh);
}

#[test]
fn a_large_snapshot_is_visited_in_order_while_the_visitor_asks() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let stores = stores(&database);
    let mut store = stores.of("prod").unwrap();
    let id = store.begin("all", 1).unwrap();
    let device = |number: usize| SeenDevice {
        resource: format!("ios_{number}"),
        platform: "ios".into(),
        name: None,
        signed_in_ms: None,
    };
    let users: Vec<_> = (0..5_000)
        .map(|number| {
            (
                format!("user{number:05}"),
                UserState::Online(vec![device(number)]),
            )
        })
        .collect();
    store.add(id, &users, &Position::default(), 2).unwrap();
    let (mut seen, mut asked) = (Vec::new(), 0);
    store
        .each_device(id, &mut |user, _| {
            if seen.len() % 1_000 == 0 {
                asked += store.known_devices(user).unwrap().len();
            }
            seen.push(user.to_owned());
        })
        .unwrap();
    assert!(seen.is_sorted());
    assert_eq!((seen.len(), asked), (5_000, 5));
}

#[test]
fn a_scan_that_another_one_took_over_adds_nothing_more() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let stores = stores(&database);
    let (mut one, mut two) = (stores.of("prod").unwrap(), stores.of("prod").unwrap());
    let id = one.begin("all", 1).unwrap();
    assert!(matches!(two.own(id), Err(StoreError::Taken(_))));
    database.run("UPDATE easemob_admin.lease SET until = clock_timestamp() - interval '1 s'");
    two.own(id).unwrap();
    let users = [("ann".to_owned(), UserState::Offline)];
    let added = one.add(id, &users, &Position::default(), 2);
    assert!(matches!(added, Err(StoreError::Taken(_))), "{added:?}");
    two.add(id, &users, &Position::default(), 2).unwrap();
    assert_eq!(two.snapshots().unwrap()[0].counts.users, 1);
}

/// Everything that is brought in, as text; snapshots get other numbers.
fn content(store: &dyn LoginStore) -> Vec<String> {
    let mut content = Vec::new();
    for snapshot in store.snapshots().unwrap() {
        let id = snapshot.id;
        let position = store
            .unfinished(&snapshot.source)
            .unwrap()
            .map(|(_, position)| position);
        let nameless = Snapshot { id: 0, ..snapshot };
        content.push(format!("{nameless:?} {position:?}"));
        store
            .each_device(id, &mut |user, device| {
                content.push(format!("{user} {device:?}"));
            })
            .unwrap();
        store
            .each_not_known(id, &mut |user| content.push(format!("{user:?}")))
            .unwrap();
    }
    for user in ["ann", "bob"] {
        content.push(format!("{:?}", store.known_devices(user).unwrap()));
    }
    store
        .each_event(Range::ALL, None, &mut |event| content.push(format!("{event:?}")))
        .unwrap();
    content.push(format!("{:?}", store.gaps(Range::ALL).unwrap()));
    content.push(format!("{:?}", store.asked_again().unwrap()));
    content.push(format!("{:?}", store.alive().unwrap()));
    let everybody = WhichUsers::default();
    let users = store.users(&everybody, UserOrder::User, None, 100).unwrap();
    content.push(format!("{users:?}"));
    content
}

/// Who is known, with the times, and how many have the same.
fn known(store: &dyn LoginStore) -> String {
    let everybody = WhichUsers::default();
    let users = store.users(&everybody, UserOrder::User, None, 100).unwrap();
    let mut shapes = store.shapes().unwrap();
    shapes.sort_by_key(Shape::word);
    format!("{users:?} {shapes:?}")
}

#[test]
fn what_is_known_of_users_can_be_made_anew_from_snapshots_and_events() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let stores = stores(&database);
    let mut store = stores.of("prod").unwrap();
    let device = |resource: &str| SeenDevice {
        resource: resource.into(),
        platform: resource.split('_').next().unwrap().into(),
        name: None,
        signed_in_ms: None,
    };
    for (began, users) in [
        (100, vec![("ann", vec!["ios_1"]), ("old", vec!["web_1"])]),
        (
            200,
            vec![
                ("ann", vec!["ios_1", "web_\"1\""]),
                ("bob", vec!["web_1", "android_1"]),
            ],
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
    let event = |call_id: &str, user: &str, resource: &str, kind, at_ms| LoginEvent {
        call_id: call_id.into(),
        user: user.into(),
        resource: resource.into(),
        platform: device(resource).platform,
        kind,
        at_ms,
        reason: String::new(),
    };
    let events = [
        event("1", "ann", "ios_1", LoginKind::Logout, 250),
        event("2", "eve", "pc_1", LoginKind::Login, 251),
        event("3", "eve", "pc_1", LoginKind::Replaced, 251),
        event("4", "eve", "pc_2", LoginKind::Login, 252),
        event("5", "joe", "pc_2", LoginKind::Login, 50),
    ];
    store.record_events(&events, 300).unwrap();
    let before = known(&*store);
    assert!(before.contains("joe") && before.contains("users: 1"), "{before}");
    // As the migration does for what older programs left.
    database.run("SELECT easemob_admin.know_login_users(id) FROM easemob_admin.login_place");
    assert_eq!(known(&*store), before);
    let last = event("6", "ann", "web_\"1\"", LoginKind::Logout, 260);
    store.record_events(&[last], 300).unwrap();
    assert!(known(&*store).contains("\"ann\", platforms: {}"));
}

#[test]
fn several_who_write_at_once_count_every_user_once() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let stores = stores(&database);
    let mut scan = stores.of("prod").unwrap();
    let id = scan.begin("all", 1).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4_i64 {
            let mut store = stores.of("prod").unwrap();
            scope.spawn(move || {
                for number in 0..40_i64 {
                    // All of them write about the same users, in another order each.
                    let events: Vec<_> = (0..10_i64)
                        .map(|user| LoginEvent {
                            call_id: format!("{writer}-{number}-{user}"),
                            user: format!("user{}", (user * 7 + writer) % 10),
                            resource: format!("ios_{writer}"),
                            platform: "ios".into(),
                            kind: [LoginKind::Login, LoginKind::Logout][usize::from(number % 2 == 1)],
                            at_ms: number,
                            reason: String::new(),
                        })
                        .collect();
                    store.record_events(&events, number).unwrap();
                }
            });
        }
        scope.spawn(move || {
            for number in 0..40_i64 {
                let users: Vec<_> = (0..10)
                    .rev()
                    .map(|user| (format!("user{user}"), UserState::Offline))
                    .collect();
                scan.add(id, &users, &Position::default(), number - 50).unwrap();
            }
        });
    });
    let store = stores.of("prod").unwrap();
    let shapes = store.shapes().unwrap();
    assert_eq!(
        shapes.iter().map(|shape| shape.users).sum::<u64>(),
        10,
        "{shapes:?}"
    );
    assert_eq!(shapes.len(), 1, "everybody signed out last: {shapes:?}");
}

#[test]
fn the_logins_of_another_store_are_brought_in_once() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let to = stores(&database);
    let from = MemoryLoginStores::default();
    let mut store = from.of("prod").unwrap();
    let device = |resource: &str| SeenDevice {
        resource: resource.into(),
        platform: "ios".into(),
        name: Some("phone".into()),
        signed_in_ms: Some(7),
    };
    for begun in [10, 20] {
        let id = store.begin("all", begun).unwrap();
        let users = [
            (
                "ann".to_owned(),
                UserState::Online(vec![device("ios_1"), device("ios_2")]),
            ),
            ("bob".to_owned(), UserState::Failed("503".into())),
            ("eve".to_owned(), UserState::Offline),
        ];
        let after = Position {
            cursor: Some("next".into()),
            done: 3,
        };
        store.add(id, &users, &after, begun + 1).unwrap();
        store.set_limits(id, "{}").unwrap();
        if begun == 10 {
            store.finish(id, begun + 2).unwrap();
        }
    }
    let event = |call_id: &str| LoginEvent {
        call_id: call_id.into(),
        user: "ann".into(),
        resource: "ios_1".into(),
        platform: "ios".into(),
        kind: LoginKind::Login,
        at_ms: 15,
        reason: String::new(),
    };
    store.record_events(&[event("1"), event("2")], 99).unwrap();
    store
        .record_gap(&Gap {
            since_ms: 1,
            until_ms: 2,
            why: "away".into(),
        })
        .unwrap();
    store
        .note_asked(&AskedAgain {
            date: "202601010000".into(),
            posts: 3,
            asked_ms: 5,
            times: 1,
            accepted: true,
        })
        .unwrap();
    store.set_alive(33).unwrap();
    assert!(to.import("prod", &*store).unwrap());
    let brought = to.kept("prod").unwrap().unwrap();
    assert_eq!(content(&*brought), content(&*store));
    assert!(!to.import("prod", &*store).unwrap());
    assert_eq!(content(&*brought), content(&*store));
    // It counts as received when it happened, and proves nothing about what was asked for since.
    assert_eq!(brought.arrived_since(16).unwrap(), []);
}
