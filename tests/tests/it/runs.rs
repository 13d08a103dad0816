//! Runs on record: interrupted, killed, gone on with, and tried again.

use easemob_admin_sandbox::Fault;

use super::env::{Output, STUCK, TestEnv, until};
use super::interrupts::{interrupt, interrupt_twice};

/// Ten users with a device each, and a list of them.
fn ten_users() -> (TestEnv, String) {
    let env = TestEnv::new();
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    (env, list)
}

fn logout<'a>(list: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "sessions",
        "logout",
        "--from",
        list,
        "--reason",
        "test",
        "--yes",
        "--concurrency",
        "1",
    ];
    [&args[..], more].concat()
}

/// The id of the last run.
fn last_run(env: &TestEnv) -> String {
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let rows = runs["rows"].as_array().unwrap();
    rows.last().unwrap()["run"].as_str().unwrap().to_owned()
}

fn journal(env: &TestEnv, run: &str) -> std::path::PathBuf {
    env.path("data").join("runs").join(run).join("journal.jsonl")
}

#[test]
pub(super) fn a_run_is_listed_and_shown() {
    let (env, list) = ten_users();
    env.sandbox()
        .inject(Fault::status("sessions.logout_all", 500).times(1));
    let _ = env.run(&logout(&list, &["--ticket", "INC-7"])).expect(0);
    env.snapshot("runs_list", &env.run(&["runs", "list"]));
    env.snapshot("runs_show", &env.run(&["runs", "show", "last"]));
    env.snapshot("runs_list_json", &env.run(&["runs", "list", "-o", "json"]));
    env.snapshot(
        "runs_show_json",
        &env.run(&["runs", "show", "last", "-o", "json"]),
    );
}

#[test]
pub(super) fn the_first_run_teaches() {
    let env = TestEnv::bare();
    env.snapshot("runs_list_empty", &env.run(&["runs", "list"]));
    env.snapshot("runs_show_nothing", &env.run(&["runs", "show", "last"]));
}

#[test]
pub(super) fn an_interrupted_run_is_gone_on_with_by_the_command_it_names() {
    let (env, list) = ten_users();
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).skip(2).times(1));
    let child = env.spawn(&logout(&list, &["--timeout", "5m", "-o", "json"]));
    until("the third logout", || env.sandbox().held_calls() == 1);
    interrupt(&child);
    child.until_it_says("press Ctrl-C again");
    env.sandbox().release_calls();
    let output = TestEnv::finish(child).expect(10);
    let summary = &output.json()["summary"];
    assert_eq!(
        (&summary["done"], &summary["not_started"]),
        (&3.into(), &7.into()),
        "what was under way is finished, and no more is begun: {}",
        output.text()
    );
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 3);
    let command = output
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("to resume: easemob-admin "))
        .unwrap_or_else(|| panic!("{}", output.text()));
    let args: Vec<&str> = command.split(' ').chain(["--yes", "-o", "json"]).collect();
    let resumed = env.run(&args).expect(0).json();
    assert_eq!(resumed["summary"]["users"], 7);
    assert_eq!(
        env.sandbox().call_count("sessions.logout_all"),
        10,
        "each user once"
    );
    assert!((0..10).all(|number| env.devices(&format!("user{number}")).is_empty()));
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    assert_eq!(runs["rows"][0]["state"], "done");
    let nothing = env.run(&args).expect(0);
    assert!(
        nothing.stderr.contains("nothing is left to do"),
        "{}",
        nothing.text()
    );
}

#[test]
pub(super) fn the_cap_of_a_resumed_run_counts_what_was_about_to_be_ended() {
    let (env, list) = ten_users();
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let child = env.spawn(&logout(&list, &[]));
    until("the first logout", || env.sandbox().held_calls() == 1);
    env.kill(child);
    let output = env
        .run(&["runs", "resume", "last", "--max-logouts", "0", "--yes"])
        .expect(8);
    assert!(output.stderr.contains("--max-logouts 1"), "{}", output.text());
    assert_eq!(env.devices("user0"), ["ios_1"], "nothing was ended");
    let _ = env
        .run(&["runs", "resume", "last", "--max-logouts", "1", "--yes"])
        .expect(8);
    assert!(env.devices("user0").is_empty());
    assert_eq!(env.devices("user1"), ["ios_1"]);
}

#[test]
pub(super) fn an_interrupted_verification_changes_no_count_of_the_run() {
    let (env, list) = ten_users();
    env.sandbox().inject(Fault::delay("status.batch", STUCK));
    let child = env.spawn(&logout(&list, &["--verify", "-o", "json"]));
    until("the reading after the logouts", || {
        env.sandbox().held_calls() == 1
    });
    interrupt_twice(&child);
    let output = TestEnv::finish(child).expect(130);
    assert!(!output.stderr.contains("to go on"), "{}", output.text());
    let summary = &output.json()["summary"];
    assert_eq!(summary["done"], 10, "{}", output.text());
    assert_eq!(summary["unknown"], 0);
    assert_eq!(summary["not_started"], 0);
    assert_eq!(summary["first_line_not_started"], serde_json::Value::Null);
    // A list that need not wait is read even after the first.
    let verified = |name: &str| summary["verified"][name].as_u64().unwrap();
    assert_eq!(verified("gone") + verified("unknown"), 10, "{}", output.text());
}

#[test]
pub(super) fn no_name_is_no_run() {
    let (env, list) = ten_users();
    let _ = env.run(&logout(&list, &["--max-logouts", "3"])).expect(8);
    let output = env
        .run(&["runs", "resume", "", "--max-logouts", "10", "--yes"])
        .expect(2);
    assert!(output.stderr.contains("the run id is empty"), "{}", output.text());
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 3);
}

#[test]
pub(super) fn a_capped_run_says_how_to_go_on_beyond_the_cap() {
    let (env, list) = ten_users();
    let output = env.run(&logout(&list, &["--max-logouts", "3"])).expect(8);
    let way = format!("runs resume {} --max-logouts N", last_run(&env));
    assert!(output.stderr.contains(&way), "{}", output.text());
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(shown.stderr.contains(&way), "{}", shown.text());
    let output = env
        .run(&["runs", "resume", "last", "--max-logouts", "10"])
        .expect(2);
    assert!(!output.stderr.contains("--dry-run"), "{}", output.text());
}

#[test]
pub(super) fn the_counts_of_a_listed_run_add_up() {
    let (env, list) = ten_users();
    let _ = env
        .run(&["users", "ban", "user0", "--reason", "test", "--yes"])
        .expect(0);
    let _ = env
        .run(&["sessions", "logout", "user0", "--reason", "test", "--yes"])
        .expect(0);
    env.sandbox()
        .inject(Fault::status("sessions.logout_all", 400).times(1));
    let _ = env.run(&logout(&list, &[])).expect(7);
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    for run in runs["rows"].as_array().unwrap() {
        let of = |name: &str| run[name].as_u64().unwrap();
        let all = of("done") + of("nothing_to_do") + of("failed") + of("unfinished");
        assert_eq!(of("users"), all, "{run}");
    }
    assert!(runs["rows"][2]["failed"].as_u64().unwrap() > 0, "{runs}");
    let none = env.run(&["runs", "list", "--limit", "0"]).expect(0);
    assert!(!none.stderr.contains("no runs are recorded"), "{}", none.text());
}

#[test]
pub(super) fn who_failed_for_good_is_not_nothing() {
    let env = TestEnv::new();
    let _ = env
        .run(&["sessions", "logout", "nobody", "--reason", "test", "--yes"])
        .expect(7);
    let output = env.run(&["runs", "retry-failed", "last", "--yes"]).expect(7);
    assert!(
        output
            .stderr
            .contains("1 user failed permanently; --all retries it"),
        "{}",
        output.text()
    );
}

/// A change of the limits of the app.
const SET_LIMITS: [&str; 7] = [
    "limits",
    "set",
    "--platform",
    "web=2",
    "--reason",
    "test",
    "--yes",
];

#[test]
pub(super) fn limits_of_the_app_are_on_record_as_they_turned_out() {
    let env = TestEnv::new();
    let states = |env: &TestEnv| {
        let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
        let rows = runs["rows"].as_array().unwrap().clone();
        let state = |row: &serde_json::Value| row["state"].as_str().unwrap().to_owned();
        rows.iter().map(state).collect::<Vec<_>>()
    };
    env.sandbox().inject(Fault::status("limits.set", 400).times(1));
    let _ = env.run(&SET_LIMITS).expect(7);
    assert_eq!(states(&env), ["failed"]);
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    let way = format!("runs retry-failed {} --all", last_run(&env));
    assert!(shown.stderr.contains(&way), "{}", shown.text());
    let again = ["runs", "retry-failed", "last", "--all", "--yes", "-o", "json"];
    let again = env.run(&again).expect(0).json();
    assert_eq!(again["rows"][0]["outcome"], "set", "{again}");
    assert_eq!(
        (&again["rows"][0]["scope"], &again["summary"]["changed"]),
        (&"app".into(), &1.into())
    );
    assert_eq!(states(&env), ["done"]);
    let _ = env.run(&SET_LIMITS).expect(0);
    assert_eq!(states(&env), ["done"], "what is already so is no run");
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert_eq!(env.sandbox().call_count("limits.set"), 2);
}

#[test]
pub(super) fn limits_that_were_cut_off_are_set_by_resuming() {
    let env = TestEnv::new();
    env.sandbox().inject(Fault::delay("limits.set", STUCK).times(1));
    let child = env.spawn(&SET_LIMITS);
    until("the change", || env.sandbox().held_calls() == 1);
    env.kill(child);
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    assert_eq!(runs["rows"][0]["state"], "unfinished");
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(shown.stderr.contains("runs resume"), "{}", shown.text());
    let resumed = env
        .run(&["runs", "resume", "last", "--yes", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(resumed["rows"][0]["outcome"], "set", "{resumed}");
    let limits = env.run(&["limits", "show", "-o", "json"]).expect(0).json();
    assert_eq!(limits["rows"][0]["platforms"]["web"], 2);
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    assert_eq!(runs["rows"][0]["state"], "done");
}

#[test]
pub(super) fn a_change_of_limits_that_an_older_version_recorded_is_given_again() {
    let env = TestEnv::new();
    env.sandbox().inject(Fault::status("limits.set", 400).times(1));
    let _ = env.run(&SET_LIMITS).expect(7);
    let path = journal(&env, &last_run(&env));
    let text = std::fs::read_to_string(&path).unwrap();
    let change = r#","change":{"set":{"platforms":{"web":2}}}"#;
    assert!(text.contains(change), "{text}");
    std::fs::write(&path, text.replacen(change, "", 1)).unwrap();
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(
        shown.stderr.contains("run the same `limits set`"),
        "{}",
        shown.text()
    );
    let again = ["runs", "retry-failed", "last", "--all", "--yes"];
    let refused = env.run(&again).expect(2);
    assert!(
        refused.stderr.contains("run the same `limits set`"),
        "{}",
        refused.text()
    );
    assert_eq!(env.sandbox().call_count("limits.set"), 1);
}

#[test]
pub(super) fn two_processes_cannot_work_on_one_run() {
    let (env, list) = ten_users();
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).skip(1).times(1));
    let child = env.spawn(&logout(&list, &["--timeout", "5m"]));
    until("the second logout", || env.sandbox().held_calls() == 1);
    let second = env.run(&["runs", "resume", "last", "--yes"]).expect(13);
    assert!(
        second.stderr.contains("another process is working on run"),
        "{}",
        second.text()
    );
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(shown.stderr.contains("still running"), "{}", shown.text());
    env.sandbox().release_calls();
    let _ = TestEnv::finish(child).expect(0);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 10);
}

#[test]
pub(super) fn whoever_could_not_be_reached_is_among_the_failures() {
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    env.sandbox()
        .inject(Fault::status("devices.list", 503).on("GET", "/users/bob/resources"));
    let args = [
        "sessions", "logout", "ann", "bob", "--reason", "test", "--yes", "-o", "json",
    ];
    let output = env.run(&args).expect(6);
    let rows = &output.json()["rows"];
    let of = |user: &str| {
        rows.as_array()
            .unwrap()
            .iter()
            .find(|row| row["user"] == user)
            .unwrap()
    };
    assert_eq!(of("ann")["outcome"], "logged_out", "{}", output.text());
    assert_eq!(
        (&of("bob")["outcome"], &of("bob")["retry_may_help"]),
        (&"failed".into(), &true.into()),
        "{}",
        output.text()
    );
    let failures = env
        .run(&["runs", "show", "last", "--output", "failures"])
        .expect(0);
    assert!(failures.stdout.ends_with("\nbob\n"), "{}", failures.text());
    env.sandbox().clear_faults();
    let _ = env.run(&["runs", "retry-failed", "last", "--yes"]).expect(0);
    assert!(env.devices("bob").is_empty());
}

#[test]
pub(super) fn failures_are_a_list_for_a_new_run() {
    let (env, list) = ten_users();
    env.sandbox()
        .inject(Fault::status("sessions.logout_all", 400).times(2));
    let _ = env.run(&logout(&list, &[])).expect(7);
    let failures = env
        .run(&["runs", "show", "last", "--output", "failures"])
        .expect(0);
    env.snapshot("runs_show_failures", &failures);
    let list = env.file("failures", failures.stdout);
    let again = env.run(&logout(&list, &["-o", "json"])).expect(0).json();
    assert_eq!(again["summary"]["done"], 2);
    let elsewhere = env
        .run(&["devices", "list", "user0", "--output", "failures"])
        .expect(2);
    assert!(elsewhere.stderr.contains("runs show"), "{}", elsewhere.text());
}

#[test]
pub(super) fn a_torn_journal_is_tolerated_and_a_damaged_or_newer_one_refused() {
    let (env, list) = ten_users();
    let _ = env.run(&logout(&list, &["--max-logouts", "3"])).expect(8);
    let path = journal(&env, &last_run(&env));
    let whole = std::fs::read(&path).unwrap();
    let resume = |content: &[u8]| -> Output {
        std::fs::write(&path, content).unwrap();
        env.run(&["runs", "resume", "last", "--yes", "--max-logouts", "4"])
    };
    let newer = String::from_utf8(whole.clone()).unwrap().replacen(
        "\"easemob_admin_journal\":1",
        "\"easemob_admin_journal\":2",
        1,
    );
    env.snapshot("runs_resume_newer_format", &resume(newer.as_bytes()));
    let mut damaged = whole.clone();
    let second_line = damaged.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    damaged[second_line] = b'#';
    env.snapshot("runs_resume_damaged", &resume(&damaged));
    let list = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    assert_eq!(
        list["rows"][0]["state"], "unreadable",
        "a damaged run is listed all the same"
    );
    assert_eq!(
        env.sandbox().call_count("sessions.logout_all"),
        3,
        "nothing was sent"
    );
    let mut torn = whole;
    torn.extend_from_slice(b"{\"intent\":{\"n\":7,\"at\":1,\"ca");
    let _ = resume(&torn).expect(8);
    assert_eq!(
        env.sandbox().call_count("sessions.logout_all"),
        4,
        "the cap counts earlier attempts"
    );
}

#[test]
pub(super) fn an_overlong_line_of_a_journal_is_damage_and_nothing_is_cut_off() {
    let (env, list) = ten_users();
    let _ = env.run(&logout(&list, &["--max-logouts", "3"])).expect(8);
    let path = journal(&env, &last_run(&env));
    let whole = std::fs::read_to_string(&path).unwrap();
    let (header, records) = whole.split_once('\n').unwrap();
    let long = format!("{header}\n{}\n{records}", " ".repeat(5 << 20));
    std::fs::write(&path, &long).unwrap();
    let output = env
        .run(&["runs", "resume", "last", "--yes", "--max-logouts", "10"])
        .expect(1);
    assert!(output.stderr.contains("line 2"), "{}", output.text());
    assert!(std::fs::read_to_string(&path).unwrap() == long);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 3);
}

#[test]
pub(super) fn a_changed_input_is_refused() {
    let (env, list) = ten_users();
    let _ = env.run(&logout(&list, &["--max-logouts", "3"])).expect(8);
    let input = journal(&env, &last_run(&env)).with_file_name("input.jsonl");
    let changed = std::fs::read_to_string(&input).unwrap().replace("user9", "user8");
    std::fs::write(&input, changed).unwrap();
    let output = env.run(&["runs", "resume", "last", "--yes"]).expect(1);
    assert!(
        output.stderr.contains("was changed after the run was started"),
        "{}",
        output.text()
    );
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 3);
}

#[test]
pub(super) fn a_long_list_of_exemptions_is_kept_with_the_run() {
    let (env, list) = ten_users();
    let exempt: Vec<String> = (0..50_000)
        .map(|number| format!("somebody-else-{number:0100}"))
        .collect();
    let exempt = env.file("exempt", format!("{}\nuser9\n", exempt.join("\n")));
    let _ = env
        .run(&logout(&list, &["--exempt", &exempt, "--max-logouts", "3"]))
        .expect(8);
    let _ = env
        .run(&["runs", "resume", "last", "--yes", "--max-logouts", "100"])
        .expect(0);
    let online: Vec<usize> = (0..10)
        .filter(|number| !env.devices(&format!("user{number}")).is_empty())
        .collect();
    assert_eq!(online, [9]);
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
pub(super) fn a_run_knows_its_server() {
    let (env, list) = ten_users();
    let _ = env.run(&logout(&list, &["--max-logouts", "3"])).expect(8);
    let elsewhere = [
        "runs",
        "resume",
        "last",
        "--yes",
        "--app-root",
        "http://127.0.0.1:1/other/app",
    ];
    let output = env.run(&elsewhere).expect(2);
    assert!(output.stderr.contains("the run belongs to"), "{}", output.text());
}

#[test]
pub(super) fn verified_logouts_tell_who_came_back() {
    let (env, list) = ten_users();
    let output = env
        .run(&logout(&list, &["--verify", "-o", "json"]))
        .expect(0)
        .json();
    assert_eq!(output["summary"]["verified"]["gone"], 10);
    // One request of status for ten users, and no list for those who are offline.
    assert_eq!(env.sandbox().call_count("status.batch"), 1);
    assert_eq!(env.sandbox().call_count("devices.list"), 10);
}
