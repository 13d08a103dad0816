//! Simulated devices with real connections, seen from the terminals of an operator: what is listed is what is
//! connected, and a logout arrives.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::env::{Running, TestEnv};
use super::interrupts::interrupt;

/// A sandbox in a terminal of its own, kept as the profile `local`.
fn serve(env: &TestEnv) -> Running {
    let mut serving = env.spawn(&["sandbox", "serve", "--add-profile", "local", "--log", "off"]);
    let mut ready = String::new();
    let mut stdout = BufReader::new(serving.stdout.take().unwrap());
    stdout.read_line(&mut ready).unwrap();
    assert!(ready.contains("app_root"), "{ready}");
    serving
}

fn connect(
    env: &TestEnv,
    platform: &str,
    count: &str,
) -> (Running, BufReader<std::process::ChildStdout>, Vec<String>) {
    let args = [
        "--profile",
        "local",
        "-o",
        "jsonl",
        "sandbox",
        "devices",
        "connect",
    ];
    let which = ["--user", "ann", "--platform", platform, "--count", count];
    let mut child = env.spawn(&[args.as_slice(), which.as_slice()].concat());
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut ids = Vec::new();
    for _ in 0..count.parse().unwrap() {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).expect("a device that signed in");
        assert_eq!(line["event"], "signed_in");
        ids.push(
            line["device"]
                .as_str()
                .unwrap()
                .trim_start_matches("ann/")
                .to_owned(),
        );
    }
    (child, stdout, ids)
}

/// The rest of what a terminal shows, once its command has ended by itself.
fn rest((child, mut stdout, _): (Running, BufReader<std::process::ChildStdout>, Vec<String>)) -> Vec<Value> {
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    let _ = TestEnv::finish(child).expect(0);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn listed(env: &TestEnv) -> Vec<String> {
    let output = env
        .run(&["--profile", "local", "-o", "json", "devices", "list", "ann"])
        .expect(0);
    let rows = output.json()["rows"].as_array().unwrap().clone();
    let online = rows.iter().filter(|row| row["outcome"] == "online");
    online
        .map(|row| row["device"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
pub(super) fn a_platform_and_then_the_rest_is_logged_out_on_live_connections() {
    let env = TestEnv::bare();
    let serving = serve(&env);
    let phones = connect(&env, "ios", "2");
    let browsers = connect(&env, "web", "2");
    let mut expected: Vec<String> = [phones.2.clone(), browsers.2.clone()].concat();
    let mut seen = listed(&env);
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected, "the list is what is connected");

    let logout = [
        "--profile",
        "local",
        "sessions",
        "logout",
        "ann",
        "--reason",
        "test",
        "--yes",
    ];
    let _ = env
        .run(&[logout.as_slice(), &["--platform", "ios"]].concat())
        .expect(0);
    let events = rest(phones);
    let count = |event: &str, code: &Value| {
        let alike = events
            .iter()
            .filter(|line| line["event"] == event && line["code"] == *code);
        alike.count()
    };
    assert_eq!(
        (
            count("signed_out", &217.into()),
            count("disconnected", &Value::Null)
        ),
        (2, 2)
    );
    let mut left = listed(&env);
    let mut web = browsers.2.clone();
    left.sort();
    web.sort();
    assert_eq!(left, web, "the other platform stays");

    let _ = env.run(&logout).expect(0);
    assert_eq!(rest(browsers).len(), 4);
    assert!(listed(&env).is_empty());
    interrupt(&serving);
    let _ = TestEnv::finish(serving).expect(0);
}

#[test]
pub(super) fn what_devices_are_told_reads_well() {
    let env = TestEnv::bare();
    let serving = serve(&env);
    let mut child = env.spawn(&[
        "--profile",
        "local",
        "sandbox",
        "devices",
        "connect",
        "--user",
        "ann",
        "--platform",
        "ios",
        "--count",
        "5",
        "--ext",
        "from a test",
    ]);
    let evicted = "(206, evicted by another device): from a test";
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut stdout = String::new();
    while !stdout.contains(evicted) {
        assert_ne!(lines.read_line(&mut stdout).unwrap(), 0, "it ended: {stdout}");
    }
    child.until_it_says("5 devices of ann online until Ctrl-C");
    interrupt(&child);
    lines.read_to_string(&mut stdout).unwrap();
    let _ = TestEnv::finish(child).expect(0);
    assert_eq!(stdout.matches("signed in    ann/ios_").count(), 5, "{stdout}");
    assert_eq!(stdout.matches(evicted).count(), 1, "{stdout}");
    interrupt(&serving);
    let _ = TestEnv::finish(serving).expect(0);
}

#[test]
pub(super) fn nothing_simulated_goes_to_a_server_that_is_no_sandbox() {
    let mut env = TestEnv::bare();
    env.set("EASEMOB_CLIENT_ID", "id");
    env.set("EASEMOB_CLIENT_SECRET", "secret");
    let embedded = env
        .run(&["--sandbox", "sandbox", "devices", "connect", "--user", "ann"])
        .expect(2);
    assert!(
        embedded.stderr.contains("sandbox serve --add-profile local"),
        "{}",
        embedded.stderr
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let count = stream.read(&mut asked).unwrap();
        std::io::Write::write_all(
            &mut stream,
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        )
        .unwrap();
        String::from_utf8_lossy(&asked[..count]).into_owned()
    });
    let root = format!("http://{address}/o/a");
    let refused = env
        .run(&[
            "--app-root",
            &root,
            "sandbox",
            "devices",
            "connect",
            "--user",
            "ann",
        ])
        .expect(2);
    assert!(refused.stderr.contains("is not a sandbox"), "{}", refused.stderr);
    let asked = server.join().unwrap();
    assert!(asked.starts_with("GET /sandbox/health"), "{asked}");
}

#[test]
pub(super) fn a_profile_of_a_real_server_is_not_replaced() {
    let env = TestEnv::bare();
    let add = [
        "profile",
        "add",
        "prod",
        "--server",
        "https://a1.easemob.com",
        "--app",
        "acme#chat",
    ];
    let _ = env.run(&add).expect(0);
    let refused = env.run(&["sandbox", "serve", "--add-profile", "prod"]).expect(2);
    assert!(
        refused.stderr.contains("is not for a sandbox on this machine"),
        "{}",
        refused.stderr
    );
}
