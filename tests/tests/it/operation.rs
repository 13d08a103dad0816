//! What whoever runs the service sees of it: health, metrics, logs, limits and notices.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use easemob_admin_sandbox::Fault;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::env::{STUCK, TestEnv, until};
use super::service::{Answer, KEY, Service, ask_with};

const RUNS: &str = "/v1/apps/default/runs";

/// Asks without a key.
fn look(address: &str, path: &str) -> Answer {
    ask_with(address, "GET", path, "", "").unwrap()
}

/// Where health and metrics are.
fn observed(service: &Service) -> String {
    let url = service.ready["metrics"].as_str().unwrap();
    url.trim_start_matches("http://")
        .trim_end_matches("/metrics")
        .to_owned()
}

fn logout(users: &[&str]) -> Value {
    json!({"action": {"kind": "logout", "selection": {}}, "reason": "leak", "users": users})
}

fn stop(mut service: Service) -> String {
    kill_process(Pid::from_child(&service.process), Signal::TERM).unwrap();
    assert!(service.process.wait().unwrap().success());
    TestEnv::finish(service.process).stderr
}

#[test]
fn health_and_metrics_have_a_listener_of_their_own_and_a_stopping_service_is_not_ready() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.online("bob", &["ios_1"]);
    let service = Service::start(&env, "data", &["--metrics", "127.0.0.1:0"]);
    let at = observed(&service);
    assert_eq!(look(&at, "/healthz").status, 200);
    assert_eq!(look(&at, "/readyz").body, "ready\n");
    assert_eq!(
        look(&service.address, "/metrics").status,
        404,
        "clients see nothing of it"
    );
    assert_eq!(service.ask("POST", RUNS, &logout(&["ann"])).status, 201);
    let _ = look(&service.address, "/v1/apps/default/runs");
    until("the end of the run", || env.devices("ann").is_empty());
    let metrics = look(&at, "/metrics").body;
    for line in [
        r#"easemob_admin_requests_total{method="POST",route="/v1/apps/{app}/runs",status="201"} 1"#,
        r#"easemob_admin_requests_total{method="GET",route="/v1/apps/{app}/runs",status="401"} 1"#,
        r#"easemob_admin_overdue_locks{app="default"} 0"#,
        r#"easemob_admin_runs{state="paused"} 0"#,
        r#"easemob_admin_app_requests_limited{app="default"} 0"#,
        "easemob_admin_outside_head_age_seconds -1",
        "easemob_admin_unread_records 0",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is missing in:\n{metrics}");
    }
    // While users in progress are finished, nobody shall be sent here any more.
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let _ = service.ask("POST", RUNS, &logout(&["bob"]));
    until("a call that is held up", || env.sandbox().held_calls() > 0);
    kill_process(Pid::from_child(&service.process), Signal::TERM).unwrap();
    until("it is not ready", || look(&at, "/readyz").status == 503);
    assert_eq!(
        (look(&at, "/readyz").body.as_str(), look(&at, "/healthz").status),
        ("stopping\n", 200)
    );
    env.sandbox().release_calls();
    assert!(TestEnv::finish(service.process).code == 0);
    assert!(env.devices("bob").is_empty(), "who was in progress was finished");
}

#[test]
fn a_service_that_cannot_record_is_not_ready() {
    let env = TestEnv::new();
    let service = Service::start(&env, "data", &["--metrics", "127.0.0.1:0"]);
    let at = observed(&service);
    assert_eq!(look(&at, "/readyz").status, 200);
    // A file where the trails should be.
    let trails = env.path("data/audit");
    let _ = std::fs::remove_dir_all(&trails);
    std::fs::write(&trails, "").unwrap();
    let answer = look(&at, "/readyz");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(look(&at, "/healthz").status, 200, "a restart would not help");
}

#[test]
fn every_request_has_an_id_and_the_log_has_no_secret() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let service = Service::start(&env, "data", &["--log", "json"]);
    let head = format!("authorization: Bearer {KEY}\r\n");
    let asked = |more: &str| {
        let path = "/v1/apps/default/users/ann/devices?limit=1";
        ask_with(&service.address, "GET", path, &format!("{head}{more}"), "").unwrap()
    };
    let chosen = asked("x-request-id: from-client.1\r\n");
    assert_eq!(chosen.header("x-request-id"), Some("from-client.1"));
    let odd = asked("x-request-id: {\"a\": 1}\r\n");
    assert_eq!(odd.header("x-request-id").unwrap().len(), 16, "{odd:?}");
    let refused = ask_with(&service.address, "GET", "/v1/apps/default/runs?key=ea_x", "", "").unwrap();
    let id = refused.header("x-request-id").unwrap().to_owned();
    let said = stop(service);
    let lines: Vec<Value> = said
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |id: &str| {
        let mut lines = lines.iter().filter(|line| line["span"]["id"] == id);
        lines
            .next()
            .unwrap_or_else(|| panic!("{id} is missing in {said}"))
            .clone()
    };
    let line = of("from-client.1");
    assert_eq!(
        (&line["method"], &line["route"], &line["key"]),
        (
            &"GET".into(),
            &"/v1/apps/{app}/users/{user}/devices".into(),
            &"0123456789ab".into()
        ),
        "{line}"
    );
    assert_eq!(of(&id)["status"], 401);
    let (_, secret) = KEY.rsplit_once('_').unwrap();
    for hidden in [secret, env.sandbox().client_secret(), "ea_x", "/ann/"] {
        assert!(!said.contains(hidden), "{hidden} is in {said}");
    }
}

#[test]
fn a_key_that_sends_too_much_is_told_to_wait() {
    let env = TestEnv::new();
    let service = Service::start(&env, "data", &["--key-rate", "5"]);
    let answers: Vec<Answer> = (0..20)
        .map(|_| service.ask("GET", "/v1/apps", &Value::Null))
        .collect();
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.json()["type"], "/problems/too-many-requests");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    thread::sleep(Duration::from_secs(wait));
    assert_eq!(service.ask("GET", "/v1/apps", &Value::Null).status, 200);
}

/// A receiver of notices that first answers in other ways.
struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    /// Closes the first connections without an answer, refuses the next ones, and takes the rest.
    fn that_first_fails(times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook/path?x=1", listener.local_addr().unwrap());
        let taken = Arc::<Mutex<Vec<(String, String)>>>::default();
        let (all, count) = (Arc::clone(&taken), AtomicUsize::default());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let number = count.fetch_add(1, Ordering::Relaxed);
                if number < times {
                    continue;
                }
                let (mut text, mut buffer) = (String::new(), [0; 8192]);
                while !is_whole(&text) {
                    let read = stream.read(&mut buffer).unwrap();
                    text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                }
                let status = if number < 2 * times { "500 No" } else { "204 Taken" };
                if number >= 2 * times {
                    let (head, body) = text.split_once("\r\n\r\n").unwrap();
                    all.lock().unwrap().push((head.to_owned(), body.to_owned()));
                }
                let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, taken }
    }
}

fn is_whole(text: &str) -> bool {
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(str::to_owned)
        });
        length.is_some_and(|length| body.len() >= length.trim().parse().unwrap())
    })
}

fn with_notices<'a>(env: &TestEnv, secret: &'a mut String, url: &'a str) -> [&'a str; 4] {
    *secret = env.file("notices.secret", "s3cret\n");
    ["--notices", url, "--notices-secret-file", secret]
}

#[test]
fn notices_are_signed_and_posted_until_they_are_taken() {
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    let receiver = Receiver::that_first_fails(1);
    let mut secret = String::new();
    let service = Service::start(&env, "data", &with_notices(&env, &mut secret, &receiver.url));
    let mut capped = logout(&["ann", "bob"]);
    capped["max_logouts"] = 1.into();
    let made = service.ask("POST", RUNS, &capped);
    let run = made.json()["id"].as_str().unwrap().to_owned();
    until("both notices", || receiver.taken.lock().unwrap().len() >= 2);
    let taken = receiver.taken.lock().unwrap().clone();
    let mut kinds = BTreeSet::new();
    for (head, body) in &taken {
        let said: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&said["details"]["run"], &said["app"]),
            (&run.as_str().into(), &"acme#chat".into())
        );
        kinds.insert(said["kind"].as_str().unwrap().to_owned());
        let signature = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("easemob-admin-signature: ")
                    .map(str::to_owned)
            })
            .unwrap_or_else(|| panic!("no signature in {head}"));
        let (at, digest) = signature.split_once(",v1=").unwrap();
        let at = at.strip_prefix("t=").unwrap();
        let expected = hmac(b"s3cret", &format!("{at}.{body}"));
        assert_eq!(digest, expected, "{head}\n{body}");
    }
    assert_eq!(kinds, ["run.cap_hit".to_owned(), "run.ended".to_owned()].into());
    let tried = service.ask("POST", "/v1/settings/test-notice", &Value::Null);
    let id = tried.json()["id"].clone();
    until("the notice on trial", || {
        receiver.taken.lock().unwrap().len() >= 3
    });
    let said: Value = serde_json::from_str(&receiver.taken.lock().unwrap()[2].1).unwrap();
    assert_eq!((&said["kind"], &said["id"]), (&"test".into(), &id));
    let shown = || service.ask("GET", "/v1/settings", &Value::Null).json()["notices"].clone();
    until("all notices", || shown()["waiting"] == 0);
    let notices = shown();
    let server = receiver.url.strip_suffix("/hook/path?x=1").unwrap();
    assert_eq!(
        (&notices["receiver"], &notices["delivered"]),
        (&server.into(), &3.into())
    );
    assert_eq!(notices["failing"], Value::Null);
    let _ = stop(service);
}

/// HMAC-SHA256 in hexadecimal digits, by another program than the one that is tested.
fn hmac(key: &[u8], text: &str) -> String {
    let mut child = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", std::str::from_utf8(key).unwrap()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    output.rsplit(' ').next().unwrap().trim().to_owned()
}

#[test]
fn a_receiver_that_is_dead_or_never_answers_holds_nothing_up() {
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    // It accepts, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = "http://127.0.0.1:1/hook".to_owned();
    let urls = [dead, format!("http://{}/hook", silent.local_addr().unwrap())];
    for (user, url) in ["ann", "bob"].iter().zip(&urls) {
        let mut secret = String::new();
        let service = Service::start(&env, user, &with_notices(&env, &mut secret, url));
        let began = Instant::now();
        let made = service.ask("POST", RUNS, &logout(&[user]));
        let path = format!("{RUNS}/{}", made.json()["id"].as_str().unwrap());
        until("the end of the run", || {
            service.ask("GET", &path, &Value::Null).json()["state"] == "done"
        });
        let _ = stop(service);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
    drop(silent);
}

#[test]
fn a_new_certificate_is_used_after_a_signal() {
    let env = TestEnv::new();
    let certificate = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let _ = env.file("cert.pem", made.cert.pem());
        let _ = env.file("key.pem", made.signing_key.serialize_pem());
    };
    certificate("one.test");
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| env.path(name).to_str().unwrap().to_owned());
    let service = Service::start(&env, "data", &["--tls-cert", &cert, "--tls-key", &key]);
    let shown = || {
        let shown = std::process::Command::new("sh")
            .args(["-c", &format!("openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName", service.address)])
            .output()
            .unwrap();
        String::from_utf8(shown.stdout).unwrap()
    };
    assert!(shown().contains("one.test"), "{}", shown());
    certificate("two.test");
    kill_process(Pid::from_child(&service.process), Signal::HUP).unwrap();
    until("the new certificate", || shown().contains("two.test"));
    // A pair that does not fit leaves the old one in use.
    std::fs::write(&key, "no key").unwrap();
    kill_process(Pid::from_child(&service.process), Signal::HUP).unwrap();
    service.process.until_it_says("the old one stays in use");
    assert!(shown().contains("two.test"));
    let _ = stop(service);
}
