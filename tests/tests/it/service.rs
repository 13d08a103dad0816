//! Processes of the service, and what tests ask them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::env::{Running, TestEnv};

/// The key of the administrator of every service of the tests.
pub(crate) const KEY: &str = "ea_0123456789ab_0123456789abcdef0123456789abcdef";

/// No answer takes longer.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

/// A process of the service.
pub(crate) struct Service {
    pub(crate) process: Running,
    /// The line that it prints when it is ready.
    pub(crate) ready: Value,
    /// Where it listens.
    pub(crate) address: String,
}

impl Service {
    /// Starts one with a data directory of its own, and waits until it is ready.
    pub(crate) fn start(env: &TestEnv, data: &str, args: &[&str]) -> Self {
        let mut starting = Self::spawn(env, data, args);
        let ready = ready(&mut starting);
        let Some(ready) = ready else {
            panic!("it did not start: {}", TestEnv::finish(starting).text());
        };
        Self::of(starting, ready)
    }

    fn spawn(env: &TestEnv, data: &str, args: &[&str]) -> Running {
        let data = env.path(data);
        let variables = [
            ("EASEMOB_DATA_DIR", data.to_str().unwrap()),
            ("EASEMOB_FIRST_KEY", KEY),
        ];
        env.spawn_with(
            &variables,
            &[&["serve", "--listen", "127.0.0.1:0"], args].concat(),
        )
    }

    fn of(process: Running, ready: Value) -> Self {
        let url = ready["url"].as_str().unwrap();
        Self {
            address: url.split("://").nth(1).unwrap().to_owned(),
            process,
            ready,
        }
    }

    /// Asks with the key of the administrator.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.address, method, path, body).unwrap()
    }
}

fn ready(process: &mut Running) -> Option<Value> {
    let mut line = String::new();
    let mut out = BufReader::new(process.stdout.as_mut().unwrap());
    out.read_line(&mut line).unwrap();
    serde_json::from_str(&line).ok()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }
}

/// Asks an address with the key of the administrator; nothing if the connection breaks.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &Value) -> Option<Answer> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let head = format!("authorization: Bearer {KEY}\r\ncontent-type: application/json\r\n");
    ask_with(address, method, path, &head, &body)
}

/// Asks with other headers, each with its end.
pub(crate) fn ask_with(address: &str, method: &str, path: &str, head: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LONGEST_ANSWER)).ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{head}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunked(body)?
    } else {
        body.to_owned()
    };
    Some(Answer {
        status,
        head: head.to_owned(),
        body,
    })
}

fn unchunked(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..length)?);
        body = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

/// Returns a command line that has only a key of the service at an address, for one app.
pub(crate) fn front(address: &str, app: &str) -> TestEnv {
    let mut front = TestEnv::bare();
    front.set("EASEMOB_SERVICE", &format!("http://{address}"));
    front.set("EASEMOB_SERVICE_KEY", KEY);
    front.set("EASEMOB_SERVICE_APP", app);
    front
}

/// Passes each connection on to the next of several processes, as a load balancer does. It ends with the program.
pub(crate) struct RoundRobin {
    pub(crate) address: String,
    behind: Arc<Mutex<Vec<String>>>,
}

impl RoundRobin {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let behind: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, turn) = (Arc::clone(&behind), AtomicUsize::default());
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let known = known.lock().unwrap().clone();
                let first = turn.fetch_add(1, Ordering::Relaxed);
                // One that does not listen any more is passed over.
                let server = (0..known.len())
                    .find_map(|next| TcpStream::connect(&known[(first + next) % known.len()]).ok());
                if let Some(server) = server {
                    pass(client, server);
                }
            }
        });
        Self { address, behind }
    }

    /// Names the processes that are there now.
    pub(crate) fn is_before<'a>(&self, services: impl IntoIterator<Item = &'a Service>) {
        let addresses = services.into_iter().map(|service| service.address.clone());
        *self.behind.lock().unwrap() = addresses.collect();
    }

    /// Asks until some process answers.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        for _ in 0..600 {
            match ask(&self.address, method, path, body) {
                Some(answer) if answer.status != 503 => return answer,
                _ => thread::sleep(Duration::from_millis(100)),
            }
        }
        panic!("nobody answers {method} {path}");
    }
}

fn pass(client: TcpStream, server: TcpStream) {
    let ways = [
        (client.try_clone().unwrap(), server.try_clone().unwrap()),
        (server, client),
    ];
    for (mut from, mut to) in ways {
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}
