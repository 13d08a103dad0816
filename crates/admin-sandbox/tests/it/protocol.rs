//! What holds for every call: paths, methods, bodies, errors.

use easemob_admin_sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::{Api, builder, finish, refused};

#[tokio::test]
async fn awkward_names_are_one_segment() {
    let api = Api::start().await;
    for (name, encoded) in [
        ("a/b", "a%2Fb"),
        ("a%2fb", "a%252fb"),
        ("批量", "%E6%89%B9%E9%87%8F"),
        ("a b+c", "a%20b+c"),
    ] {
        api.sandbox.register(name);
        api.sandbox.sign_in(name, "ios").unwrap();
        let answer = api.get(&format!("/users/{encoded}/disconnect")).await;
        assert_eq!(answer.data(), json!({"result": true}), "{name}");
        assert!(api.sandbox.devices(name).is_empty());
    }
}

/// Client libraries fold `..` away, so this one is written by hand.
#[tokio::test]
async fn dots_are_a_name() {
    let api = Api::start().await;
    api.sandbox.register("..");
    for path in ["%2E%2E", ".."] {
        api.sandbox.sign_in("..", "ios").unwrap();
        let mut stream = TcpStream::connect(api.sandbox.address()).await.unwrap();
        let request = format!(
            "GET /easemob-demo/sandbox/users/{path}/disconnect HTTP/1.1\r\nHost: sandbox\r\n\
             Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
            api.token
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(api.sandbox.devices("..").is_empty());
    }
}

/// One proxy may take the first for the host, another the second. Client libraries write one, so this is written by hand.
#[tokio::test]
async fn two_hosts_are_refused_wherever_they_are_named() {
    let api = Api::start().await;
    let socket = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for (path, more, alone) in [
        ("/sandbox/health", "Connection: close\r\n", "200"),
        (
            "/easemob-demo/sandbox/chatfiles/1",
            "Connection: close\r\n",
            "404",
        ),
        ("/websocket", socket, "101"),
        ("/ws", socket, "401"),
    ] {
        let address = api.sandbox.address();
        for (hosts, status) in [
            (format!("Host: {address}\r\n"), alone),
            (format!("Host: {address}\r\nHost: {address}\r\n"), "400"),
            (format!("Host: {address}\r\nhost: elsewhere\r\n"), "400"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\n{hosts}{more}\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer);
            assert_eq!(answer, format!("HTTP/1.1 {status}"), "{path} {hosts}");
        }
    }
}

#[tokio::test]
async fn other_paths_and_apps_are_unknown() {
    let api = Api::start().await;
    for path in ["/nothing", "/users/ann/nothing", "/users/"] {
        assert_eq!(
            api.get(path).await.error(),
            refused(404, "service_resource_not_found"),
            "{path}"
        );
    }
    for path in ["other/sandbox/users", "easemob-demo/other/users", "", "token"] {
        let answer = finish(api.http.get(format!("{}/{path}", api.sandbox.rest_url()))).await;
        assert_eq!(
            answer.error(),
            refused(404, "organization_application_not_found"),
            "{path}"
        );
    }
    assert_eq!(api.delete("/users/ann/resources").await.status, 405);
    assert_eq!(api.get("/token").await.status, 405);
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let api = Api::with(builder().max_body(1_000)).await;
    let send = |kind: &'static str, body: String| {
        let request = api
            .request(Method::POST, "/users")
            .bearer_auth(&api.token)
            .body(body);
        finish(request.header("content-type", kind))
    };
    let json = "application/json; charset=utf-8";
    let good = r#"{"username":"ann","password":"x"}"#.to_owned();
    assert_eq!(send(json, "{".into()).await.error(), refused(400, "json_parse"));
    assert_eq!(
        send(json, String::new()).await.error(),
        refused(400, "json_parse")
    );
    assert_eq!(
        send(json, "7".into()).await.error(),
        refused(400, "illegal_argument")
    );
    assert_eq!(
        send("application/xml", good.clone()).await.error(),
        refused(415, "web_application")
    );
    let long = format!("{good}{}", " ".repeat(1_000));
    assert_eq!(
        send(json, long).await.error(),
        refused(413, "Request Entity Too Large")
    );
    assert_eq!(send(json, good).await.status, 200);
}

#[tokio::test]
async fn calls_are_recorded() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.get("/users/ann/resources?x=1").await;
    api.get("/nothing").await;
    let calls: Vec<_> = api.sandbox.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.endpoint, call.path.as_str(), call.status))
        .collect();
    assert_eq!(
        seen,
        [
            ("devices.list", "/easemob-demo/sandbox/users/ann/resources", 200),
            ("unknown", "/easemob-demo/sandbox/nothing", 404),
        ]
    );
    assert_eq!(api.sandbox.call_count("devices.list"), 1);
    api.sandbox.reset_calls();
    assert_eq!(api.sandbox.call_count("devices.list"), 0);
}

#[tokio::test]
async fn the_ready_line_is_one_line_of_json() {
    let sandbox = Sandbox::builder()
        .client_credentials("id", "secret")
        .start()
        .await
        .unwrap();
    let line = sandbox.ready_line();
    assert!(!line.contains('\n'));
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        ready["app_root"],
        format!("{}/easemob-demo/sandbox", ready["rest"].as_str().unwrap())
    );
    assert_eq!(
        (&ready["app_key"], &ready["client_id"]),
        (&json!("easemob-demo#sandbox"), &json!("id"))
    );
}

#[tokio::test]
async fn dropping_stops_the_server() {
    let api = Api::start().await;
    let address = api.sandbox.address();
    drop(api);
    // The listener goes with its task, which the runtime drops at its next turn.
    tokio::task::yield_now().await;
    for _ in 0..100 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("still listening");
}

#[tokio::test]
async fn bad_app_keys_are_refused() {
    for key in ["", "org", "#app", "org#", "o/x#app", "sandbox#app"] {
        assert!(Sandbox::builder().app(key).start().await.is_err(), "{key}");
    }
}
