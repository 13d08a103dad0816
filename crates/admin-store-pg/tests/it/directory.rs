//! Pages of a million users, and how they are found.

use std::time::{Duration, Instant};

use easemob_admin_ops::logins::directory::{Question, page};
use easemob_admin_ops::logins::store::{LoginStores as _, Shape, UserOrder, WhichUsers};
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::logins::PgLoginStores;
use easemob_admin_store_pg::password::PasswordSource;

use crate::cluster::TestDatabase;

/// Enters a finished scan of so many users, of whom some have several devices, and an event for each of some of them.
fn fill(database: &TestDatabase, users: u64) {
    database.run("INSERT INTO easemob_admin.login_place (place) VALUES ('prod')");
    database.run(
        "INSERT INTO easemob_admin.login_snapshot (number, place, source, started_ms, finished_ms, program) \
         SELECT 1, id, 'all', 1000000, 9000000, '0.3.0' FROM easemob_admin.login_place",
    );
    database.run(&format!(
        "INSERT INTO easemob_admin.login_snapshot_device (snapshot, who, resource, platform) \
         SELECT 1, who, platform || '_' || device, platform FROM (SELECT n, \
         (CASE n % 10 WHEN 0 THEN 'bot-' WHEN 1 THEN 'émile.' ELSE 'user' END) || lpad((n * 7919 % {users})::text, 7, '0') AS who \
         FROM generate_series(0::bigint, {users} - 1) AS n) AS named \
         CROSS JOIN LATERAL generate_series(0, (n * 31 % 97)::int % (CASE WHEN n % 50 = 0 THEN 7 ELSE 3 END)) AS device \
         CROSS JOIN LATERAL (SELECT (ARRAY['android', 'ios', 'web', 'pc'])[(1 + (n * 13 + device * (n % 3)) % 4)::int] AS platform) AS p"
    ));
    database.run(
        "INSERT INTO easemob_admin.login_device (place, who, resource, platform, first_seen_ms, last_seen_ms) \
         SELECT id, who, resource, platform, 1000000, 1000000 + abs(hashtext(who)) % 8000000 \
         FROM easemob_admin.login_snapshot_device, easemob_admin.login_place",
    );
    database.run("SELECT easemob_admin.know_login_users(id) FROM easemob_admin.login_place");
    database.run("VACUUM ANALYZE easemob_admin.login_user");
}

struct Asked {
    name: &'static str,
    which: WhichUsers,
    order: UserOrder,
    wanted: Option<fn(&Shape) -> bool>,
}

fn asked() -> Vec<Asked> {
    use UserOrder::{Devices, LastSeen, User};
    let everybody = WhichUsers::default;
    let begins = |text: &str| WhichUsers {
        begins_with: Some(text.into()),
        ..everybody()
    };
    let contains = |text: &str| WhichUsers {
        contains: Some(text.into()),
        ..everybody()
    };
    let since = |at| WhichUsers {
        seen_since_ms: Some(at),
        ..everybody()
    };
    let on_web: fn(&Shape) -> bool = |shape| shape.platforms.contains_key("web");
    let over: fn(&Shape) -> bool = |shape| shape.platforms.values().any(|devices| *devices > 4);
    let two: fn(&Shape) -> bool = |shape| shape.devices() >= 2;
    [
        ("everybody", everybody(), User, None),
        ("by last sight", everybody(), LastSeen, None),
        ("by devices", everybody(), Devices, None),
        ("on web", everybody(), User, Some(on_web)),
        ("on web, by last sight", everybody(), LastSeen, Some(on_web)),
        ("on web, by devices", everybody(), Devices, Some(on_web)),
        ("over 4", everybody(), User, Some(over)),
        ("over 4, by last sight", everybody(), LastSeen, Some(over)),
        ("two devices, by devices", everybody(), Devices, Some(two)),
        ("begins with bot-00", begins("bot-00"), User, None),
        (
            "begins with user, by last sight",
            begins("user"),
            LastSeen,
            Some(two),
        ),
        ("begins with user, everybody", begins("user"), LastSeen, None),
        ("begins with a rare name", begins("émile.000"), LastSeen, None),
        ("rare name, by devices", begins("émile.000"), Devices, Some(two)),
        ("rare part 12345", contains("12345"), User, None),
        ("rare part, by devices", contains("12345"), Devices, Some(on_web)),
        ("common part user", contains("user"), User, None),
        ("common part 777, by last sight", contains("777"), LastSeen, None),
        ("no such part", contains("zzz"), User, None),
        ("seen lately", since(8_990_000), User, None),
        ("seen lately, on web", since(8_990_000), LastSeen, Some(on_web)),
        ("seen at all", since(0), User, None),
    ]
    .map(|(name, which, order, wanted)| Asked {
        name,
        which,
        order,
        wanted,
    })
    .into()
}

/// Times the first pages of each question: the first one, and the slowest of some that follow.
fn measure(stores: &PgLoginStores) -> Vec<(&'static str, Duration, Duration, u64)> {
    let store = stores.kept("prod").unwrap().unwrap();
    let mut measured = Vec::new();
    for asked in asked() {
        let wanted = asked.wanted;
        let ask = |after| {
            let question = Question {
                which: asked.which.clone(),
                order: asked.order,
                after,
                most: 100,
            };
            let began = Instant::now();
            let wanted = wanted.as_ref().map(|wanted| wanted as &dyn Fn(&Shape) -> bool);
            let page = page(&*store, question, wanted).unwrap();
            (began.elapsed(), page)
        };
        // What the machine does beside this must not count.
        let mut firsts: Vec<_> = (0..5).map(|_| ask(None)).collect();
        firsts.sort_by_key(|(took, _)| *took);
        let (first, found) = firsts.swap_remove(2);
        let (mut next, mut further) = (found.next, Vec::new());
        for _ in 0..9 {
            let Some(after) = next.take() else { break };
            let (took, page) = ask(Some(after));
            further.push(took);
            next = page.next;
        }
        further.sort_unstable();
        let late = further.get(further.len() * 9 / 10).copied().unwrap_or_default();
        measured.push((asked.name, first, late, found.total.users));
    }
    measured
}

fn opened(database: &TestDatabase) -> PgLoginStores {
    Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
    PgLoginStores::in_database(Database::open(&database.address(), &PasswordSource::Nothing).unwrap())
}

#[test]
fn pages_of_users_need_no_look_at_all_of_them() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let stores = opened(&database);
    fill(&database, 50_000);
    let read = || -> i64 {
        let rows = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'login_user'";
        database.run(rows)[0].parse().unwrap()
    };
    // Statistics come late.
    let pause = || drop(database.run("SELECT pg_sleep(1.2)"));
    pause();
    let before = read();
    let measured = measure(&stores);
    assert!(
        measured
            .iter()
            .any(|(name, _, _, users)| *name == "over 4" && *users > 0),
        "{measured:?}"
    );
    assert!(
        measured
            .iter()
            .any(|(name, _, _, users)| *name == "rare part 12345" && *users > 0),
        "{measured:?}"
    );
    pause();
    let rows = read() - before;
    // A look at all users for each of 250 pages would be 12 million. A common name is met within some thousand rows.
    assert!(rows < 1_500_000, "{rows} rows were read without an index");
}

#[test]
#[expect(clippy::print_stdout, reason = "it is run to see the times")]
#[ignore = "a million users: cargo test -p easemob-admin-store-pg --test store_pg a_million_users -- --ignored --nocapture"]
fn a_million_users_are_shown_page_by_page() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let stores = opened(&database);
    let began = Instant::now();
    fill(&database, 1_000_000);
    println!("filled in {:?}", began.elapsed());
    let mut slow = Vec::new();
    for (name, first, further, users) in measure(&stores) {
        println!("{name:40} {users:>8} users  first {first:>10.1?}  further {further:>10.1?}");
        if first > Duration::from_millis(50) || further > Duration::from_millis(100) {
            slow.push(name);
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}
