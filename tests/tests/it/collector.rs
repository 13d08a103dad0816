//! The collector through the binary: what the service posts is kept once, and nothing that was acknowledged is lost.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use easemob_admin_sandbox::{DeviceLimits, Sandbox, Webhook};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::env::{Running, TestEnv, until};
use super::interrupts::{interrupt, send};

pub(crate) const SECRET: &str = "s3cret";

/// A collector for `acme#chat`, and its address.
pub(crate) struct Collector {
    pub(crate) child: Running,
    pub(crate) address: String,
}

/// A home whose configured server nobody asks, and a file with the secret.
pub(crate) fn home() -> (TestEnv, String) {
    let mut env = TestEnv::bare();
    env.set("EASEMOB_APP_ROOT", "http://127.0.0.1:1/acme/chat");
    let secret = env.file("hook.secret", format!("{SECRET}\n"));
    (env, secret)
}

pub(crate) fn collect(env: &TestEnv, secret: &str) -> Collector {
    collect_in(env.spawn(&collect_args(secret)))
}

/// A collector on any free port.
pub(crate) fn collect_args(secret: &str) -> [&str; 6] {
    [
        "logins",
        "collect",
        "--listen",
        "127.0.0.1:0",
        "--secret-file",
        secret,
    ]
}

/// Waits until a collector is ready.
pub(crate) fn collect_in(mut child: Running) -> Collector {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).expect("a line that says that it is ready");
    let url = ready["url"].as_str().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    Collector { child, address }
}

pub(crate) fn stop(collector: Collector) -> String {
    interrupt(&collector.child);
    TestEnv::finish(collector.child).expect(0).stderr
}

/// A post of the service, signed.
pub(crate) fn login(number: usize, secret: &str) -> String {
    login_at(number, secret, 1_712_000_000_000)
}

/// A post about `at_ms`, in milliseconds since 1970, and as many more as the number says.
pub(crate) fn login_at(number: usize, secret: &str, at_ms: i64) -> String {
    let call_id = format!("acme#chat_{number}");
    let timestamp = at_ms + i64::try_from(number).unwrap();
    let digest = Md5::digest(format!("{call_id}{secret}{timestamp}"));
    let security = digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    json!({
        "callId": call_id, "security": security, "reason": "login", "status": "online", "os": "ios",
        "appkey": "acme#chat", "user": format!("acme#chat_user_{number}@easemob.com/ios_{number}"),
        "timestamp": timestamp, "version": "4.1.0", "ip": "127.0.0.1:1", "host": "msync@test",
    })
    .to_string()
}

/// Sends a request over a connection that is kept, and returns the status and body of the answer.
pub(crate) fn ask(stream: &mut TcpStream, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

pub(crate) fn kept_users(env: &TestEnv) -> BTreeSet<String> {
    let args = [
        "logins", "top", "--by", "sign-ins", "--limit", "100000", "-o", "json",
    ];
    let rows = env.run(&args).expect(0).json()["rows"].clone();
    let users = rows.as_array().unwrap().iter();
    users
        .map(|row| row["user"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_happens_to_sessions_is_kept_with_its_reason() {
    let (env, secret) = home();
    let collector = collect(&env, &secret);
    let hook = Webhook::new(format!("http://{}/hook", collector.address), SECRET);
    let sandbox = env
        .block_on(Sandbox::builder().app("acme#chat").webhook(hook).start())
        .unwrap();
    sandbox.register("ann");
    sandbox.set_limits(DeviceLimits::multi(1)).unwrap();
    env.block_on(async {
        sandbox.sign_in("ann", "ios").unwrap();
        sandbox.sign_in("ann", "ios").unwrap();
        let resource = sandbox.devices("ann")[0].resource.clone();
        sandbox.kick("ann", &resource);
    });
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    until("four events", || {
        let (_, text) = ask(&mut stream, "GET", "/metrics", "").unwrap();
        text.contains(r#"posts_total{outcome="kept"} 4"#)
    });
    let said = stop(collector);
    assert!(
        said.contains("4 events stored, 0 duplicates, 0 posts refused"),
        "{said}"
    );
    let rows = env.run(&["logins", "show", "ann", "-o", "json"]).expect(0).json()["rows"].clone();
    let events: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        events.iter().filter(|event| **event == "login").count(),
        2,
        "{rows}"
    );
    assert_eq!(
        events.iter().filter(|event| **event == "replaced").count(),
        2,
        "{rows}"
    );
    let top = env
        .run(&["logins", "top", "--by", "evictions", "-o", "csv"])
        .expect(0);
    assert!(top.stdout.contains("ann,evictions,2"), "{}", top.stdout);
}

#[test]
fn posts_that_are_not_the_services_are_refused_and_counted() {
    let (env, secret) = home();
    let collector = collect(&env, &secret);
    let status = |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(&collector.address).unwrap();
        ask(&mut stream, method, path, body).unwrap()
    };
    assert_eq!(status("GET", "/healthz", ""), (200, "ok".into()));
    assert_eq!(status("POST", "/any/path", &login(1, SECRET)).0, 200);
    assert_eq!(status("POST", "/", &login(1, SECRET)), (200, "duplicate".into()));
    assert_eq!(status("POST", "/", &login(2, "guessed")).0, 403);
    assert_eq!(status("POST", "/", "{}").0, 400);
    assert_eq!(
        status("POST", "/", &login(3, SECRET).replace("acme#chat", "x#y")).0,
        403
    );
    assert_eq!(status("POST", "/", &"x".repeat(70_000)).0, 413);
    for at_ms in [0, 4_000_000_000_000] {
        let answer = status("POST", "/", &login_at(4, SECRET, at_ms));
        assert_eq!(answer, (400, "implausible_time".into()), "{at_ms}");
    }
    let other = json!({"callId": "1", "timestamp": 5, "eventType": "chat"}).to_string();
    assert_eq!(
        status("POST", "/", &other).0,
        403,
        "what is not signed is not looked into"
    );
    let (_, metrics) = status("GET", "/metrics", "");
    for (outcome, count) in [
        ("kept", 1),
        ("duplicate", 1),
        ("bad_signature", 2),
        ("malformed", 1),
        ("other_app", 1),
    ] {
        let line = format!(r#"posts_total{{outcome="{outcome}"}} {count}"#);
        assert!(metrics.contains(&line), "{line} is missing in:\n{metrics}");
    }
    let _ = stop(collector);
    assert_eq!(kept_users(&env), ["user_1".to_owned()].into());
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_collector_is_killed() {
    const SENDERS: usize = 8;
    let (env, secret) = home();
    let collector = collect(&env, &secret);
    let address = collector.address.clone();
    let count = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (address, count) = (address.clone(), Arc::clone(&count));
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                let mut stream = TcpStream::connect(&address).unwrap();
                for number in 0.. {
                    let number = number * SENDERS + sender;
                    match ask(&mut stream, "POST", "/", &login(number, SECRET)) {
                        Some((200, _)) => acknowledged.push(format!("user_{number}")),
                        _ => break,
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                acknowledged
            })
        })
        .collect();
    until("many answers", || count.load(Ordering::Relaxed) >= 1_000);
    send("-KILL", &collector.child);
    let acknowledged: BTreeSet<String> = senders
        .into_iter()
        .flat_map(|sender| sender.join().unwrap())
        .collect();
    let mut child = collector.child;
    child.wait().unwrap();
    let kept = kept_users(&env);
    let lost: Vec<&String> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");
    // It can be gone on with.
    let collector = collect(&env, &secret);
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    let first = acknowledged
        .first()
        .unwrap()
        .trim_start_matches("user_")
        .parse()
        .unwrap();
    let again = ask(&mut stream, "POST", "/", &login(first, SECRET));
    assert_eq!(again, Some((200, "duplicate".into())));
    let _ = stop(collector);
}

/// Anybody can send bad posts, so they say nothing about the service; but its secret may have been changed.
#[test]
fn badly_signed_posts_are_reported_and_are_no_gap() {
    let (env, secret) = home();
    let collector = collect(&env, &secret);
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    for number in 0..200 {
        let (status, _) = ask(&mut stream, "POST", "/", "junk of a stranger").unwrap();
        assert_eq!(status, 400);
        let (status, _) = ask(&mut stream, "POST", "/", &login(number, "another secret")).unwrap();
        assert_eq!(status, 403);
        let foreign = login(number, SECRET).replace("acme#chat", "x#y");
        let (status, _) = ask(&mut stream, "POST", "/", &foreign).unwrap();
        assert_eq!(status, 403);
    }
    assert_eq!(ask(&mut stream, "POST", "/", &login(1, SECRET)).unwrap().0, 200);
    let said = stop(collector);
    let reported = said
        .matches("refused a post from 127.0.0.1: not signed with a secret")
        .count();
    assert_eq!(reported, 1, "{said}");
    assert!(said.contains("another --secret-file"), "{said}");
    for command in [
        &["logins", "top", "--by", "sign-ins"][..],
        &["logins", "show", "user_1"],
    ] {
        let asked = env.run(command).expect(0);
        assert!(!asked.stderr.contains("may be missing"), "{}", asked.stderr);
    }
    let report = env.run(&["logins", "report", "--markdown"]).expect(2);
    let hint = "start with: easemob-admin logins scan";
    assert!(report.stderr.contains(hint), "{}", report.stderr);
}

#[test]
fn metrics_can_have_an_address_of_their_own() {
    let (env, secret) = home();
    let args = [&collect_args(&secret)[..], &["--metrics", "127.0.0.1:0"]].concat();
    let mut child = env.spawn(&args);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).expect("a line that says that it is ready");
    let address = |name: &str| {
        let url = ready[name].as_str().unwrap().trim_start_matches("http://");
        url.split('/').next().unwrap().to_owned()
    };
    let status = |address: &str, method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        ask(&mut stream, method, path, body).unwrap()
    };
    let (posts, metrics) = (address("url"), address("metrics"));
    assert_eq!(status(&posts, "POST", "/metrics", &login(1, SECRET)).0, 200);
    let (code, text) = status(&metrics, "GET", "/metrics", "");
    assert_eq!(code, 200);
    assert!(text.contains(r#"posts_total{outcome="kept"} 1"#), "{text}");
    let (code, text) = status(&posts, "GET", "/metrics", "");
    assert_eq!(code, 404);
    assert!(
        text.contains("--metrics") && !text.contains("posts_total"),
        "{text}"
    );
    assert_eq!(
        status(&metrics, "POST", "/", &login(2, SECRET)).0,
        404,
        "posts have theirs"
    );
    interrupt(&child);
    let _ = TestEnv::finish(child).expect(0);
    let taken = env
        .run(&[&collect_args(&secret)[..], &["--metrics", "192.0.2.1:1"]].concat())
        .expect(3);
    assert!(taken.stderr.contains("and 192.0.2.1:1"), "{}", taken.stderr);
}

fn collected() -> (TestEnv, Collector, Sandbox) {
    collected_by(TestEnv::bare())
}

/// A sandbox whose posts a collector receives, as the profile `local`.
pub(super) fn collected_by(env: TestEnv) -> (TestEnv, Collector, Sandbox) {
    let secret = env.file("client.secret", "secret\n");
    let hook_secret = env.file("hook.secret", SECRET);
    let profile = |server: &str| {
        let add = [
            "profile",
            "add",
            "local",
            "--server",
            server,
            "--app",
            "acme#chat",
            "--force",
        ];
        let with = ["--client-id", "id", "--secret-file", &secret];
        let _ = env.run(&[&add[..], &with].concat()).expect(0);
    };
    // What is collected belongs to the profile; its server is known a moment later.
    profile("http://127.0.0.1:1");
    let collector = collect(&env, &hook_secret);
    let hook = Webhook::new(format!("http://{}/", collector.address), SECRET);
    let builder = Sandbox::builder()
        .app("acme#chat")
        .client_credentials("id", "secret");
    let sandbox = env.block_on(builder.webhook(hook).start()).unwrap();
    profile(&sandbox.rest_url());
    (env, collector, sandbox)
}

/// Collected sign-ins, a policy, and a cap: the newest stays, as the service itself would have it.
#[test]
fn a_policy_is_kept_while_people_sign_in() {
    let (env, collector, sandbox) = collected();
    let policy = env.file("limits.toml", "[platforms]\nios = 1\n");
    let args = [
        "limits",
        "enforce",
        &policy,
        "--watch",
        "--delay",
        "100ms",
        "--max-logouts",
        "2",
    ];
    let watching = env.spawn(
        &[
            &args[..],
            &["--reason", "policy 12", "--yes", "--rate", "unlimited"],
        ]
        .concat(),
    );

    // Who signs in before it watches is not its concern.
    watching.until_it_says("watching sign-ins");
    sandbox.register("ann");
    let sign_in = |user: &str| {
        // No two at the same time.
        sandbox.advance(Duration::from_millis(1));
        env.block_on(async { sandbox.sign_in(user, "ios").unwrap().resource })
    };
    let first = sign_in("ann");
    let second = sign_in("ann");
    let resources = |user: &str| -> Vec<String> {
        sandbox
            .devices(user)
            .into_iter()
            .map(|device| device.resource)
            .collect()
    };
    until("the older device to go", || resources("ann") == [second.clone()]);
    assert_ne!(first, second);

    sandbox.register("bob");
    let all = [(); 3].map(|()| sign_in("bob"));
    // One more may go within the hour, so that one of the two that are too many goes, and the other one has to wait.
    until("the oldest device to go", || resources("bob") == all[1..]);
    watching.until_it_says("reached the cap of 2 logouts per hour; 1 user waiting");
    interrupt(&watching);
    let _ = TestEnv::finish(watching).expect(0);
    assert_eq!(resources("bob"), all[1..]);
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0).stdout;
    assert!(log.contains("policy 12") && log.contains(&first), "{log}");
    let _ = stop(collector);
}

/// How often a watch is killed; `.ci/full` asks for more.
fn kills() -> usize {
    let asked = std::env::var("EASEMOB_WATCH_KILLS").ok();
    asked.map_or(20, |number| number.parse().unwrap())
}

#[test]
fn a_watch_that_is_killed_again_and_again_forgets_nobody() {
    let (env, collector, sandbox) = collected();
    let policy = env.file("limits.toml", "[platforms]\nios = 1\n");
    let args = [
        "limits",
        "enforce",
        &policy,
        "--watch",
        "--delay",
        "50ms",
        "--max-logouts",
        "100000",
        "--reason",
        "policy 12",
        "--yes",
        "--rate",
        "unlimited",
    ];
    let mut users = Vec::new();
    let mut sign_in_two_each = |round: usize| {
        for number in 0..5 {
            let user = format!("user{round}x{number}");
            sandbox.register(&user);
            for _ in 0..2 {
                sandbox.advance(Duration::from_millis(1));
                env.block_on(async { sandbox.sign_in(&user, "ios").unwrap() });
            }
            users.push(user);
        }
    };
    let first = env.spawn(&args);
    first.until_it_says("watching sign-ins");
    send("-KILL", &first);
    for round in 0..kills() {
        // Some while nobody watches, and some while somebody is killed.
        sign_in_two_each(2 * round);
        let calls = sandbox.total_calls();
        let watching = env.spawn(&args);
        watching.until_it_says("watching sign-ins");
        assert!(
            watching
                .said()
                .contains("continuing at the position of the last watch"),
            "{}",
            watching.said()
        );
        sign_in_two_each(2 * round + 1);
        // At another point of its work each time: token, reads, logouts, and the next look.
        watching.until("a part of its work", || {
            sandbox.total_calls() >= calls + round % 19
        });
        send("-KILL", &watching);
    }
    let mut last = env.spawn(&args);
    last.drop_rows();
    last.until("the end of all surplus devices", || {
        users.iter().all(|user| sandbox.devices(user).len() == 1)
    });
    let second = env.run(&args).expect(13);
    assert!(
        second.stderr.contains("already watching the sign-ins for"),
        "{}",
        second.stderr
    );
    interrupt(&last);
    let _ = TestEnv::finish(last).expect(0);
    let _ = stop(collector);
}

#[test]
fn posts_are_read_from_a_file_once() {
    let (env, secret) = home();
    let lines = [
        login(1, SECRET),
        login(2, "guessed"),
        "no post".into(),
        login(1, SECRET),
    ]
    .join("\n");
    let file = env.file("posts.jsonl", lines);
    let args = ["logins", "import", &file, "--secret-file", &secret, "-o", "json"];
    let first = env.run(&args).expect(7);
    let row = &first.json()["rows"][0];
    assert_eq!(
        (&row["lines"], &row["new"], &row["duplicate"], &row["refused"]),
        (&4.into(), &1.into(), &1.into(), &2.into())
    );
    assert!(
        first.stderr.contains("skipped line 2: it is not signed"),
        "{}",
        first.stderr
    );
    let again = env.run(&args).expect(7);
    assert_eq!(again.json()["rows"][0]["duplicate"], 2);
}

#[test]
fn posts_can_come_over_tls() {
    let (env, secret) = home();
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = env.file("cert.pem", certificate.cert.pem());
    let key = env.file("key.pem", certificate.signing_key.serialize_pem());
    let args = collect_args(&secret);
    let mut child = env.spawn(&[&args[..], &["--tls-cert", &cert, "--tls-key", &key]].concat());
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).expect("a line that says that it is ready");
    let url = ready["url"].as_str().unwrap().replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://"), "{url}");
    let script = "const [url, body] = process.argv.slice(1);
        fetch(url, { method: 'POST', body }).then((answer) => console.log(answer.status));";
    let output = std::process::Command::new("node")
        .args(["-e", script, &url, &login(1, SECRET)])
        .env("NODE_EXTRA_CA_CERTS", &cert)
        .output()
        .expect("node is needed for this test: install Node.js 20 or newer");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "200", "{}", String::from_utf8_lossy(&output.stderr));
    interrupt(&child);
    let _ = TestEnv::finish(child).expect(0);
    assert_eq!(kept_users(&env), ["user_1".to_owned()].into());
}

#[test]
fn a_collector_is_told_what_it_needs() {
    let (env, _) = home();
    let no_secret = env
        .run(&["logins", "collect", "--listen", "127.0.0.1:0"])
        .expect(2);
    assert!(no_secret.stderr.contains("--secret-file"), "{}", no_secret.stderr);
    let sandbox = env
        .run(&[
            "--sandbox",
            "logins",
            "collect",
            "--listen",
            "127.0.0.1:0",
            "--unsigned",
        ])
        .expect(2);
    assert!(sandbox.stderr.contains("sandbox serve"), "{}", sandbox.stderr);
}
