//! People who sign in to the console with their issuer: in a browser, and with an issuer that sends anything.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::console::World;
use super::env::TestEnv;
use super::openid_provider::{Provider, Raw};
use super::service::{Answer, Service, ask_with};

/// Writes the settings for an issuer, and returns the file.
fn settings(env: &TestEnv, provider: &Provider, more: &str) -> String {
    let secret = env.file("console.secret", Provider::secret());
    env.file(
        "issuers.toml",
        format!("{}{more}", provider.settings_with_console(&secret)),
    )
}

#[test]
fn people_sign_in_with_their_issuer_in_a_browser() {
    // Another site than that of the console, as issuers are.
    let provider = Provider::start_at("localhost");
    provider.knows_the_browser_for(3_600);
    let mut world = World::start_with(3, |env| {
        let secret = env.file("notices.secret", "s3cret\n");
        // Nobody listens there.
        let notices = "http://127.0.0.1:9/hook?key=s3cret".to_owned();
        vec![
            "--openid".into(),
            settings(env, &provider, ""),
            "--notices".into(),
            notices,
            "--notices-secret-file".into(),
            secret,
        ]
    });
    world.issuer = Some(provider.issuer.clone());
    world.play("sign_in", 3);
}

/// Asks an issuer as a browser does, and returns the path to which it is sent back.
fn visited(address: &str) -> String {
    let (server, path) = address.split_once("://").unwrap().1.split_once('/').unwrap();
    let mut stream = TcpStream::connect(server).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {server}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let place = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap();
    place.strip_prefix("http://127.0.0.1:7300").unwrap().to_owned()
}

/// Signs in as a browser does, which comes back with what the issuer gave it.
fn come_back(service: &Service, provider: &Provider) -> Answer {
    let word = provider.issuer.split_once("://").unwrap().1.replace(':', "-");
    let begin = format!("/console/sign-in/at/{word}/begin");
    let sent = ask_with(&service.address, "GET", &begin, "", "").unwrap();
    assert_eq!(sent.status, 303, "{sent:?}");
    let back = visited(sent.header("location").unwrap());
    let cookie = sent.header("set-cookie").unwrap().split(';').next().unwrap();
    let head = format!("cookie: {cookie}\r\n");
    ask_with(&service.address, "GET", &back, &head, "").unwrap()
}

#[test]
fn whatever_an_issuer_sends_nobody_is_signed_in_by_it() {
    let provider = Provider::start();
    provider.knows_the_browser_for(60);
    let env = TestEnv::new();
    let file = settings(&env, &provider, "address = \"http://127.0.0.1:7300\"\n");
    let service = Service::start(&env, "service", &["--openid", &file]);
    let closed = |bytes: String| Raw {
        bytes,
        stays_open: false,
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let tokens = r#"{"access_token":"a","id_token":"a.b.c"}"#;
    for (name, raw) in [
        ("no answer", closed(String::new())),
        ("no HTTP", closed("hello\r\n\r\n".into())),
        (
            "half an answer",
            closed(format!("{head}content-length: 1000\r\n\r\n{tokens}")),
        ),
        (
            "an answer without an end",
            closed(format!("{head}\r\n{}", "[".repeat(1_000_000))),
        ),
        (
            "a page",
            closed("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Sign in</html>".into()),
        ),
        (
            "somewhere else",
            closed(format!(
                "HTTP/1.1 302 Found\r\nlocation: {}/token\r\ncontent-length: 0\r\n\r\n",
                provider.issuer
            )),
        ),
        (
            "the same again",
            closed(format!(
                "HTTP/1.1 307 X\r\nlocation: {}/token\r\ncontent-length: 0\r\n\r\n",
                provider.issuer
            )),
        ),
        (
            "an answer that never comes",
            Raw {
                bytes: format!("{head}content-length: 1000\r\n\r\n{{"),
                stays_open: true,
            },
        ),
    ] {
        provider.answer_codes_with(Some(raw));
        let answer = come_back(&service, &provider);
        assert_eq!(answer.status, 502, "{name}: {answer:?}");
        assert!(
            answer
                .body
                .contains("does not answer, or answers what cannot be used"),
            "{name}: {answer:?}"
        );
        assert!(
            !answer.head.contains("easemob-admin-session"),
            "{name}: {answer:?}"
        );
    }
    provider.answer_codes_with(None);
    let answer = come_back(&service, &provider);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.contains("easemob-admin-session=ea_"), "{answer:?}");
    let said = service.process.said();
    assert!(said.contains("nobody can sign in to the console"), "{said}");
    for secret in [Provider::secret(), "the+secret", "code-", "state="] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

#[test]
fn what_is_missing_is_said_before_anybody_signs_in() {
    let env = TestEnv::new();
    let provider = Provider::start();
    let file = settings(&env, &provider, "");
    let check = |args: &[&str]| env.run(&[&["serve", "--openid", &file, "--check"], args].concat());
    let word = provider.issuer.split_once("://").unwrap().1.replace(':', "-");
    let good = check(&[]).expect(0);
    let redirect = format!("http://127.0.0.1:7300/console/sign-in/at/{word}");
    assert!(good.stderr.contains(&redirect), "{}", good.text());
    assert!(!good.stderr.contains("nobody can sign in"), "{}", good.text());
    // Behind a proxy, nobody knows the address but the administrator.
    for args in [
        &["--behind-proxy"][..],
        &["--behind-proxy", "--listen", "0.0.0.0:0"],
    ] {
        let missing = check(args).expect(3);
        assert!(
            missing.stderr.contains("address = \"https://ops.example.com\""),
            "{}",
            missing.text()
        );
    }
    settings(&env, &provider, "address = \"https://ops.example.com\"\n");
    let good = check(&["--behind-proxy"]).expect(0);
    let redirect = format!("https://ops.example.com/console/sign-in/at/{word}");
    assert!(good.stderr.contains(&redirect), "{}", good.text());
    for (more, says) in [
        ("address = \"http://ops.example.com\"\n", "https://"),
        (
            "client_secret_command = \"pass console\"\n",
            "client_secret_command",
        ),
        ("scope = \"profile\"\n", "`openid`"),
        ("session_hours = 24\n", "1 to 12"),
        ("client_sceret = \"x\"\n", "client_sceret"),
    ] {
        settings(&env, &provider, more);
        let refused = check(&[]).expect(3);
        assert!(refused.stderr.contains(says), "{}", refused.text());
        assert!(!refused.text().contains(Provider::secret()), "{}", refused.text());
    }
    settings(&env, &provider, "");
    std::fs::remove_file(env.path("console.secret")).unwrap();
    let refused = check(&[]).expect(3);
    assert!(refused.stderr.contains("console.secret"), "{}", refused.text());
    // An issuer that is away is said, and keeps nobody from starting.
    let away = provider
        .settings_with_console("")
        .replace(&provider.issuer, "http://127.0.0.1:1");
    let away = away.replace(
        "client_secret_file = \"\"\n",
        "client_secret_command = \"echo secret\"\n",
    );
    env.file("issuers.toml", away);
    let warned = check(&[]).expect(0);
    assert!(warned.stderr.contains("nobody can sign in"), "{}", warned.text());
}
