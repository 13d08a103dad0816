//! How often a logout is sent, under faults: the counts are the point.

use easemob_admin_sandbox::{Fault, Rates, Sandbox};

use super::env::TestEnv;

const LOGOUT: [&str; 6] = ["sessions", "logout", "ann", "--reason", "test", "--yes"];

fn ann_on_ios() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    env
}

#[test]
fn a_cut_after_the_effect_is_settled_by_reading() {
    let env = ann_on_ios();
    env.sandbox()
        .inject(Fault::cut_after("sessions.logout_all").times(1));
    let output = env.run(&[&LOGOUT[..], &["-o", "json"]].concat()).expect(0);
    assert_eq!(
        output.json()["rows"][0]["confirmed_by_reading"],
        true,
        "{}",
        output.text()
    );
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 1);
    assert_eq!(env.sandbox().call_count("sessions.logout_device"), 0);
    assert_eq!(env.sandbox().call_count("devices.list"), 2);
}

#[test]
fn a_cut_before_the_effect_is_repeated_once_the_list_was_read() {
    let env = ann_on_ios();
    env.sandbox()
        .inject(Fault::cut_before("sessions.logout_all").times(1));
    let _ = env.run(&LOGOUT).expect(0);
    assert!(env.devices("ann").is_empty());
    assert_eq!(env.sandbox().call_count("devices.list"), 2);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 2);
    assert_eq!(env.sandbox().call_count("sessions.logout_device"), 0);
}

#[test]
fn a_logout_that_never_takes_effect_fails_after_a_bounded_number_of_tries() {
    let env = ann_on_ios();
    env.sandbox().inject(Fault::cut_before("sessions.logout_all"));
    let output = env.run(&LOGOUT);
    assert!(matches!(output.code, 5 | 6), "{}", output.text());
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 3);
    assert_eq!(env.devices("ann").len(), 1);
}

#[test]
fn duplicates_are_done_once() {
    let env = ann_on_ios();
    let list = env.file("list", "ann\nANN\nann\n");
    let output = env
        .run(&["sessions", "logout", "--from", &list, "--reason", "test", "--yes"])
        .expect(0);
    assert_eq!(
        env.sandbox().call_count("sessions.logout_all"),
        1,
        "{}",
        output.text()
    );
    assert!(
        output.stderr.contains("repeat an earlier user"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_cap_stops_before_the_excess() {
    let env = TestEnv::new();
    let users: Vec<String> = (0..20).map(|number| format!("user{number:02}")).collect();
    for user in &users {
        env.online(user, &["ios_1", "web_1"]);
    }
    let list = env.file("list", users.join("\n"));
    let args = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "--max-logouts",
        "10",
    ];
    let output = env.run(&args).expect(8);
    let left: usize = users.iter().map(|user| env.devices(user).len()).sum();
    assert_eq!(left, 30, "{}", output.text());
}

#[test]
fn a_too_high_rate_slows_down_and_everything_is_done() {
    let rates = Rates {
        users: Some(50),
        ..Rates::documented()
    };
    let env = TestEnv::with(Sandbox::builder().rates(rates));
    let users: Vec<String> = (0..60).map(|number| format!("user{number:02}")).collect();
    for user in &users {
        env.online(user, &["ios_1"]);
    }
    let list = env.file("list", users.join("\n"));
    let _ = env
        .run(&["sessions", "logout", "--from", &list, "--reason", "test", "--yes"])
        .expect(0);
    assert!(users.iter().all(|user| env.devices(user).is_empty()));
    let refused = env
        .sandbox()
        .calls()
        .iter()
        .filter(|call| call.status == 429)
        .count();
    assert!(refused > 0, "the test must meet the limit");
}

#[test]
fn a_busy_server_is_asked_again() {
    let env = ann_on_ios();
    env.sandbox().inject(Fault::status("devices.list", 503).times(2));
    let _ = env.run(&["devices", "list", "ann"]).expect(0);
    assert_eq!(env.sandbox().call_count("devices.list"), 3);
}
