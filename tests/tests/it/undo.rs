//! `runs undo`: lifts what a run set and nobody has changed since, and nothing else.

use easemob_admin_sandbox::Fault;
use serde_json::Value;

use super::env::{STUCK, TestEnv, until};
use super::locks::{banned, locks, unbanned_elsewhere};

const BECAUSE: [&str; 5] = ["--reason", "wrong list", "--yes", "--concurrency", "1"];

fn act<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &BECAUSE].concat()
}

fn users(names: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    for name in names {
        env.online(name, &["ios_1"]);
    }
    env
}

/// The id of the newest run.
fn last(env: &TestEnv) -> String {
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let rows = runs["rows"].as_array().unwrap();
    rows.last().unwrap()["run"].as_str().unwrap().to_owned()
}

/// Who is banned, in the order of `names`.
fn all_banned(env: &TestEnv, names: &[&str]) -> Vec<bool> {
    names.iter().map(|name| banned(env, name)).collect()
}

/// What became of each user, in the order of their names: rows come as answers arrive.
fn outcomes(rows: &Value) -> Vec<String> {
    let rows = rows["rows"].as_array().unwrap().iter();
    let mut outcomes: Vec<String> = rows
        .map(|row| {
            format!(
                "{} {}",
                row["user"].as_str().unwrap(),
                row["outcome"].as_str().unwrap()
            )
        })
        .collect();
    outcomes.sort();
    outcomes
}

#[test]
pub(super) fn only_bans_that_the_run_set_and_nobody_changed_are_lifted() {
    let names = ["ann", "bob", "cat", "dan", "eve"];
    let env = users(&names);
    let _ = env.run(&act(&["users", "ban", "bob"])).expect(0);
    let output = env
        .run(&act(&[
            "users", "ban", "ann", "bob", "cat", "dan", "eve", "-o", "json",
        ]))
        .expect(0);
    assert_eq!(
        outcomes(&output.json()),
        [
            "ann banned",
            "bob already_banned",
            "cat banned",
            "dan banned",
            "eve banned"
        ]
    );
    // Nothing is sent to a user who is banned already.
    assert_eq!(env.sandbox().call_count("users.ban"), 5);
    let run = last(&env);
    // Somebody unbans one, bans one again, and relies on the ban of a third.
    let _ = env.run(&act(&["users", "unban", "cat"])).expect(0);
    let _ = env.run(&act(&["users", "ban", "cat"])).expect(0);
    let _ = env.run(&act(&["users", "ban", "dan"])).expect(0);

    let dry = env
        .run(&["runs", "undo", &run, "--dry-run", "-o", "json"])
        .expect(0);
    assert_eq!(outcomes(&dry.json()), ["ann would_unban", "eve would_unban"]);
    for part in [
        "2 users whose ban or lock was changed",
        "(cat, dan)",
        "1 banned before",
    ] {
        assert!(dry.stderr.contains(part), "{part}\n{}", dry.text());
    }
    assert_eq!(all_banned(&env, &names), [true; 5]);
    let capped = env
        .run(&act(&["runs", "undo", &run, "--max-users", "1"]))
        .expect(8);
    assert!(
        capped.stderr.contains("--max-users allows 1"),
        "{}",
        capped.text()
    );

    let undone = env.run(&act(&["runs", "undo", &run, "-o", "json"])).expect(0);
    assert_eq!(outcomes(&undone.json()), ["ann unbanned", "eve unbanned"]);
    assert_eq!(all_banned(&env, &names), [false, true, true, true, false]);
    let list = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let newest = list["rows"].as_array().unwrap().last().unwrap();
    assert_eq!(newest["command"], "runs undo");
    // A second time, there is nothing to do, and nobody is touched.
    let again = env.run(&act(&["runs", "undo", &run])).expect(0);
    assert!(
        again.stderr.contains("nothing is left to undo"),
        "{}",
        again.text()
    );
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
pub(super) fn a_ban_that_somebody_lifted_in_the_console_needs_no_lifting() {
    let env = users(&["ann", "bob"]);
    let _ = env.run(&act(&["users", "ban", "ann", "bob"])).expect(0);
    // The console is not on record.
    unbanned_elsewhere(&env, "ann");
    let undone = env.run(&act(&["runs", "undo", "last", "-o", "json"])).expect(0);
    assert_eq!(outcomes(&undone.json()), ["ann not_banned", "bob unbanned"]);
    // That of the console, and that of Bob.
    assert_eq!(env.sandbox().call_count("users.unban"), 2);
}

#[test]
pub(super) fn what_a_killed_run_was_about_to_ban_is_undone_too() {
    let env = users(&["ann", "bob"]);
    env.sandbox().inject(Fault::delay_answer("users.ban", STUCK));
    let child = env.spawn(&act(&["users", "ban", "ann", "bob"]));
    until("the first ban", || banned(&env, "ann"));
    env.kill(child);
    env.sandbox().clear_faults();
    let undone = env.run(&act(&["runs", "undo", "last", "-o", "json"])).expect(0);
    assert_eq!(outcomes(&undone.json()), ["ann unbanned"]);
    assert_eq!(all_banned(&env, &["ann", "bob"]), [false, false]);
}

#[test]
pub(super) fn a_resumed_undo_leaves_alone_whom_somebody_has_changed_since() {
    let env = users(&["ann", "bob"]);
    let _ = env.run(&act(&["users", "ban", "ann", "bob"])).expect(0);
    let run = last(&env);
    env.sandbox()
        .inject(Fault::status("users.unban", 503).skip(1).times(100));
    let _ = env
        .run(&[&act(&["runs", "undo", &run])[..], &["--wait-for-server", "0"]].concat())
        .expect(6);
    env.sandbox().clear_faults();
    let undo = last(&env);
    let _ = env.run(&act(&["users", "ban", "bob"])).expect(0);
    let refused = env.run(&["runs", "retry-failed", &undo, "--yes"]).expect(2);
    assert!(refused.stderr.contains("changed since"), "{}", refused.text());
    assert_eq!(all_banned(&env, &["ann", "bob"]), [false, true]);
}

#[test]
pub(super) fn locks_are_lifted_unless_somebody_extended_them() {
    let env = users(&["ann", "bob", "cat"]);
    let _ = env.run(&act(&["users", "ban", "cat"])).expect(0);
    let _ = env
        .run(&act(&["sessions", "lock", "ann", "bob", "cat", "--ttl", "1h"]))
        .expect(0);
    let run = last(&env);
    let _ = env
        .run(&act(&["sessions", "lock", "bob", "--ttl", "9h"]))
        .expect(0);
    let undone = env.run(&act(&["runs", "undo", &run, "-o", "json"])).expect(0);
    assert_eq!(outcomes(&undone.json()), ["ann unlocked"]);
    assert!(
        undone.stderr.contains("cannot be undone: 2 devices signed out"),
        "{}",
        undone.text()
    );
    assert_eq!(all_banned(&env, &["ann", "bob", "cat"]), [false, true, true]);
    assert_eq!(locks(&env), [("bob".to_owned(), "locked".to_owned())]);
}

#[test]
pub(super) fn what_cannot_be_undone_is_refused_with_what_to_do() {
    let env = users(&["ann"]);
    let _ = env.run(&act(&["sessions", "logout", "ann"])).expect(0);
    let output = env.run(&act(&["runs", "undo", "last"])).expect(2);
    assert!(output.stderr.contains("a sign-out is final"), "{}", output.text());
    let _ = env.run(&act(&["users", "ban", "ann"])).expect(0);
    let run = last(&env);
    // As an older version recorded it.
    let journal = env.path("data/runs").join(&run).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.contains(r#","looks_first":true"#));
    std::fs::write(&journal, text.replacen(r#","looks_first":true"#, "", 1)).unwrap();
    let output = env.run(&act(&["runs", "undo", &run])).expect(2);
    assert!(
        output.stderr.contains("an older version made it"),
        "{}",
        output.text()
    );
    assert!(
        output.stderr.contains("users unban --from LIST"),
        "{}",
        output.text()
    );
    assert!(banned(&env, "ann"));
}

#[test]
pub(super) fn an_undo_that_is_killed_again_and_again_lifts_every_ban_once() {
    let names: Vec<String> = (0..40).map(|number| format!("user{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let env = users(&names);
    let _ = env
        .run(&[&["users", "ban"], &names[..], &BECAUSE[..3]].concat())
        .expect(0);
    let run = last(&env);
    let mut undo: Option<String> = None;
    for kill in 0..30 {
        let before = env.sandbox().total_calls();
        let mut child = match &undo {
            None => env.spawn(&act(&["runs", "undo", &run])),
            Some(undo) => env.spawn(&["runs", "resume", undo, "--yes", "--concurrency", "2"]),
        };
        // From before the first request to some later, and between any two of them.
        until("the next point", || {
            env.sandbox().total_calls() >= before + 1 + kill % 7 || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        drop(TestEnv::finish(child));
        undo = Some(last(&env)).filter(|newest| *newest != run);
    }
    let undo = undo.unwrap();
    let _ = env.run(&["runs", "resume", &undo, "--yes"]).expect(0);
    assert_eq!(all_banned(&env, &names), [false; 40]);
    let shown = env.run(&["runs", "show", &undo, "-o", "json"]).expect(0).json();
    assert_eq!(
        (&shown["summary"]["state"], &shown["rows"]),
        (&"done".into(), &Value::Array(vec![]))
    );
    let again = env.run(&act(&["runs", "undo", &run])).expect(0);
    assert!(
        again.stderr.contains("nothing is left to undo"),
        "{}",
        again.text()
    );
    let log = env
        .run(&["audit", "export", "--format", "jsonl"])
        .expect(0)
        .stdout;
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let outcomes = events.filter(|event| {
        event["run"] == undo.as_str()
            && event["kind"] == "outcome"
            && (event["outcome"] == "done" || event["outcome"] == "nothing")
    });
    let mut told: Vec<String> = outcomes
        .map(|event| event["user"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    assert_eq!(told, names, "each user has one final outcome");
    let _ = env.run(&["audit", "verify"]).expect(0);
}
