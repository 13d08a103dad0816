//! Requests that are not what they look like, byte by byte: none signs anybody out unseen, or as somebody else.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::served::{ADMIN, Served};

const ROOT: &str = "/easemob-demo/sandbox";

/// What a request may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is refused, or the connection is closed.
    Refused,
    /// It is answered, and changes nothing.
    Read,
}

struct Target {
    served: Served,
    address: String,
}

impl Target {
    async fn new() -> Self {
        let served = Served::start().await;
        for user in ["ann", "bob"] {
            served.sandbox.register(user);
            served.sandbox.sign_in(user, "ios").unwrap();
        }
        let address = served.url.trim_start_matches("http://").to_owned();
        Self { served, address }
    }

    /// Sends bytes, and returns all that is answered until the other side closes.
    async fn send(&self, bytes: Vec<u8>) -> String {
        self.send_and(bytes, false).await
    }

    /// As `send`; `leaves` closes this side at once, which ends a request that is not whole.
    async fn send_and(&self, bytes: Vec<u8>, leaves: bool) -> String {
        let address = self.address.clone();
        let sent = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // The other side may have heard enough before the end.
            let _ = stream.write_all(&bytes);
            if leaves {
                let _ = stream.shutdown(Shutdown::Write);
            }
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        });
        sent.await.unwrap()
    }

    /// The calls that change something and reached the vendor.
    fn acts(&self) -> usize {
        let acts = [
            "sessions.logout_all",
            "sessions.logout_device",
            "users.ban",
            "users.unban",
            "users.delete",
            "users.delete_batch",
            "users.register",
            "users.set_password",
            "users.update",
            "limits.set",
            "limits.clear",
            "mutes.set",
        ];
        acts.iter().map(|call| self.served.sandbox.call_count(call)).sum()
    }

    /// The users of what the trail has.
    async fn recorded(&self) -> Vec<(String, String)> {
        let page = self.served.get("/v1/apps/chat/audit?all=true&limit=1000").await;
        if page.status == 404 {
            return Vec::new();
        }
        let items = page.expect(200).json()["items"].as_array().unwrap().clone();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        items
            .iter()
            .filter(|entry| entry["kind"] == "outcome")
            .map(|entry| (word(&entry["user"]), word(&entry["outcome"])))
            .collect()
    }
}

fn statuses(answer: &str) -> Vec<u16> {
    let heads = answer.match_indices("HTTP/1.1 ");
    heads
        .filter_map(|(at, head)| answer.get(at + head.len()..at + head.len() + 3)?.parse().ok())
        .collect()
}

/// A request with a key and a reason.
fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{line}\r\nhost: ops\r\nconnection: close\r\nauthorization: Bearer {ADMIN}\r\nx-reason: leak\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

fn with_body(line: &str, form: &str, body: &str) -> Vec<u8> {
    let headers = format!("content-type: {form}\r\ncontent-length: {}\r\n", body.len());
    request(line, &headers, body)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn other_shapes_of_a_request_do_nothing_unseen() {
    let target = Target::new().await;
    let get = |path: &str| request(&format!("GET {ROOT}{path} HTTP/1.1"), "", "");
    let plain = |line: &str| request(line, "", "");
    let with = |headers: &str| request(&format!("GET {ROOT}/users/ann/disconnect HTTP/1.1"), headers, "");
    let long = "a".repeat(70_000);
    let password = |length: usize| json!({"newpassword": "x".repeat(length - 18)}).to_string();
    let put =
        |form: &str, body: &str| with_body(&format!("PUT {ROOT}/users/ann/password HTTP/1.1"), form, body);
    let chunked = format!("{:x}\r\n{}\r\n0\r\n\r\n", 65_537, password(65_537));
    let smuggled = format!("0\r\n\r\nGET {ROOT}/users/bob/disconnect HTTP/1.1\r\nhost: ops\r\n\r\n");
    let attacks: Vec<(&str, Vec<u8>, Then)> = vec![
        // Other ways to write the path.
        ("two slashes", get("//users/ann/disconnect"), Then::Refused),
        ("a slash at the end", get("/users/ann/disconnect/"), Then::Refused),
        ("a dot", get("/./users/ann/disconnect"), Then::Refused),
        ("two dots", get("/x/../users/ann/disconnect"), Then::Refused),
        ("encoded dots", get("/users/%2e%2e/disconnect"), Then::Refused),
        ("an encoded slash", get("/users/ann%2fdisconnect"), Then::Read),
        (
            "an encoded path",
            get("%2fusers%2fann%2fdisconnect"),
            Then::Refused,
        ),
        ("an encoded call", get("/users/ann/disconnec%74"), Then::Refused),
        ("a call in capitals", get("/users/ann/DISCONNECT"), Then::Refused),
        (
            "a parameter of the path",
            get("/users/ann/disconnect;x=1"),
            Then::Refused,
        ),
        (
            "an unknown query",
            get("/users/ann/disconnect?force=1"),
            Then::Refused,
        ),
        (
            "a token in the query",
            get("/users/ann/disconnect?access_token=x"),
            Then::Refused,
        ),
        (
            "a parameter of a name",
            get("/users/ann;x=1/disconnect"),
            Then::Refused,
        ),
        (
            "an encoded parameter of a name",
            get("/users/ann%3bx=1/disconnect"),
            Then::Refused,
        ),
        (
            "an encoded question mark",
            get("/users/ann%3fx/disconnect"),
            Then::Refused,
        ),
        ("NUL in a name", get("/users/ann%00/disconnect"), Then::Refused),
        (
            "a line break in a name",
            get("/users/ann%0d%0a/disconnect"),
            Then::Refused,
        ),
        ("no UTF-8", get("/users/%ff/disconnect"), Then::Refused),
        ("encoded twice", get("/users/%2561nn/disconnect"), Then::Refused),
        (
            "a very long path",
            get(&format!("/users/{long}/disconnect")),
            Then::Refused,
        ),
        (
            "the app in capitals",
            plain("GET /EASEMOB-DEMO/SANDBOX/users/ann/disconnect HTTP/1.1"),
            Then::Refused,
        ),
        (
            "an encoded app",
            plain("GET /easemob-demo%2fsandbox/users/ann/disconnect HTTP/1.1"),
            Then::Refused,
        ),
        (
            "the form with an id of the app",
            plain("GET /app-id/sandbox/users/ann/disconnect HTTP/1.1"),
            Then::Refused,
        ),
        ("backslashes", get("\\users\\ann\\disconnect"), Then::Refused),
        // Other methods.
        (
            "HEAD",
            plain(&format!("HEAD {ROOT}/users/ann/disconnect HTTP/1.1")),
            Then::Refused,
        ),
        (
            "OPTIONS",
            plain(&format!("OPTIONS {ROOT}/users/ann/disconnect HTTP/1.1")),
            Then::Refused,
        ),
        (
            "TRACE",
            plain(&format!("TRACE {ROOT}/users/ann/disconnect HTTP/1.1")),
            Then::Refused,
        ),
        (
            "CONNECT",
            plain("CONNECT im.example.com:443 HTTP/1.1"),
            Then::Refused,
        ),
        (
            "lower case",
            plain(&format!("get {ROOT}/users/ann/disconnect HTTP/1.1")),
            Then::Refused,
        ),
        (
            "a made-up method",
            plain(&format!("LOGOUT {ROOT}/users/ann/disconnect HTTP/1.1")),
            Then::Refused,
        ),
        (
            "a method in a header",
            request(
                &format!("GET {ROOT}/users/ann HTTP/1.1"),
                "x-http-method-override: DELETE\r\nx-method-override: DELETE\r\nx-http-method: DELETE\r\n",
                "",
            ),
            Then::Read,
        ),
        (
            "a method in the query",
            get("/users/ann?_method=DELETE"),
            Then::Refused,
        ),
        (
            "HTTP/0.9",
            format!("GET {ROOT}/users/ann/disconnect\r\n").into_bytes(),
            Then::Refused,
        ),
        (
            "HTTP/3.0",
            plain(&format!("GET {ROOT}/users/ann/disconnect HTTP/3.0")),
            Then::Refused,
        ),
        // Headers.
        (
            "two keys",
            with("authorization: Bearer ea_x_0123456789abcdef0123456789abcdef\r\n"),
            Then::Refused,
        ),
        ("two reasons", with("x-reason: another\r\n"), Then::Refused),
        ("a folded header", with("x-other: a\r\n b\r\n"), Then::Refused),
        ("a space before the colon", with("x-other : a\r\n"), Then::Refused),
        ("NUL in a header", with("x-other: \0\r\n"), Then::Refused),
        ("a header without a name", with(": a\r\n"), Then::Refused),
        (
            "a very long header",
            with(&format!("x-other: {}\r\n", "a".repeat(1 << 20))),
            Then::Refused,
        ),
        (
            "very many headers",
            with(&"x-other: a\r\n".repeat(2_000)),
            Then::Refused,
        ),
        // Where the body ends.
        (
            "two lengths",
            with("content-length: 0\r\ncontent-length: 5\r\n"),
            Then::Refused,
        ),
        (
            "two lengths in one",
            with("content-length: 0, 5\r\n"),
            Then::Refused,
        ),
        (
            "a length with a sign",
            with("content-length: +0\r\n"),
            Then::Refused,
        ),
        (
            "an unknown coding",
            with("transfer-encoding: xchunked\r\n"),
            Then::Refused,
        ),
        (
            "chunks that are not last",
            with("transfer-encoding: chunked, identity\r\n"),
            Then::Refused,
        ),
        (
            "a size of a chunk that is none",
            request(
                &format!("PUT {ROOT}/users/ann/password HTTP/1.1"),
                "content-type: application/json\r\ntransfer-encoding: chunked\r\n",
                "zz\r\n{}\r\n0\r\n\r\n",
            ),
            Then::Refused,
        ),
        (
            // What is behind the chunks is not a request: the connection ends.
            "length and chunks",
            request(
                &format!("GET {ROOT}/users/ann/resources HTTP/1.1"),
                &format!(
                    "content-length: {}\r\ntransfer-encoding: chunked\r\n",
                    smuggled.len()
                ),
                &smuggled,
            ),
            Then::Read,
        ),
        // Bodies.
        (
            "a body that is too long",
            put("application/json", &password(65_537)),
            Then::Refused,
        ),
        (
            "chunks that are too long",
            request(
                &format!("PUT {ROOT}/users/ann/password HTTP/1.1"),
                "content-type: application/json\r\ntransfer-encoding: chunked\r\n",
                &chunked,
            ),
            Then::Refused,
        ),
        (
            "something behind the body",
            put("application/json", r#"{"newpassword": "x"} {"newpassword": "y"}"#),
            Then::Refused,
        ),
        (
            "half a body",
            request(
                &format!("PUT {ROOT}/users/ann/password HTTP/1.1"),
                "content-type: application/json\r\ncontent-length: 500\r\n",
                "{",
            ),
            Then::Refused,
        ),
        (
            "a form",
            put("application/x-www-form-urlencoded", "newpassword=x"),
            Then::Refused,
        ),
        (
            "text",
            put("text/plain", r#"{"newpassword": "x"}"#),
            Then::Refused,
        ),
        (
            "no type",
            request(
                &format!("PUT {ROOT}/users/ann/password HTTP/1.1"),
                "content-length: 20\r\n",
                r#"{"newpassword": "x"}"#,
            ),
            Then::Refused,
        ),
        (
            "UTF-16",
            put("application/json; charset=utf-16", "{\0\"\0n\0\"\0:\x001\0}\0"),
            Then::Refused,
        ),
        (
            "a byte-order mark",
            put("application/json", "\u{feff}{\"newpassword\": \"x\"}"),
            Then::Refused,
        ),
        (
            "half a character",
            put("application/json", r#"{"newpassword": "\ud800"}"#),
            Then::Refused,
        ),
        (
            "packed by name only",
            put(
                "application/json\r\ncontent-encoding: gzip",
                r#"{"newpassword": "x"}"#,
            ),
            Then::Refused,
        ),
        (
            "gzip",
            put("application/json\r\ncontent-encoding: gzip", "\u{1f}\u{8b}\u{8}"),
            Then::Refused,
        ),
        (
            "a field that is not documented",
            put("application/json", r#"{"newpassword": "x", "activated": false}"#),
            Then::Refused,
        ),
        (
            "the field in other letters",
            put("application/json", r#"{"NewPassword": "x"}"#),
            Then::Refused,
        ),
        (
            "names in two fields",
            with_body(
                &format!("POST {ROOT}/users HTTP/1.1"),
                "application/json",
                r#"[{"username": "new", "Username": "old", "password": "x"}]"#,
            ),
            Then::Refused,
        ),
        (
            "a name that is a list",
            with_body(
                &format!("POST {ROOT}/users HTTP/1.1"),
                "application/json",
                r#"{"username": ["a", "b"], "password": "x"}"#,
            ),
            Then::Refused,
        ),
        (
            "entries in entries",
            with_body(
                &format!("POST {ROOT}/users HTTP/1.1"),
                "application/json",
                r#"[[{"username": "a", "password": "x"}]]"#,
            ),
            Then::Refused,
        ),
        (
            "very deep",
            put("application/json", &"[".repeat(20_000)),
            Then::Refused,
        ),
        // Other protocols.
        (
            "a WebSocket",
            request(
                &format!("GET {ROOT}/users/ann/resources HTTP/1.1"),
                "upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n",
                "",
            ),
            Then::Read,
        ),
        (
            "HTTP/2 without TLS",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            Then::Refused,
        ),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            Then::Refused,
        ),
    ];
    for (attack, bytes, then) in attacks {
        // Of those that are not whole, the rest is waited for.
        let leaves = ["half a body", "HTTP/0.9", "HTTP/2 without TLS", "TLS"].contains(&attack);
        let answer = target.send_and(bytes, leaves).await;
        let got = statuses(&answer);
        assert!(!got.contains(&101), "{attack}: {answer}");
        match then {
            Then::Refused => assert!(got.iter().all(|status| *status >= 400), "{attack}: {answer}"),
            Then::Read => assert_eq!(got.len(), 1, "{attack}: {answer}"),
        }
        assert_eq!(target.acts(), 0, "{attack}: {answer}");
    }
    assert_eq!(target.recorded().await, []);
    // The service is well, and does what is asked for plainly.
    let ended = target.send(get("/users/ann/disconnect")).await;
    assert_eq!(statuses(&ended), [200], "{ended}");
    assert_eq!(target.recorded().await, [("ann".to_owned(), "ended".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_read_as_it_is_documented() {
    let target = Target::new().await;
    let with = |reason: &str| {
        let mut bytes = format!(
            "GET {ROOT}/users/ann/disconnect HTTP/1.1\r\nhost: ops\r\nconnection: close\r\nauthorization: Bearer {ADMIN}\r\nx-reason: "
        )
        .into_bytes();
        bytes.extend_from_slice(reason.as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes
    };
    let too_long = "x".repeat(501);
    for refused in [
        "",
        "  ",
        "UTF-8''",
        "UTF-8''%0A",
        "UTF-8''a%0D%0Ab",
        "UTF-8''%E6%B3",
        "UTF-8''%zz",
        &too_long,
    ] {
        let answer = target.send(with(refused)).await;
        assert_eq!(statuses(&answer), [400], "{refused}: {answer}");
    }
    assert_eq!(target.acts(), 0);
    for (sent, read) in [
        ("leak, 50% of all", "leak, 50% of all"),
        ("泄露", "泄露"),
        ("UTF-8''%E6%B3%84%E9%9C%B2%2C%20100%25", "泄露, 100%"),
        ("utf-8'zh'%41", "utf-8'zh'%41"),
    ] {
        let answer = target.send(with(sent)).await;
        assert_eq!(statuses(&answer), [200], "{sent}: {answer}");
        let trail = target
            .served
            .get("/v1/apps/chat/audit?limit=1000")
            .await
            .expect(200)
            .json();
        let last = trail["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["reason"], read, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_judged_is_what_is_sent() {
    let target = Target::new().await;
    // A name that comes twice: the vendor reads what the service has read, whichever of the two.
    let body = r#"[{"username": "new1", "username": "new2", "password": "a secret", "password": "another"}]"#;
    let line = format!("POST {ROOT}/users HTTP/1.1");
    let made = target.send(with_body(&line, "application/json", body)).await;
    assert_eq!(statuses(&made), [200], "{made}");
    let recorded = target.recorded().await;
    assert_eq!(recorded.len(), 1, "one user was judged: {recorded:?}");
    let (user, outcome) = &recorded[0];
    assert_eq!(outcome, "done");
    let found = async |name: &str| {
        let path = format!("{ROOT}/users/{name}");
        target
            .served
            .ask(reqwest::Method::GET, &path, Some(ADMIN), None)
            .await
            .status
    };
    for name in ["new1", "new2"] {
        assert_eq!(found(name).await, if name == user { 200 } else { 404 }, "{name}");
    }
    // Letters that are written in another way are the same letters.
    let escaped = r#"{"username": "\u006eew3", "password": "a secret"}"#;
    let made = target.send(with_body(&line, "application/json", escaped)).await;
    assert_eq!(statuses(&made), [200], "{made}");
    assert_eq!(target.recorded().await[1].0, "new3");
    // No server sees what is behind a `#`, nor does the service: it is the call that stands before it.
    let ended = target
        .send(request(
            &format!("GET {ROOT}/users/ann/disconnect?#/resources HTTP/1.1"),
            "",
            "",
        ))
        .await;
    assert_eq!(statuses(&ended), [200], "{ended}");
    assert_eq!(target.recorded().await[2], ("ann".to_owned(), "ended".to_owned()));
    // Whoever has no key is not asked for a body.
    let asked = format!(
        "PUT {ROOT}/users/ann/password HTTP/1.1\r\nhost: ops\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n"
    );
    let answer = target.send(asked.into_bytes()).await;
    assert_eq!(statuses(&answer), [401], "{answer}");
}
