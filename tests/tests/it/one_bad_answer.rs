//! One bad answer is neither a verdict on a whole list nor an empty list.

use easemob_admin_sandbox::Fault;
use serde_json::Value;

use super::env::{Output, TestEnv};

const PAGE: &str = "<html><body><h1>Not the service</h1></body></html>";
const FOREIGN: &str = r#"{"title":"not found","detail":"no route"}"#;
const USERS: usize = 12;

fn with_users() -> (TestEnv, String) {
    let env = TestEnv::new();
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    (env, list)
}

fn answer_for(call: &str, status: u16) -> Fault {
    let (content_type, body) = if status.is_multiple_of(2) {
        ("application/json", FOREIGN)
    } else {
        ("text/html", PAGE)
    };
    Fault::raw_body(call, content_type, body).answer_status(status)
}

fn logout(list: &str) -> [&str; 9] {
    let act = ["sessions", "logout", "--from", list, "--reason", "test", "--yes"];
    [
        act[0], act[1], act[2], act[3], act[4], act[5], act[6], "-o", "json",
    ]
}

/// Nobody is judged, the cause is told, and the run goes on later.
fn stopped_before_anybody(output: Output) -> Value {
    let output = output.expect(5);
    let text = output.text();
    assert!(output.stderr.contains("error: "), "{text}");
    assert!(output.stderr.contains("hint: "), "{text}");
    assert!(output.stderr.contains("no token"), "{text}");
    let json = output.json();
    let summary = &json["summary"];
    let users = u64::try_from(USERS).unwrap();
    for (counter, expected) in [
        ("done", 0),
        ("nothing_to_do", 0),
        ("failed_retry_may_help", 0),
        ("failed_final", 0),
        ("unknown", 0),
        ("not_started", users),
        ("first_line_not_started", 1),
    ] {
        assert_eq!(summary[counter], expected, "{counter}: {text}");
    }
    for row in json["rows"].as_array().unwrap() {
        assert!(
            row["outcome"] == "not_started" || row["status"] == "not_started",
            "{text}"
        );
    }
    json
}

#[test]
fn no_command_judges_anybody_without_a_token() {
    let (env, list) = with_users();
    let policy = env.file("limits.toml", "default = 1\n");
    let acts = |verb: &[&str]| {
        let tail = ["--from", list.as_str(), "--reason", "test", "--yes", "-o", "json"];
        [verb, &tail[..]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let reads = |verb: &[&str]| {
        let tail = ["--from", list.as_str(), "-o", "json"];
        [verb, &tail[..]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for command in [
        acts(&["sessions", "logout"]),
        acts(&["sessions", "logout", "--platform", "ios"]),
        acts(&["users", "ban"]),
        acts(&["users", "unban"]),
        acts(&["sessions", "lock", "--ttl", "1h"]),
        reads(&["devices", "list"]),
        reads(&["users", "status"]),
        reads(&["limits", "check", &policy]),
    ] {
        for status in [404, 501] {
            env.sandbox().clear_faults();
            env.forget_tokens();
            env.sandbox().inject(answer_for("token", status));
            let before = env.sandbox().calls().len();
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let json = stopped_before_anybody(env.run(&command));
            let sent = env.sandbox().calls().len() - before;
            assert!(sent <= 2, "{command:?}: {sent} requests");
            if json["summary"]["run"].is_string() {
                let again = env.run(&["runs", "retry-failed", "last", "--yes"]);
                assert_eq!(again.code, 5, "{}", again.text());
                env.sandbox().clear_faults();
                let resumed = env.run(&["runs", "resume", "last", "--yes", "-o", "json"]);
                let resumed = resumed.expect(0).json();
                assert_eq!(resumed["summary"]["users"], USERS, "{command:?}");
                assert_eq!(resumed["summary"]["not_started"], 0, "{command:?}");
            }
        }
    }
    env.sandbox().clear_faults();
    env.forget_tokens();
    env.sandbox().inject(answer_for("token", 404));
    for command in [
        ["logins", "scan"].as_slice(),
        &["users", "list"],
        &["limits", "check", &policy, "--all"],
    ] {
        let output = env.run(command).expect(5);
        assert!(output.stderr.contains("no token"), "{}", output.text());
    }
    let scans = env.run(&["logins", "snapshots", "-o", "json"]).expect(0).json();
    assert!(scans["rows"][0]["finished_at"].is_null(), "{scans}");
    assert_eq!(scans["rows"][0]["users"], 0, "{scans}");
}

#[test]
fn a_token_that_is_lost_in_the_middle_stops_the_run_and_loses_nobody() {
    let (env, list) = with_users();
    // The token of the fourth call is refused, and a page comes in place of the next one.
    env.sandbox()
        .inject(Fault::expired_token("sessions.logout_all").skip(3).times(1));
    env.sandbox().inject(answer_for("token", 501).skip(1));
    let mut command = logout(&list).to_vec();
    command.extend(["--concurrency", "1"]);
    let output = env.run(&command).expect(5);
    let summary = output.json()["summary"].clone();
    assert_eq!(
        (&summary["done"], &summary["not_started"]),
        (&3.into(), &9.into()),
        "{}",
        output.text()
    );
    assert_eq!(summary["first_line_not_started"], 4);
    env.sandbox().clear_faults();
    let resumed = env
        .run(&["runs", "resume", "last", "--yes", "-o", "json"])
        .expect(0);
    assert_eq!(resumed.json()["summary"]["done"], 9, "{}", resumed.text());
    for number in 0..USERS {
        assert!(env.devices(&format!("user{number:02}")).is_empty());
    }
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
fn a_page_in_place_of_an_answer_is_no_verdict_on_a_user() {
    for (call, status) in [
        ("devices.list", 200),
        ("devices.list", 301),
        ("devices.list", 404),
        ("devices.list", 405),
        ("sessions.logout_all", 403),
        ("sessions.logout_all", 404),
        ("sessions.logout_all", 501),
    ] {
        let (env, list) = with_users();
        env.sandbox().inject(answer_for(call, status));
        let output = env.run(&logout(&list)).expect(5);
        let summary = output.json()["summary"].clone();
        assert_eq!(summary["failed_final"], 0, "{call} {status}: {}", output.text());
        assert_eq!(
            (&summary["done"], &summary["nothing_to_do"]),
            (&0.into(), &0.into())
        );
        assert!(!output.text().contains("no such user"), "{}", output.text());
        env.sandbox().clear_faults();
        let resumed = env
            .run(&["runs", "resume", "last", "--yes", "-o", "json"])
            .expect(0);
        assert_eq!(resumed.json()["summary"]["done"], USERS, "{call} {status}");
    }
}

#[test]
fn a_run_is_not_ok_while_failures_remain() {
    let (env, list) = with_users();
    // One name that nobody has, and one user of whom the server is tired.
    let names = format!("{}\nnobody\n", std::fs::read_to_string(&list).unwrap());
    let list = env.file("list", names);
    env.sandbox().inject(
        Fault::status("sessions.logout_all", 400)
            .on("GET", "/users/user05/disconnect")
            .times(1),
    );
    let _ = env.run(&logout(&list)).expect(7);
    let resumed = env
        .run(&["runs", "resume", "last", "--yes", "-o", "json"])
        .expect(7);
    assert!(resumed.stderr.contains("2 users failed"), "{}", resumed.text());
    assert!(resumed.stderr.contains("runs retry-failed"), "{}", resumed.text());
    assert_eq!(resumed.json()["summary"]["failed_earlier_final"], 2);
    let retried = env.run(&["runs", "retry-failed", "last", "--yes"]).expect(7);
    assert!(
        retried
            .stderr
            .contains("2 users failed permanently; --all retries them"),
        "{}",
        retried.text()
    );
    let all = env
        .run(&["runs", "retry-failed", "last", "--all", "--yes", "-o", "json"])
        .expect(7);
    assert_eq!(all.json()["summary"]["done"], 1, "{}", all.text());
    let listed = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    assert_eq!(listed["rows"][0]["failed"], 1);
}

#[test]
fn a_right_that_is_granted_later_makes_a_retry_help() {
    for again in ["resume", "retry-failed"] {
        let (env, list) = with_users();
        env.sandbox().inject(Fault::status("sessions.logout_all", 401));
        let refused = env.run(&logout(&list)).expect(4);
        let summary = refused.json()["summary"].clone();
        assert_eq!(summary["failed_final"], 0, "{}", refused.text());
        assert!(
            summary["failed_retry_may_help"].as_u64() > Some(0),
            "{}",
            refused.text()
        );
        env.sandbox().clear_faults();
        let resumed = env.run(&["runs", again, "last", "--yes", "-o", "json"]).expect(0);
        assert_eq!(resumed.json()["summary"]["done"], USERS, "{again}");
    }
}

#[test]
fn thirty_thousand_devices_of_one_user_are_all_on_record() {
    let (env, list) = with_users();
    let device = |number: usize| format!("android_{number:05}-0123456789abcdef0123456789abcdef");
    let devices: Vec<Value> = (0..30_000)
        .map(|number| serde_json::json!({"res": device(number)}))
        .collect();
    let body = serde_json::json!({"data": devices}).to_string();
    env.sandbox().inject(
        Fault::raw_body("devices.list", "application/json", &body).on("GET", "/users/user05/resources"),
    );
    env.sandbox()
        .inject(answer_for("sessions.logout_all", 405).on("GET", "/users/user05/disconnect"));
    let first = env.run(&logout(&list)).expect(6);
    assert_eq!(first.json()["summary"]["done"], USERS - 1, "{}", first.stderr);
    env.sandbox().clear_faults();
    env.sandbox().inject(
        Fault::raw_body("devices.list", "application/json", &body)
            .on("GET", "/users/user05/resources")
            .times(1),
    );
    let second = env
        .run(&["runs", "resume", "last", "--yes", "--verify", "-o", "json"])
        .expect(0);
    assert_eq!(second.json()["summary"]["devices"], 30_000, "{}", second.stderr);
    let is_of_the_trail = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("entries-") && name.ends_with(".jsonl")
    };
    let files = env.files().into_iter().filter(is_of_the_trail);
    let trail: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let entries: Vec<Value> = trail
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for kind in ["intent", "outcome"] {
        let mut recorded: Vec<String> = Vec::new();
        let of_the_user = |entry: &&Value| entry["user"] == "user05" && entry["kind"] == kind;
        for entry in entries.iter().filter(of_the_user) {
            let devices = entry["devices"].as_array().into_iter().flatten();
            recorded.extend(devices.filter_map(|id| id.as_str().map(str::to_owned)));
        }
        recorded.sort();
        // Both attempts meant all of them, and the second ended them.
        let attempts = if kind == "intent" { 2 } else { 1 };
        assert_eq!(recorded.len(), attempts * 30_000, "{kind}");
        recorded.dedup();
        assert!(
            recorded
                .iter()
                .enumerate()
                .all(|(number, id)| *id == device(number)),
            "{kind}"
        );
    }
    let _ = env.run(&["audit", "verify"]).expect(0);
    let _ = env.run(&["runs", "show", "last"]).expect(0);
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
}

#[test]
fn a_place_that_is_no_longer_accepted_is_left_for_the_beginning() {
    let env = TestEnv::new();
    for number in 0..350 {
        let user = format!("user{number:04}");
        env.sandbox().register(&user);
        if number % 10 == 0 {
            env.online(&user, &["ios_1", "web_1"]);
        }
    }
    env.sandbox()
        .inject(Fault::status("users.list", 400).skip(2).times(2));
    let broken = env.run(&["logins", "scan", "-o", "json"]).expect(6);
    assert!(
        broken.stderr.contains("broke off after 200 users"),
        "{}",
        broken.text()
    );
    assert!(
        broken.json()["rows"][0]["finished_at"].is_null(),
        "{}",
        broken.text()
    );
    let compared = env.run(&["logins", "diff", "1", "1"]).expect(6);
    assert!(compared.stderr.contains("incomplete"), "{}", compared.text());
    let read_before = env.sandbox().call_count("devices.list");

    let resumed = env.run(&["logins", "scan", "--resume", "-o", "json"]).expect(0);
    assert!(
        resumed.stderr.contains("from the beginning"),
        "{}",
        resumed.text()
    );
    let row = resumed.json()["rows"][0].clone();
    assert_eq!(row["snapshot"], 1);
    for (column, expected) in [
        ("users", 350),
        ("online", 35),
        ("devices", 70),
        ("offline", 315),
        ("failed", 0),
    ] {
        assert_eq!(row[column], expected, "{column}: {row}");
    }
    // Of 180 users reported as offline, the sample has read one or none by then, and 50 of the others at the end.
    let sampled = read_before - 20;
    assert!(sampled <= 1, "{read_before}");
    let calls = env.sandbox().calls();
    let read: Vec<&str> = calls
        .iter()
        .filter(|call| call.endpoint == "devices.list")
        .map(|call| call.path.as_str())
        .collect();
    assert_eq!(read.len(), 35 + 50 + sampled);
    // Users reported as offline are not stored by name, so one of both samples may be read twice; nobody else is.
    let different: std::collections::BTreeSet<&&str> = read.iter().collect();
    assert!(different.len() + sampled >= read.len(), "{read:?}");
    for number in (0..350).step_by(10) {
        let user = format!("/users/user{number:04}/");
        assert_eq!(
            read.iter().filter(|path| path.contains(&user)).count(),
            1,
            "{user}"
        );
    }
}

#[test]
fn a_list_that_breaks_off_is_not_a_list() {
    let env = TestEnv::new();
    for number in 0..250 {
        env.sandbox().register(&format!("user{number:04}"));
    }
    let policy = env.file("limits.toml", "default = 1\n");
    for (command, listed, says) in [
        (vec!["users", "list"], 200, "incomplete"),
        (
            vec!["limits", "check", policy.as_str(), "--all"],
            200,
            "nobody was compared",
        ),
    ] {
        for (fault, code) in [
            (Fault::status("users.list", 400), 6),
            (answer_for("users.list", 404), 5),
            (answer_for("users.list", 501), 5),
        ] {
            env.sandbox().clear_faults();
            env.sandbox().inject(fault.skip(2));
            let output = env.run(&command).expect(code);
            assert!(
                output.stderr.contains(&format!("after {listed} users")),
                "{}",
                output.text()
            );
            assert!(output.stderr.contains(says), "{}", output.text());
        }
    }
}
