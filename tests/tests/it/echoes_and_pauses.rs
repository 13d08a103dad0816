//! A server that sends requests back, and one that asks for an hour's pause.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use super::env::TestEnv;
use super::interrupts::send;

const TOKEN: &str = "YWMt7Kq_zP3-uX9+v/Bw2=";
const SECRET: &str = "YXA6n0tTh3/S+cret=ofAnyone";

/// One request as it came in.
struct Asked {
    target: String,
    head: String,
    body: String,
}

/// Serves every connection with `answer`: status, further headers, body.
fn serve(answer: impl Fn(&Asked) -> (u16, String, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}/acme/chat", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || while exchange(&stream, &*answer).is_some() {});
        }
    });
    root
}

fn exchange(mut stream: &TcpStream, answer: &impl Fn(&Asked) -> (u16, String, String)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let target = head
        .split(' ')
        .nth(1)?
        .trim_start_matches("/acme/chat")
        .to_owned();
    let body = String::from_utf8(body).ok()?;
    let (status, headers, text) = answer(&Asked { target, head, body });
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{text}"
    )
    .ok()
}

fn token_answer() -> (u16, String, String) {
    let body = serde_json::json!({"access_token": TOKEN, "expires_in": 5_000_000});
    (200, String::new(), body.to_string())
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |chunk: &[u8], place: usize| {
        let value = (0..3).fold(0_usize, |value, at| {
            value << 8 | chunk.get(at).map_or(0, |byte| usize::from(*byte))
        });
        char::from(DIGITS[value >> (18 - 6 * place) & 63])
    };
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        encoded.extend((0..=chunk.len()).map(|place| digit(chunk, place)));
    }
    encoded
}

fn percent(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}

fn spellings(text: &str) -> [String; 3] {
    [text.to_owned(), base64(text), percent(text)]
}

fn assert_clean(what: &str, text: &str) {
    for secret in [TOKEN, SECRET] {
        for hidden in spellings(secret) {
            // The last digits of base64 depend on what follows.
            let hidden = &hidden[..hidden.len() - 4];
            assert!(!text.contains(hidden), "{hidden} in {what}: {text}");
        }
    }
}

fn assert_clean_below(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.file_name() == "tokens" {
            // The one place for the token that commands share.
        } else if entry.file_type().unwrap().is_dir() {
            assert_clean_below(&entry.path());
        } else {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert_clean(
                &entry.path().display().to_string(),
                &String::from_utf8_lossy(&bytes),
            );
        }
    }
}

fn configured(root: &str) -> TestEnv {
    let mut env = TestEnv::bare();
    env.set("EASEMOB_APP_ROOT", root);
    env.set("EASEMOB_CLIENT_ID", "YXA6id");
    env.set("EASEMOB_CLIENT_SECRET", SECRET);
    env
}

#[test]
fn a_server_that_sends_requests_back_puts_no_secret_anywhere() {
    for status in [200, 400, 401, 403, 404, 500, 502, 503] {
        for also_tokens in [false, true] {
            let root = serve(move |asked| {
                // A client that got no token has none in use.
                let token = if also_tokens { "" } else { TOKEN };
                let echo = [asked.head.as_str(), asked.body.as_str(), token]
                    .map(|text| spellings(text).join("\n"))
                    .join("\n");
                if asked.target == "/token" && !also_tokens {
                    return token_answer();
                }
                let body = if status == 200 && asked.target.ends_with("/resources") {
                    let name = format!("{} {SECRET}", asked.head);
                    serde_json::json!({"data": [{"res": "ios_1", "device_name": name, "device_uuid": echo}]})
                        .to_string()
                } else if status == 400 {
                    serde_json::json!({"error": echo, "error_description": echo, "timestamp": 1}).to_string()
                } else {
                    format!("<pre>{echo}</pre>")
                };
                (status, format!("Content-Type: text/html; x={token}\r\n"), body)
            });
            let env = configured(&root);
            for args in [
                &["devices", "list", "ann", "--verbose", "-o", "json"][..],
                &[
                    "sessions",
                    "logout",
                    "ann",
                    "--reason",
                    "r",
                    "--yes",
                    "--verbose",
                    "-o",
                    "jsonl",
                ],
                &["logins", "scan", "ann"],
                &["runs", "show", "last"],
                &["audit", "export", "--format", "cef"],
                &["audit", "export", "--format", "ocsf"],
                &["profile", "doctor"],
            ] {
                let output = env.run(&[args, &["--max-duration", "2s"]].concat());
                assert_clean(&format!("{status} {args:?}"), &output.text());
            }
            assert_clean_below(env.home.path());
        }
    }
}

/// A server that refuses the device list of one user for an hour.
#[derive(Clone, Default)]
struct Refusing {
    /// No longer.
    well: Arc<AtomicBool>,
    /// The lists of later users are not answered while somebody writes here.
    gate: Arc<RwLock<()>>,
}

impl Refusing {
    fn env(&self) -> TestEnv {
        let Self { well, gate } = self.clone();
        configured(&serve(move |request| {
            let early = ["user000", "user001", "user002", "user003"];
            if request.target == "/token" {
                return token_answer();
            }
            if request.target.contains("user003") && !well.load(Ordering::SeqCst) {
                let body = r#"{"error":"reach_limit","error_description":"slow","timestamp":1}"#;
                return (429, "Retry-After: 3600\r\n".into(), body.into());
            }
            if !early.iter().any(|user| request.target.contains(user)) {
                drop(gate.read());
            }
            (200, String::new(), r#"{"data":[]}"#.into())
        }))
    }
}

#[test]
fn an_hours_pause_is_told_and_can_be_interrupted() {
    let server = Refusing::default();
    let env = server.env();
    let names: Vec<String> = (0..40).map(|number| format!("user{number:03}")).collect();
    let list = env.file("list", names.join("\n"));
    let args = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "r",
        "--yes",
        "--concurrency",
        "8",
        "--timeout",
        "5m",
        "-o",
        "json",
    ];
    let shut = server.gate.write().unwrap();
    let child = env.spawn(&args);
    child.until_it_says("waiting until ");
    // What is on its way ends, and what follows waits.
    drop(shut);
    send("-TERM", &child);
    // No run may take as long as the pause.
    let output = TestEnv::finish(child).expect(10);
    let summary = &output.json()["summary"];
    assert_eq!(summary["unknown"], 0, "{summary}");
    assert_eq!(summary["failed_retry_may_help"], 1, "{summary}");
    assert_eq!(summary["stopped"], "interrupted", "{summary}");
    // Of the eight at a time, any other may have been on its way before the pause.
    assert!(
        summary["not_started"].as_u64().unwrap() >= 40 - 3 - 8,
        "{summary}"
    );

    let later = env
        .run(&["devices", "list", "user001", "--max-duration", "5s"])
        .expect(10);
    assert!(later.stderr.contains("nothing until "), "{}", later.stderr);

    server.well.store(true, Ordering::SeqCst);
    std::fs::remove_dir_all(env.path("data/rate")).unwrap();
    let resumed = env
        .run(&["runs", "retry-failed", "last", "--yes", "-o", "json"])
        .expect(0);
    let done = &resumed.json()["summary"];
    assert_eq!(done["not_started"], 0, "{done}");
}

#[test]
fn a_pause_beyond_the_time_limit_ends_the_run_at_once() {
    let env = Refusing::default().env();
    let names: Vec<String> = (0..40).map(|number| format!("user{number:03}")).collect();
    let list = env.file("list", names.join("\n"));
    // Longer than any run may take, and shorter than the pause.
    let output = env
        .run(&[
            "sessions",
            "logout",
            "--from",
            &list,
            "--reason",
            "r",
            "--yes",
            "--max-duration",
            "10m",
            "-o",
            "json",
        ])
        .expect(10);
    assert_eq!(output.json()["summary"]["stopped"], "max_duration");
    assert_eq!(output.json()["summary"]["unknown"], 0);
}
