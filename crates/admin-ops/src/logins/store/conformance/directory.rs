use super::{TARGET, add, device, failed, login, online, open, scanned};
use crate::logins::directory::{COUNTED, Question, page};
use crate::logins::store::memory::MemoryLogins;
use crate::logins::store::{
    HOUR_MS, LoginEvent, LoginKind, LoginStore, LoginStores, Range, Shape, UserOrder, UserState, WhichUsers,
};

fn event(call_id: &str, user: &str, resource: &str, kind: LoginKind, at_ms: i64) -> LoginEvent {
    LoginEvent {
        user: user.into(),
        resource: resource.into(),
        platform: device(resource).platform,
        kind,
        ..login(call_id, user, at_ms)
    }
}

/// Everybody who is known, in words.
fn known(store: &dyn LoginStore) -> Vec<String> {
    let everybody = WhichUsers::default();
    let users = store.users(&everybody, UserOrder::User, None, 1_000).unwrap();
    users
        .iter()
        .map(|user| {
            let platforms = user.platforms.iter();
            let platforms: Vec<_> = platforms.map(|(name, count)| format!("{name}={count}")).collect();
            format!("{} {} {}", user.user, platforms.join(","), user.last_seen_ms)
        })
        .collect()
}

fn sorted(store: &dyn LoginStore) -> Vec<Shape> {
    let mut shapes = store.shapes().unwrap();
    shapes.sort_by(|one, other| one.platforms.cmp(&other.platforms));
    shapes
}

/// Scans and events tell who has which devices online, each of what it knows last.
pub fn users_are_known_by_the_newest_word_about_their_devices(stores: &dyn LoginStores) {
    let mut store = open(stores);
    assert_eq!((known(&*store), store.shapes().unwrap()), (vec![], vec![]));
    scanned(
        &mut *store,
        &[
            online("ann", &["ios_1", "ios_2", "web_1"]),
            online("bob", &["web_1"]),
            ("eve".into(), UserState::Offline),
            failed("joe"),
        ],
        100,
    );
    assert_eq!(known(&*store), ["ann ios=2,web=1 100", "bob web=1 100"]);
    let events = [
        event("1", "ann", "ios_1", LoginKind::Replaced, 150),
        event("2", "bob", "web_1", LoginKind::Logout, 99),
        event("3", "eve", "pc_1", LoginKind::Login, 160),
        // Before the scan, in which it was not seen.
        event("4", "joe", "pc_1", LoginKind::Login, 90),
    ];
    store.record_events(&events, 200).unwrap();
    // What is known already counts no second time.
    store.record_events(&events, 300).unwrap();
    let expected = ["ann ios=1,web=1 150", "bob web=1 100", "eve pc=1 160", "joe  90"];
    assert_eq!(known(&*store), expected);
    assert_eq!(known(&*open(stores)), expected);
    let total: u64 = sorted(&*store).iter().map(|shape| shape.users).sum();
    assert_eq!(total, 4);
    // A read that failed says nothing; one that found nobody does.
    let id = store.begin("list:1", 400).unwrap();
    let found = [
        ("ann".into(), UserState::Changed),
        failed("bob"),
        ("eve".into(), UserState::Offline),
        ("new".into(), UserState::Offline),
    ];
    add(&mut *store, id, &found, 400);
    assert_eq!(
        known(&*store),
        ["ann  150", "bob web=1 100", "eve  160", "joe  90"]
    );
    let shapes: Vec<_> = sorted(&*store)
        .into_iter()
        .map(|shape| (shape.devices(), shape.users))
        .collect();
    assert_eq!(shapes, [(0, 3), (1, 1)]);
    assert_eq!(
        known(&*stores.of(&format!("{TARGET}-2")).unwrap()),
        Vec::<String>::new()
    );
}

/// Tells both stores of many users, of whom several share devices and times.
fn fill(store: &mut dyn LoginStore) {
    let (mut users, mut events) = (Vec::new(), Vec::new());
    for number in 0..60_u32 {
        let user = format!("{}{:02}", ["ann", "bot_", "émile%"][number as usize % 3], number);
        let resources: Vec<String> = (0..number % 4)
            .map(|device| format!("{}_{device}", ["ios", "web"][(number / 4 + device) as usize % 2]))
            .collect();
        let devices = resources.iter().map(|resource| device(resource)).collect();
        users.push((user.clone(), UserState::Online(devices)));
        if number % 5 == 0 {
            let kind = [LoginKind::Login, LoginKind::Logout][number as usize % 2];
            let at_ms = 1_000 + i64::from(number % 7);
            events.push(event(&number.to_string(), &user, "ios_1", kind, at_ms));
        }
    }
    scanned(store, &users[..30], 500);
    scanned(store, &users[20..], 900);
    store.record_events(&events, 2_000).unwrap();
}

/// Pages have the users that meet every filter, in order, each once, and the total says how many there are.
pub fn a_page_of_users_is_what_a_search_of_all_finds(stores: &dyn LoginStores) {
    let (mut store, mut model) = (open(stores), MemoryLogins::default());
    fill(&mut *store);
    fill(&mut model);
    assert_eq!(sorted(&*store), sorted(&model));
    let text = |text: &str| Some(text.to_owned());
    let texts = [None, text("ann"), text("bot_1"), text("émile%"), text("nobody")];
    let mut seen = 0;
    for order in [UserOrder::User, UserOrder::LastSeen, UserOrder::Devices] {
        for begins_with in &texts {
            for contains in [None, text("t_2"), text("%"), text("n1"), text("_")] {
                for seen_since_ms in [None, Some(900), Some(1_003)] {
                    for at_least in 0..3 {
                        let question = |after| Question {
                            which: WhichUsers {
                                shapes: None,
                                begins_with: begins_with.clone(),
                                contains: contains.clone(),
                                seen_since_ms,
                            },
                            order,
                            after,
                            most: 7,
                        };
                        let wanted = |shape: &Shape| shape.devices() >= at_least;
                        let wanted = (at_least > 0).then_some(&wanted as &dyn Fn(&Shape) -> bool);
                        let (mut after, mut users) = (None, Vec::new());
                        loop {
                            let asked = format!("{:?} {at_least}", question(after.clone()));
                            let found = page(&*store, question(after.clone()), wanted).unwrap();
                            let expected = page(&model, question(after), wanted).unwrap();
                            assert_eq!(found, expected, "{asked}");
                            users.extend(found.users);
                            after = found.next;
                            if after.is_none() {
                                assert_eq!(found.total.users, users.len() as u64, "{asked}");
                                assert!(!found.total.at_least && users.len() < COUNTED);
                                break;
                            }
                        }
                        seen += users.len();
                    }
                }
            }
        }
    }
    assert!(seen > 2_000, "{seen}");
}

/// Users go with the last sight of them, but not those of the newest finished snapshot.
pub fn users_are_forgotten_when_nothing_new_is_known_of_them(stores: &dyn LoginStores) {
    let mut store = open(stores);
    scanned(
        &mut *store,
        &[online("ann", &["ios_1"]), online("bob", &["ios_1"])],
        100,
    );
    scanned(
        &mut *store,
        &[online("bob", &["ios_1"]), ("ann".into(), UserState::Offline)],
        200,
    );
    store
        .record_events(&[event("1", "eve", "web_1", LoginKind::Login, 250)], 250)
        .unwrap();
    store.forget(100).unwrap();
    assert_eq!(known(&*store).len(), 3);
    store.forget(1_000).unwrap();
    assert_eq!(known(&*store), ["bob ios=1 200", "eve web=1 250"]);
    let total: u64 = store.shapes().unwrap().iter().map(|shape| shape.users).sum();
    assert_eq!(total, 2);
}

/// Events are counted in the hours in which they happened.
pub fn events_are_counted_by_hour(stores: &dyn LoginStores) {
    use LoginKind::{Login, Logout, Replaced};
    let mut store = open(stores);
    let events = [
        event("1", "ann", "ios_1", Login, HOUR_MS - 1),
        event("2", "ann", "ios_1", Replaced, HOUR_MS),
        event("3", "bob", "ios_1", Login, HOUR_MS + 5),
        event("4", "bob", "ios_1", Login, 2 * HOUR_MS - 1),
        event("5", "bob", "ios_1", Logout, 3 * HOUR_MS),
    ];
    store.record_events(&events, 9).unwrap();
    let hours = [
        (0, Login, 1),
        (HOUR_MS, Login, 2),
        (HOUR_MS, Replaced, 1),
        (3 * HOUR_MS, Logout, 1),
    ];
    assert_eq!(store.events_by_hour(Range::ALL).unwrap(), hours);
    let range = Range {
        since_ms: HOUR_MS,
        until_ms: 3 * HOUR_MS,
    };
    assert_eq!(store.events_by_hour(range).unwrap(), hours[1..3]);
}
