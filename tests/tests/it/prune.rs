//! `runs prune`: removes what is finished, and nothing that somebody may still need.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use easemob_admin_sandbox::Fault;

use super::env::{STUCK, TestEnv, until};
use crate::cluster::TestDatabase;

/// How often a prune is killed.
const KILLS: u32 = 20;

fn act<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &["--reason", "test", "--yes", "--concurrency", "1"]].concat()
}

/// The commands of all runs, oldest first.
fn commands(env: &TestEnv) -> Vec<String> {
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let rows = runs["rows"].as_array().unwrap().iter();
    rows.map(|row| row["command"].as_str().unwrap().to_owned())
        .collect()
}

fn env() -> TestEnv {
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    env
}

#[test]
fn only_finished_runs_without_locks_are_removed() {
    let env = env();
    let _ = env
        .run(&act(&["sessions", "lock", "ann", "--ttl", "1h"]))
        .expect(0);
    env.sandbox()
        .inject(Fault::status("sessions.logout_all", 503).times(100));
    let _ = env
        .run(
            &[
                &act(&["sessions", "logout", "bob"])[..],
                &["--wait-for-server", "0"],
            ]
            .concat(),
        )
        .expect(5);
    env.sandbox().clear_faults();
    let _ = env.run(&act(&["users", "ban", "bob"])).expect(0);
    let all = ["sessions lock", "sessions logout", "users ban"];
    assert_eq!(commands(&env), all);

    let young = env
        .run(&["runs", "prune", "--older-than", "1h", "-o", "json"])
        .expect(0);
    assert_eq!(young.json()["summary"]["runs"], 0, "{}", young.text());
    // A time to come.
    let prune = ["runs", "prune", "--older-than", "2100-01-01", "-o", "json"];
    let dry = env.run(&[&prune[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(dry.json()["rows"][0]["command"], "users ban", "{}", dry.text());
    assert_eq!(commands(&env), all);

    let pruned = env.run(&prune).expect(0);
    let summary = &pruned.json()["summary"];
    assert_eq!(
        (
            &summary["runs"],
            &summary["kept"]["unfinished"],
            &summary["kept"]["locks"]
        ),
        (&1.into(), &1.into(), &1.into()),
        "{}",
        pruned.text()
    );
    assert!(summary["bytes"].as_u64().unwrap() > 100);
    assert_eq!(commands(&env), ["sessions lock", "sessions logout"]);
    // The trail keeps what was done, and has the pruning.
    let log = env.run(&["audit", "log", "--all", "-o", "json"]).expect(0);
    assert!(
        log.stdout.contains("runs.pruned") && log.stdout.contains("users.ban"),
        "{}",
        log.text()
    );
    let _ = env.run(&["audit", "verify"]).expect(0);

    let _ = env.run(&act(&["sessions", "unlock", "ann"])).expect(0);
    let _ = env.run(&["runs", "resume", "last", "--yes"]);
    let _ = env.run(&prune).expect(0);
    assert_eq!(commands(&env), ["sessions logout"]);
}

/// The rows of a command.
fn rows(env: &TestEnv, args: &[&str]) -> Vec<serde_json::Value> {
    let output = env.run(&[args, &["-o", "json"]].concat()).expect(0);
    output.json()["rows"].as_array().unwrap().clone()
}

/// The ids of all runs.
fn ids(env: &TestEnv) -> BTreeSet<String> {
    let rows = rows(env, &["runs", "list"]);
    assert!(rows.iter().all(|row| row["state"] == "done"), "{rows:#?}");
    rows.iter()
        .map(|row| row["run"].as_str().unwrap().to_owned())
        .collect()
}

/// The runs that the trail says were removed.
fn removed_on_record(env: &TestEnv) -> BTreeSet<String> {
    let exported = env
        .run(&["audit", "export", "--format", "jsonl"])
        .expect(0)
        .stdout;
    let mut removed = BTreeSet::new();
    for line in exported.lines().filter(|line| line.contains("runs.pruned")) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let runs = event["details"]["runs"].as_array().unwrap();
        removed.extend(runs.iter().map(|run| run.as_str().unwrap().to_owned()));
    }
    removed
}

/// Kills `runs prune` again and again, at another point each time.
fn kill_and_prune(env: &TestEnv) {
    for number in 0..12 {
        let user = format!("user{number}");
        env.online(&user, &["ios_1"]);
        let _ = env.run(&act(&["users", "ban", &user])).expect(0);
    }
    let all = ids(env);
    let prune = ["runs", "prune", "--older-than", "2100-01-01", "-o", "json"];
    // How long it takes here, so that kills hit all of it.
    let began = Instant::now();
    let _ = env.run(&[&prune[..], &["--dry-run"]].concat()).expect(0);
    let whole = began.elapsed() * 2;
    let mut cut_off = 0;
    for kill in 1..=KILLS {
        let mut pruning = env.spawn(&prune);
        thread::sleep(whole * kill / KILLS);
        pruning.kill().unwrap();
        cut_off += u32::from(TestEnv::finish(pruning).code == -1);
        let gone: BTreeSet<String> = all.difference(&ids(env)).cloned().collect();
        let on_record = removed_on_record(env);
        assert!(
            gone.is_subset(&on_record),
            "{gone:?} and on record only {on_record:?}"
        );
    }
    assert!(cut_off > 0);
    let _ = env.run(&prune).expect(0);
    assert_eq!(ids(env), BTreeSet::new());
    assert_eq!(removed_on_record(env), all);
    let _ = env.run(&["audit", "verify"]).expect(0);
    // What somebody does afterwards is a run as before.
    let _ = env.run(&act(&["users", "unban", "user1"])).expect(0);
    assert_eq!(ids(env).len(), 1);
}

#[test]
fn a_prune_that_is_killed_leaves_whole_runs_and_is_continued() {
    let env = TestEnv::new();
    kill_and_prune(&env);
    let left: Vec<_> = fs::read_dir(env.path("data/runs")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    // What a killed process had no time to remove has no name of a run any more.
    let rest = env.path("data/runs/20261129-101112-abcdef.removed");
    let own = env.path("data/runs/mine.removed");
    let begun = env.path("data/runs/20261129-101112-abcdef.17-0.begun");
    let being_written = env.path("data/runs/20261129-101112-abcdef.17-1.begun");
    for directory in [&rest, &own, &begun, &being_written] {
        fs::create_dir(directory).unwrap();
        fs::write(directory.join("input.jsonl"), "ann").unwrap();
    }
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    fs::File::open(&begun).unwrap().set_modified(yesterday).unwrap();
    assert_eq!(ids(&env).len(), 1);
    let prune = ["runs", "prune", "--older-than", "90d"];
    let _ = env.run(&[&prune[..], &["--dry-run"]].concat()).expect(0);
    assert!(rest.exists());
    let _ = env.run(&prune).expect(0);
    assert!(!rest.exists() && own.exists());
    assert!(!begun.exists() && being_written.exists());
}

#[test]
fn the_owner_of_a_database_removes_runs_and_a_worker_removes_none() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::new();
    env.set("EASEMOB_STORE", &database.url());
    let role = database.role();
    let _ = env.run(&["store", "init", "--worker", &role]).expect(0);
    kill_and_prune(&env);
    let counts = "SELECT (SELECT count(*) FROM easemob_admin.run) || ' ' || (SELECT count(*) FROM easemob_admin.run_item) \
                  || ' ' || (SELECT count(DISTINCT run) FROM easemob_admin.run_record)";
    assert_eq!(database.run(counts), ["1 1 1"]);

    // Whose locks are still in force, and what is not finished.
    env.online("ann", &["ios_1"]);
    let _ = env
        .run(&act(&["sessions", "lock", "ann", "--ttl", "1h"]))
        .expect(0);
    let _ = env
        .run(&[&act(&["sessions", "logout", "ann"])[..], &["--detach"]].concat())
        .expect(0);
    let worker = database
        .url()
        .replacen("postgres://postgres@", &format!("postgres://{role}@"), 1);
    let prune = ["runs", "prune", "--older-than", "2100-01-01", "-o", "json"];
    let refused = env.run(&[&prune[..], &["--store", &worker]].concat());
    assert!(
        refused.code != 0 && refused.stderr.contains("this account cannot remove them"),
        "{}",
        refused.text()
    );
    let pruned = env.run(&prune).expect(0);
    let summary = &pruned.json()["summary"];
    assert_eq!(
        (
            &summary["runs"],
            &summary["kept"]["unfinished"],
            &summary["kept"]["locks"]
        ),
        (&1.into(), &1.into(), &1.into()),
        "{}",
        pruned.text()
    );
    assert!(summary["bytes"].as_u64().unwrap() > 100);
    assert_eq!(commands(&env), ["sessions lock", "sessions logout"]);
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
fn a_run_that_somebody_works_on_is_removed_by_nobody() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::new();
    env.set("EASEMOB_STORE", &database.url());
    let _ = env.run(&["store", "init"]).expect(0);
    env.online("ann", &["ios_1"]);
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let running = env.spawn(&act(&["sessions", "logout", "ann"]));
    until("a call that is held up", || env.sandbox().held_calls() > 0);
    let pruned = env
        .run(&["runs", "prune", "--older-than", "2100-01-01", "-o", "json"])
        .expect(0);
    assert_eq!(
        pruned.json()["summary"]["kept"]["unfinished"],
        1,
        "{}",
        pruned.text()
    );
    let mut running = running;
    running.kill().unwrap();
    drop(TestEnv::finish(running));
    assert_eq!(commands(&env), ["sessions logout"]);
}
