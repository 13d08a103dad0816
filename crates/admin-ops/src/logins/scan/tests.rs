use std::cell::{Cell, RefCell};

use crate::logins::scan::*;
use crate::logins::store::memory::MemoryLogins;
use crate::server::calls::Scope;

/// A server with numbered users: every twentieth is online with two devices.
#[derive(Default)]
struct Scripted {
    users: u64,
    page: u64,
    calls: Cell<(u64, u64, u64)>,
    at_once: Cell<(u64, u64)>,
    fails: RefCell<Vec<&'static str>>,
}

impl Scripted {
    fn new(users: u64) -> Self {
        Self {
            users,
            page: 100,
            ..Self::default()
        }
    }

    async fn call<T>(&self, name: &'static str, answer: T) -> Result<T, CallError> {
        let (now, most) = self.at_once.get();
        self.at_once.set((now + 1, most.max(now + 1)));
        tokio::task::yield_now().await;
        let (now, most) = self.at_once.get();
        self.at_once.set((now - 1, most));
        let mut fails = self.fails.borrow_mut();
        if let Some(index) = fails.iter().position(|call| *call == name) {
            fails.remove(index);
            return Err(CallError {
                scope: Scope::Network,
                ..CallError::new(name, "test")
            });
        }
        Ok(answer)
    }
}

fn number(user: &UserId) -> u64 {
    user.to_string().trim_start_matches("user").parse().unwrap()
}

impl ScanCalls for Scripted {
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn users(&self, cursor: Option<&str>) -> Result<UserPage, CallError> {
        let (pages, statuses, devices) = self.calls.get();
        self.calls.set((pages + 1, statuses, devices));
        let first: u64 = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let last = (first + self.page).min(self.users);
        let page = UserPage {
            users: (first..last)
                .map(|user| UserId::parse(format!("user{user}")).unwrap())
                .collect(),
            odd: vec![],
            next: (last < self.users).then(|| last.to_string()),
        };
        self.call("users.list", page).await
    }

    async fn statuses(&self, users: &[UserId]) -> Result<BTreeMap<String, Status>, CallError> {
        let (pages, statuses, devices) = self.calls.get();
        self.calls.set((pages, statuses + 1, devices));
        let status = |user: &UserId| match number(user) % 20 {
            0 => Some(Status::Online),
            1 => None,
            _ => Some(Status::Offline),
        };
        let statuses = users
            .iter()
            .filter_map(|user| Some((user.folded(), status(user)?)))
            .collect();
        self.call("status.batch", statuses).await
    }

    async fn devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        let (pages, statuses, devices) = self.calls.get();
        self.calls.set((pages, statuses, devices + 1));
        let device = |resource: &str| SeenDevice {
            resource: resource.into(),
            platform: "ios".into(),
            name: None,
            signed_in_ms: None,
        };
        let devices = if number(user) == 20 {
            vec![]
        } else {
            vec![device("ios_1"), device("ios_2")]
        };
        self.call("devices.list", devices).await
    }
}

fn pace() -> Pace {
    let (sender, wish) = watch::channel(Wish::Run);
    // A scan continues if the sender of stop requests is gone.
    drop(sender);
    Pace {
        statuses: Statuses::Believed,
        concurrency: Concurrency::Fixed(8),
        wish,
    }
}

async fn scan_all(server: &Scripted, store: &mut MemoryLogins) -> End {
    let (id, from) = match store.unfinished("all").unwrap() {
        Some((snapshot, position)) => (snapshot.id, position),
        None => (store.begin("all", 1).unwrap(), Position::default()),
    };
    scan(server, store, id, all_users(server, from), pace(), || 2, |_| {})
        .await
        .unwrap()
}

#[tokio::test]
async fn devices_are_read_of_those_only_who_are_online() {
    let (server, mut store) = (Scripted::new(1_000), MemoryLogins::default());
    assert!(matches!(scan_all(&server, &mut store).await, End::Complete));
    let snapshot = &store.snapshots().unwrap()[0];
    let counts = Counts {
        users: 1_000,
        online: 49,
        offline: 900,
        changed: 1,
        unknown: 50,
        failed: 0,
        devices: 98,
    };
    assert_eq!(snapshot.counts, counts);
    assert_eq!(server.calls.get(), (10, 10, 50), "pages, statuses, devices");
    assert!(server.at_once.get().1 <= 8 + 1, "calls at a time, and a page");
}

#[tokio::test]
async fn a_failed_read_is_not_none() {
    let (server, mut store) = (Scripted::new(200), MemoryLogins::default());
    server.fails.borrow_mut().extend(["devices.list", "status.batch"]);
    assert!(matches!(scan_all(&server, &mut store).await, End::Complete));
    let counts = store.snapshots().unwrap()[0].counts;
    assert_eq!((counts.users, counts.failed), (200, 101));
    assert_eq!(
        counts.online + counts.offline + counts.changed + counts.unknown,
        99
    );
}

#[tokio::test]
async fn a_scan_that_broke_off_goes_on_and_counts_nobody_twice() {
    for page in [40, 100, 250] {
        let mut store = MemoryLogins::default();
        let server = Scripted {
            page,
            ..Scripted::new(1_000)
        };
        // A failed listing ends the scan; users read before that are stored.
        let failing = Scripted {
            page,
            ..Scripted::new(1_000)
        };
        let id = store.begin("all", 1).unwrap();
        let whole = all_users(&failing, Position::default());
        let broken = whole
            .take(3)
            .chain(stream::iter([Err(SourceError::Call(CallError::new(
                "x", "test",
            )))]));
        let end = scan(&failing, &mut store, id, broken, pace(), || 2, |_| {})
            .await
            .unwrap();
        assert!(matches!(end, End::Source(_)));
        let (part, position) = store.unfinished("all").unwrap().unwrap();
        assert!(
            part.counts.users > 0 && part.counts.users < 1_000,
            "{part:?} {position:?}"
        );
        assert!(matches!(scan_all(&server, &mut store).await, End::Complete));
        let snapshots = store.snapshots().unwrap();
        assert_eq!(
            (snapshots.len(), snapshots[0].counts.users),
            (1, 1_000),
            "page {page}"
        );
        assert_eq!(snapshots[0].counts.devices, 98);
    }
}

#[tokio::test]
async fn a_list_goes_on_where_it_was() {
    let users = || (0..250).map(|user| Ok(UserId::parse(format!("user{user}")).unwrap()));
    let batches: Vec<_> = listed_users(users(), 120).collect().await;
    let sizes: Vec<(usize, u64)> = batches
        .iter()
        .map(|batch| batch.as_ref().unwrap())
        .map(|batch| (batch.users.len(), batch.after.done))
        .collect();
    assert_eq!(sizes, [(100, 220), (30, 250)]);
    assert_eq!(listed_users(users(), 250).collect::<Vec<_>>().await.len(), 0);
}

#[tokio::test]
async fn a_dead_server_ends_the_scan_and_leaves_it_to_be_gone_on_with() {
    struct Dead(Scripted);
    impl ScanCalls for Dead {
        fn traffic(&self) -> Traffic {
            Traffic::default()
        }

        async fn users(&self, cursor: Option<&str>) -> Result<UserPage, CallError> {
            self.0.users(cursor).await
        }
        async fn statuses(&self, _: &[UserId]) -> Result<BTreeMap<String, Status>, CallError> {
            Err(CallError {
                scope: Scope::Network,
                ..CallError::new("status.batch", "test")
            })
        }
        async fn devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
            self.0.devices(user).await
        }
    }
    let (server, mut store) = (Dead(Scripted::new(10_000)), MemoryLogins::default());
    let id = store.begin("all", 1).unwrap();
    let batches = all_users(&server, Position::default());
    let end = scan(&server, &mut store, id, batches, pace(), || 2, |_| {})
        .await
        .unwrap();
    assert!(matches!(end, End::Fatal(Fatal::Unreachable(_))), "{end:?}");
    assert_eq!(store.snapshots().unwrap()[0].counts.users, 0);
}

#[tokio::test]
async fn a_server_that_was_never_heard_has_not_been_scanned() {
    let (server, mut store) = (Scripted::new(20), MemoryLogins::default());
    server.fails.borrow_mut().push("status.batch");
    let end = scan_all(&server, &mut store).await;
    assert!(matches!(end, End::Fatal(Fatal::Unreachable(_))), "{end:?}");
    assert!(
        store.unfinished("all").unwrap().is_some(),
        "the next scan goes on"
    );
    assert!(matches!(scan_all(&server, &mut store).await, End::Complete));
    assert_eq!(store.snapshots().unwrap()[0].counts.failed, 0);
}

#[tokio::test]
async fn a_wish_ends_it_between_two_batches() {
    let (server, mut store) = (Scripted::new(10_000), MemoryLogins::default());
    let (sender, wish) = watch::channel(Wish::Run);
    let id = store.begin("all", 1).unwrap();
    let pace = Pace {
        statuses: Statuses::Believed,
        concurrency: Concurrency::Fixed(4),
        wish,
    };
    let drain = Wish::Drain(crate::schedule::pipeline::Cause::Signal);
    let batches = all_users(&server, Position::default());
    let seen = |counts: Counts| {
        if counts.users >= 500 {
            sender.send_replace(drain);
        }
    };
    let end = scan(&server, &mut store, id, batches, pace, || 2, seen)
        .await
        .unwrap();
    assert!(matches!(end, End::Wished(wished) if wished == drain));
    let users = store.unfinished("all").unwrap().unwrap().0.counts.users;
    assert!((500..1_000).contains(&users), "{users}");
}

#[tokio::test]
async fn a_listing_that_begins_anew_counts_nobody_twice() {
    for (pages_before, failing) in [
        (1, None),
        (3, None),
        (3, Some("devices.list")),
        (9, Some("status.batch")),
    ] {
        let (server, mut store) = (Scripted::new(1_000), MemoryLogins::default());
        let id = store.begin("all", 1).unwrap();
        server.fails.borrow_mut().extend(failing);
        let some = all_users(&server, Position::default()).take(pages_before);
        let refused = [Err(SourceError::Call(CallError::new("users.list", "test")))];
        let broken = some.chain(stream::iter(refused));
        let ended = scan(&server, &mut store, id, broken, pace(), || 2, |_| {}).await;
        assert!(matches!(ended, Ok(End::Source(error)) if is_refused_place(&error)));

        store.restart(id).unwrap();
        let known = known_users(&store, id).unwrap();
        let before = server.calls.get().2;
        let all = all_users(&server, Position::default());
        let rest = all.map(|batch| batch.map(|batch| batch.without(&known)));
        let ended = scan(&server, &mut store, id, rest, pace(), || 3, |_| {}).await;
        assert!(matches!(ended, Ok(End::Complete)));
        let expected = Counts {
            users: 1_000,
            online: 49,
            offline: 900,
            changed: 1,
            unknown: 50,
            failed: 0,
            devices: 98,
        };
        assert_eq!(
            store.snapshots().unwrap()[0].counts,
            expected,
            "{pages_before} {failing:?}"
        );
        let online_before = known
            .iter()
            .filter(|user| number(&UserId::parse(user.as_str()).unwrap()).is_multiple_of(20));
        let (online_before, again) = (online_before.count(), server.calls.get().2 - before);
        assert_eq!(
            again,
            50 - u64::try_from(online_before).unwrap(),
            "nobody who is known is read again"
        );
    }
}

/// A server that gives these pages: the users and the number of odd entries by cursor, and the next cursor.
struct Pages(Vec<(&'static str, Vec<&'static str>, usize, Option<&'static str>)>);

impl ScanCalls for Pages {
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn users(&self, cursor: Option<&str>) -> Result<UserPage, CallError> {
        let asked = cursor.unwrap_or_default();
        let (_, users, count, next) = self.0.iter().find(|(at, ..)| *at == asked).unwrap();
        let odd = |index| Odd {
            index,
            problem: "no".into(),
        };
        Ok(UserPage {
            users: users.iter().map(|user| UserId::parse(*user).unwrap()).collect(),
            odd: (0..*count).map(odd).collect(),
            next: next.map(str::to_owned),
        })
    }

    async fn statuses(&self, users: &[UserId]) -> Result<BTreeMap<String, Status>, CallError> {
        let status = |user: &UserId| match user.as_str() {
            "failed" => Status::Failed("no".into()),
            _ => Status::Offline,
        };
        Ok(users.iter().map(|user| (user.folded(), status(user))).collect())
    }

    async fn devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_scan_is_complete_only_if_everybody_was_listed() {
    for (pages, ends, users, failed) in [
        (
            vec![("", vec!["a"], 0, Some("1")), ("1", vec!["b"], 0, None)],
            "Complete",
            2,
            0,
        ),
        // An empty page is not the end, nor is a page of odd entries only.
        (
            vec![
                ("", vec!["a"], 0, Some("1")),
                ("1", vec![], 0, Some("2")),
                ("2", vec!["b"], 0, None),
            ],
            "Complete",
            2,
            0,
        ),
        (
            vec![("", vec![], 2, Some("1")), ("1", vec!["b"], 0, None)],
            "Odd",
            3,
            2,
        ),
        (vec![("", vec!["a", "b"], 1, None)], "Odd", 3, 1),
        // Pages in a circle.
        (
            vec![("", vec!["a"], 0, Some("1")), ("1", vec!["b"], 0, Some("1"))],
            "Source",
            1,
            0,
        ),
        (
            vec![
                ("", vec!["a"], 0, Some("1")),
                ("1", vec!["b"], 0, Some("2")),
                ("2", vec!["c"], 0, Some("1")),
            ],
            "Source",
            2,
            0,
        ),
        // If one of several calls fails, its users do not count as offline.
        (vec![("", vec!["a", "failed"], 0, None)], "Complete", 2, 1),
    ] {
        let (server, mut store) = (Pages(pages.clone()), MemoryLogins::default());
        let id = store.begin("all", 1).unwrap();
        let batches = all_users(&server, Position::default());
        let end = scan(&server, &mut store, id, batches, pace(), || 2, |_| {})
            .await
            .unwrap();
        assert!(format!("{end:?}").starts_with(ends), "{pages:?}: {end:?}");
        let snapshot = &store.snapshots().unwrap()[0];
        assert_eq!(
            (snapshot.counts.users, snapshot.counts.failed),
            (users, failed),
            "{pages:?}"
        );
        assert_eq!(snapshot.finished_ms.is_some(), ends == "Complete", "{pages:?}");
        let mut odd = 0;
        store
            .each_not_known(id, &mut |known| odd += u64::from(is_odd(&known.user)))
            .unwrap();
        assert_eq!(odd > 0, ends == "Odd", "it is known later, too");
    }
}

#[tokio::test]
async fn statuses_that_a_sample_refutes_end_the_scan_and_without_them_everybody_is_read() {
    // Users who are reported as offline have devices here.
    let server = Scripted::new(1_000);
    let mut store = MemoryLogins::default();
    let mut scan_with = async |statuses| {
        let id = store.begin("all", 1).unwrap();
        let pace = Pace { statuses, ..pace() };
        let all = all_users(&server, Position::default());
        let end = scan(&server, &mut store, id, all, pace, || 2, |_| {})
            .await
            .unwrap();
        let snapshots = store.snapshots().unwrap();
        (
            end,
            snapshots.into_iter().find(|snapshot| snapshot.id == id).unwrap(),
        )
    };
    let (end, snapshot) = scan_with(Statuses::Checked(1)).await;
    assert!(matches!(end, End::StatusWrong(_)), "{end:?}");
    assert_eq!(snapshot.finished_ms, None);
    let (end, snapshot) = scan_with(Statuses::NotAsked).await;
    assert!(matches!(end, End::Complete), "{end:?}");
    assert_eq!((snapshot.counts.online, snapshot.counts.offline), (999, 1));
}
