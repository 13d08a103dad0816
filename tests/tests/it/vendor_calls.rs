//! The vendor's calls through the service: by this command line, by `curl`, and as the vendor's Java library sends them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::env::TestEnv;
use super::service::{Answer, Service, ask_with};

/// Makes a key, and returns its id and text.
pub(crate) fn key(service: &Service, owner: &str, more: &Value) -> (String, String) {
    let mut body = json!({"owner": owner, "apps": ["default"]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = service.ask("POST", "/v1/keys", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made.json()["key"]["id"]), text(&made.json()["secret"]))
}

fn entries(service: &Service, query: &str) -> Vec<Value> {
    let page = service.ask(
        "GET",
        &format!("/v1/apps/default/audit?limit=1000&{query}"),
        &Value::Null,
    );
    page.json()["items"].as_array().unwrap().clone()
}

#[test]
fn this_command_line_works_with_the_service_as_the_server_of_the_app() {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_1", "web_1"]);
    env.online("bob", &["ios_1"]);
    let service = Service::start(&env, "service-data", &[]);
    let scopes = json!(["devices:read", "sessions:apply", "users:write", "limits:write"]);
    let (id, secret) = key(
        &service,
        "backend",
        &json!({"scopes": scopes, "reason": "nightly clean-up"}),
    );
    let tokens = env.sandbox().call_count("token");
    let root = format!("http://{}/acme/chat", service.address);
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    env.set("EASEMOB_CLIENT_ID", &id);
    env.set("EASEMOB_CLIENT_SECRET", &secret);
    let run = |args: &[&str]| env.run(&[&["--app-root", root.as_str()], args].concat());
    let listed = run(&["devices", "list", "ann", "bob", "-o", "json"]).expect(0);
    assert_eq!(listed.json()["rows"].as_array().unwrap().len(), 3);
    let _ = run(&[
        "sessions",
        "logout",
        "ann",
        "--device",
        "web_1",
        "--reason",
        "泄露, 50%",
        "--ticket",
        "INC-7",
        "--yes",
    ])
    .expect(0);
    assert_eq!(env.devices("ann"), ["ios_1"]);
    let _ = run(&["sessions", "logout", "bob", "--reason", "leak", "--yes"]).expect(0);
    let _ = run(&["users", "ban", "bob", "--reason", "fraud", "--yes"]).expect(0);
    assert!(env.devices("bob").is_empty());
    assert_eq!(env.sandbox().call_count("users.ban"), 1);
    assert!(
        env.sandbox().call_count("token") <= tokens + 1,
        "the service has the app's token"
    );
    // What this key may not do is a missing right, as the server itself says it.
    let (id, secret) = key(&service, "reader", &json!({"scopes": ["devices:read"]}));
    env.set("EASEMOB_CLIENT_ID", &id);
    env.set("EASEMOB_CLIENT_SECRET", &secret);
    let run = |args: &[&str]| env.run(&[&["--app-root", root.as_str()], args].concat());
    let refused = run(&["users", "unban", "bob", "--reason", "x", "--yes"]);
    assert_ne!(refused.code, 0, "{}", refused.text());
    assert_eq!(env.sandbox().call_count("users.unban"), 0);
    let by_backend = entries(&service, "operator=backend");
    let calls: Vec<&str> = by_backend
        .iter()
        .map(|entry| entry["call"].as_str().unwrap())
        .collect();
    assert_eq!(calls.last(), Some(&"users.ban"), "{calls:?}");
    assert!(calls.iter().any(|call| call.starts_with("sessions.logout")));
    // The reason of the command, and not that of the key.
    let why = |call: &str| {
        let entry = by_backend.iter().find(|entry| entry["call"] == call).unwrap();
        (entry["reason"].as_str().unwrap(), entry["ticket"].as_str())
    };
    assert_eq!(why("sessions.logout_device"), ("泄露, 50%", Some("INC-7")));
    assert_eq!(why("sessions.logout_all"), ("leak", None));
    assert_eq!(why("users.ban"), ("fraud", None));
}

#[test]
fn only_a_service_is_told_why_something_is_done() {
    for (token, is_told) in [
        ("YWMtx", false),
        ("ea_backend_0123456789abcdef0123456789abcdef", true),
        ("eat_backend_0123456789abcdef0123456789abcdef", true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<String>> = Arc::default();
        let heard = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let (mut asked, mut line) = (String::new(), String::new());
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    asked.push_str(&line);
                    line.clear();
                }
                let body = if asked.contains("/resources ") {
                    r#"{"data": [{"res": "ios_1"}], "timestamp": 1, "duration": 1}"#
                } else {
                    r#"{"data": {"result": true}, "timestamp": 1, "duration": 1}"#
                };
                heard.lock().unwrap().push_str(&asked);
                let length = body.len();
                let begin = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
                let _ = write!(&stream, "{begin}content-length: {length}\r\n\r\n{body}");
            }
        });
        let mut env = TestEnv::bare();
        env.set("EASEMOB_APP_ROOT", &format!("http://{address}/acme/chat"));
        env.set("EASEMOB_TOKEN", token);
        let acted = env.run(&[
            "--wait-for-server",
            "0",
            "sessions",
            "logout",
            "ann",
            "--device",
            "ios_1",
            "--reason",
            "a quiet reason",
            "--ticket",
            "INC-7",
            "--yes",
        ]);
        let heads = heads.lock().unwrap().to_lowercase();
        assert!(
            heads.contains("/users/ann/disconnect"),
            "{heads} {}",
            acted.text()
        );
        assert_eq!(
            heads.contains("x-reason: a quiet reason"),
            is_told,
            "{token}: {heads}"
        );
        assert_eq!(heads.contains("x-ticket: inc-7"), is_told, "{token}: {heads}");
    }
}

#[test]
fn curl_and_the_vendors_library_are_understood() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.online("bob", &["ios_1", "web_1"]);
    let service = Service::start(&env, "service-data", &[]);
    let scopes = json!([
        "devices:read",
        "sessions:apply",
        "accounts:write",
        "accounts:delete"
    ]);
    let (id, secret) = key(
        &service,
        "backend",
        &json!({"scopes": scopes, "reason": "asked for by the user"}),
    );
    let root = format!("http://{}/acme/chat", service.address);
    let curl = |args: &[&str]| {
        let output = Command::new("curl")
            .args(["-s", "--noproxy", "*"])
            .args(args)
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let authorization = format!("Authorization: Bearer {secret}");
    let ended = curl(&[
        "-H",
        &authorization,
        "-H",
        "X-Reason: leak",
        "-H",
        "X-Ticket: INC-7",
        &format!("{root}/users/ann/disconnect"),
    ]);
    assert_eq!(ended["data"]["result"], true, "{ended}");
    assert!(env.devices("ann").is_empty());
    let entry = &entries(&service, "user=ann")[0];
    assert_eq!(
        (&entry["reason"], &entry["ticket"]),
        (&json!("leak"), &json!("INC-7"))
    );
    // The shapes of the Java library: what it sends first, and how it names one device.
    let java = |method: &str, path: &str, token: Option<&str>, body: &Value| -> Answer {
        let mut head = "accept: application/json\r\ncontent-type: application/json\r\nuser-agent: EasemobServerSDK/1.0.0\r\n".to_owned();
        if let Some(token) = token {
            head.extend(["authorization: Bearer ", token, "\r\n"]);
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        ask_with(
            &service.address,
            method,
            &format!("/acme/chat{path}"),
            &head,
            &body,
        )
        .unwrap()
    };
    let wanted = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
    let token = java("POST", "/token", None, &wanted).json();
    assert!(token["expires_in"].as_u64().unwrap() > 0);
    let token = token["access_token"].as_str().unwrap();
    let registered = java(
        "POST",
        "/users",
        Some(token),
        &json!([{"username": "new", "password": "1"}]),
    );
    assert_eq!(
        (registered.status, &registered.json()["entities"][0]["username"]),
        (200, &json!("new"))
    );
    let devices = java("GET", "/users/bob/resources", Some(token), &Value::Null).json();
    assert_eq!(devices["data"].as_array().unwrap().len(), 2);
    let ended = java("GET", "/users/bob/disconnect/web_1", Some(token), &Value::Null);
    assert_eq!(
        (ended.status, &ended.json()["data"]["result"]),
        (200, &json!(true))
    );
    assert_eq!(env.devices("bob"), ["ios_1"]);
    let gone = java("DELETE", "/users/new", Some(token), &Value::Null);
    assert_eq!(gone.status, 200, "{gone:?}");
    let nobody = java("GET", "/users/nobody", Some(token), &Value::Null);
    assert_eq!(
        (nobody.status, &nobody.json()["error"]),
        (404, &json!("service_resource_not_found"))
    );
}

#[test]
fn keys_are_not_sent_in_clear_text_over_a_network() {
    let env = TestEnv::new();
    let refused = env.run(&["serve", "--listen", "0.0.0.0:0"]).expect(2);
    assert!(refused.stderr.contains("--tls-cert"), "{}", refused.text());
}
