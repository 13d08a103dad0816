//! Proxies that the environment names. The client runs in a process of its own, since the environment is shared.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use easemob_admin_api::{AppRoot, Client, Credentials, RetryPolicy, Timeouts, Transport, UserId};

/// The part of the client; run by the tests below.
#[tokio::test]
#[ignore = "needs a proxy"]
async fn client() {
    let transport = match std::env::var("TEST_TRANSPORT").as_deref() {
        Ok("direct") => Transport::Direct,
        _ => Transport::Automatic,
    };
    let root = AppRoot::parse(&std::env::var("TEST_ROOT").unwrap()).unwrap();
    let mut builder = Client::builder(root);
    if let Ok(proxy) = std::env::var("TEST_PROXY") {
        builder = builder.proxy(proxy);
    }
    let client = builder
        .credentials(Credentials::fixed_token("YWMtx"))
        .retry(RetryPolicy::none())
        .timeouts(Timeouts::default().connect(Duration::from_secs(1)))
        .transport(transport)
        .build()
        .unwrap();
    let ann = UserId::parse("ann").unwrap();
    client.list_devices(&ann).await.unwrap();
}

/// Runs the client and returns whether it got its answer, and what the proxy was asked.
fn asked(root: &str, variables: &[(&str, &str)]) -> (bool, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let own = listener.local_addr().unwrap().to_string();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "it::proxies::client", "--ignored"])
        .env("TEST_ROOT", root.replace("OWN", &own));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    for (name, value) in variables {
        command.env(name, value.replace("PROXY", &proxy));
    }
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            sender.send(first.trim_end().to_owned()).unwrap();
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"data\":[]}";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let succeeded = child.wait().unwrap().success();
    (succeeded, lines.try_iter().collect())
}

#[test]
fn a_server_behind_a_proxy_is_asked_through_it() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let (succeeded, lines) = asked("http://im.invalid/acme/chat", &[(name, "PROXY")]);
        assert!(succeeded, "{name}");
        assert_eq!(
            lines,
            ["GET http://im.invalid/acme/chat/users/ann/resources HTTP/1.1"],
            "{name}"
        );
    }
}

#[test]
fn a_proxy_that_the_program_names_is_used_whatever_the_environment_says() {
    for exception in ["", "*"] {
        let variables = [
            ("TEST_PROXY", "PROXY"),
            ("HTTP_PROXY", "http://127.0.0.1:9"),
            ("NO_PROXY", exception),
        ];
        let (succeeded, lines) = asked("http://im.invalid/acme/chat", &variables);
        assert!(succeeded, "{exception}");
        assert_eq!(
            lines,
            ["GET http://im.invalid/acme/chat/users/ann/resources HTTP/1.1"]
        );
    }
}

#[test]
fn a_socks_proxy_is_spoken_to_in_its_own_tongue() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("socks5h://{}", listener.local_addr().unwrap());
    let greeted = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).unwrap();
        greeting
    });
    let (succeeded, lines) = asked("http://im.invalid/acme/chat", &[("ALL_PROXY", proxy.as_str())]);
    assert_eq!((succeeded, lines), (false, vec![]), "the proxy only listens");
    // SOCKS 5, and one way to say who one is: none (RFC 1928).
    assert_eq!(greeted.join().unwrap(), [5, 1, 0]);
}

#[test]
fn a_tunnel_is_asked_for_where_tls_is_spoken() {
    let (succeeded, lines) = asked("https://im.invalid/acme/chat", &[("HTTPS_PROXY", "PROXY")]);
    assert!(!succeeded, "what answers is no TLS");
    assert_eq!(lines, ["CONNECT im.invalid:443 HTTP/1.1"]);
}

#[test]
fn exceptions_and_other_schemes_are_kept() {
    for variables in [
        &[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "im.invalid")][..],
        &[("HTTPS_PROXY", "PROXY")],
        &[("HTTP_PROXY", "PROXY"), ("TEST_TRANSPORT", "direct")],
    ] {
        let (succeeded, lines) = asked("http://im.invalid/acme/chat", variables);
        assert_eq!((succeeded, lines), (false, vec![]), "{variables:?}");
    }
}

#[test]
fn loopback_is_never_asked_through_a_proxy() {
    let (succeeded, lines) = asked("http://OWN/acme/chat", &[("HTTP_PROXY", "http://127.0.0.1:9")]);
    assert!(succeeded);
    assert_eq!(lines, ["GET /acme/chat/users/ann/resources HTTP/1.1"]);
}

/// One that is heeded finds nobody at an address for documentation, in the second that the client waits.
#[test]
fn an_exception_keeps_the_token_from_the_proxy() {
    let exceptions = [
        ("http://192.0.2.7/acme/chat", "NO_PROXY", "*"),
        ("http://192.0.2.7/acme/chat", "no_proxy", "a.org, *"),
        ("http://192.0.2.7/acme/chat", "NO_PROXY", "192.0.2.0/24"),
        ("http://192.0.2.7:8443/acme/chat", "NO_PROXY", "192.0.2.7:8443"),
        ("http://[2001:db8::7]/acme/chat", "NO_PROXY", "*"),
        ("http://[2001:db8::7]/acme/chat", "no_proxy", "[2001:db8::7]"),
        ("http://im.invalid/acme/chat", "NO_PROXY", "*"),
        ("http://im.invalid/acme/chat", "NO_PROXY", "a.org .INVALID"),
    ];
    // Each waits for a server that is not there.
    std::thread::scope(|scope| {
        for (root, name, list) in exceptions {
            for proxy in ["HTTP_PROXY", "all_proxy"] {
                scope.spawn(move || {
                    let (succeeded, lines) = asked(root, &[(proxy, "PROXY"), (name, list)]);
                    assert_eq!((succeeded, lines), (false, vec![]), "{root} {name}={list}");
                });
            }
        }
    });
    for list in ["192.0.2.8", "192.0.2.7:443", "*:443", "::/0"] {
        let (succeeded, lines) = asked(
            "http://192.0.2.7/acme/chat",
            &[("HTTP_PROXY", "PROXY"), ("NO_PROXY", list)],
        );
        assert!(succeeded, "{list}");
        assert_eq!(lines.len(), 1, "{list}");
    }
}
