//! A server that is away for a while: runs and scans wait for it, and nobody is lost or signed out twice.

use std::collections::BTreeMap;

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;
use super::interrupts::interrupt;

const USERS: usize = 40;

/// What a run says while it waits.
const WAITS: &str = "server not answering, waiting";

fn with_users() -> (TestEnv, Vec<String>, String) {
    let env = TestEnv::new();
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        env.online(name, &["ios_1", "web_1"]);
    }
    let list = env.file("list", names.join("\n"));
    (env, names, list)
}

fn logout<'a>(list: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "sessions", "logout", "--from", list, "--reason", "test", "--yes", "-o", "json",
    ];
    [&args[..], more].concat()
}

/// The most logouts of one user that the server carried out, with those whose answer was cut if it does so after the act.
fn most_logouts(env: &TestEnv, cut_after: bool) -> usize {
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for call in env.sandbox().calls() {
        let carried_out = call.status == 200 || (cut_after && call.status == 0);
        if call.endpoint == "sessions.logout_all" && carried_out {
            *done.entry(call.path.clone()).or_default() += 1;
        }
    }
    done.into_values().max().unwrap_or_default()
}

fn away() -> [Fault; 4] {
    [
        Fault::status("*", 503),
        Fault::raw_body("*", "text/html", "<h1>Bad gateway</h1>").answer_status(502),
        Fault::cut_before("*"),
        Fault::cut_after("*"),
    ]
}

#[test]
pub(super) fn a_run_waits_and_everybody_is_signed_out_once() {
    for (row, fault) in away().into_iter().enumerate() {
        let (env, names, list) = with_users();
        env.sandbox().inject(fault.skip(30));
        let run = env.spawn(&logout(&list, &[]));
        run.until_it_says(WAITS);
        env.sandbox().clear_faults();
        let output = TestEnv::finish(run).expect(0);
        assert!(names.iter().all(|name| env.devices(name).is_empty()));
        assert_eq!(output.json()["summary"]["done"], USERS);
        assert_eq!(output.stderr.matches(WAITS).count(), 1, "{}", output.stderr);
        assert_eq!(most_logouts(&env, row == 3), 1, "{row}");
    }
}

#[test]
pub(super) fn a_run_that_waited_in_vain_can_be_resumed() {
    let (env, names, list) = with_users();
    env.sandbox().inject(Fault::status("*", 503).skip(30));
    let output = env.run(&logout(&list, &["--wait-for-server", "1s"])).expect(5);
    assert!(output.stderr.contains("--wait-for-server"), "{}", output.stderr);
    let summary = &output.json()["summary"];
    assert_eq!(
        (&summary["failed_retry_may_help"], &summary["unknown"]),
        (&0.into(), &0.into()),
        "{summary}"
    );
    env.sandbox().clear_faults();
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert!(names.iter().all(|name| env.devices(name).is_empty()));
    assert_eq!(most_logouts(&env, false), 1);
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
pub(super) fn a_scan_waits_and_holds_everybody() {
    let (env, ..) = with_users();
    env.sandbox().inject(Fault::status("*", 503).skip(8));
    let run = env.spawn(&["logins", "scan", "-o", "json"]);
    run.until_it_says(WAITS);
    env.sandbox().clear_faults();
    let output = TestEnv::finish(run).expect(0).json();
    assert_eq!(output["summary"]["online"], USERS, "{output}");
    assert_eq!(output["summary"]["failed"], 0, "{output}");
}

#[test]
pub(super) fn a_scan_that_waited_in_vain_can_be_resumed() {
    let (env, ..) = with_users();
    env.sandbox().inject(Fault::status("*", 503).skip(8));
    let _ = env.run(&["logins", "scan", "--wait-for-server", "1s"]).expect(5);
    env.sandbox().clear_faults();
    let output = env
        .run(&["logins", "scan", "--resume", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(output["summary"]["online"], USERS, "{output}");
}

#[test]
pub(super) fn a_single_command_waits_and_can_be_told_not_to() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.sandbox().inject(Fault::status("*", 503));
    let args = ["devices", "list", "ann"];
    let none = env
        .run(&[&args[..], &["--wait-for-server", "0"]].concat())
        .expect(5);
    assert!(!none.stderr.contains(WAITS), "{}", none.stderr);
    let run = env.spawn(&args);
    run.until_it_says(WAITS);
    env.sandbox().clear_faults();
    let output = TestEnv::finish(run).expect(0);
    assert!(output.stdout.contains("ios_1"), "{}", output.text());
}

#[test]
pub(super) fn a_run_that_waits_ends_with_max_duration_and_on_ctrl_c() {
    let (env, _, list) = with_users();
    env.sandbox().inject(Fault::status("*", 503).skip(30));
    let output = env.run(&logout(&list, &["--max-duration", "2s"])).expect(10);
    assert!(output.stderr.contains(WAITS), "{}", output.stderr);
    env.sandbox().clear_faults();
    env.sandbox().inject(Fault::status("*", 503).skip(6));
    let run = env.spawn(&["runs", "resume", "last", "--yes"]);
    run.until_it_says(WAITS);
    interrupt(&run);
    let output = TestEnv::finish(run).expect(10);
    assert!(output.stderr.contains("runs resume"), "{}", output.stderr);
}
