//! Which calls commands over long lists make, and what they do if a status is wrong.

use std::time::Duration;

use easemob_admin_sandbox::{Fault, Rates, Sandbox};
use serde_json::Value;

use super::env::{Output, TestEnv, is_through_a_service};

const USERS: usize = 1_000;

/// A server with many users, of whom this many in a hundred are online with two devices, and a list of all of
/// them.
fn app(share: usize) -> (TestEnv, String) {
    with(TestEnv::new(), share)
}

/// Runs a command without a rate limit, which these tests are not about.
fn run(env: &TestEnv, args: &[&str]) -> Output {
    env.run(&[args, &["--rate", "unlimited"]].concat())
}

fn with(env: TestEnv, share: usize) -> (TestEnv, String) {
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    for (number, name) in names.iter().enumerate() {
        let devices: &[&str] = if number % 100 < share {
            &["web_1", "web_2"]
        } else {
            &[]
        };
        env.online(name, devices);
    }
    let list = env.file("users.txt", names.join("\n"));
    (env, list)
}

/// How many users in a hundred are online. The second time, through a service, all of these shares are for `.ci/full`.
fn shares() -> &'static [usize] {
    if is_through_a_service() && std::env::var_os("EVERY_SHARE").is_none() {
        &[5]
    } else {
        &[0, 5, 50, 100]
    }
}

fn calls(env: &TestEnv, endpoint: &str) -> usize {
    env.sandbox().call_count(endpoint)
}

/// The arguments that sign out the users of a list.
fn logout(list: &str) -> [&str; 9] {
    [
        "sessions", "logout", "--from", list, "--reason", "test", "--yes", "-o", "json",
    ]
}

/// The calls that read, without the token.
fn reads(env: &TestEnv) -> usize {
    calls(env, "status.batch") + calls(env, "devices.list")
}

fn summary(output: &Output) -> Value {
    output.json()["summary"].clone()
}

/// The most calls that reading takes: statuses, those online, and the sample.
fn most(online: usize) -> usize {
    let offline = USERS - online;
    USERS / 100 + online + offline.min(50 + offline.div_ceil(USERS / 50))
}

#[test]
pub(super) fn each_command_reads_the_status_first_and_makes_no_more_calls_than_it_must() {
    for &share in shares() {
        let (env, list) = app(share);
        let online = USERS * share / 100;
        let policy = env.file("limits.toml", "default = 1\n");
        let plan = env.path("plan.json");
        let commands: [(&[&str], usize, i32); 6] = [
            (&["devices", "list", "--from", &list], 0, 0),
            (
                &[
                    "sessions",
                    "plan",
                    "--from",
                    &list,
                    "--out",
                    plan.to_str().unwrap(),
                ],
                0,
                0,
            ),
            (&["sessions", "logout", "--from", &list, "--dry-run"], 0, 0),
            (
                &[
                    "limits",
                    "check",
                    &policy,
                    "--from",
                    &list,
                    "--unknown-age",
                    "oldest",
                ],
                0,
                if share > 0 { 11 } else { 0 },
            ),
            (&["logins", "scan", "--from", &list], 0, 0),
            (
                &["sessions", "logout", "--from", &list, "--reason", "test", "--yes"],
                online,
                0,
            ),
        ];
        let documented = include_str!("../../../docs/calls.md");
        for (command, acts, code) in commands {
            env.sandbox().reset_calls();
            let words = command[..2].join(" ");
            let row = documented
                .lines()
                .find(|line| line.starts_with(&format!("| `{words}`")));
            assert!(
                row.is_some_and(|row| row.contains("| `read`")),
                "{words} is not in docs/calls.md"
            );
            let output = run(&env, &[command, &["-o", "json"]].concat()).expect(code);
            let name = format!("{share} % {}: {}", command.join(" "), output.stderr);
            assert!(reads(&env) <= most(online), "{} calls: {name}", reads(&env));
            assert!(calls(&env, "status.batch") >= 10, "{name}");
            assert_eq!(env.writes(), acts, "{name}");
        }
        assert!(env.devices("user0000").is_empty());
    }
}

#[test]
pub(super) fn faults_cost_their_retries_and_nobody_is_left_out() {
    let (env, list) = app(50);
    // One call in ten fails once.
    for skip in (0..600).step_by(10) {
        env.sandbox()
            .inject(Fault::status("devices.list", 503).skip(skip).times(1));
    }
    for skip in (0..10).step_by(5) {
        env.sandbox()
            .inject(Fault::status("status.batch", 503).skip(skip).times(1));
    }
    let output = run(&env, &logout(&list)).expect(0);
    let summary = summary(&output);
    assert_eq!(
        (&summary["done"], &summary["nothing_to_do"]),
        (&500.into(), &500.into())
    );
    assert!(reads(&env) <= most(500) + 70, "{}", reads(&env));
    assert_eq!(calls(&env, "sessions.logout_all"), 500);
}

#[test]
pub(super) fn rows_journal_and_trail_say_what_they_rest_on() {
    let (env, list) = app(5);
    let output = run(&env, &logout(&list)).expect(0);
    let json = output.json();
    let rows = json["rows"].as_array().unwrap();
    let of = |basis: &str| rows.iter().filter(|row| row["basis"] == basis).count();
    let status = &json["summary"]["status_first"];
    let sample = usize::try_from(status["sample"].as_u64().unwrap()).unwrap();
    // Two devices of each user who was online.
    assert_eq!((of("devices"), of("status")), (100 + sample, 950 - sample));
    assert_eq!(status["reported_offline"], 950);
    assert_eq!(status["names_unchecked"], 950 - sample);
    assert!(
        output.stderr.contains("950 reported as offline by the server"),
        "{}",
        output.stderr
    );
    let log = env.run(&["audit", "export", "--format", "jsonl"]).expect(0);
    let of = |basis: &str| log.stdout.matches(&format!(r#""basis":"{basis}""#)).count();
    assert_eq!((of("devices"), of("status")), (50 + sample, 950 - sample));
    let id = json["summary"]["run"].as_str().unwrap();
    let journal = std::fs::read_to_string(env.path(&format!("data/runs/{id}/journal.jsonl"))).unwrap();
    assert_eq!(journal.matches(r#""basis":"status""#).count(), 950 - sample);
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
pub(super) fn a_lagging_status_is_noticed_and_everybody_is_signed_out() {
    let lagging = Sandbox::builder()
        .rates(Rates::unlimited())
        .status_lag(Duration::from_secs(60 * 60));
    let (env, list) = with(TestEnv::with(lagging), 50);
    let check = env.file("limits.toml", "default = 1\n");
    let output = run(
        &env,
        &[
            "limits",
            "check",
            &check,
            "--all",
            "--unknown-age",
            "oldest",
            "-o",
            "json",
        ],
    )
    .expect(11);
    assert_eq!(summary(&output)["done"], 500);
    let output = run(&env, &["logins", "scan", "-o", "json"]).expect(0);
    assert_eq!(summary(&output)["online"], 500);
    assert!(
        output.stderr.contains("its statuses are wrong"),
        "{}",
        output.stderr
    );
    let output = run(&env, &logout(&list)).expect(0);
    let summary = summary(&output);
    assert_eq!(
        (&summary["done"], &summary["nothing_to_do"]),
        (&500.into(), &500.into())
    );
    assert!(summary["status_first"]["wrong_about"].is_string());
    assert!(output.stderr.contains("every user is read"), "{}", output.stderr);
    assert!((0..USERS).all(|number| env.devices(&format!("user{number:04}")).is_empty()));
}

#[test]
pub(super) fn names_that_do_not_exist_are_found_and_reported() {
    let (env, _) = app(5);
    let mut names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    names.extend((0..200).map(|number| format!("usr{number:04}")));
    let list = env.file("typos.txt", names.join("\n"));
    let args = logout(&list);
    let output = run(&env, &args).expect(7);
    let summary = summary(&output);
    assert_eq!(
        (&summary["failed_final"], &summary["done"]),
        (&200.into(), &50.into()),
        "{}",
        output.stderr
    );
    assert_eq!(summary["status_first"]["names_unchecked"], 0);
    assert_eq!(calls(&env, "users.list"), 10);
}

#[test]
pub(super) fn a_few_such_names_are_found_with_check_names() {
    let (env, _) = app(5);
    let mut names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    names.push("usr0001".into());
    let list = env.file("typo.txt", names.join("\n"));
    let args = ["devices", "list", "--from", &list, "--check-names", "-o", "json"];
    let output = run(&env, &args).expect(7);
    let failed = output.json()["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] == "failed")
        .count();
    assert_eq!(failed, 1, "{}", output.stderr);
}

#[test]
pub(super) fn a_server_without_the_call_is_read_user_by_user() {
    let (env, list) = app(5);
    env.sandbox().inject(Fault::status("status.batch", 404));
    let output = run(&env, &["devices", "list", "--from", &list, "-o", "json"]).expect(0);
    assert_eq!(calls(&env, "devices.list"), USERS);
    assert!(
        calls(&env, "status.batch") <= 16,
        "{}",
        calls(&env, "status.batch")
    );
    assert_eq!(
        output.stderr.matches("the server does not tell statuses").count(),
        1,
        "{}",
        output.stderr
    );
}

#[test]
pub(super) fn who_asks_for_it_reads_everybody_and_short_lists_are_read_as_ever() {
    let (env, list) = app(5);
    let _ = run(&env, &["devices", "list", "--from", &list, "--read-every-user"]).expect(0);
    assert_eq!(
        (calls(&env, "devices.list"), calls(&env, "status.batch")),
        (USERS, 0)
    );
    env.sandbox().reset_calls();
    let short: Vec<String> = (0..500).map(|number| format!("user{number:04}")).collect();
    let list = env.file("short.txt", short.join("\n"));
    let _ = run(&env, &["devices", "list", "--from", &list]).expect(0);
    assert_eq!(
        (calls(&env, "devices.list"), calls(&env, "status.batch")),
        (500, 0)
    );
    env.sandbox().reset_calls();
    let _ = run(&env, &["devices", "list", "--from", &list, "--status-first"]).expect(0);
    assert_eq!(calls(&env, "status.batch"), 5);
}

#[test]
pub(super) fn an_interrupted_run_is_resumed_without_loss() {
    let (env, list) = app(50);
    let args = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "--max-logouts",
        "200",
        "-o",
        "json",
    ];
    let output = run(&env, &args).expect(8);
    let id = summary(&output)["run"].as_str().unwrap().to_owned();
    let done = summary(&output)["done"].as_u64().unwrap();
    assert!(done <= 100, "{done}");
    let output = run(
        &env,
        &[
            "runs",
            "resume",
            &id,
            "--max-logouts",
            "5000",
            "--yes",
            "-o",
            "json",
        ],
    )
    .expect(0);
    assert_eq!(summary(&output)["done"].as_u64().unwrap() + done, 500);
    assert_eq!(calls(&env, "sessions.logout_all"), 500, "nobody twice");
}

#[test]
pub(super) fn unread_signs_out_everything_with_one_call_each() {
    let (env, list) = app(5);
    let args = [
        "sessions", "logout", "--from", &list, "--unread", "--reason", "test", "-o", "json",
    ];
    let dry = run(&env, &[&args[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!((&summary(&dry)["done"], env.writes()), (&50.into(), 0));
    env.sandbox().reset_calls();
    let output = run(&env, &[&args[..], &["--yes"]].concat()).expect(0);
    let sample = usize::try_from(summary(&output)["status_first"]["sample"].as_u64().unwrap()).unwrap();
    assert_eq!(
        (calls(&env, "status.batch"), calls(&env, "devices.list")),
        (10, sample)
    );
    assert_eq!(calls(&env, "sessions.logout_all"), 50);
    let log = env
        .run(&["audit", "log", "--user", "user0001", "-o", "json"])
        .expect(0);
    assert!(log.stdout.contains("sessions.logout_all"), "{}", log.text());
    let export = env.run(&["audit", "export", "--format", "jsonl"]).expect(0);
    assert_eq!(export.stdout.matches(r#""basis":"unread""#).count(), 50);
    assert_eq!(
        export.stdout.matches(r#""scope":"all devices""#).count(),
        50,
        "{}",
        &export.stdout[..3_000]
    );
    assert!((0..50).all(|number| env.devices(&format!("user{number:04}")).is_empty()));
}

#[test]
pub(super) fn unread_settles_a_lost_answer_by_reading() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "web_1"]);
    env.sandbox()
        .inject(Fault::cut_after("sessions.logout_all").times(1));
    let args = [
        "sessions", "logout", "ann", "--unread", "--reason", "test", "--yes", "-o", "json",
    ];
    let output = env.run(&args).expect(0);
    assert_eq!(output.json()["rows"][0]["confirmed_by_reading"], true);
    env.online("bob", &["ios_1"]);
    // Nobody knows whether the request arrived, and bob is online.
    env.sandbox()
        .inject(Fault::cut_before("sessions.logout_all").times(1));
    let args = [
        "sessions", "logout", "bob", "--unread", "--reason", "test", "--yes", "-o", "json",
    ];
    let output = env.run(&args).expect(6);
    let row = output.json()["rows"][0].clone();
    assert_eq!(
        (&row["outcome"], &row["outcome_unknown"]),
        (&"failed".into(), &true.into()),
        "{}",
        output.text()
    );
    let run = summary(&output)["run"].as_str().unwrap().to_owned();
    let sent = calls(&env, "sessions.logout_all");
    let _ = env.run(&["runs", "resume", &run, "--yes"]).expect(6);
    assert_eq!(
        (calls(&env, "sessions.logout_all"), env.devices("bob").len()),
        (sent, 1),
        "nothing is sent twice"
    );
    env.sandbox().sign_out("bob", "ios_1");
    let _ = env.run(&["runs", "resume", &run, "--yes"]).expect(0);
}

#[test]
pub(super) fn unread_is_refused_with_everything_that_needs_the_devices() {
    let env = TestEnv::new();
    for option in [
        &["--platform", "web"][..],
        &["--keep-newest", "1"],
        &["--device", "ios_1"],
        &["--max-logouts", "5"],
        &["--max-logouts", "5%"],
        &["--min-surviving", "1"],
        &["--verify"],
    ] {
        let args = [
            "sessions", "logout", "ann", "--unread", "--reason", "test", "--yes",
        ];
        let output = env.run(&[&args[..], option].concat()).expect(2);
        assert!(output.stderr.contains("--unread"), "{}", output.text());
    }
    assert_eq!(env.sandbox().total_calls(), 0);
}

/// The arguments that lock the users of a list.
fn lock(list: &str) -> [&str; 11] {
    [
        "sessions", "lock", "--from", list, "--ttl", "1h", "--reason", "test", "--yes", "-o", "json",
    ]
}

#[test]
pub(super) fn a_lock_bans_everybody_and_reads_the_devices_of_those_who_are_online() {
    for &share in shares() {
        let (env, list) = app(share);
        let online = USERS * share / 100;
        let dry = run(&env, &[&lock(&list)[..], &["--dry-run"]].concat()).expect(0);
        assert_eq!(env.writes(), 0);
        assert_eq!(summary(&dry)["done"], USERS);
        assert!(reads(&env) <= most(online), "{share} %: {}", reads(&env));
        env.sandbox().reset_calls();
        let output = run(&env, &lock(&list)).expect(0);
        assert_eq!(summary(&output)["done"], USERS, "{}", output.stderr);
        assert_eq!(
            (calls(&env, "users.get"), calls(&env, "users.ban")),
            (USERS, USERS),
            "{share} %"
        );
        let again = (USERS - online).div_ceil(100) + 1;
        assert!(
            reads(&env) <= most(online) + online + again,
            "{share} %: {}",
            reads(&env)
        );
        let rows = output.json()["rows"].as_array().unwrap().clone();
        let ended = rows.iter().filter(|row| row["devices_ended"] == 2).count();
        let by_status = rows.iter().filter(|row| row["basis"] == "status").count();
        let sample = summary(&output)["status_first"]["sample"].as_u64().unwrap();
        assert_eq!(ended, online, "{share} %");
        assert_eq!(by_status as u64, (USERS - online) as u64 - sample, "{share} %");
        assert_eq!(env.sandbox().call_count("sessions.logout_all"), 0);
    }
}

#[test]
pub(super) fn a_lock_reads_everybody_if_the_status_is_wrong() {
    let lagging = Sandbox::builder()
        .rates(Rates::unlimited())
        .status_lag(Duration::from_secs(60 * 60));
    let (env, list) = with(TestEnv::with(lagging), 50);
    let output = run(&env, &lock(&list)).expect(0);
    assert!(output.stderr.contains("every user is read"), "{}", output.stderr);
    let rows = output.json()["rows"].as_array().unwrap().clone();
    let ended = rows.iter().filter(|row| row["devices_ended"] == 2).count();
    assert_eq!((ended, rows.len()), (500, USERS));
}

#[test]
pub(super) fn a_lock_finds_each_unknown_name_by_itself() {
    let (env, _) = app(5);
    let mut names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    names.extend((0..100).map(|number| format!("usr{number:04}")));
    let list = env.file("typos.txt", names.join("\n"));
    let output = run(&env, &lock(&list)).expect(7);
    assert_eq!(summary(&output)["failed_final"], 100, "{}", output.stderr);
    assert_eq!(calls(&env, "users.list"), 0);
    assert_eq!(calls(&env, "users.ban"), USERS);
}
