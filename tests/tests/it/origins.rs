//! A secret reaches the server it belongs to, and no other.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

/// How long to wait for what is on its way.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asserts that nothing was sent to a server of somebody else: what is sent now is the first that it hears.
fn hears_nothing(origin: &str, heard: &Receiver<String>) {
    let address = origin.trim_start_matches("http://");
    std::net::TcpStream::connect(address)
        .unwrap()
        .write_all(b"only a test")
        .unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), "only a test");
}

/// A server of somebody else, and what it was sent.
fn stranger() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (origin, heard)
}

/// Profile `prod` for the sandbox, with its secret in the file; nothing in the environment.
fn prod(more: &str) -> TestEnv {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let (rest, id, secret) = (
        env.sandbox().rest_url(),
        env.sandbox().client_id().to_owned(),
        env.sandbox().client_secret().to_owned(),
    );
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let profile = format!(
        "default = \"prod\"\n[profiles.prod]\nserver = \"{rest}\"\napp = \"acme#chat\"\nclient_id = \"{id}\"\n\
         client_secret = \"{secret}\"\n{more}"
    );
    let file = env.file("config/config.toml", profile);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    env
}

#[test]
fn the_secret_of_a_profile_is_not_sent_to_a_server_named_in_passing() {
    let (origin, heard) = stranger();
    let root = format!("{origin}/acme/chat");
    for (variables, args) in [
        (vec![("EASEMOB_SERVER", origin.as_str())], vec![]),
        (vec![], vec!["--server", &origin]),
        (
            vec![("EASEMOB_PROFILE", "prod"), ("EASEMOB_SERVER", &origin)],
            vec![],
        ),
        (
            vec![("EASEMOB_PROFILE", "prod"), ("EASEMOB_APP_ROOT", &root)],
            vec![],
        ),
        (vec![], vec!["--profile", "prod", "--server", &origin]),
        (vec![], vec!["--profile", "prod", "--app-root", &root]),
        (vec![], vec!["--server", &origin, "--app", "acme#chat"]),
        (vec![], vec!["--app-root", &root]),
        (vec![("EASEMOB_APP_ROOT", &root)], vec![]),
    ] {
        let mut env = prod("");
        for (name, value) in &variables {
            env.set(name, value);
        }
        let all = [&args[..], &["devices", "list", "ann"]].concat();
        let output = env.run(&all).expect(3);
        assert!(output.stderr.contains("hint:"), "{}", output.text());
        hears_nothing(&origin, &heard);
    }
}

#[test]
fn a_profile_may_have_more_origins() {
    let (origin, heard) = stranger();
    let env = prod(&format!("origins = [\"{origin}\"]\n"));
    let _ = env
        .run(&["--server", &origin, "devices", "list", "ann"])
        .expect(5);
    assert!(
        heard
            .recv_timeout(PATIENCE)
            .unwrap()
            .starts_with("POST /acme/chat/token")
    );
}

#[test]
fn a_secret_of_the_environment_is_not_sent_to_the_server_of_a_profile() {
    let mut env = prod("");
    env.set("EASEMOB_CLIENT_ID", "staging");
    env.set("EASEMOB_CLIENT_SECRET", "staging-secret");
    env.set("EASEMOB_TOKEN", "YWMtstaging");
    // The profile's own are used, and they are the right ones.
    let output = env.run(&["devices", "list", "ann"]).expect(0);
    assert!(
        output.stderr.contains("not EASEMOB_TOKEN from the environment"),
        "{}",
        output.text()
    );

    let rest = env.sandbox().rest_url();
    let bare = format!("default = \"prod\"\n[profiles.prod]\nserver = \"{rest}\"\napp = \"acme#chat\"\n");
    env.file("config/config.toml", &bare);
    let before = env.sandbox().calls().len();
    let output = env.run(&["devices", "list", "ann"]).expect(3);
    assert!(
        output.stderr.contains("credentials = \"environment\""),
        "{}",
        output.text()
    );
    assert_eq!(env.sandbox().calls().len(), before, "nothing is sent");

    let (id, secret) = (
        env.sandbox().client_id().to_owned(),
        env.sandbox().client_secret().to_owned(),
    );
    env.unset("EASEMOB_TOKEN");
    env.set("EASEMOB_CLIENT_ID", &id);
    env.set("EASEMOB_CLIENT_SECRET", &secret);
    env.file(
        "config/config.toml",
        format!("{bare}credentials = \"environment\"\n"),
    );
    let _ = env.run(&["devices", "list", "ann"]).expect(0);
}

#[test]
fn plain_http_to_another_machine_needs_permission() {
    let mut env = TestEnv::new();
    env.set("EASEMOB_APP_ROOT", "http://im.example.invalid/acme/chat");
    let output = env.run(&["devices", "list", "ann"]).expect(3);
    assert!(
        output.stderr.contains("EASEMOB_ALLOW_PLAIN_HTTP=1"),
        "{}",
        output.text()
    );
    env.set("EASEMOB_ALLOW_PLAIN_HTTP", "1");
    // Now it is tried, and the name does not resolve.
    let _ = env.run(&["devices", "list", "ann"]).expect(5);

    let env = TestEnv::bare();
    let add = [
        "--server",
        "http://im.example.invalid",
        "--app",
        "acme#chat",
        "profile",
        "add",
        "lab",
        "--client-id",
        "x",
    ];
    let _ = env.run(&add).expect(3);
    let _ = env.run(&[&add[..], &["--allow-plain-http"]].concat()).expect(0);
}

#[test]
fn a_text_that_is_no_secret_is_refused_before_anything_is_sent() {
    let mut env = TestEnv::new();
    for text in [
        "\u{feff}YXA6right",
        "\"YXA6right\"",
        "Bearer YWMtright",
        "YXA6right\n",
        "YXA6\nright",
        "YXA6right\u{1b}[0m",
        "YXA6\u{200b}right",
    ] {
        for name in ["EASEMOB_CLIENT_SECRET", "EASEMOB_CLIENT_ID", "EASEMOB_TOKEN"] {
            let (id, secret) = (
                env.sandbox().client_id().to_owned(),
                env.sandbox().client_secret().to_owned(),
            );
            env.unset("EASEMOB_TOKEN");
            env.set("EASEMOB_CLIENT_ID", &id);
            env.set("EASEMOB_CLIENT_SECRET", &secret);
            env.set(name, text);
            let output = env.run(&["devices", "list", "ann"]).expect(3);
            assert!(!output.text().contains("right"), "{}", output.text());
        }
    }
    assert!(env.sandbox().calls().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_that_is_typed_is_not_shown() {
    let env = TestEnv::bare();
    let add = [
        "--server",
        "https://h",
        "--app",
        "acme#chat",
        "profile",
        "add",
        "prod",
        "--client-id",
        "id",
        "--secret-stdin",
    ];
    // Not every machine has a program that makes a terminal.
    let Some(output) = env.run_on_terminal(&add, "YXA6typed\n") else {
        return;
    };
    let output = output.expect(0);
    assert!(output.stdout.contains("not shown"), "{}", output.text());
    let holds =
        |path: &std::path::PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text == "YXA6typed\n");
    assert!(env.files().iter().any(holds), "{:?}", env.files());
    // What is typed before the question is shown by the terminal itself.
    let (_, answer) = output.stdout.split_once("(not shown): ").unwrap();
    assert!(!answer.contains("YXA6typed"), "{}", output.text());
}

#[test]
fn a_run_is_not_resumed_with_the_credentials_of_another_server() {
    let (origin, heard) = stranger();
    let mut env = TestEnv::new();
    for name in ["ann", "bob"] {
        env.online(name, &["ios_1"]);
    }
    // Cut off before anything is sent: the run is on record, and its server is out of reach for want of a token.
    let root = env.sandbox().app_root();
    env.sandbox()
        .inject(Fault::raw_body("token", "text/html", "<html>").answer_status(502));
    let _ = env
        .run(&["sessions", "logout", "ann", "bob", "--reason", "test", "--yes"])
        .expect(5);
    env.sandbox().clear_faults();
    let before = env.sandbox().calls().len();

    env.set("EASEMOB_CLIENT_ID", "staging");
    env.set("EASEMOB_CLIENT_SECRET", "staging-secret");
    let resume = ["runs", "resume", "last", "--yes"];
    for (variable, value) in [
        ("EASEMOB_APP_ROOT", format!("{origin}/acme/chat")),
        ("EASEMOB_SERVER", origin.clone()),
    ] {
        env.unset("EASEMOB_APP_ROOT");
        env.unset("EASEMOB_SERVER");
        env.set(variable, &value);
        let output = env.run(&resume).expect(3);
        assert!(output.stderr.contains(variable), "{}", output.text());
        assert_eq!(env.sandbox().calls().len(), before, "nothing is sent");
        hears_nothing(&origin, &heard);
    }

    let (id, secret) = (
        env.sandbox().client_id().to_owned(),
        env.sandbox().client_secret().to_owned(),
    );
    env.unset("EASEMOB_SERVER");
    env.set("EASEMOB_APP_ROOT", &root);
    env.set("EASEMOB_CLIENT_ID", &id);
    env.set("EASEMOB_CLIENT_SECRET", &secret);
    let _ = env.run(&resume).expect(0);
    assert!(env.devices("ann").is_empty() && env.devices("bob").is_empty());
}
