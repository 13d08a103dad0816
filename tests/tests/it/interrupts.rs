//! Ctrl-C and time limits end a run in good order.

use std::process::Command;
use std::time::Duration;

use easemob_admin_sandbox::Fault;

use super::env::{Running, STUCK, TestEnv, until};

pub(crate) fn interrupt(child: &Running) {
    send("-INT", child);
}

/// The first is told on stderr before the second can mean anything.
pub(crate) fn interrupt_twice(child: &Running) {
    interrupt(child);
    child.until_it_says("press Ctrl-C again");
    interrupt(child);
}

pub(crate) fn send(signal: &str, child: &Running) {
    let done = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

fn slow_server(users: usize) -> (TestEnv, String) {
    let env = TestEnv::new();
    let names: Vec<String> = (0..users).map(|number| format!("user{number:03}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", Duration::from_millis(100)));
    let list = env.file("list", names.join("\n"));
    (env, list)
}

#[test]
pub(super) fn a_second_ctrl_c_stops_at_once_and_says_what_is_unknown() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.sandbox().inject(Fault::delay("sessions.logout_all", STUCK));
    let child = env.spawn(&[
        "sessions", "logout", "ann", "--reason", "test", "--yes", "-o", "csv",
    ]);
    until("the logout", || env.sandbox().held_calls() == 1);
    interrupt_twice(&child);
    let output = TestEnv::finish(child).expect(130);
    assert!(output.stdout.contains("unknown"), "{}", output.text());
    env.sandbox().clear_faults();
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert!(env.devices("ann").is_empty());
}

#[test]
pub(super) fn a_time_limit_ends_a_run_in_good_order() {
    let (env, list) = slow_server(100);
    let args = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "--concurrency",
        "2",
    ];
    let output = env
        .run(&[&args[..], &["--max-duration", "1s"]].concat())
        .expect(10);
    assert!(output.stderr.contains("not started"), "{}", output.stderr);
}

#[test]
pub(super) fn a_time_limit_that_is_over_while_devices_are_counted_ends_before_anything_is_done() {
    let (env, list) = slow_server(100);
    env.sandbox()
        .inject(Fault::delay("devices.list", Duration::from_millis(100)));
    let output = env
        .run(&[
            "sessions",
            "logout",
            "--from",
            &list,
            "--reason",
            "test",
            "--yes",
            "--concurrency",
            "2",
            "--max-logouts",
            "100%",
            "--max-duration",
            "1s",
        ])
        .expect(10);
    assert!(output.stderr.contains("nothing was done"), "{}", output.stderr);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 0);
    assert!(env.sandbox().call_count("devices.list") < 100);
}

#[test]
pub(super) fn signals_are_heard_while_nobody_reads_the_rows() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..2000)
        .map(|number| format!("user{number:04}-{}", "x".repeat(40)))
        .collect();
    for name in &names {
        env.sandbox().register(name);
    }
    let list = env.file("list", names.join("\n"));
    // It cannot end before this one, should it seem to be stuck while it is only slow.
    env.sandbox().inject(Fault::delay("devices.list", STUCK).times(1));
    // The rows are more than a pipe holds, and nobody takes them out.
    let mut child = env.spawn(&[
        "devices",
        "list",
        "--from",
        &list,
        "--rate",
        "unlimited",
        "-o",
        "jsonl",
    ]);
    let mut before = usize::MAX;
    until("the run is stuck", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = env.sandbox().call_count("devices.list");
        std::mem::replace(&mut before, now) == now && now > 0
    });
    assert!(before < 1_999, "the run was not stuck");
    interrupt_twice(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
