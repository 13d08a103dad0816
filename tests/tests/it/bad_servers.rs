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

#[test]
fn a_redirect_shows_where_it_leads() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let fault = Fault::raw_body("devices.list", "text/html", "moved").answer_status(302);
    let to = "https://a2.example.com/acme/chat/users?token=secret";
    env.sandbox().inject(fault.header("Location", to));
    let output = env.run(&LIST).expect(5);
    for said in [
        "a redirect to https://a2.example.com/acme",
        "--server https://a2.example.com",
    ] {
        assert!(output.stderr.contains(said), "{}", output.text());
    }
    assert!(!output.text().contains("token=secret"));
    assert_eq!(env.sandbox().call_count("devices.list"), 1);
}

#[test]
fn a_file_of_certificates_that_cannot_be_used_is_named() {
    let mut env = TestEnv::new();
    env.set("EASEMOB_APP_ROOT", "https://im.example.invalid/acme/chat");
    let path = env.file("ca.pem", "");
    env.set("SSL_CERT_FILE", &path);
    let output = env.run(&LIST).expect(3);
    assert!(
        output.stderr.contains("ca.pem (SSL_CERT_FILE) is empty"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_profile_names_the_certificates_that_it_trusts() {
    let env = TestEnv::bare();
    let profile = |more: &str| {
        let text = format!(
            "[profiles.p]\nserver = \"https://im.example.invalid\"\napp = \"acme#chat\"\nclient_id = \"id\"\n\
             client_secret = \"YXA6secret\"\n{more}\n"
        );
        let path = env.file("config/config.toml", text);
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        env.run(&[&["--profile", "p"][..], &LIST].concat())
    };
    for (more, said) in [
        (
            "ca_file = \"/nowhere/ca.pem\"",
            "cannot read /nowhere/ca.pem, the `ca_file`",
        ),
        (
            "pin_sha256 = \"AB:CD\"",
            "openssl x509 -noout -fingerprint -sha256",
        ),
    ] {
        let output = profile(more).expect(3);
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}
