//! A thousand connections of each protocol that begin and then wait, while good requests are answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::collector::{Collector, SECRET, ask, collect_args, collect_in, home, login};
use super::env::{TestEnv, until};
use super::interrupts::interrupt;

const SILENT: usize = 1_000;

/// Fewer files than connections, so that some of these have to go.
const FEW_FILES: &str = "ulimit -n 256";

/// More connections than that stay open for as long as they like.
const OPEN: usize = 256;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection begins before it waits.
const BEGINNINGS: [(&str, &[u8]); 8] = [
    ("nothing", b""),
    ("a part of a request", b"POST / HTTP/1.1\r\nhost: te"),
    (
        "a head without a body",
        b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n{",
    ),
    (
        "an endless body",
        b"POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ),
    ("a part of a preface", b"PRI * HTTP/2.0\r\n"),
    ("a preface", PREFACE),
    // An empty SETTINGS frame.
    (
        "a preface and settings",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ),
    (
        "a part of a handshake",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ),
];

/// Lets this process open as many files as the system permits.
fn open_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn silent(address: &str, beginning: &[u8]) -> Vec<TcpStream> {
    (0..SILENT)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            // It may have had to make room already.
            let _ = stream.write_all(beginning);
            stream
        })
        .collect()
}

/// Waits until so many connections are closed by the other side that the rest does not fill it.
fn until_most_are_closed(what: &str, streams: &mut [TcpStream]) {
    let is_closed = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let mut some = [0; 1_024];
        loop {
            match stream.read(&mut some) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    };
    until(&format!("the end of most connections that send {what}"), || {
        let closed = streams
            .iter_mut()
            .filter_map(|stream| is_closed(stream).then_some(()));
        closed.count() >= SILENT - OPEN
    });
}

#[test]
fn posts_arrive_while_a_thousand_connections_wait() {
    open_many_files();
    let (env, secret) = home();
    let collector = collect_in(env.spawn_in(FEW_FILES, &collect_args(&secret)));
    let address = &collector.address;
    let mut kept = TcpStream::connect(address).unwrap();
    let mut number = 0;
    let mut post = |stream: &mut TcpStream| {
        number += 1;
        ask(stream, "POST", "/", &login(number, SECRET))
    };
    assert_eq!(post(&mut kept).unwrap().0, 200);
    for (what, beginning) in BEGINNINGS {
        let mut streams = silent(address, beginning);
        for _ in 0..20 {
            let mut stream = TcpStream::connect(address).unwrap();
            assert_eq!(post(&mut stream).unwrap().0, 200, "{what}");
        }
        until_most_are_closed(what, &mut streams);
        // One that has carried posts is not the first to go.
        let (status, _) = post(&mut kept).unwrap_or_else(|| {
            kept = TcpStream::connect(address).unwrap();
            post(&mut kept).unwrap()
        });
        assert_eq!(status, 200, "{what}");
    }
    interrupt(&collector.child);
    let output = TestEnv::finish(collector.child).expect(0);
    let stored = format!("{number} events stored, 0 duplicates");
    assert!(output.stderr.contains(&stored), "{}", output.stderr);
}

#[test]
fn posts_arrive_over_tls_while_a_thousand_connections_wait() {
    open_many_files();
    let (env, secret) = home();
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = env.file("cert.pem", certificate.cert.pem());
    let key = env.file("key.pem", certificate.signing_key.serialize_pem());
    let args = [
        &collect_args(&secret)[..],
        &["--tls-cert", &cert, "--tls-key", &key],
    ]
    .concat();
    let Collector { child, address } = collect_in(env.spawn_in(FEW_FILES, &args));
    let address = address.trim_start_matches("https://");

    let mut roots = RootCertStore::empty();
    roots.add(certificate.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&config), name).unwrap(), stream)
    };
    let post = |number: usize| {
        let body = login(number, SECRET);
        let mut stream = connect();
        let length = body.len();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    };
    for (round, (what, beginning)) in [BEGINNINGS[0], BEGINNINGS[7]].into_iter().enumerate() {
        let mut streams = silent(address, beginning);
        for number in 0..5 {
            post(round * 5 + number);
        }
        until_most_are_closed(what, &mut streams);
    }
    // After the handshake.
    for (what, beginning) in [BEGINNINGS[0], BEGINNINGS[5]] {
        let mut streams: Vec<TcpStream> = (0..SILENT)
            .map(|_| {
                let mut stream = connect();
                // It may have had to make room already.
                while stream.conn.is_handshaking() && stream.conn.complete_io(&mut stream.sock).is_ok() {}
                let _ = stream.write_all(beginning).and_then(|()| stream.flush());
                stream.sock
            })
            .collect();
        post(100);
        until_most_are_closed(what, &mut streams);
    }
    interrupt(&child);
    let _ = TestEnv::finish(child).expect(0);
}

#[test]
fn a_served_sandbox_answers_while_a_thousand_connections_wait() {
    open_many_files();
    let env = TestEnv::bare();
    let mut child = env.spawn_in(
        FEW_FILES,
        &["sandbox", "serve", "--app", "acme#chat", "--log", "off"],
    );
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let address = ready["rest"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    let grant = json!({
        "grant_type": "client_credentials",
        "client_id": ready["client_id"], "client_secret": ready["client_secret"],
    });
    let upgrade: &[u8] =
        b"GET /websocket HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let upgraded = ("an upgrade to a WebSocket", upgrade);
    for (what, beginning) in BEGINNINGS.into_iter().chain([upgraded]) {
        let mut streams = silent(&address, beginning);
        for _ in 0..20 {
            let mut stream = TcpStream::connect(&address).unwrap();
            let answer = ask(&mut stream, "POST", "/acme/chat/token", &grant.to_string());
            assert_eq!(answer.unwrap().0, 200, "{what}");
        }
        until_most_are_closed(what, &mut streams);
    }
    interrupt(&child);
    let _ = TestEnv::finish(child).expect(0);
}
