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
    let output = env.run(&LIST).expect(5);
    assert!(
        !output.stdout.contains("not online"),
        "unknown is not none: {}",
        output.text()
    );
    env.snapshot("bad_server_truncated_json", &output);
}
