//! Proxies that do not let requests through, and what `profile doctor` says of TLS.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::env::{Output, TestEnv};

/// A proxy that gives every request this answer; it lives as long as the test.
fn proxy(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(&stream);
            let mut line = String::new();
            while head.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    address
}

fn listing(server: &str, variable: &str, proxy: &str) -> Output {
    let mut env = TestEnv::bare();
    env.set("EASEMOB_APP_ROOT", &format!("{server}/acme/chat"));
    env.set("EASEMOB_TOKEN", "YWMtsecret");
    env.set("EASEMOB_ALLOW_PLAIN_HTTP", "1");
    env.set(variable, proxy);
    env.run(&["--wait-for-server", "0", "devices", "list", "ann"])
}

const WANTS_NAME: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=x\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";
const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 12\r\n\
    connection: close\r\n\r\n<h1>No.</h1>";
const SQUID: &str = "HTTP/1.1 403 Forbidden\r\nx-squid-error: ERR_ACCESS_DENIED 0\r\ncontent-type: text/html\r\n\
    content-length: 12\r\nconnection: close\r\n\r\n<h1>No.</h1>";
const STATUS: &str = "HTTP/1.1 403 Forbidden\r\nproxy-status: gate.example; error=http_request_denied\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn a_refusal_of_a_proxy_is_named_as_the_proxys() {
    let by_proxy = "the proxy is the cause, not the server";
    for (case, server, answer, said) in [
        (
            "a tunnel, 407",
            "https://im.invalid",
            WANTS_NAME,
            &["(407)", by_proxy][..],
        ),
        (
            "a tunnel, 403",
            "https://im.invalid",
            FORBIDDEN,
            &["the proxy refused to open a connection", by_proxy],
        ),
        (
            "a tunnel, nothing",
            "https://im.invalid",
            "",
            &["the proxy closed the connection", by_proxy],
        ),
        ("plain, 407", "http://im.invalid", WANTS_NAME, &["407", by_proxy]),
        (
            "plain, 403 of Squid",
            "http://im.invalid",
            SQUID,
            &["403", by_proxy],
        ),
        (
            "plain, 403 by RFC 9209",
            "http://im.invalid",
            STATUS,
            &["403", by_proxy],
        ),
        // A page may be anybody's.
        (
            "plain, a page",
            "http://im.invalid",
            FORBIDDEN,
            &["403", "something other than the server, such as a proxy"],
        ),
    ] {
        let variable = if server.starts_with("https") {
            "HTTPS_PROXY"
        } else {
            "http_proxy"
        };
        let output = listing(server, variable, &proxy(answer)).expect(5);
        for text in said {
            assert!(output.stderr.contains(text), "{case}: {}", output.text());
        }
        assert!(!output.text().contains("YWMtsecret"), "{case}");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_not_the_server() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let output = listing("https://im.invalid", "HTTPS_PROXY", &nobody).expect(5);
    assert!(
        output.stderr.contains("no connection to the proxy"),
        "{}",
        output.text()
    );
}

#[test]
fn the_doctor_shows_what_was_agreed_on_for_tls() {
    for (protocols, shown) in [
        (
            &[&b"h2"[..], b"http/1.1"][..],
            "TLS 1.3; protocol agreed on (ALPN): ",
        ),
        (&[], "TLS 1.3; protocol agreed on (ALPN): none"),
    ] {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut env = TestEnv::bare();
        let cert = env.file("cert.pem", certificate.cert.pem());
        let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                // It agrees on TLS and says nothing.
                let _ = connection.complete_io(&mut stream);
            }
        });
        env.set("SSL_CERT_FILE", &cert);
        env.set("EASEMOB_APP_ROOT", &format!("https://localhost:{port}/acme/chat"));
        env.set("EASEMOB_TOKEN", "YWMtx");
        let output = env.run(&["--wait-for-server", "0", "profile", "doctor", "-o", "json"]);
        let rows = output.json()["rows"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["check"] == "tls");
        let row = row.unwrap_or_else(|| panic!("{}", output.text())).to_string();
        assert!(row.contains(shown), "{row}");
    }
}
