//! What goes wrong between a command and the service that works for it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use easemob_admin_sandbox::Fault;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::env::{Output, Running, SERVICE_KEY, STUCK, TestEnv, until};
use super::interrupts::interrupt;
use super::service::ask_with;

/// A service before a server with users who have a device each, and a list of them.
fn through(users: usize) -> (TestEnv, String) {
    let mut env = TestEnv::new();
    let names: Vec<String> = (0..users).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    env.serve_in_front();
    (env, list)
}

fn logout<'a>(list: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["sessions", "logout", "--from", list, "--reason", "leak", "--yes"];
    [&args[..], &["--concurrency", "1", "-o", "json"], more].concat()
}

/// Starts a sign-out of ten users that gets stuck at the third one.
fn stuck(env: &TestEnv, list: &str, more: &[&str]) -> Running {
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).skip(2).times(1));
    let running = env.spawn(&logout(list, more));
    until("the third sign-out", || env.sandbox().held_calls() == 1);
    running
}

fn state(env: &TestEnv) -> String {
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let rows = runs["rows"].as_array().unwrap();
    rows.last().unwrap()["state"].as_str().unwrap().to_owned()
}

/// Runs a command that was printed after some words, as it was printed, apart from a placeholder.
fn as_printed(env: &TestEnv, said: &str, words: &str, more: &str) -> Output {
    let command = said
        .lines()
        .find_map(|line| line.trim().strip_prefix(words))
        .unwrap_or_else(|| panic!("`{words}` is missing in: {said}"));
    let command = format!("{}{more}", command.replace("TEXT", "enough"));
    let shown = env.command(&[]);
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &command])
        .env_clear()
        .envs(shown.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", env.search_path())
        .stdin(Stdio::null());
    let output = shell.output().unwrap();
    Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// Everybody was signed out, and nobody twice.
fn each_once(env: &TestEnv, users: usize) {
    for number in 0..users {
        let name = format!("user{number:02}");
        assert!(env.devices(&name).is_empty(), "{name}");
    }
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), users);
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
fn a_command_that_is_killed_leaves_its_run_to_the_service() {
    let (env, list) = through(10);
    let mut child = stuck(&env, &list, &[]);
    child.kill().unwrap();
    let _ = TestEnv::finish(child).expect(-1);
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(shown.stderr.contains("still running"), "{}", shown.text());
    env.sandbox().release_calls();
    until("the end of the run", || state(&env) == "done");
    let nothing = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert!(
        nothing.stderr.contains("nothing is left to do"),
        "{}",
        nothing.text()
    );
    each_once(&env, 10);
}

#[test]
fn ctrl_c_leaves_the_run_to_the_service_and_what_it_prints_works() {
    let (env, list) = through(10);
    let child = stuck(&env, &list, &["--timeout", "5m"]);
    interrupt(&child);
    let output = TestEnv::finish(child).expect(10);
    assert_eq!(
        output.json()["summary"]["stopped"],
        "detached",
        "{}",
        output.text()
    );
    let stopped = as_printed(&env, &output.stderr, "to stop it: ", "").expect(0);
    assert!(
        stopped.stderr.contains("ends within seconds"),
        "{}",
        stopped.text()
    );
    env.sandbox().release_calls();
    let watched = as_printed(&env, &output.stderr, "to watch it: ", "").expect(0);
    assert!(
        watched.stderr.contains("stopped, 3 of 10 users done"),
        "{}",
        watched.text()
    );
    assert_eq!(state(&env), "stopped");
    let resume = "to resume it, once it was stopped: ";
    let _ = as_printed(&env, &output.stderr, resume, " --yes").expect(0);
    each_once(&env, 10);
}

#[test]
fn a_service_that_is_killed_and_back_says_how_to_resume() {
    let (env, list) = through(10);
    let child = stuck(&env, &list, &[]);
    env.kill_service();
    child.until_it_says("the run goes on there");
    env.sandbox().clear_faults();
    let _ = env.restart_service();
    let output = TestEnv::finish(child).expect(5);
    for part in [
        "the service is back",
        "the service has no reports of the run any more",
        "the service ended before the run did",
    ] {
        assert!(output.stderr.contains(part), "{part}\n{}", output.text());
    }
    let summary = &output.json()["summary"];
    assert_eq!(
        (&summary["done"], &summary["not_started"]),
        (&2.into(), &8.into())
    );
    let resumed = as_printed(&env, &output.stderr, "to resume: ", " --yes -o json").expect(0);
    assert_eq!(resumed.json()["summary"]["users"], 8, "{}", resumed.text());
    each_once(&env, 10);
}

#[test]
fn a_service_that_stays_away_is_waited_for_as_long_as_it_was_asked() {
    let (env, list) = through(10);
    let child = stuck(&env, &list, &["--wait-for-server", "1s"]);
    env.kill_service();
    let output = TestEnv::finish(child).expect(5);
    assert!(
        output.stderr.contains("cannot reach the service") && output.stderr.contains("runs show"),
        "{}",
        output.text()
    );
    env.sandbox().clear_faults();
    let _ = env.restart_service();
    let resume = "to resume it, once it was stopped: ";
    let _ = as_printed(&env, &output.stderr, resume, " --yes").expect(0);
    each_once(&env, 10);
}

#[test]
fn a_service_that_is_stopped_finishes_who_is_in_progress_and_tells_its_clients() {
    let (env, list) = through(10);
    let child = stuck(&env, &list, &["--timeout", "5m"]);
    env.with_service(|service| kill_process(Pid::from_child(service), Signal::TERM).unwrap());
    // The user in progress is the last one only if the answer comes after the signal was heard.
    let address = env.service_address();
    until("the service takes no more requests", || {
        TcpStream::connect(&address).is_err()
    });
    env.sandbox().release_calls();
    let output = TestEnv::finish(child).expect(10);
    let summary = &output.json()["summary"];
    assert_eq!(
        (&summary["done"], &summary["not_started"]),
        (&3.into(), &7.into()),
        "{}",
        output.text()
    );
    env.with_service(|service| assert!(service.wait().unwrap().success()));
    assert!(
        output.stderr.contains("the service is stopping"),
        "{}",
        output.text()
    );
    let _ = env.restart_service();
    let _ = as_printed(&env, &output.stderr, "to resume: ", " --yes").expect(0);
    each_once(&env, 10);
}

/// Asks the service itself, as its administrator.
fn asked(env: &TestEnv, method: &str, path: &str, body: &Value) -> Value {
    let head = format!("authorization: Bearer {SERVICE_KEY}\r\ncontent-type: application/json\r\n");
    let answer = ask_with(&env.service_address(), method, path, &head, &body.to_string()).unwrap();
    assert!((200..300).contains(&answer.status), "{answer:?}");
    answer.json()
}

/// Makes a key that may do this, and returns it with its id.
fn key(env: &TestEnv, scopes: &[&str], expires: Option<&str>) -> (String, String) {
    let mut new = json!({"owner": "eve", "scopes": scopes, "apps": ["default"]});
    if let Some(expires) = expires {
        new["expires"] = expires.into();
    }
    let made = asked(env, "POST", "/v1/keys", &new);
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (
        text("secret"),
        made["key"]["id"]
            .as_str()
            .map_or_else(|| text("id"), str::to_owned),
    )
}

#[test]
fn a_key_that_may_not_is_refused_and_never_shown() {
    let (mut env, list) = through(2);
    let (reader, _) = key(&env, &["devices:read"], None);
    let (revoked, id) = key(&env, &["sessions:apply", "devices:read"], None);
    // Far enough away that the key is made before, however busy the machine is.
    let soon = Command::new("date")
        .args(["-u", "-d", "10 seconds", "+%FT%TZ"])
        .output()
        .unwrap();
    let soon = String::from_utf8(soon.stdout).unwrap();
    let (expiring, _) = key(&env, &["sessions:apply"], Some(soon.trim()));
    let revoking = format!("authorization: Bearer {SERVICE_KEY}\r\n");
    let path = format!("/v1/keys/{id}");
    let answer = ask_with(&env.service_address(), "DELETE", &path, &revoking, "").unwrap();
    assert!(answer.status < 300, "{answer:?}");
    let wrong = "ea_tests_ffffffffffffffffffffffffffffffff".to_owned();
    for (case, key, says) in [
        ("wrong", &wrong, "not a key of the service"),
        ("revoked", &revoked, "revoked"),
        ("no scope", &reader, "sessions:apply"),
        (
            "no key at all",
            &"hunter22hunter22".to_owned(),
            "not a key of the service",
        ),
        ("expired", &expiring, "expired"),
    ] {
        if case == "expired" {
            until("the end of a key", || {
                let head = format!("authorization: Bearer {key}\r\n");
                let asked = ask_with(&env.service_address(), "GET", "/v1/whoami", &head, "");
                asked.unwrap().status == 401
            });
        }
        env.set("EASEMOB_SERVICE_KEY", key);
        let output = env.run(&logout(&list, &["-vv"])).expect(4);
        assert!(output.stderr.contains(says), "{case}: {}", output.text());
        let secret = secret_of(key);
        assert!(!output.text().contains(secret), "{case}: {}", output.text());
    }
    assert_eq!(env.writes(), 0);
    // Whoever may only read does.
    env.set("EASEMOB_SERVICE_KEY", &reader);
    let _ = env.run(&["devices", "list", "user00"]).expect(0);
    nothing_has(&env, &[&reader, &revoked, &expiring, SERVICE_KEY]);
}

/// What nobody may see of a key, after its beginning and its id. It may have underscores of its own.
fn secret_of(key: &str) -> &str {
    key.splitn(3, '_').last().unwrap()
}

/// Nothing that was written below the home has one of these keys.
fn nothing_has(env: &TestEnv, keys: &[&str]) {
    for file in env.all_files() {
        let content = std::fs::read(&file).unwrap();
        for key in keys {
            let secret = secret_of(key).as_bytes();
            let found = content.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "{} has a key", file.display());
        }
    }
}

#[test]
fn the_key_is_in_no_output_and_no_record() {
    let (env, list) = through(3);
    let secret = secret_of(SERVICE_KEY);
    for args in [
        &logout(&list, &["-vv", "--verify"])[..],
        &["-vv", "devices", "list", "user00"],
        &["-vv", "runs", "list"],
        &["-vv", "runs", "show", "last"],
        &["-vv", "audit", "log"],
        &["-vv", "audit", "verify"],
        &["-vv", "audit", "export", "--format", "jsonl"],
        &["-vv", "profile", "doctor"],
        &["-vv", "sessions", "locks"],
        &["-vv", "logins", "count"],
        &["-vv", "runs", "resume", "none"],
    ] {
        let output = env.run(args);
        assert!(!output.text().contains(secret), "{args:?}: {}", output.text());
        assert!(!output.stderr.contains("panicked"), "{args:?}: {}", output.text());
    }
    env.with_service(|service| {
        let said = service.said();
        assert!(!said.contains(secret), "{said}");
    });
    nothing_has(&env, &[SERVICE_KEY]);
}

/// Answers every connection with the same bytes; nothing is not even that.
fn foreign(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            match &answer {
                Some(answer) => {
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => held.push(stream),
            }
        }
    });
    url
}

#[expect(clippy::unnecessary_wraps, reason = "beside these there is no answer at all")]
fn answer(status: &str, form: &str, length: usize, body: &str) -> Option<String> {
    Some(format!(
        "HTTP/1.1 {status}\r\ncontent-type: {form}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

#[test]
fn whatever_is_no_answer_of_the_service_is_named_as_such() {
    let page = "<html><body>Sign in to the network</body></html>";
    let apps = r#"[{"name":"default","app":"acme#chat","#;
    let foreign_answer = "something other than the service answered";
    for (case, answer, says) in [
        (
            "a portal",
            answer("200 OK", "text/html", page.len(), page),
            foreign_answer,
        ),
        (
            "a gateway",
            answer("502 Bad Gateway", "text/html", page.len(), page),
            foreign_answer,
        ),
        (
            "a gateway's JSON",
            answer("403 Forbidden", "application/json", 2, "{}"),
            foreign_answer,
        ),
        (
            "a redirect",
            answer(
                "302 Found\r\nlocation: https://login.invalid/",
                "text/plain",
                0,
                "",
            ),
            foreign_answer,
        ),
        (
            "an answer that breaks off",
            answer("200 OK", "application/json", 500, apps),
            "cannot be used",
        ),
        (
            "half of an answer",
            answer("200 OK", "application/json", apps.len(), apps),
            "cannot be used",
        ),
        (
            "no HTTP",
            Some("220 mail.example.com ESMTP\r\n".into()),
            "cannot reach the service",
        ),
        ("silence", None, "did not begin within 1s"),
    ] {
        let mut env = TestEnv::bare();
        env.set("EASEMOB_SERVICE", &foreign(answer));
        env.set("EASEMOB_SERVICE_KEY", SERVICE_KEY);
        let list = env.file("list", "ann\n");
        for args in [&logout(&list, &[])[..], &["runs", "list"], &["audit", "log"]] {
            let output = env.run(&[args, &["--timeout", "1s"]].concat()).expect(5);
            assert!(output.stderr.contains(says), "{case}: {}", output.text());
            assert!(!output.text().contains(SERVICE_KEY), "{case}");
        }
    }
}

/// Passes connections on to a service, and cuts what it answers about reports after some bytes, more of them each time.
fn cutting(address: String, cuts: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (address, cuts) = (address.clone(), Arc::clone(&cuts));
            thread::spawn(move || pass(&client, &address, &cuts));
        }
    });
    url
}

fn pass(client: &TcpStream, address: &str, cuts: &AtomicUsize) {
    let server = TcpStream::connect(address).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let heard = Arc::clone(&asked);
    let there = thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut some) {
            heard.lock().unwrap().extend_from_slice(&some[..read]);
            if to.write_all(&some[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut server, mut client) = (server, client);
    let (mut some, mut left) = ([0; 64], None);
    while let Ok(read @ 1..) = server.read(&mut some) {
        let left = left.get_or_insert_with(|| {
            let is_about_reports = String::from_utf8_lossy(&asked.lock().unwrap()).contains("/reports?");
            is_about_reports.then(|| 300 + 211 * cuts.fetch_add(1, Ordering::Relaxed))
        });
        let most = left.map_or(read, |left| left.min(read));
        if client.write_all(&some[..most]).is_err() {
            break;
        }
        if let Some(left) = left {
            *left -= most;
            if *left == 0 {
                break;
            }
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    let _ = there.join();
}

#[test]
fn reports_that_break_off_again_and_again_are_shown_once_each() {
    let (mut env, list) = through(40);
    let cuts = Arc::new(AtomicUsize::default());
    let url = cutting(env.service_address(), Arc::clone(&cuts));
    env.set("EASEMOB_SERVICE", &url);
    let output = env.run(&logout(&list, &[])).expect(0);
    let document = output.json();
    let mut users: Vec<&str> = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["user"].as_str().unwrap())
        .collect();
    users.sort_unstable();
    let mut once = users.clone();
    once.dedup();
    assert_eq!((users.len(), once.len()), (40, 40), "{}", output.text());
    assert_eq!(document["summary"]["done"], 40);
    let cuts = cuts.load(Ordering::Relaxed);
    assert!(cuts > 5, "{cuts} cuts");
    assert!(output.stderr.contains("the service is back"), "{}", output.text());
}

#[test]
fn the_reports_of_a_later_attempt_are_not_those_of_the_one_that_is_followed() {
    let (env, list) = through(4);
    env.sandbox()
        .inject(Fault::status("sessions.logout_all", 400).times(1));
    let _ = env.run(&logout(&list, &[])).expect(7);
    let runs = asked(&env, "GET", "/v1/apps/default/runs", &Value::Null);
    let run = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/apps/default/runs/{run}");
    let head = format!("authorization: Bearer {SERVICE_KEY}\r\n");
    let reports = |more: &str| {
        let path = format!("{path}/reports?from=0{more}");
        ask_with(&env.service_address(), "GET", &path, &head, "").unwrap()
    };
    let first = reports("");
    let attempt = first.header("easemob-admin-attempt").unwrap().to_owned();
    assert_eq!(first.body.lines().count(), 5, "{first:?}");
    assert_eq!(reports(&format!("&attempt={attempt}")).body, first.body);
    let _ = env
        .run(&["runs", "retry-failed", "last", "--all", "--yes"])
        .expect(0);
    assert_eq!(reports("").body.lines().count(), 2);
    let gone = reports(&format!("&attempt={attempt}"));
    assert_eq!(
        (gone.status, &gone.json()["type"]),
        (404, &"/problems/not-here".into()),
        "{gone:?}"
    );
}

#[test]
fn two_commands_at_once_have_a_run_each() {
    let (env, _) = through(20);
    let one = env.file("one", "user00\nuser01\n");
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let first = env.spawn(&logout(&one, &["--timeout", "5m"]));
    until("the first sign-out", || env.sandbox().held_calls() == 1);
    let rest: Vec<String> = (2..20).map(|number| format!("user{number:02}")).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let args = [
        &["sessions", "logout"],
        &rest[..],
        &["--reason", "leak", "--yes", "-o", "json"],
    ]
    .concat();
    let second = env.run(&args).expect(0).json();
    assert_eq!(second["summary"]["done"], 18);
    // A run that is worked on is not begun a second time.
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let rows = runs["rows"].as_array().unwrap();
    let busy = rows.iter().find(|row| row["state"] == "running").unwrap();
    let run = busy["run"].as_str().unwrap();
    let refused = env.run(&["runs", "resume", run, "--yes"]).expect(13);
    assert!(refused.stderr.contains("is working on run"), "{}", refused.text());
    env.sandbox().release_calls();
    assert_eq!(TestEnv::finish(first).expect(0).json()["summary"]["done"], 2);
    each_once(&env, 20);
}

#[test]
fn the_person_who_asked_is_named_and_not_the_account_of_the_service() {
    let (mut env, list) = through(2);
    let (secret, _) = key(&env, &["sessions:apply", "devices:read", "audit:read"], None);
    env.set("EASEMOB_SERVICE_KEY", &secret);
    let _ = env.run(&logout(&list, &[])).expect(0);
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    assert_eq!(runs["rows"][0]["operator"], "eve", "{runs}");
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(shown.stderr.contains("attempt by eve@"), "{}", shown.text());
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0).json();
    assert_eq!(log["rows"][0]["operator"], "eve", "{log}");
    let by = ["audit", "log", "--operator", "eve", "-o", "json"];
    assert_eq!(env.run(&by).expect(0).json()["rows"], log["rows"]);
}

/// A proxy by which a service is reached under another name, and how many tunnels it was asked for; with an answer, it refuses.
fn proxy(address: String, refusal: Option<&'static str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tunnels: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&tunnels);
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let is_tunnel = head.starts_with(b"CONNECT ops.invalid:80 ");
            if let Some(refusal) = refusal {
                let _ = client.write_all(refusal.as_bytes());
                continue;
            }
            let mut server = TcpStream::connect(&address).unwrap();
            if is_tunnel {
                counted.fetch_add(1, Ordering::Relaxed);
                client
                    .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    .unwrap();
            } else {
                server.write_all(&head).unwrap();
            }
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
    });
    (url, tunnels)
}

#[test]
fn everything_goes_by_the_proxy_of_the_environment() {
    let (mut env, list) = through(3);
    let address = env.service_address();
    env.set("EASEMOB_SERVICE", "http://ops.invalid");
    env.set("EASEMOB_ALLOW_PLAIN_HTTP", "1");
    let (url, tunnels) = proxy(address.clone(), None);
    env.set("http_proxy", &url);
    let output = env.run(&logout(&list, &["--verify"])).expect(0);
    assert_eq!(output.json()["summary"]["done"], 3, "{}", output.text());
    let _ = env.run(&["runs", "show", "last"]).expect(0);
    assert!(tunnels.load(Ordering::Relaxed) > 3);
    let (refusing, _) = proxy(
        address,
        Some("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=x\r\n\r\n"),
    );
    env.set("http_proxy", &refusing);
    let output = env.run(&["runs", "list"]).expect(5);
    assert!(output.stderr.contains("(407)"), "{}", output.text());
    // A name that nobody has, if no proxy looks it up.
    env.set("no_proxy", "ops.invalid");
    let output = env.run(&["runs", "list"]).expect(5);
    assert!(!output.stderr.contains("(407)"), "{}", output.text());
}

#[test]
fn a_run_is_followed_beyond_an_absence_of_the_service() {
    let (env, list) = through(10);
    let child = stuck(&env, &list, &["--timeout", "5m"]);
    let following = env.spawn(&["runs", "show", "last", "--follow", "-o", "json"]);
    following.until_it_says("2 of 10 users done");
    let mut trail = env.spawn(&["audit", "log", "--follow", "--all", "-o", "jsonl"]);
    let mut exported = env.spawn(&["audit", "export", "--follow", "--format", "jsonl"]);
    // It says nothing until it is away, so it is asked once more before.
    trail.until_it_prints("outcome");
    exported.until_it_prints("outcome");
    env.kill_service();
    for one in [&following, &trail, &exported] {
        one.until_it_says("until it answers");
    }
    env.sandbox().clear_faults();
    env.sandbox().release_calls();
    let _ = env.restart_service();
    let _ = TestEnv::finish(child);
    let resumed = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    let ended = env.run(&["audit", "log", "--all", "-o", "jsonl"]).expect(0);
    trail.until_it_prints("run.ended");
    for one in [&trail, &exported] {
        one.until_it_says("it answers again");
        interrupt(one);
    }
    let trail = TestEnv::finish(trail).expect(0);
    assert_eq!(
        trail.stderr.matches("until it answers").count(),
        1,
        "{}",
        trail.text()
    );
    assert_eq!(
        trail.stderr.matches("it answers again").count(),
        1,
        "{}",
        trail.text()
    );
    let numbers = |text: &str| -> Vec<u64> {
        let rows = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter_map(|row| row["seq"].as_u64()).collect()
    };
    // Nothing is missing, and nothing is there twice.
    assert_eq!(
        numbers(&trail.stdout),
        numbers(&ended.stdout),
        "{}",
        resumed.text()
    );
    drop(TestEnv::finish(exported).expect(0));
    let followed = TestEnv::finish(following);
    assert_eq!(
        followed.stderr.matches("until it answers").count(),
        1,
        "{}",
        followed.text()
    );
    each_once(&env, 10);
}

#[test]
fn a_service_that_is_away_for_too_long_is_not_followed_any_more() {
    let (env, list) = through(3);
    let child = stuck(&env, &list, &["--timeout", "5m"]);
    let wait = ["--wait-for-server", "1s"];
    let following = env.spawn(&[&["runs", "show", "last", "--follow"][..], &wait].concat());
    following.until_it_says("users done");
    env.kill_service();
    let followed = TestEnv::finish(following).expect(5);
    assert!(
        followed.stderr.contains("waiting 1 s at most"),
        "{}",
        followed.text()
    );
    interrupt(&child);
    drop(TestEnv::finish(child));
}

#[test]
fn a_run_that_was_paused_in_files_is_listed_so() {
    let (env, list) = through(5);
    let mut working = stuck(&env, &list, &["--timeout", "5m"]);
    for (word, expected) in [("pause", "paused"), ("stop", "stopped")] {
        let _ = env.run(&["runs", word, "last", "--reason", "enough"]).expect(0);
        env.sandbox().release_calls();
        until("the run to be at rest", || state(&env) == expected);
        drop(TestEnv::finish(working));
        // Whoever resumes it works on it again, whatever was decided before.
        env.sandbox().clear_faults();
        env.sandbox()
            .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
        working = env.spawn(&[
            "runs",
            "resume",
            "last",
            "--yes",
            "--concurrency",
            "1",
            "--timeout",
            "5m",
        ]);
        until("the next sign-out", || env.sandbox().held_calls() == 1);
        assert_eq!(state(&env), "running");
    }
    env.sandbox().release_calls();
    let _ = TestEnv::finish(working).expect(0);
    assert_eq!(state(&env), "done");
    each_once(&env, 5);
}
