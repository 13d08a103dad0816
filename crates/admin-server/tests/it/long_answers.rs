//! Long answers of the vendor, passed on as they come; and answers that break off, which never look whole.

use std::io::{BufRead as _, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use easemob_admin_api::{AppRoot, Client, Credentials, Timeouts};
use easemob_admin_server::first_key;
use easemob_admin_server::service::{Listening, Settings};
use jiff::Timestamp;
use serde_json::Value;

use crate::records::{Home, Records};
use crate::served::{ADMIN, listen_for};

/// The token of the app, which nobody may see.
const TOKEN: &str = "YWMtVGhpcyBpcyB0aGUgdG9rZW4gb2YgdGhlIGFwcA";

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// What is between the beginning and the end of a long answer.
const ENTRY: &str = r#"{"username":"user","activated":true,"note":"}],\"{["},"#;

type Script = Arc<dyn Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync>;

/// A server that gives tokens, and answers everything else by a script; and a service before it.
struct Through {
    url: String,
    _home: Arc<Home>,
    _listening: Listening,
}

fn vendor(script: Script) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let script = Arc::clone(&script);
            std::thread::spawn(move || answer(client, &script));
        }
    });
    format!("http://{address}/acme/chat")
}

fn answer(mut client: TcpStream, script: &Script) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    if first.contains("/token") {
        let body = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
        let length = body.len();
        return write!(
            client,
            "{HEAD}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }
    script(&mut client)
}

impl Through {
    fn new(script: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let root = vendor(Arc::new(script));
        let client = Client::builder(AppRoot::parse(&root).unwrap())
            .credentials(Credentials::client_secret("YXA6id", "YXA6a-secret-of-the-app"))
            .timeouts(Timeouts::default().read(Duration::from_secs(1)))
            .build()
            .unwrap();
        let home = Home::of(Records::Files);
        let (service, listening) =
            listen_for(client, "acme#chat", &home, Timestamp::now, Settings::default());
        assert!(first_key(&service, ADMIN).unwrap());
        Self {
            url: format!("http://{}", listening.addresses.clients),
            _home: home,
            _listening: listening,
        }
    }

    async fn ask(&self, path: &str) -> reqwest::Response {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = http
            .get(format!("{}/acme/chat{path}", self.url))
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("x-reason", "leak");
        sent.send().await.unwrap()
    }
}

/// Writes entries until there are so many bytes.
fn entries(client: &mut TcpStream, bytes: usize) -> std::io::Result<()> {
    let piece = ENTRY.repeat(1_000);
    for _ in 0..bytes.div_ceil(piece.len()) {
        client.write_all(piece.as_bytes())?;
    }
    Ok(())
}

const BEGIN: &str = r#"{"action":"get","entities":["#;
const END: &str = r#"{}],"timestamp":1,"duration":1,"count":9}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_passed_on_whole() {
    const LENGTH: usize = 40 * 1024 * 1024;
    let through = Through::new(|client| {
        write!(client, "{HEAD}connection: close\r\n\r\n{BEGIN}")?;
        entries(client, LENGTH)?;
        client.write_all(END.as_bytes())
    });
    let answer = through.ask("/users").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.unwrap();
    assert!(text.len() >= LENGTH);
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["count"], 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_read_than_the_client_takes() {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let (gone, is_gone) = std::sync::mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let through = Through::new(move |client| {
        write!(client, "{HEAD}connection: close\r\n\r\n{BEGIN}")?;
        let piece = ENTRY.repeat(1_000);
        while client.write_all(piece.as_bytes()).is_ok() {
            counted.fetch_add(piece.len(), Ordering::SeqCst);
        }
        let _ = gone.lock().unwrap().send(());
        Ok(())
    });
    let mut answer = through.ask("/users").await;
    let _ = answer.chunk().await.unwrap().unwrap();
    // It has stopped when what is in all buffers does not become more.
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = written.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(
        before < 32 * 1024 * 1024,
        "{before} bytes were read for a client that reads nothing"
    );
    // A client that goes away ends the call.
    drop(answer);
    tokio::task::spawn_blocking(move || is_gone.recv_timeout(Duration::from_secs(30)).unwrap())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_never_looks_whole() {
    /// More than is read before the answer begins.
    const LONG: usize = 2 * 1024 * 1024;
    type Ends = fn(&mut TcpStream, usize) -> std::io::Result<()>;
    let endings: [(&str, Ends); 6] = [
        ("a length that is not met", |client, length| {
            write!(client, "{HEAD}content-length: 90000000\r\n\r\n{BEGIN}")?;
            entries(client, length)
        }),
        ("a chunk that is cut", |client, length| {
            write!(
                client,
                "{HEAD}transfer-encoding: chunked\r\n\r\n{:x}\r\n{BEGIN}",
                length + 1_000_000
            )?;
            entries(client, length)
        }),
        ("the end of the connection in the middle", |client, length| {
            write!(client, "{HEAD}connection: close\r\n\r\n{BEGIN}")?;
            entries(client, length)
        }),
        ("chunks that end in the middle", |client, length| {
            let piece = ENTRY.repeat(1_000);
            write!(
                client,
                "{HEAD}transfer-encoding: chunked\r\n\r\n{:x}\r\n{BEGIN}\r\n",
                BEGIN.len()
            )?;
            for _ in 0..length.div_ceil(piece.len()) {
                write!(client, "{:x}\r\n{piece}\r\n", piece.len())?;
            }
            client.write_all(b"0\r\n\r\n")
        }),
        ("something behind the end", |client, length| {
            write!(client, "{HEAD}connection: close\r\n\r\n{BEGIN}")?;
            entries(client, length)?;
            client.write_all(END.as_bytes())?;
            client.write_all(b"<html>the gateway adds this</html>")
        }),
        ("silence", |client, length| {
            write!(client, "{HEAD}connection: close\r\n\r\n{BEGIN}")?;
            entries(client, length)?;
            std::thread::sleep(Duration::from_secs(30));
            client.write_all(END.as_bytes())
        }),
    ];
    for (how, ending) in endings {
        for length in [100, LONG] {
            let through = Through::new(move |client| ending(client, length));
            let answer = through.ask("/users").await;
            let status = answer.status().as_u16();
            let read = answer.text().await;
            // A short one is not answered at all.
            let looks_whole = status == 200 && read.is_ok();
            assert!(
                !looks_whole,
                "{how}, {length}: {status} {:?}",
                read.map(|text| text.len())
            );
            assert!(length == LONG || status >= 500, "{how}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_vendor_did_not_write_is_not_passed_on_however_long() {
    const LONG: usize = 1024 * 1024;
    let filler = "x".repeat(LONG);
    for (what, body) in [
        ("a page", format!("<html>{filler}</html>")),
        ("a list", format!("[\"{filler}\"]")),
        ("a gateway", format!("{{\"code\":0,\"msg\":\"{filler}\"}}")),
        ("text", filler.clone()),
        (
            "an error",
            format!("{{\"error\":\"unauthorized\",\"error_description\":\"{filler}\"}}"),
        ),
        ("something packed", format!("\u{1f}\u{8b}{filler}")),
    ] {
        let sent = body.clone();
        let through = Through::new(move |client| {
            let length = sent.len();
            write!(
                client,
                "{HEAD}content-length: {length}\r\nconnection: close\r\n\r\n{sent}"
            )
        });
        let answer = through.ask("/users").await;
        let status = answer.status().as_u16();
        assert!(status >= 400, "{what}: {status}");
        let text = answer.text().await.unwrap();
        assert!(text.len() < 64 * 1024, "{what}: {} bytes", text.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_the_app_is_in_no_piece() {
    // It comes in two pieces, at every place, and in forms of its own.
    let escape = |text: String, byte: u8| format!("{text}\\u{byte:04x}");
    let escaped = TOKEN.bytes().fold(String::new(), escape);
    let through = Through::new(move |client| {
        write!(client, "{HEAD}connection: close\r\n\r\n{BEGIN}")?;
        entries(client, 600_000)?;
        for cut in (1..TOKEN.len()).step_by(5) {
            write!(client, "{{\"note\":\"{}", &TOKEN[..cut])?;
            client.flush()?;
            std::thread::sleep(Duration::from_millis(5));
            write!(client, "{}\"}},", &TOKEN[cut..])?;
            entries(client, 100_000)?;
        }
        write!(client, "{{\"note\":\"{escaped}\"}},")?;
        client.write_all(END.as_bytes())
    });
    let text = through.ask("/users").await.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert!(!text.contains(TOKEN));
    let notes = body["entities"].as_array().unwrap().iter();
    let notes = notes.filter(|entry| entry["note"] == "[redacted]").count();
    let sent = (1..TOKEN.len()).step_by(5).count() + 1;
    assert_eq!(notes, sent, "each of them, and the escaped one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_whose_answer_is_too_long_to_be_understood_is_unknown() {
    let through = Through::new(|client| {
        write!(
            client,
            "{HEAD}connection: close\r\n\r\n{{\"data\":{{\"result\":true}},\"entities\":["
        )?;
        entries(client, 3 * 1024 * 1024)?;
        client.write_all(END.as_bytes())
    });
    let answer = through.ask("/users/ann/disconnect").await;
    assert_eq!(answer.status(), 504);
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body["error"], "service_outcome_unknown");
}
