//! `sessions lock`, `unlock` and `locks`: bans that end.

use std::fs;
use std::path::PathBuf;

use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::sqlite::SqliteLocks;
use easemob_admin_ops::locks::store::{Listing, LockStore as _};
use easemob_admin_sandbox::Fault;
use serde_json::{Value, json};

use super::env::{Running, STUCK, TestEnv, until};
#[cfg(target_os = "linux")]
use super::record::read_only;

pub(super) fn lock<'a>(user: &'a str, ttl: &'a str) -> [&'a str; 8] {
    [
        "sessions", "lock", user, "--ttl", ttl, "--reason", "stolen", "--yes",
    ]
}

pub(super) fn banned(env: &TestEnv, user: &str) -> bool {
    let shown = env.run(&["users", "show", user, "-o", "json"]).expect(0).json();
    shown["rows"][0]["active"] == false
}

fn ann() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "web_1"]);
    env
}

/// The file of the locks.
pub(super) fn lock_file(env: &TestEnv) -> PathBuf {
    let files = fs::read_dir(env.path("data/locks")).unwrap();
    files
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "sqlite"))
        .unwrap()
}

/// The locks of whatever server, behind the back of the tool.
pub(super) fn lock_store(env: &TestEnv) -> SqliteLocks {
    SqliteLocks::open(lock_file(env), None).unwrap()
}

/// Changes every lock behind the back of the tool.
fn edit_locks(env: &TestEnv, edit: impl Fn(&mut Lock)) {
    let store = lock_store(env);
    let locks = store.list(Listing::All).unwrap();
    let users: Vec<_> = locks.iter().map(|lock| &lock.user).collect();
    let edited = |lock: Option<Lock>| {
        lock.map(|mut lock| {
            edit(&mut lock);
            lock
        })
    };
    store.change(&users, &mut |_, lock| edited(lock)).unwrap();
}

/// Makes every lock one that should have been lifted in 2020.
pub(super) fn let_time_pass(env: &TestEnv) {
    edit_locks(env, |lock| lock.until = "2020-01-01T00:00:00Z".parse().unwrap());
}

/// Makes a run to lock users one that should have ended in 2020.
fn let_time_pass_for(env: &TestEnv, run: &str) {
    let journal = env.path("data/runs").join(run).join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let (before, rest) = text.split_once(r#""until":""#).unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    fs::write(
        &journal,
        format!(r#"{before}"until":"2020-01-01T00:00:00Z"{after}"#),
    )
    .unwrap();
    let_time_pass(env);
}

/// Users who are not online.
pub(super) fn users(names: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    for name in names {
        env.online(name, &[]);
    }
    env
}

/// Runs a command and returns its first row.
fn row(env: &TestEnv, args: &[&str]) -> Value {
    let output = env.run(&[args, &["-o", "json"]].concat()).expect(0).json();
    output["rows"][0].clone()
}

/// Unbans as somebody does in the console, of which this machine knows nothing.
pub(super) fn unbanned_elsewhere(env: &TestEnv, user: &str) {
    let unban = ["users", "unban", user, "--reason", "test", "--yes"];
    let _ = env.run_elsewhere(&unban).expect(0);
}

/// The locks, each as user and state.
pub(super) fn locks(env: &TestEnv) -> Vec<(String, String)> {
    let locks = env.run(&["sessions", "locks", "-o", "json"]).expect(0).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = locks["rows"].as_array().unwrap();
    rows.iter()
        .map(|lock| (text(&lock["user"]), text(&lock["state"])))
        .collect()
}

fn locked(names: &[&str]) -> Vec<(String, String)> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), "locked".to_owned()))
        .collect()
}

/// The id of the run that is to lock the user.
pub(super) fn run_of(env: &TestEnv, user: &str) -> String {
    let locks = env.run(&["sessions", "locks", "-o", "json"]).expect(0).json();
    let rows = locks["rows"].as_array().unwrap();
    let lock = rows.iter().find(|lock| lock["user"] == user).unwrap();
    lock["run"].as_str().unwrap().to_owned()
}

const ONE_BY_ONE: [&str; 5] = ["--reason", "test", "--yes", "--concurrency", "1"];

/// Starts a command on two users, one after the other.
pub(super) fn start(env: &TestEnv, command: &[&str]) -> Running {
    env.spawn(&[command, &ONE_BY_ONE].concat())
}

/// How many requests of this name were about to be sent, in all runs; a server that is slow need not have seen them.
pub(super) fn meant(env: &TestEnv, call: &str) -> usize {
    let journals = env
        .files()
        .into_iter()
        .filter(|path| path.ends_with("journal.jsonl"));
    let of_call = |line: &&str| line.starts_with(r#"{"intent""#) && line.contains(call);
    journals
        .map(|path| fs::read_to_string(path).unwrap().lines().filter(of_call).count())
        .sum()
}

/// Starts a command on two users and kills it when something has happened.
pub(super) fn killed(env: &TestEnv, command: &[&str], fault: Fault, happened: impl FnMut() -> bool) {
    env.sandbox().inject(fault);
    let child = start(env, command);
    until("the call that gets stuck", happened);
    env.kill(child);
    env.sandbox().clear_faults();
}

#[test]
pub(super) fn a_lock_bans_ends_the_devices_and_is_lifted_when_due() {
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
    assert!(none.stderr.contains("no locks have expired"), "{}", none.text());
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
pub(super) fn a_ban_of_somebody_else_stays_somebody_elses() {
    let env = ann();
    let _ = env
        .run(&["users", "ban", "ann", "--reason", "spam", "--yes"])
        .expect(0);
    let dry = row(&env, &[&lock("ann", "10h")[..], &["--dry-run"]].concat());
    assert_eq!(dry["outcome"], "banned_before");
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
pub(super) fn locking_again_extends_and_unlocking_lifts() {
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
    let extended = until(&env);
    assert!(extended > before);
    assert_eq!(again["rows"][0]["until"], extended.as_str());
    let shorter = [&lock("ann", "2h")[..], &["--dry-run"]].concat();
    for args in [&shorter[..], &lock("ann", "2h")] {
        let row = row(&env, args);
        assert_eq!(
            (&row["outcome"], &row["until"]),
            (&json!("already_locked"), &json!(extended))
        );
    }
    assert_eq!(until(&env), extended);
    assert_eq!(row(&env, &lock("ann", "3d"))["outcome"], "extended");
    let _ = env
        .run(&["sessions", "unlock", "ann", "--reason", "test", "--yes"])
        .expect(0);
    assert!(!banned(&env, "ann"));
}

#[test]
pub(super) fn a_ban_without_end_ends_the_lock_and_is_not_lifted_by_it() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let args = ["users", "ban", "ann", "--reason", "fraud", "--yes"];
    env.snapshot("users_ban_of_a_locked_user", &env.run(&args));
    assert_eq!(locks(&env), []);
    let due = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
    assert!(due.stderr.contains("no locks have expired"), "{}", due.text());
    assert!(banned(&env, "ann"));
}

#[test]
pub(super) fn a_ban_that_fails_leaves_the_lock_in_force() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    unbanned_elsewhere(&env, "ann");
    env.sandbox().inject(Fault::status("users.ban", 403));
    let _ = env
        .run(&["users", "ban", "ann", "--reason", "fraud", "--yes"])
        .expect(7);
    assert_eq!(locks(&env), locked(&["ann"]));
}

#[test]
pub(super) fn an_unban_ends_the_lock() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let args = ["users", "unban", "ann", "--reason", "error", "--yes"];
    assert_eq!(row(&env, &args)["lock_ended"], true);
    assert_eq!(locks(&env), []);
    assert!(!banned(&env, "ann"));
}

#[test]
pub(super) fn a_lock_set_while_another_run_is_unfinished_is_kept() {
    // Whether the ban of the unfinished run has arrived or not.
    for (fault, bans) in [
        (Fault::delay("users.ban", STUCK), 1),
        (Fault::delay_answer("users.ban", STUCK), 2),
    ] {
        let env = users(&["bob", "cat"]);
        let args = ["sessions", "lock", "bob", "cat", "--ttl", "1h"];
        killed(&env, &args, fault.skip(1).times(1), || {
            meant(&env, "users.ban") == 2 && env.sandbox().call_count("users.ban") == bans
        });
        assert_eq!(banned(&env, "cat"), bans == 2);
        let unfinished = run_of(&env, "cat");
        assert_eq!(row(&env, &lock("cat", "1h"))["outcome"], "locked");
        assert_eq!(locks(&env), locked(&["bob", "cat"]));
        let _ = env.run(&["runs", "resume", &unfinished, "--yes"]).expect(0);
        assert_eq!(locks(&env), locked(&["bob", "cat"]));
        let_time_pass(&env);
        let _ = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
        assert!(!banned(&env, "bob") && !banned(&env, "cat"));
    }
}

#[test]
pub(super) fn a_lock_waits_for_the_request_that_lifts_the_one_before() {
    let env = users(&["ann"]);
    let _ = env.run(&lock("ann", "1h")).expect(0);
    env.sandbox().inject(Fault::delay("users.unban", STUCK).times(1));
    let unlocking = start(&env, &["sessions", "unlock", "ann", "--timeout", "5m"]);
    until("the request", || env.sandbox().held_calls() == 1);
    let is_whole = |run: &fs::DirEntry| run.path().extension().is_none();
    let runs = || {
        let runs = fs::read_dir(env.path("data/runs")).unwrap();
        runs.filter(|run| run.as_ref().is_ok_and(is_whole)).count()
    };
    let before = runs();
    let locking = env.spawn(&lock("ann", "10h"));
    until("the run that locks", || runs() > before);
    env.sandbox().release_calls();
    let _ = TestEnv::finish(locking).expect(0);
    let _ = TestEnv::finish(unlocking).expect(0);
    assert_eq!(locks(&env), locked(&["ann"]));
    assert!(banned(&env, "ann"));
}

#[test]
pub(super) fn going_on_with_an_unlock_lifts_no_newer_lock() {
    let env = users(&["ann", "bob"]);
    for user in ["ann", "bob"] {
        let _ = env.run(&lock(user, "1h")).expect(0);
    }
    let fault = Fault::delay("users.unban", STUCK).times(1);
    killed(&env, &["sessions", "unlock", "ann", "bob"], fault, || {
        meant(&env, "users.unban") == 1
    });
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let run = runs["rows"].as_array().unwrap().last().unwrap()["run"].clone();
    let _ = env.run(&lock("bob", "10h")).expect(0);
    let _ = env
        .run(&["runs", "resume", run.as_str().unwrap(), "--yes"])
        .expect(0);
    assert_eq!(locks(&env), locked(&["bob"]));
    assert!(!banned(&env, "ann") && banned(&env, "bob"));
}

#[test]
pub(super) fn going_on_with_a_lock_leaves_alone_who_was_unlocked_since() {
    let env = users(&["ann", "bob"]);
    let args = ["sessions", "lock", "ann", "bob", "--ttl", "1h"];
    let fault = Fault::delay_answer("users.ban", STUCK).skip(1).times(1);
    killed(&env, &args, fault, || env.sandbox().call_count("users.ban") == 2);
    let run = run_of(&env, "bob");
    let unlock = ["sessions", "unlock", "ann", "--reason", "test", "--yes"];
    let _ = env.run(&unlock).expect(0);
    // A ban that may have arrived, and that somebody lifted whoever had set it.
    let _ = env
        .run(&["users", "unban", "bob", "--reason", "test", "--yes"])
        .expect(0);
    let resume = ["runs", "resume", &run, "--yes"];
    assert_eq!(row(&env, &resume)["outcome"], "lifted_since");
    assert_eq!(locks(&env), []);
    assert!(!banned(&env, "ann") && !banned(&env, "bob"));
}

#[test]
pub(super) fn going_on_with_a_lock_whose_time_is_over_locks_nobody() {
    let env = users(&["ann", "bob"]);
    let args = ["sessions", "lock", "ann", "bob", "--ttl", "1h"];
    let fault = Fault::delay_answer("users.ban", STUCK).times(1);
    killed(&env, &args, fault, || env.sandbox().call_count("users.ban") == 1);
    let run = run_of(&env, "bob");
    let_time_pass_for(&env, &run);
    let resume = [
        "runs",
        "resume",
        &run,
        "--yes",
        "-o",
        "json",
        "--concurrency",
        "1",
    ];
    let resumed = env.run(&resume).expect(0);
    assert!(
        resumed.stderr.contains("this lock expired on"),
        "{}",
        resumed.text()
    );
    assert_eq!(resumed.json()["rows"][1]["outcome"], "time_over");
    assert!(banned(&env, "ann") && !banned(&env, "bob"));
    let _ = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
    assert!(!banned(&env, "ann"));
    assert_eq!(locks(&env), []);
}

#[test]
pub(super) fn a_pending_lock_is_not_lifted_before_its_run_is_finished() {
    let env = users(&["ann", "bob"]);
    let args = ["sessions", "lock", "ann", "bob", "--ttl", "1h"];
    killed(&env, &args, Fault::delay("users.ban", STUCK), || {
        meant(&env, "users.ban") == 1
    });
    let unlock = ["sessions", "unlock", "bob", "--reason", "test", "--yes"];
    let refused = env.run(&unlock).expect(2);
    let hint = format!("runs resume {}", run_of(&env, "bob"));
    assert!(refused.stderr.contains(&hint), "{}", refused.text());
    assert_eq!(env.sandbox().call_count("users.unban"), 0);
}

#[test]
pub(super) fn the_locks_of_another_server_are_told_and_left_alone() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let_time_pass(&env);
    edit_locks(&env, |lock| {
        lock.app_root = Some("https://other/acme/chat".into());
    });
    for args in [
        &["sessions", "locks"][..],
        &["sessions", "unlock", "--due", "--yes"],
    ] {
        let output = env.run(args).expect(0);
        assert!(
            output.stderr.contains("https://other/acme/chat"),
            "{}",
            output.text()
        );
    }
    assert!(banned(&env, "ann"));
    edit_locks(&env, |lock| lock.app_root = None);
    let _ = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
    assert!(!banned(&env, "ann"), "a lock of an older version counts");
}

#[test]
#[cfg(target_os = "linux")]
pub(super) fn locks_on_a_read_only_disk_are_seen() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let_time_pass(&env);
    let read_only = |args: &[&str]| TestEnv::finish(env.spawn_in(&read_only(&env), args)).expect(0);
    let shown = read_only(&["sessions", "locks", "-o", "json"]).json();
    assert_eq!(shown["summary"]["overdue"], 1, "{shown}");
    let listed = read_only(&["devices", "list", "ann"]);
    assert!(
        listed.stderr.contains("1 user should have been unlocked"),
        "{}",
        listed.text()
    );
}

/// Makes what an earlier version kept of the locks that are there: a file of JSON, which this returns.
pub(super) fn as_an_earlier_version(env: &TestEnv) -> PathBuf {
    let store = lock_store(env);
    let page = json!({"easemob_admin_locks": 1, "edition": 1, "locks": store.list(Listing::All).unwrap()});
    drop(store);
    let json = lock_file(env).with_extension("json");
    fs::remove_file(lock_file(env)).unwrap();
    fs::write(&json, page.to_string()).unwrap();
    json
}

#[test]
pub(super) fn a_lock_of_an_earlier_version_ends() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let json = as_an_earlier_version(&env);
    assert_eq!(locks(&env), locked(&["ann"]));
    assert!(!json.exists() && json.with_extension("json.imported").exists());
    let_time_pass(&env);
    let _ = env.run(&["sessions", "unlock", "--due", "--yes"]).expect(0);
    assert!(!banned(&env, "ann"));
}

#[test]
pub(super) fn locks_that_cannot_be_read_stop_bans_and_no_logout() {
    let env = ann();
    env.online("bob", &["ios_1"]);
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let json = as_an_earlier_version(&env);
    fs::write(&json, "{\"easemob_admin_locks\":1,").unwrap();
    let before = env.writes();
    for args in [
        &lock("bob", "1h")[..],
        &["users", "ban", "bob", "--reason", "test", "--yes"],
        &["users", "unban", "ann", "--reason", "test", "--yes"],
        &["sessions", "unlock", "--due", "--yes"],
        &["sessions", "locks"],
    ] {
        let output = env.run(args).expect(1);
        assert!(
            output.stderr.contains(json.to_str().unwrap()) && output.stderr.contains("restore a copy"),
            "{}",
            output.text()
        );
    }
    assert_eq!(env.writes(), before);
    let logout = ["sessions", "logout", "bob", "--reason", "test", "--yes"];
    let output = env.run(&logout).expect(0);
    assert!(
        output.stderr.contains("cannot check for overdue locks"),
        "{}",
        output.text()
    );
    assert_eq!(fs::read_to_string(&json).unwrap(), "{\"easemob_admin_locks\":1,");
}

#[test]
pub(super) fn the_devices_that_the_ban_ends_are_on_record() {
    let env = ann();
    let row = row(&env, &lock("ann", "1h"));
    assert_eq!(
        (&row["devices_ended"], &row["devices"]),
        (&json!(2), &json!("ios_1 web_1"))
    );
    let runs = env.run(&["runs", "show", "last", "-o", "json"]).expect(0).json();
    assert_eq!(runs["summary"]["devices_ended"], 2, "{runs}");
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&log["rows"][0]["call"], &log["rows"][0]["devices"]),
        (&json!("users.ban"), &json!("ios_1 web_1"))
    );
}

#[test]
pub(super) fn a_ban_that_leaves_devices_online_is_followed_by_a_logout_and_both_are_acts() {
    let env = ann();
    // The answer of a server on which a ban ends no session.
    env.sandbox().inject(Fault::raw_body(
        "users.ban",
        "application/json",
        r#"{"action":"Deactivate user","entities":[]}"#,
    ));
    let row = row(&env, &lock("ann", "1h"));
    assert_eq!(row["devices_ended"], 2);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 1);
    assert_eq!(
        acts(&env, "devices"),
        [
            (json!("users.ban"), json!("")),
            (json!("sessions.logout_all"), json!("ios_1 web_1"))
        ]
    );
}

#[test]
pub(super) fn an_unlock_tells_what_became_of_its_list() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let unlock = [
        "sessions", "unlock", "ann", "ANN", "--reason", "test", "--yes", "-o", "json",
    ];
    for more in [&["--dry-run"][..], &[]] {
        let output = env.run(&[&unlock[..], more].concat()).expect(0).json();
        assert_eq!(output["summary"]["duplicate_lines"], 1, "{output}");
    }
}

#[test]
pub(super) fn a_retry_that_is_about_to_ban_keeps_its_lock_whoever_looks_meanwhile() {
    let env = users(&["ann"]);
    env.sandbox().inject(Fault::status("users.ban", 403).times(1));
    let _ = env.run(&lock("ann", "1h")).expect(7);
    assert_eq!(locks(&env), []);
    env.sandbox()
        .inject(Fault::delay_answer("users.get", STUCK).times(1));
    let retry = [
        "runs",
        "retry-failed",
        "last",
        "--all",
        "--yes",
        "--timeout",
        "5m",
    ];
    let retrying = env.spawn(&retry);
    until("the look before the ban", || env.sandbox().held_calls() == 1);
    // Whoever looks now finds a lock that no ban is meant for, and takes it out.
    assert_eq!(locks(&env), []);
    env.sandbox().release_calls();
    let _ = TestEnv::finish(retrying).expect(0);
    assert_eq!(locks(&env), locked(&["ann"]));
    assert!(banned(&env, "ann"));
}

#[test]
pub(super) fn a_ban_without_end_that_may_have_arrived_ends_the_lock() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    unbanned_elsewhere(&env, "ann");
    env.sandbox().inject(Fault::cut_after("users.ban"));
    let args = ["users", "ban", "ann", "--reason", "fraud", "--yes", "-o", "json"];
    let output = env.run(&args).expect(5).json();
    let row = &output["rows"][0];
    assert_eq!(
        (&row["outcome_unknown"], &row["lock_ended"]),
        (&json!(true), &json!(true)),
        "{output}"
    );
    assert_eq!(locks(&env), []);
    assert!(banned(&env, "ann"));
}

#[test]
pub(super) fn going_on_with_a_lock_puts_no_end_on_a_ban_that_was_set_meanwhile() {
    let env = users(&["ann", "bob"]);
    let args = [
        "sessions", "lock", "ann", "bob", "--ttl", "1h", "--reason", "test", "--yes",
    ];
    env.sandbox().inject(Fault::delay("users.ban", STUCK));
    let child = env.spawn(&args);
    until("both bans", || meant(&env, "users.ban") == 2);
    env.kill(child);
    env.sandbox().clear_faults();
    let run = run_of(&env, "bob");

    env.sandbox()
        .inject(Fault::delay_answer("users.get", STUCK).times(1));
    let resume = [
        "runs",
        "resume",
        &run,
        "--yes",
        "-o",
        "json",
        "--concurrency",
        "1",
        "--timeout",
        "5m",
    ];
    let resuming = env.spawn(&resume);
    until("ann's turn", || env.sandbox().held_calls() == 1);
    let ban = ["users", "ban", "bob", "--reason", "fraud", "--yes"];
    let _ = env.run(&ban).expect(0);
    env.sandbox().release_calls();
    let resumed = TestEnv::finish(resuming).expect(0).json();
    assert_eq!(resumed["rows"][1]["outcome"], "lifted_since", "{resumed}");
    assert_eq!(locks(&env), locked(&["ann"]));
    assert!(banned(&env, "bob"));
}

#[test]
pub(super) fn a_ban_is_an_act_though_nobody_can_tell_what_it_left_online() {
    let env = ann();
    env.sandbox().inject(Fault::status("devices.list", 403).skip(1));
    let _ = env.run(&lock("ann", "1h")).expect(7);
    assert_eq!(
        acts(&env, "outcome"),
        [
            (json!("users.ban"), json!("ended")),
            (json!("devices.list"), json!("refused"))
        ]
    );
}

#[test]
pub(super) fn an_extension_that_is_refused_leaves_the_lock_as_it_was() {
    let env = ann();
    let _ = env.run(&lock("ann", "1h")).expect(0);
    let until = |env: &TestEnv| row(env, &["sessions", "locks"])["until"].clone();
    let before = until(&env);
    env.sandbox().inject(Fault::status("users.ban", 403).times(1));
    let _ = env.run(&lock("ann", "10h")).expect(7);
    assert_eq!(until(&env), before);
    let _ = env.run(&lock("ann", "10h")).expect(0);
    assert_ne!(until(&env), before);
}

/// The acts on record: the call of each, and one more of its fields.
fn acts(env: &TestEnv, field: &str) -> Vec<(serde_json::Value, serde_json::Value)> {
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0).json();
    let acts = log["rows"].as_array().unwrap().iter();
    acts.map(|act| (act["call"].clone(), act[field].clone()))
        .collect()
}
