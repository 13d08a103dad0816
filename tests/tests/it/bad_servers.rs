//! Servers that are not there, are somebody else, or talk nonsense.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const LIST: [&str; 3] = ["devices", "list", "ann"];

#[test]
fn a_wrong_app() {
    let mut env = TestEnv::new();
    let root = format!("{}/other/app", env.sandbox().rest_url());
    env.set("EASEMOB_APP_ROOT", &root);
    env.snapshot("bad_server_wrong_app", &env.run(&LIST).expect(4));
}

#[test]
fn a_wrong_secret() {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    env.set("EASEMOB_CLIENT_SECRET", "YXA6wrong");
    let output = env.run(&LIST).expect(4);
    assert!(!output.text().contains("YXA6wrong"));
    env.snapshot("bad_server_wrong_secret", &output);
    assert_eq!(env.sandbox().call_count("token"), 1);
    assert_eq!(env.sandbox().call_count("devices.list"), 0);
}

#[test]
fn a_wrong_secret_stops_a_bulk_run_at_once() {
    let mut env = TestEnv::new();
    env.set("EASEMOB_CLIENT_SECRET", "YXA6wrong");
    let names: Vec<String> = (0..5000).map(|number| format!("user{number}")).collect();
    let list = env.file("list", names.join("\n"));
    let _ = env
        .run(&["devices", "list", "--from", &list, "-o", "csv"])
        .expect(4);
    assert!(
        env.sandbox().call_count("token") <= 2,
        "{} token calls",
        env.sandbox().call_count("token")
    );
}

#[test]
fn a_closed_port() {
    let mut env = TestEnv::new();
    // Bound and dropped, so that nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    env.set("EASEMOB_APP_ROOT", &format!("http://127.0.0.1:{port}/acme/chat"));
    env.snapshot("bad_server_closed_port", &env.run(&LIST).expect(5));
}

#[test]
fn a_name_that_does_not_resolve() {
    let mut env = TestEnv::new();
    env.set("EASEMOB_APP_ROOT", "https://no-such-host.invalid/acme/chat");
    let output = env.run(&LIST).expect(5);
    assert!(output.stderr.contains("hint:"), "{}", output.text());
}

#[test]
fn a_proxys_page() {
    for status in [200, 502] {
        let env = TestEnv::new();
        env.online("ann", &["ios_77e1"]);
        let page = "<html><body>Bad Gateway</body></html>";
        env.sandbox()
            .inject(Fault::raw_body("devices.list", "text/html", page).answer_status(status));
        let output = env.run(&LIST).expect(5);
        env.snapshot(&format!("bad_server_html_{status}"), &output);
    }
}

#[test]
fn truncated_json() {
    let env = TestEnv::new();
    let body = r#"{"data":[{"res":"ios_"#;
    env.sandbox()
        .inject(Fault::raw_body("devices.list", "application/json", body));
    let output = env.run(&LIST);
    assert_ne!(output.code, 0);
    assert!(
        !output.stdout.contains("not online"),
        "unknown is not none: {}",
        output.text()
    );
    env.snapshot("bad_server_truncated_json", &output);
}

#[test]
fn a_logout_answered_by_a_portal_does_not_count_as_done() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    env.sandbox().inject(Fault::raw_body(
        "sessions.logout_all",
        "text/html",
        "<html>Sign in</html>",
    ));
    env.sandbox().inject(Fault::raw_body(
        "sessions.logout_device",
        "text/html",
        "<html>Sign in</html>",
    ));
    let output = env.run(&["sessions", "logout", "ann", "--reason", "test", "--yes"]);
    assert_ne!(output.code, 0, "{}", output.text());
    assert!(output.stderr.contains("0 logged out"), "{}", output.text());
}

#[test]
fn a_portal_in_place_of_the_token_call() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    env.sandbox()
        .inject(Fault::raw_body("token", "text/html", "<html>Sign in</html>"));
    let output = env.run(&LIST).expect(5);
    assert!(
        output.stderr.contains("proxy") && !output.stderr.contains("check the client id"),
        "{}",
        output.text()
    );
    assert_eq!(env.sandbox().call_count("devices.list"), 0);
}

#[test]
fn an_answer_that_breaks_off_is_read_again() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    env.sandbox().inject(Fault::truncated("devices.list").times(1));
    let output = env.run(&LIST).expect(0);
    assert!(output.stdout.contains("ios_77e1"), "{}", output.text());
    assert_eq!(env.sandbox().call_count("devices.list"), 2);
}
