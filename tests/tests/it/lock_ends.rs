//! How locks end whose run was killed: `sessions unlock --due` settles them, or says who has to be looked at.

use std::fs;

use easemob_admin_ops::locks::store::LockStore as _;
use easemob_admin_sandbox::Fault;
use serde_json::{Value, json};

use super::env::{Output, STUCK, TestEnv, until};
use super::locks::{banned, killed, let_time_pass, lock, lock_store, locks, meant, run_of, start, users};

const LOCK: [&str; 7] = ["sessions", "lock", "ann", "bob", "cat", "--ttl", "1h"];

fn unlock_due(env: &TestEnv, more: &[&str]) -> Output {
    env.run(&[&["sessions", "unlock", "--due", "--yes", "-o", "json"], more].concat())
}

/// The outcomes of a command, each as user and outcome.
fn outcomes(output: &Output) -> Vec<(String, String)> {
    let document = output.json();
    let rows = document["rows"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["user"]), text(&row["outcome"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(user, outcome): &(&str, &str)| ((*user).to_owned(), (*outcome).to_owned());
    expected.iter().map(pair).collect()
}

/// Bans as somebody does on another machine, whom this one knows nothing of.
fn banned_elsewhere(env: &TestEnv, user: &str) {
    let ban = ["users", "ban", user, "--reason", "spam", "--yes"];
    let _ = env.run_elsewhere(&ban).expect(0);
}

#[test]
pub(super) fn a_killed_lock_ends_when_it_is_due_wherever_it_was_killed() {
    // The call that gets stuck, how many calls of what kind there have been then, who is banned by then, and how each
    // of the locks ends. Users have their turn one after the other, and somebody else has banned Cat.
    let ended = |ann, bob| [("ann", ann), ("bob", bob), ("cat", "banned_before")];
    for (place, fault, (call, count), left_banned, expected) in [
        (
            "before the first intent",
            Fault::delay_answer("users.get", STUCK),
            ("users.get", 1),
            &[][..],
            ended("not_banned", "not_banned"),
        ),
        (
            "after the intent, before it had any effect",
            Fault::delay("users.ban", STUCK),
            ("intent", 1),
            &[],
            ended("not_banned", "not_banned"),
        ),
        (
            "after it was sent, before the answer",
            Fault::delay_answer("users.ban", STUCK),
            ("users.ban", 1),
            &["ann"],
            ended("unlocked", "not_banned"),
        ),
        (
            "after the answer, before the outcome is on record",
            Fault::delay_answer("devices.list", STUCK).skip(1),
            ("devices.list", 2),
            &["ann"],
            ended("unlocked", "not_banned"),
        ),
        (
            "at the second user, before the answer",
            Fault::delay_answer("users.ban", STUCK).skip(1),
            ("users.ban", 2),
            &["ann", "bob"],
            ended("unlocked", "unlocked"),
        ),
    ] {
        let env = users(&["ann", "bob", "cat"]);
        banned_elsewhere(&env, "cat");
        env.sandbox().reset_calls();
        killed(&env, &LOCK, fault.times(1), || match call {
            "intent" => meant(&env, "users.ban") == count && env.sandbox().call_count("users.get") >= 1,
            call => env.sandbox().call_count(call) == count,
        });
        for user in ["ann", "bob"] {
            assert_eq!(banned(&env, user), left_banned.contains(&user), "{place}: {user}");
        }
        let _ = unlock_due(&env, &[]).expect(0);
        assert_eq!(env.sandbox().call_count("users.unban"), 0, "{place}: not yet due");

        let_time_pass(&env);
        let dry = unlock_due(&env, &["--dry-run"]).expect(0);
        let would = expected.map(|(user, outcome)| match outcome {
            "unlocked" => (user, "would_unlock"),
            outcome => (user, outcome),
        });
        assert_eq!(outcomes(&dry), pairs(&would), "{place}");
        assert_eq!(env.sandbox().call_count("users.unban"), 0, "{place}: dry");

        let output = unlock_due(&env, &["--concurrency", "1"]).expect(0);
        assert_eq!(outcomes(&output), pairs(&expected), "{place}: {}", output.text());
        assert!(!banned(&env, "ann") && !banned(&env, "bob"), "{place}");
        assert!(banned(&env, "cat"), "{place}: somebody else's ban stays");
        assert_eq!(
            env.sandbox().call_count("users.unban"),
            left_banned.len(),
            "{place}"
        );
        assert_eq!(locks(&env), [], "{place}");
    }
}

#[test]
pub(super) fn a_lock_whose_run_is_gone_is_left_to_a_person_who_is_told_what_to_type() {
    let env = users(&["ann", "bob", "cat"]);
    let fault = Fault::delay_answer("users.ban", STUCK).times(1);
    killed(&env, &LOCK, fault, || env.sandbox().call_count("users.ban") == 1);
    let run = run_of(&env, "ann");
    let_time_pass(&env);
    fs::remove_dir_all(env.path("data/runs").join(&run)).unwrap();
    for more in [&["--dry-run"][..], &[]] {
        let output = unlock_due(&env, more).expect(11);
        let typed = "easemob-admin users unban ann --reason";
        assert!(
            output.stderr.contains(typed) && output.stderr.contains(&run),
            "{}",
            output.text()
        );
        assert!(banned(&env, "ann"));
        assert_eq!(env.sandbox().call_count("users.unban"), 0);
    }
    // Bob and Cat are not banned, so nobody has to look at them.
    assert_eq!(locks(&env), pairs(&[("ann", "pending")]));
    let runs = || {
        env.run(&["runs", "list", "-o", "json"]).expect(0).json()["rows"]
            .as_array()
            .unwrap()
            .len()
    };
    let before = runs();
    let _ = unlock_due(&env, &[]).expect(11);
    assert_eq!(runs(), before, "a timer fills no disk with what it cannot do");
    let _ = env
        .run(&[
            "users",
            "unban",
            "ann",
            "--reason",
            "the time of the lock is over",
            "--yes",
        ])
        .expect(0);
    assert_eq!(locks(&env), []);
    let _ = unlock_due(&env, &[]).expect(0);
}

#[test]
pub(super) fn a_lock_that_a_process_is_working_on_is_not_waited_for() {
    let env = users(&["ann", "bob", "cat"]);
    env.sandbox()
        .inject(Fault::delay_answer("users.ban", STUCK).times(1));
    let locking = start(&env, &LOCK);
    until("the ban", || env.sandbox().call_count("users.ban") == 1);
    let_time_pass(&env);
    let output = unlock_due(&env, &[]).expect(11);
    assert!(output.stderr.contains("still working"), "{}", output.text());
    assert_eq!(env.sandbox().call_count("users.unban"), 0);
    assert!(banned(&env, "ann"));
    env.kill(locking);
    env.sandbox().clear_faults();
    let _ = unlock_due(&env, &[]).expect(0);
    assert!(!banned(&env, "ann"));
    assert_eq!(locks(&env), []);
}

#[test]
pub(super) fn whoever_cannot_be_read_stays_locked_until_the_next_turn() {
    let env = users(&["ann", "bob", "cat"]);
    let fault = Fault::delay_answer("users.ban", STUCK).times(1);
    killed(&env, &LOCK, fault, || env.sandbox().call_count("users.ban") == 1);
    let_time_pass(&env);
    env.sandbox()
        .inject(Fault::status("users.get", 403).on("GET", "/users/ann"));
    let _ = unlock_due(&env, &[]).expect(7);
    assert!(banned_after(&env, "ann"));
    assert_eq!(locks(&env)[0], ("ann".to_owned(), "pending".to_owned()));
    let _ = unlock_due(&env, &[]).expect(0);
    assert!(!banned(&env, "ann"));
    assert_eq!(locks(&env), []);
}

/// Whether a user is banned, once the faults are over.
fn banned_after(env: &TestEnv, user: &str) -> bool {
    env.sandbox().clear_faults();
    banned(env, user)
}

#[test]
pub(super) fn the_last_turn_of_the_timer_is_shown() {
    let env = users(&["ann"]);
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let shown = || env.run(&["sessions", "locks", "-o", "json"]).expect(0);
    let before = shown();
    assert_eq!(before.json()["summary"]["unlock_due_last_ran"], Value::Null);
    assert!(
        before.stderr.contains("has never run here") && before.stderr.contains("*/5 * * * * easemob-admin "),
        "{}",
        before.text()
    );
    let _ = unlock_due(&env, &[]).expect(0);
    let after = shown();
    assert!(
        after.json()["summary"]["unlock_due_last_ran"].is_string(),
        "{}",
        after.text()
    );
    assert_eq!(after.stderr, "");
    // A dry run lifts nothing, so it is no turn of the timer.
    lock_store(&env)
        .note_lifted("2020-01-01T00:00:00Z".parse().unwrap())
        .unwrap();
    let _ = unlock_due(&env, &["--dry-run"]).expect(0);
    let stale = shown();
    assert_eq!(
        stale.json()["summary"]["unlock_due_last_ran"],
        json!("2020-01-01T00:00:00Z")
    );
    assert!(
        stale.stderr.contains("last ran here on 2020-01-01T00:00:00Z"),
        "{}",
        stale.text()
    );
    let again = env.run(&lock("ann", "2h")).expect(0);
    assert!(again.stderr.contains("last ran here on 2020"), "{}", again.text());
}
