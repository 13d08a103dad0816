//! Gaps of a collector through the binary: what the service stored meanwhile is sent again, and a gap closes only then.

use std::net::TcpListener;
use std::time::Duration;

use easemob_admin_ops::logins::store::sqlite::SqliteLogins;
use easemob_admin_ops::logins::store::{Gap, LoginStore, Range};
use easemob_admin_sandbox::{Fault, Rates, Sandbox, SandboxBuilder, SandboxClock, Webhook};
use serde_json::Value;

use super::collector::{Collector, SECRET, collect_in, kept_users, stop};
use super::env::{Output, TestEnv, until};

const MINUTE_MS: i64 = 60 * 1_000;
const SLICE_MS: i64 = 10 * MINUTE_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A service an hour ago, whose webhook is the address of a collector that does not run.
struct Outage {
    env: TestEnv,
    secret: String,
    address: String,
    /// When the events happened.
    at_ms: i64,
}

impl Outage {
    fn begin(of_service: impl FnOnce(SandboxBuilder) -> SandboxBuilder) -> Self {
        // Whoever is given the port next could only be another test, and none listens on a port by number.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        // In the middle of ten minutes, so that each run has the same borders around it.
        let at_ms = (now_ms() - HOUR_MS) / SLICE_MS * SLICE_MS + 7 * MINUTE_MS;
        let hook = Webhook::new(format!("http://{address}/hook"), SECRET);
        let builder = Sandbox::builder()
            .rates(Rates::unlimited())
            .clock(SandboxClock::manual(at_ms.unsigned_abs()))
            .webhook(hook);
        let env = TestEnv::with(of_service(builder));
        let secret = env.file("hook.secret", format!("{SECRET}\n"));
        Self {
            env,
            secret,
            address,
            at_ms,
        }
    }

    fn collect(&self) -> Collector {
        let args = ["logins", "collect", "--listen", &self.address];
        let with = ["--secret-file", &self.secret];
        collect_in(self.env.spawn(&[&args[..], &with].concat()))
    }

    fn store(&self) -> SqliteLogins {
        let file = self.env.all_files().into_iter();
        let file = file
            .into_iter()
            .find(|path| path.ends_with("logins.sqlite"))
            .unwrap();
        SqliteLogins::open(&file).unwrap()
    }

    /// Lets the last collector end two hours ago.
    fn was_down_for_two_hours(&self) {
        self.store().set_alive(self.at_ms - HOUR_MS).unwrap();
    }

    fn sign_in(&self, users: &[&str]) {
        for user in users {
            self.env.sandbox().register(user);
            self.env
                .block_on(async { self.env.sandbox().sign_in(user, "ios").unwrap() });
        }
    }

    /// Starts a collector anew after these users have signed in while none ran, and the service has stored their posts.
    fn missed(&self, users: &[&str]) -> Collector {
        let _ = stop(self.collect());
        self.was_down_for_two_hours();
        self.sign_in(users);
        let collector = self.collect();
        self.until_stored(users.len() as u64);
        collector
    }

    fn backfill(&self, more: &[&str]) -> Output {
        self.env
            .run(&[&["logins", "backfill", "-o", "json"], more].concat())
    }

    /// Waits until the service has stored so many posts.
    fn until_stored(&self, posts: u64) {
        until("stored posts", || {
            let listed = self.backfill(&["--dry-run"]).json();
            let rows = listed["rows"].as_array().unwrap();
            rows.iter().map(|row| row["posts"].as_u64().unwrap()).sum::<u64>() == posts
        });
    }

    /// Whether events of this time may still be missing.
    fn is_open(&self, at_ms: i64) -> bool {
        let gaps = self.store().gaps(Range::ALL).unwrap();
        gaps.iter()
            .any(|gap| (gap.since_ms..=gap.until_ms).contains(&at_ms))
    }

    fn asked(&self) -> usize {
        self.env.sandbox().call_count("callbacks.retry")
    }
}

fn summary(output: &Output) -> Value {
    output.json()["summary"].clone()
}

#[test]
fn what_was_missed_is_sent_again_and_the_gap_closes() {
    let outage = Outage::begin(|builder| builder);
    let said = stop(outage.collect());
    assert!(said.contains("0 events stored"), "{said}");
    outage.was_down_for_two_hours();
    outage.sign_in(&["ann", "bob", "eve"]);

    let collector = outage.collect();
    let warned = collector.child.said();
    assert!(
        warned.contains("no collector ran for") && warned.contains("easemob-admin logins backfill"),
        "{warned}"
    );
    outage.until_stored(3);
    assert_eq!((outage.asked(), kept_users(&outage.env).len()), (0, 0));
    // Before its first key, nothing shows that the service stored posts, and the last minutes are not over.
    let first = outage.backfill(&[]).expect(6);
    assert!(first.stderr.contains("--stored-since"), "{}", first.text());
    assert!(first.stderr.contains("in 20 minutes"), "{}", first.text());
    assert_eq!(summary(&first)["shortened"], 1, "{}", first.text());
    assert_eq!(first.json()["rows"][0]["outcome"], "arrived");
    assert_eq!(kept_users(&outage.env).len(), 3);
    let (before, after) = (outage.at_ms - 30 * MINUTE_MS, outage.at_ms + 20 * MINUTE_MS);
    assert!(outage.is_open(before) && !outage.is_open(outage.at_ms) && !outage.is_open(after));

    // The operator knows that it did.
    let again = outage.backfill(&["--stored-since", "1d"]).expect(6);
    assert_eq!(summary(&again)["closed"], 1, "{}", again.text());
    assert!(!outage.is_open(before) && outage.is_open(now_ms() - MINUTE_MS));
    assert_eq!(outage.asked(), 1, "nothing is asked for twice");
    assert_eq!(kept_users(&outage.env).len(), 3);
    let _ = stop(collector);
}

#[test]
fn a_closed_gap_is_not_asked_for_again() {
    let outage = Outage::begin(|builder| builder);
    let collector = outage.collect();
    let gap = Gap {
        since_ms: outage.at_ms - 10,
        until_ms: outage.at_ms + 10,
        why: "test".into(),
    };
    outage.store().record_gap(&gap).unwrap();
    let known = ["--stored-since", "1d"];
    let output = outage.backfill(&known).expect(0);
    assert_eq!(summary(&output)["closed"], 1, "nothing failed: {}", output.text());
    let second = outage.backfill(&known).expect(0);
    assert!(second.stderr.contains("no gap is on record"), "{}", second.text());
    assert_eq!(summary(&second)["gaps"], 0);
    assert_eq!(outage.env.sandbox().call_count("callbacks.stored"), 1);
    let shown = outage.env.run(&["logins", "top", "--by", "sign-ins"]).expect(0);
    assert!(!shown.stderr.contains("may be missing"), "{}", shown.text());
    let _ = stop(collector);
}

#[test]
fn without_a_collector_or_the_paid_service_nothing_is_asked_for() {
    let outage = Outage::begin(|builder| builder.callback_storage(false));
    let collector = outage.collect();
    let gap = Gap {
        since_ms: outage.at_ms,
        until_ms: outage.at_ms + 1,
        why: "test".into(),
    };
    outage.store().record_gap(&gap).unwrap();
    let refused = outage.backfill(&[]).expect(4);
    assert!(
        refused.stderr.contains("回调异常缓存") && refused.stderr.contains("console"),
        "{}",
        refused.text()
    );
    let _ = stop(collector);
    outage.store().set_alive(outage.at_ms).unwrap();
    let nobody = outage.backfill(&[]).expect(2);
    assert!(nobody.stderr.contains("logins collect"), "{}", nobody.text());
    assert_eq!(outage.asked(), 0);
    assert_eq!(outage.store().gaps(Range::ALL).unwrap(), [gap]);
}

#[test]
fn posts_that_the_collector_refuses_leave_the_gap_open() {
    let outage = Outage::begin(|builder| builder);
    let _ = stop(outage.collect());
    outage.was_down_for_two_hours();
    outage.sign_in(&["ann"]);
    // Another secret: each post is refused, and the service stores it again.
    std::fs::write(&outage.secret, "another").unwrap();
    let collector = outage.collect();
    outage.until_stored(1);
    let output = outage
        .backfill(&["--stored-since", "1d", "--wait", "1s"])
        .expect(6);
    assert_eq!(output.json()["rows"][0]["outcome"], "not_arrived");
    assert!(
        output.stderr.contains("fewer events arrived"),
        "{}",
        output.text()
    );
    assert!(outage.is_open(outage.at_ms));
    assert_eq!(outage.asked(), 1);
    let _ = stop(collector);
}

#[test]
fn a_backfill_that_is_killed_is_gone_on_with() {
    let outage = Outage::begin(|builder| builder);
    let users: Vec<String> = (0..20).map(|number| format!("user{number}")).collect();
    let collector = outage.missed(&users.iter().map(String::as_str).collect::<Vec<_>>());
    let known = ["logins", "backfill", "-o", "json", "--stored-since", "1d"];
    let open = || outage.is_open(outage.at_ms);
    for kill in 0..8 {
        let mut child = outage.env.spawn(&known);
        std::thread::sleep(Duration::from_millis(20 + 15 * kill));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(open() || kept_users(&outage.env).len() == 20, "after kill {kill}");
    }
    let last = outage.env.run(&known).expect(6);
    assert!(!open(), "{}", last.text());
    assert_eq!(kept_users(&outage.env).len(), 20);
    let _ = stop(collector);
}

#[test]
fn two_backfills_at_once_count_nothing_twice() {
    let outage = Outage::begin(|builder| builder);
    let collector = outage.missed(&["ann", "bob"]);
    let known = ["logins", "backfill", "-o", "json", "--stored-since", "1d"];
    let both = [outage.env.spawn(&known), outage.env.spawn(&known)];
    for mut child in both {
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 6 | 13)), "{code:?}");
    }
    let _ = outage.env.run(&known);
    assert_eq!(kept_users(&outage.env).len(), 2);
    assert!(!outage.is_open(outage.at_ms));
    let _ = stop(collector);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_asks_for_nothing_that_it_cannot_note() {
    let outage = Outage::begin(|builder| builder);
    let collector = outage.missed(&["ann", "bob"]);
    let known = ["logins", "backfill", "-o", "json", "--stored-since", "1d"];
    let full = TestEnv::finish(outage.env.spawn_in("ulimit -f 1", &known)).expect(1);
    assert!(full.stderr.contains("disk"), "{}", full.text());
    assert_eq!(outage.asked(), 0);
    assert!(outage.is_open(outage.at_ms));
    let _ = outage.env.run(&known).expect(6);
    assert!(!outage.is_open(outage.at_ms));
    assert_eq!((outage.asked(), kept_users(&outage.env).len()), (1, 2));
    let _ = stop(collector);
}

#[test]
fn a_server_that_answers_too_late_is_not_asked_twice_at_once() {
    let outage = Outage::begin(|builder| builder);
    let collector = outage.missed(&["ann", "bob"]);
    // It sends the posts again, and says so later than anybody waits.
    let slow = Fault::delay_answer("callbacks.retry", Duration::from_secs(5)).times(1);
    outage.env.sandbox().inject(slow);
    let late = ["--stored-since", "1d", "--timeout", "300ms", "--wait", "1s"];
    let output = outage.backfill(&late);
    assert!(
        !outage.is_open(outage.at_ms),
        "all posts arrived: {}",
        output.text()
    );
    assert_eq!((outage.asked(), kept_users(&outage.env).len()), (1, 2));
    let _ = stop(collector);
}
