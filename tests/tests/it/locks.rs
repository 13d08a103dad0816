//! `sessions lock`, `unlock` and `locks`: bans that end.

use std::fs;

use super::env::{TestEnv, until};

fn lock<'a>(user: &'a str, ttl: &'a str) -> [&'a str; 8] {
    [
        "sessions", "lock", user, "--ttl", ttl, "--reason", "stolen", "--yes",
    ]
}

fn banned(env: &TestEnv, user: &str) -> bool {
    let shown = env.run(&["users", "show", user, "-o", "json"]).expect(0).json();
    shown["rows"][0]["active"] == false
}

fn ann() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "web_1"]);
    env
}

/// Makes every lock one that should have been lifted in 2020.
fn let_time_pass(env: &TestEnv) {
    let books = fs::read_dir(env.path("data/locks")).unwrap();
    let book = books
        .map(|book| book.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "json"));
    let path = book.unwrap();
    let mut page: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for lock in page["locks"].as_array_mut().unwrap() {
        lock["until"] = "2020-01-01T00:00:00Z".into();
    }
    fs::write(&path, page.to_string()).unwrap();
}

#[test]
fn a_lock_bans_ends_the_devices_and_is_lifted_when_due() {
    let env = ann();
    env.snapshot(
        "sessions_lock_dry_run",
        &env.run(&[&lock("ann", "10h")[..], &["--dry-run"]].concat()),
    );
    assert_eq!(env.writes(), 0);
    env.snapshot("sessions_lock", &env.run(&lock("ann", "10h")));
    assert!(banned(&env, "ann") && env.devices("ann").is_empty());
    env.snapshot("sessions_locks", &env.run(&["sessions", "locks", "-o", "json"]));
    let none = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
    assert!(none.stderr.contains("no lock is due"), "{}", none.text());
    assert!(banned(&env, "ann"));

    let_time_pass(&env);
    let warned = env.run(&["devices", "list", "ann"]);
    env.snapshot("overdue_lock_is_told", &warned);
    env.snapshot(
        "sessions_locks_overdue",
        &env.run(&["sessions", "locks", "--overdue", "-o", "json"])
            .expect(11),
    );
    env.snapshot(
        "sessions_unlock_due",
        &env.run(&["sessions", "unlock", "--due", "--yes"]),
    );
    assert!(!banned(&env, "ann"));
    let _ = env.run(&["sessions", "locks", "--overdue"]).expect(0);
}

#[test]
fn a_ban_of_somebody_else_stays_somebody_elses() {
    let env = ann();
    let _ = env
        .run(&["users", "ban", "ann", "--reason", "spam", "--yes"])
        .expect(0);
    env.snapshot(
        "sessions_lock_banned_before",
        &env.run(&lock("ann", "10h")).expect(0),
    );
    let output = env
        .run(&["sessions", "unlock", "ann", "--reason", "test", "--yes"])
        .expect(2);
    assert!(output.stderr.contains("users unban"), "{}", output.text());
    assert!(banned(&env, "ann"));
}

#[test]
fn locking_again_extends_and_unlocking_lifts() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let until = |env: &TestEnv| {
        let locks = env.run(&["sessions", "locks", "-o", "json"]).expect(0).json();
        locks["rows"][0]["until"].as_str().unwrap().to_owned()
    };
    let before = until(&env);
    let again = env
        .run(&[&lock("ann", "5h")[..], &["-o", "json"]].concat())
        .expect(0)
        .json();
    assert_eq!(again["rows"][0]["outcome"], "extended");
    assert!(until(&env) > before);
    let _ = env
        .run(&["sessions", "unlock", "ann", "--reason", "test", "--yes"])
        .expect(0);
    assert!(!banned(&env, "ann"));
}

#[test]
fn a_killed_lock_is_never_forgotten() {
    use easemob_admin_sandbox::Fault;
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    let stuck = std::time::Duration::from_mins(10);
    env.sandbox()
        .inject(Fault::delay_answer("users.ban", stuck).skip(1).times(1));
    let args = [
        "sessions",
        "lock",
        "ann",
        "bob",
        "--ttl",
        "1h",
        "--reason",
        "test",
        "--yes",
        "--concurrency",
        "1",
    ];
    let mut child = env.spawn(&args);
    until("the second ban", || env.sandbox().call_count("users.ban") == 2);
    child.kill().unwrap();
    let _ = TestEnv::finish(child);
    let locks = env.run(&["sessions", "locks", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&locks["rows"][0]["state"], &locks["rows"][1]["state"]),
        (&"locked".into(), &"pending".into())
    );
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    let locks = env.run(&["sessions", "locks", "-o", "json"]).expect(0).json();
    assert_eq!(
        locks["rows"][1]["state"], "locked",
        "the ban of the killed attempt is known as ours"
    );
    let_time_pass(&env);
    let _ = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
    assert!(!banned(&env, "ann") && !banned(&env, "bob"));
}
