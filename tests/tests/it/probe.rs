//! A probe finds out what a server does, leaves nobody behind, and is obeyed.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use easemob_admin_audit::directory_name;
use easemob_admin_sandbox::{Fault, Rates, Sandbox};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::env::{Output, Running, STUCK, TestEnv, until};
use super::interrupts::{interrupt, send};

const PROBE: [&str; 7] = [
    "profile",
    "doctor",
    "--probe",
    "--probe-app",
    "acme#chat",
    "--yes",
    "-o",
];

fn probe(env: &TestEnv) -> Output {
    env.run(&[&PROBE[..], &["json"]].concat())
}

fn file(env: &TestEnv, root: &str, kind: &str) -> PathBuf {
    let name = format!("{}.{kind}", directory_name(false, None, root));
    env.path("data/capabilities").join(name)
}

/// The answers on disk.
fn answers(env: &TestEnv, root: &str) -> Value {
    let text = std::fs::read(file(env, root, "json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["answers"].clone()
}

/// How many users the app has, by the control calls' count.
fn users(env: &TestEnv) -> usize {
    let listed = env.run(&["users", "list", "-o", "json"]).expect(0).json();
    listed["rows"].as_array().unwrap().len()
}

/// Answers that do not depend on how fast the machine is; a slow one lets more calls pass, and sees a device or its status later,
/// so that a lag of two seconds looks shorter, and none looks longer.
fn steady(mut answers: Value) -> Value {
    for pool in ["/rate_limit/passed", "/rate_limit/batch_status/passed"] {
        if let Some(passed) = answers.pointer_mut(pool) {
            assert!(passed.as_u64().unwrap() >= 20, "{passed}");
            *passed = json!("some");
        }
    }
    for lag in ["sign_in_lag", "sign_out_lag"] {
        if let Some(lag) = answers.get_mut(lag) {
            *lag = json!(lag["within_ms"].as_u64().unwrap() >= 1_500);
        }
    }
    answers
}

/// A sandbox with the documented behaviour, whose limit is reached soon.
fn slow_server() -> TestEnv {
    let rates = Rates {
        users: Some(20),
        batch_status: Some(20),
        ..Rates::documented()
    };
    TestEnv::with(Sandbox::builder().rates(rates))
}

#[test]
fn a_probe_of_the_sandbox_finds_what_it_does_and_leaves_nobody() {
    let env = slow_server();
    env.sandbox().register("ann");
    let output = probe(&env).expect(0);
    let root = env.sandbox().app_root();
    let expected = json!({
        "batch_status": "offline",
        "largest_body": {"accepted": 5_000, "refused": 5_001},
        "rate_limit": {
            "passed": "some",
            "refusal": {"status": 429, "error": "reach_limit"},
            "batch_status": {"own": false, "passed": "some", "limited": true},
        },
        "logout_offline": {"result": true},
        "logout_unknown_user": {"refused": {"status": 404, "error": "service_resource_not_found"}},
        "logout_unknown_device": {"result": false},
        "logout_verbs": {"delete": true, "get": true},
        "last_page": "no_cursor",
        "sign_in_lag": false,
        "device_order": "other",
        "single_logout_ends": true,
        "sign_out_lag": false,
    });
    assert_eq!(steady(answers(&env, &root)), expected, "{}", output.text());
    let rows = output.json()["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 12);
    for row in &rows {
        assert!(row["seconds"].as_f64().unwrap() < 120.0, "{row}");
        assert!(row["answer"].is_string() && row["basis"].is_string(), "{row}");
    }
    assert_eq!(output.json()["summary"]["users_left"], json!([]));
    assert!(!file(&env, &root, "users").exists());
    assert_eq!(users(&env), 1);
    let doctor = env.run(&["profile", "doctor"]).expect(0);
    assert!(
        doctor.stdout.contains("nothing has to be done differently"),
        "{}",
        doctor.text()
    );
}

/// Passes on what arrives over TLS, and returns the port and the certificate.
fn over_tls(env: &TestEnv) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = env.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = env.sandbox().address();
    env.spawn_task(async move {
        while let Ok((arrived, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(arrived).await.ok()?;
                let mut server = TcpStream::connect(server).await.ok()?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    });
    (port, made.cert.pem())
}

#[test]
fn devices_sign_in_over_tls() {
    let env = TestEnv::new();
    let (port, certificate) = over_tls(&env);
    let trusted = env.file("ca.pem", certificate);
    let secret = env.file("secret", env.sandbox().client_secret());
    let root = format!("https://localhost:{port}/acme/chat");
    env.file(
        "config/config.toml",
        format!(
            "[profiles.own]\napp_root = \"{root}\"\nclient_id = \"{}\"\nclient_secret_file = \"{secret}\"\n\
             ca_file = \"{trusted}\"\n",
            env.sandbox().client_id(),
        ),
    );
    let url = format!("wss://localhost:{port}/websocket");
    let arguments = [&["--profile", "own"], &PROBE[..], &["json", "--websocket", &url]].concat();
    let output = env.run(&arguments).expect(0);
    let found = answers(&env, &root);
    assert_eq!(found["device_order"], "other", "{}", output.text());
    assert_eq!(found["single_logout_ends"], true);
    assert_eq!(users(&env), 0);

    // Without an address, their questions stay open.
    let output = env.run(&arguments[..arguments.len() - 2]).expect(0);
    assert_eq!(output.json()["summary"]["not_answered"], 4, "{}", output.text());
    assert!(
        output.stdout.contains("no --websocket URL is given"),
        "{}",
        output.text()
    );
}

/// A sandbox of its own process, and an environment that is configured for it.
fn like(answers: &Value) -> (TestEnv, Running, String) {
    let mut env = TestEnv::bare();
    let text = json!({
        "easemob_admin_capabilities": 1,
        "tool": "0.2.0",
        "probed_at": "2026-11-29T12:00:00Z",
        "app_root": "https://im.example.com/acme/chat",
        "answers": answers,
    });
    let file = env.file("like.json", text.to_string());
    let mut sandbox = env.spawn(&["sandbox", "serve", "--app", "acme#chat", "--like", &file]);
    let mut ready = String::new();
    BufReader::new(sandbox.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap_or_else(|_| panic!("{}", sandbox.said()));
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    env.set("EASEMOB_APP_ROOT", &text("app_root"));
    env.set("EASEMOB_CLIENT_ID", &text("client_id"));
    env.set("EASEMOB_CLIENT_SECRET", &text("client_secret"));
    (env, sandbox, text("app_root"))
}

fn found_again(answers_before: &Value) {
    let (env, _sandbox, root) = like(answers_before);
    let output = probe(&env).expect(0);
    let found = answers(&env, &root);
    assert_eq!(steady(found), steady(answers_before.clone()), "{}", output.text());
    assert_eq!(users(&env), 0);
}

#[test]
fn what_a_sandbox_imitates_is_found_again() {
    found_again(&json!({
        "batch_status": "left_out",
        "largest_body": {"accepted": 3_000, "refused": 3_001},
        "rate_limit": {
            "passed": 20,
            "refusal": {"status": 429, "error": "slow_down", "retry_after": 1},
            "batch_status": {"own": true, "passed": 20, "limited": true},
        },
        "logout_offline": {"result": false},
        "logout_unknown_user": {"result": false},
        "logout_unknown_device": {"refused": {"status": 404, "error": "entity_not_found"}},
        "logout_verbs": {"delete": false, "get": true},
        "last_page": "empty_page",
        "sign_in_lag": {"within_ms": 2_000},
        "device_order": "oldest_first",
        "single_logout_ends": false,
        "sign_out_lag": {"within_ms": 2_000},
    }));
}

#[test]
fn what_another_sandbox_imitates_is_found_again() {
    found_again(&json!({
        "batch_status": {"refused": {"status": 400, "error": "illegal_argument"}},
        "largest_body": {"accepted": 65_536},
        "rate_limit": {"passed": 400},
        "logout_offline": {"refused": {"status": 403, "error": "forbidden_op"}},
        "logout_unknown_user": {"result": true},
        "logout_unknown_device": {"result": true},
        "logout_verbs": {"delete": true, "get": false},
        "last_page": "repeated",
        "sign_in_lag": {"within_ms": 0},
        "device_order": "newest_first",
        "single_logout_ends": true,
        "sign_out_lag": {"within_ms": 0},
    }));
}

#[test]
fn missing_statuses_of_many_are_found_again_and_every_user_is_read() {
    let before = json!({
        "batch_status": "missing",
        "rate_limit": {"passed": 20, "refusal": {"status": 429, "error": "reach_limit"}},
        "logout_offline": {"result": true},
        "logout_unknown_user": {"result": false},
        "logout_unknown_device": {"result": false},
        "logout_verbs": {"delete": true, "get": true},
        "last_page": "no_cursor",
        "sign_in_lag": {"within_ms": 0},
        "device_order": "other",
        "single_logout_ends": true,
        "sign_out_lag": {"within_ms": 0},
    });
    found_again(&before);
}

#[test]
fn nothing_is_created_without_the_name_of_the_app() {
    let env = TestEnv::new();
    for arguments in [
        &["--probe"][..],
        &["--probe", "--yes"],
        &["--probe", "--probe-app", "acme#chat"],
        &["--probe", "--probe-app", "acme#other", "--yes"],
        &["--probe-app", "acme#chat", "--yes"],
    ] {
        let output = env.run(&[&["profile", "doctor"], arguments].concat()).expect(2);
        assert_eq!(env.writes(), 0, "{}", output.text());
        assert!(!file(&env, &env.sandbox().app_root(), "users").exists());
    }
    let real = TestEnv::new();
    for number in 0..1_001 {
        real.sandbox().register(&format!("user{number:04}"));
    }
    let output = probe(&real).expect(2);
    assert!(output.stderr.contains("--force"), "{}", output.text());
    assert_eq!(real.writes(), 0);
}

/// `script` gives the program a terminal to ask on.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_app_key_must_be_typed() {
    for (typed, code) in [("y\n", 10), ("acme#Chat\n", 10), ("acme#chat\n", 0)] {
        let env = TestEnv::new();
        let Some(output) = env.run_on_terminal(&PROBE[..3], typed) else {
            return;
        };
        let output = output.expect(code);
        assert!(
            output.stdout.contains("Type the app key (acme#chat)"),
            "{}",
            output.text()
        );
        assert_eq!(env.writes() > 0, code == 0, "{}", output.text());
        assert_eq!(users(&env), 0);
    }
}

/// `script` gives the program a terminal, and the test plays the person who signs in.
#[cfg(target_os = "linux")]
#[test]
fn a_person_can_sign_in_by_hand() {
    let env = TestEnv::new();
    let listed = || {
        let calls = env.sandbox().calls();
        let path = calls
            .iter()
            .rev()
            .find(|call| call.endpoint == "devices.list")?
            .path
            .clone();
        path.split('/').rev().nth(1).map(str::to_owned)
    };
    let arguments = [&PROBE[..6], &["--by-hand"]].concat();
    let output = std::thread::scope(|scope| {
        let run = scope.spawn(|| env.run_on_terminal(&arguments, ""));
        until("somebody looks for devices", || {
            listed().is_some() || run.is_finished()
        });
        let Some(name) = listed() else {
            return run.join().unwrap();
        };
        for device in ["ios_a", "web_b"] {
            env.sandbox().sign_in_as(&name, device).unwrap();
        }
        let ended = || env.devices(&name).len() == 1;
        until("one device is signed out", || ended() || run.is_finished());
        env.sandbox().sign_out(&name, &env.devices(&name)[0]);
        run.join().unwrap()
    });
    let Some(output) = output else { return };
    let output = output.expect(0);
    assert!(
        output.stdout.contains("Sign in on device 2 within 2 minutes"),
        "{}",
        output.text()
    );
    let found = answers(&env, &env.sandbox().app_root());
    assert_eq!(found["single_logout_ends"], true, "{}", output.text());
    assert!(found["sign_in_lag"].is_object() && found["sign_out_lag"].is_object());
    assert!(found["device_order"].is_null(), "two devices show no order");
    assert_eq!(users(&env), 0);
}

#[test]
fn users_are_deleted_after_a_failure_and_after_ctrl_c() {
    let env = TestEnv::new();
    env.sandbox().inject(Fault::status("users.register", 400).skip(1));
    let output = probe(&env).expect(4);
    assert!(output.stderr.contains("cannot create"), "{}", output.text());
    env.sandbox().clear_faults();
    assert_eq!(users(&env), 0);
    let left = file(&env, &env.sandbox().app_root(), "users");
    assert!(!left.exists());

    env.sandbox().inject(Fault::delay("sessions.logout_all", STUCK));
    let child = env.spawn(&[&PROBE[..], &["json"]].concat());
    until("the logout", || env.sandbox().held_calls() == 1);
    interrupt(&child);
    let output = TestEnv::finish(child).expect(10);
    assert!(
        output.stderr.contains("no answers were written"),
        "{}",
        output.text()
    );
    env.sandbox().clear_faults();
    assert_eq!(users(&env), 0);
    assert!(!left.exists() && !file(&env, &env.sandbox().app_root(), "json").exists());
}

#[test]
fn users_of_a_killed_probe_are_deleted_by_the_next() {
    let env = TestEnv::new();
    env.sandbox().inject(Fault::delay("sessions.logout_all", STUCK));
    let mut child = env.spawn(&[&PROBE[..], &["json"]].concat());
    until("the logout", || env.sandbox().held_calls() == 1);
    send("-KILL", &child);
    let _ = child.wait().unwrap();
    env.sandbox().clear_faults();
    env.sandbox().release_calls();
    let left = file(&env, &env.sandbox().app_root(), "users");
    let names: Value = serde_json::from_slice(&std::fs::read(&left).unwrap()).unwrap();
    assert_eq!(names["users"].as_array().unwrap().len(), 3);
    assert_eq!(users(&env), 3);

    // Nothing else is asked or created while they cannot be deleted.
    env.sandbox().inject(Fault::status("users.delete", 403));
    let output = probe(&env).expect(6);
    assert!(
        output.stderr.contains("users of an earlier probe"),
        "{}",
        output.text()
    );
    assert_eq!(users(&env), 3);
    assert!(left.exists());

    env.sandbox().clear_faults();
    let output = probe(&env).expect(0);
    assert!(output.stderr.contains("deleting 3 users"), "{}", output.text());
    assert_eq!(users(&env), 0);
    assert!(!left.exists());
}

#[test]
fn users_that_cannot_be_deleted_are_named() {
    let env = TestEnv::new();
    env.sandbox().inject(Fault::status("users.delete", 403));
    let output = probe(&env).expect(6);
    let left = output.json()["summary"]["users_left"].as_array().unwrap().clone();
    assert_eq!(left.len(), 3);
    for name in &left {
        assert!(
            output.stderr.contains(name.as_str().unwrap()),
            "{}",
            output.text()
        );
    }
    assert_eq!(users(&env), 3);
}

/// Writes a file of answers for the server of an environment.
fn known(env: &TestEnv, probed_at: &str, answers: &Value) {
    let root = env.sandbox().app_root();
    let text = json!({
        "easemob_admin_capabilities": 1,
        "tool": "0.2.0",
        "probed_at": probed_at,
        "app_root": root,
        "answers": answers,
    });
    let path = file(env, &root, "json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text.to_string()).unwrap();
}

const RECENTLY: &str = "2026-11-29T12:00:00Z";

#[test]
fn the_method_of_a_logout_is_obeyed_unless_the_profile_names_one() {
    let env = TestEnv::new();
    let root = env.sandbox().app_root();
    let secret = env.file("secret", env.sandbox().client_secret());
    env.file(
        "config/config.toml",
        format!(
            "[profiles.own]\napp_root = \"{root}\"\nclient_id = \"{}\"\nclient_secret_file = \"{secret}\"\n\
             disconnect_verb = \"DELETE\"\n",
            env.sandbox().client_id(),
        ),
    );
    known(
        &env,
        RECENTLY,
        &json!({"logout_verbs": {"delete": false, "get": true}}),
    );
    let act = [
        "sessions", "logout", "ann", "--device", "ios_1", "--reason", "test", "--yes",
    ];
    for (aim, method) in [(&[][..], "GET"), (&["--profile", "own"], "DELETE")] {
        env.online("ann", &["ios_1"]);
        env.sandbox().reset_calls();
        let _ = env.run(&[aim, &act].concat()).expect(0);
        let calls = env.sandbox().calls();
        let logout = calls
            .iter()
            .find(|call| call.endpoint == "sessions.logout_device");
        assert_eq!(logout.unwrap().method, method);
    }
}

#[test]
fn statuses_that_lag_or_are_missing_are_not_asked_for() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..600).map(|number| format!("user{number:04}")).collect();
    for name in &names {
        env.online(name, &[]);
    }
    let list = env.file("users", names.join("\n"));
    let lags = json!({"sign_in_lag": {"longer_than_ms": 100_000}});
    let command = [
        "devices",
        "list",
        "--from",
        &list,
        "--rate",
        "unlimited",
        "-o",
        "json",
    ];
    for (answers, at, option, asks) in [
        (&json!({}), RECENTLY, None, true),
        (&lags, RECENTLY, None, false),
        (&lags, RECENTLY, Some("--status-first"), true),
        (&lags, "2020-11-29T12:00:00Z", None, true),
        (&json!({"batch_status": "missing"}), RECENTLY, None, false),
        (
            &json!({"sign_in_lag": {"within_ms": 60_000}}),
            RECENTLY,
            None,
            true,
        ),
    ] {
        known(&env, at, answers);
        env.sandbox().reset_calls();
        let arguments: Vec<&str> = command.into_iter().chain(option).collect();
        let output = env.run(&arguments).expect(0);
        let asked = env.sandbox().call_count("status.batch");
        let read = env.sandbox().call_count("devices.list");
        assert_eq!(asked > 0, asks, "{answers} {at}: {}", output.stderr);
        assert_eq!(read == 600, !asks, "{read} {answers} {at}: {}", output.stderr);
        let said = output.stderr.contains("every user is read because");
        assert_eq!(said, !asks, "{}", output.stderr);
    }
    known(&env, RECENTLY, &lags);
    env.sandbox().reset_calls();
    let _ = env
        .run(&["logins", "scan", "--from", &list, "--rate", "unlimited"])
        .expect(0);
    assert_eq!(env.sandbox().call_count("status.batch"), 0);
    let doctor = env.run(&["profile", "doctor"]).expect(0);
    assert!(doctor.stdout.contains("more than 60 s"), "{}", doctor.text());
    known(&env, "2020-11-29T12:00:00Z", &lags);
    let doctor = env.run(&["profile", "doctor"]).expect(0);
    assert!(
        doctor.stdout.contains("more than a year old"),
        "{}",
        doctor.text()
    );
}

#[test]
fn bodies_are_no_larger_than_the_server_accepts() {
    let env = TestEnv::with(Sandbox::builder().rates(Rates::unlimited()).max_body(1_500));
    let names: Vec<String> = (0..600)
        .map(|number| format!("user{number:04}-{}", "x".repeat(30)))
        .collect();
    for name in &names {
        env.online(name, &[]);
    }
    let list = env.file("users", names.join("\n"));
    let refused = || {
        let calls = env.sandbox().calls();
        calls.iter().filter(|call| call.status == 413).count()
    };
    let command = ["devices", "list", "--from", &list, "--rate", "unlimited"];
    let _ = env.run(&command).expect(0);
    assert!(refused() > 0, "nothing is known of the server");
    known(
        &env,
        RECENTLY,
        &json!({"largest_body": {"accepted": 1_500, "refused": 1_501}}),
    );
    env.sandbox().reset_calls();
    let _ = env.run(&command).expect(0);
    assert_eq!(refused(), 0);
    assert!(env.sandbox().call_count("status.batch") >= 17);
}

#[test]
fn a_file_that_cannot_be_used_is_a_warning() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let path = file(&env, &env.sandbox().app_root(), "json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let other = json!({
        "easemob_admin_capabilities": 1,
        "tool": "0.2.0",
        "probed_at": RECENTLY,
        "app_root": "https://im.example.com/acme/other",
        "answers": {},
    });
    for (text, why) in [
        ("torn".to_owned(), "a damaged one"),
        (
            r#"{"easemob_admin_capabilities": 2, "tool": "9.1.0"}"#.to_owned(),
            "use a newer easemob-admin",
        ),
        (other.to_string(), "https://im.example.com/acme/other"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let output = env.run(&["devices", "list", "ann"]).expect(0);
        assert!(output.stderr.contains(why), "{}", output.text());
        assert!(
            output.stderr.contains("profile doctor --probe"),
            "{}",
            output.text()
        );
    }
    // A sandbox imitates the server of any app, but guesses nothing.
    std::fs::write(&path, "torn").unwrap();
    let refused = env.run(&["sandbox", "serve", "--like", path.to_str().unwrap()]);
    assert!(refused.expect(3).stderr.contains("a damaged one"));
}
