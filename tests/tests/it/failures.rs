//! Users for whom it did not work: what is counted, what is repeated, and the code at the end.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const LOGOUT: [&str; 9] = [
    "sessions",
    "logout",
    "ann",
    "bob",
    "--reason",
    "test",
    "--yes",
    "--concurrency",
    "1",
];

fn ann_and_bob() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.online("bob", &["ios_2"]);
    env
}

#[test]
fn a_failure_worth_repeating_is_told_by_its_code() {
    let env = ann_and_bob();
    env.sandbox()
        .inject(Fault::status("devices.list", 503).on("GET", "/users/bob/resources"));
    let output = env.run(&[&LOGOUT[..], &["-o", "json"]].concat()).expect(6);
    let rows = &output.json()["rows"];
    assert_eq!(rows[0]["outcome"], "logged_out", "{}", output.text());
    assert_eq!(rows[1]["outcome"], "failed", "{}", output.text());
    assert_eq!(rows[1]["retry_may_help"], true, "{}", output.text());
    assert!(env.devices("ann").is_empty());
    assert_eq!(env.devices("bob").len(), 1);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 1);
}

#[test]
fn a_quota_that_is_used_up_is_not_asked_again() {
    let env = ann_and_bob();
    let body = r#"{"error":"resource_limited","error_description":"quota used up"}"#;
    env.sandbox()
        .inject(Fault::raw_body("devices.list", "application/json", body).answer_status(429));
    let output = env.run(&["devices", "list", "ann"]);
    assert_ne!(output.code, 0, "{}", output.text());
    assert_eq!(env.sandbox().call_count("devices.list"), 1, "{}", output.text());
}

#[test]
fn too_many_requests_are_asked_again_later() {
    let env = ann_and_bob();
    let body = r#"{"error":"reach_limit","error_description":"too many requests"}"#;
    let fault = Fault::raw_body("sessions.logout_all", "application/json", body)
        .answer_status(429)
        .times(1);
    env.sandbox().inject(fault);
    let _ = env.run(&LOGOUT).expect(0);
    assert!(env.devices("ann").is_empty() && env.devices("bob").is_empty());
}

#[test]
fn result_false_is_not_logged_out() {
    let env = ann_and_bob();
    env.sandbox().inject(Fault::result_false("sessions.logout_all"));
    env.sandbox()
        .inject(Fault::result_false("sessions.logout_device"));
    let output = env.run(&LOGOUT);
    assert!(matches!(output.code, 6 | 7), "{}", output.text());
    assert!(output.stderr.contains("0 logged out"), "{}", output.text());
    assert_eq!(env.devices("ann").len(), 1);
}

#[test]
fn a_token_that_is_never_good_is_renewed_once_and_no_more() {
    let env = ann_and_bob();
    env.sandbox().inject(Fault::expired_token("devices.list"));
    let _ = env.run(&LOGOUT).expect(4);
    assert_eq!(env.sandbox().call_count("token"), 2);
    assert_eq!(env.writes(), 0);
}
