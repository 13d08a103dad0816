//! How often a logout is sent, under faults: the counts are the point.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const LOGOUT: [&str; 6] = ["sessions", "logout", "ann", "--reason", "test", "--yes"];

fn ann_on_ios() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    env
}

#[test]
pub(super) fn a_cut_after_the_effect_is_settled_by_reading() {
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
pub(super) fn a_cut_before_the_effect_is_repeated_once_the_list_was_read() {
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
pub(super) fn the_cap_stops_before_the_excess() {
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
