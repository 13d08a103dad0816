//! The program, called as a library, against a sandbox whose faults and calls are under control.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use easemob_admin_cli::config::environment::Environment;
use easemob_admin_cli::context::{Screen, Stdout};
use easemob_admin_cli::{Streams, run};
use easemob_admin_sandbox::{Fault, Rates, Sandbox, SignInRequest};
use serde_json::Value;

/// A server on which ann has three devices and bob one.
struct Bench {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    home: tempfile::TempDir,
    secret: String,
}

struct Outcome {
    code: u8,
    stdout: String,
    stderr: String,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let start = Sandbox::builder()
            .app("acme#chat")
            .rates(Rates::unlimited())
            .start();
        let sandbox = runtime.block_on(start).unwrap();
        for user in ["ann", "bob", "carl"] {
            sandbox.register(user);
        }
        for device in ["ios_1", "android_1", "webim_random_web_1700000000000"] {
            sandbox
                .sign_in_with("ann", SignInRequest::with_resource(device))
                .unwrap();
        }
        sandbox
            .sign_in_with("bob", SignInRequest::with_resource("ios_2"))
            .unwrap();
        let secret = sandbox.client_secret().to_owned();
        Self {
            runtime,
            sandbox,
            home: tempfile::tempdir().unwrap(),
            secret,
        }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let stdout = Shared::default();
        let shared = stdout.clone();
        let (code, stderr) = self.run_into(arguments, Arc::new(move || Box::new(shared.clone())));
        Outcome {
            code,
            stdout: stdout.text(),
            stderr,
        }
    }

    fn run_into(&self, arguments: &[&str], stdout: Stdout) -> (u8, String) {
        let stderr = Shared::default();
        let environment: Environment = [
            ("EASEMOB_CONFIG_DIR", self.home.path().to_str().unwrap()),
            ("EASEMOB_DATA_DIR", self.home.path().to_str().unwrap()),
            ("EASEMOB_APP_ROOT", &self.sandbox.app_root()),
            ("EASEMOB_CLIENT_ID", self.sandbox.client_id()),
            ("EASEMOB_CLIENT_SECRET", &self.secret),
        ]
        .into_iter()
        .collect();
        let streams = Streams {
            stdout,
            stderr: Box::new(stderr.clone()),
            screen: Screen::default(),
        };
        let arguments = std::iter::once("easemob-admin")
            .chain(arguments.iter().copied())
            .map(Into::into);
        (run(arguments, environment, streams).code(), stderr.text())
    }

    fn list(&self, text: &[u8]) -> String {
        let path = self.home.path().join("users.txt");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn devices(&self, user: &str) -> Vec<String> {
        self.sandbox
            .devices(user)
            .into_iter()
            .map(|device| device.resource)
            .collect()
    }

    fn logouts(&self) -> usize {
        self.sandbox.call_count("sessions.logout_all") + self.sandbox.call_count("sessions.logout_device")
    }
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stdout))
}

/// A list of users that do not exist.
fn many(users: usize) -> String {
    let names: Vec<String> = (0..users).map(|number| format!("user{number}\n")).collect();
    names.concat()
}

const ACT: [&str; 3] = ["--yes", "--reason", "test"];

#[test]
fn logout_ends_everything_and_says_so() {
    let bench = Bench::new();
    let out = bench.run(
        &[
            &["sessions", "logout", "ann", "bob", "carl", "-o", "json"],
            &ACT[..],
        ]
        .concat(),
    );
    assert_eq!(out.code, 0, "{}", out.stderr);
    let document = json(&out);
    assert_eq!(
        (document["schema"].as_u64(), document["sandbox"].as_bool()),
        (Some(1), Some(false))
    );
    assert_eq!(document["app"], "acme#chat");
    let summary = &document["summary"];
    assert_eq!(
        (&summary["done"], &summary["nothing_to_do"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        (&summary["devices"], &summary["reason"]),
        (&4.into(), &"test".into())
    );
    assert!(bench.devices("ann").is_empty() && bench.devices("bob").is_empty());
    assert_eq!(
        bench.sandbox.call_count("sessions.logout_all"),
        2,
        "one call per user that is online"
    );
    assert_eq!(bench.sandbox.call_count("token"), 1);
}

#[test]
fn a_dry_run_only_reads() {
    let bench = Bench::new();
    let out = bench.run(&[
        "sessions",
        "logout",
        "ann",
        "bob",
        "--platform",
        "ios",
        "--dry-run",
        "-o",
        "csv",
    ]);
    assert_eq!((out.code, bench.logouts()), (0, 0), "{}", out.stderr);
    assert_eq!(out.stdout.matches("would_log_out").count(), 2);
    assert!(out.stderr.contains("dry run: nothing was changed"));
}

#[test]
fn without_reason_or_terminal_nothing_is_sent() {
    let bench = Bench::new();
    let out = bench.run(&["sessions", "logout", "ann", "--yes"]);
    assert_eq!(out.code, 2);
    assert!(out.stderr.contains("--reason"), "{}", out.stderr);
    assert_eq!(bench.sandbox.calls().len(), 0);
}

#[test]
fn a_bad_list_sends_nothing() {
    let bench = Bench::new();
    for (text, said) in [
        (&b"ann\nbo\0b\n"[..], "binary"),
        (b"", "contains no users"),
        (b"ann\n\xff\xff\n", "not UTF-8"),
        (b"ann\nb\x01b\n", "line 2"),
    ] {
        let list = bench.list(text);
        let out = bench.run(&[&["sessions", "logout", "--from", &list], &ACT[..]].concat());
        assert_eq!(out.code, 2, "{}", out.stderr);
        assert!(out.stderr.contains(said), "{}", out.stderr);
    }
    assert_eq!(bench.sandbox.calls().len(), 0);
}

#[test]
fn spellings_of_one_user_are_done_once() {
    let bench = Bench::new();
    let list = bench.list(b"\xEF\xBB\xBFbob\r\nBOB\r\n\r\n# vip\r\n  bob  \r\n");
    let out = bench.run(&[&["sessions", "logout", "--from", &list], &ACT[..]].concat());
    assert_eq!((out.code, bench.logouts()), (0, 1), "{}", out.stderr);
    assert!(
        out.stderr.contains("2 lines repeat an earlier user"),
        "{}",
        out.stderr
    );
    assert!(out.stderr.contains("capitals"), "{}", out.stderr);
}

#[test]
fn the_cap_stops_before_the_excess() {
    let bench = Bench::new();
    let out = bench.run(
        &[
            &[
                "sessions",
                "logout",
                "bob",
                "ann",
                "--max-logouts",
                "1",
                "--concurrency",
                "1",
            ],
            &ACT[..],
        ]
        .concat(),
    );
    assert_eq!((out.code, bench.logouts()), (8, 1), "{}", out.stderr);
    assert_eq!(bench.devices("ann").len(), 3);
    let out = bench.run(
        &[
            &["sessions", "logout", "ann", "bob", "--max-logouts", "50%"],
            &ACT[..],
        ]
        .concat(),
    );
    assert_eq!((out.code, bench.logouts()), (8, 1), "{}", out.stderr);
}

#[test]
fn a_lost_answer_is_settled_by_reading() {
    let bench = Bench::new();
    bench
        .sandbox
        .inject(Fault::cut_after("sessions.logout_all").times(1));
    let out = bench.run(&[&["sessions", "logout", "ann", "-o", "json"], &ACT[..]].concat());
    assert_eq!((out.code, bench.logouts()), (0, 1), "{}", out.stderr);
    assert_eq!(json(&out)["rows"][0]["confirmed_by_reading"], true);
    assert!(bench.devices("ann").is_empty());
}

#[test]
fn result_false_is_a_failure_worth_repeating() {
    let bench = Bench::new();
    bench.sandbox.inject(Fault::result_false("sessions.logout_all"));
    let out = bench.run(&[&["sessions", "logout", "bob", "-o", "json"], &ACT[..]].concat());
    assert_eq!((out.code, bench.logouts()), (6, 1), "{}", out.stderr);
    let row = &json(&out)["rows"][0];
    assert_eq!(
        (&row["outcome"], &row["retry_may_help"]),
        (&"failed".into(), &true.into())
    );
}

#[test]
fn a_closed_stdout_does_not_stop_an_act() {
    let bench = Bench::new();
    let arguments = [&["sessions", "logout", "ann", "bob", "-o", "jsonl"], &ACT[..]].concat();
    let (code, stderr) = bench.run_into(&arguments, Arc::new(|| Box::new(Closed)));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("stdout was closed"), "{stderr}");
    assert!(bench.devices("ann").is_empty() && bench.devices("bob").is_empty());
}

#[test]
fn an_unknown_user_fails_alone() {
    let bench = Bench::new();
    let out = bench.run(&["devices", "list", "ann", "nobody", "-o", "json"]);
    assert_eq!(out.code, 7, "{}", out.stderr);
    let document = json(&out);
    let failed = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["user"] == "nobody")
        .unwrap();
    assert_eq!(
        (&failed["outcome"], &failed["line"]),
        (&"failed".into(), &2.into())
    );
    assert_eq!(
        (&failed["call"], &failed["retry_may_help"]),
        (&"devices.list".into(), &false.into())
    );
}

#[test]
fn a_wrong_secret_ends_the_run_at_once() {
    let mut bench = Bench::new();
    bench.secret = "wrong-s3cret".into();
    let list = bench.list(many(200).as_bytes());
    let out = bench.run(&[
        "devices",
        "list",
        "--from",
        &list,
        "--verbose",
        "--concurrency",
        "4",
    ]);
    assert_eq!(out.code, 4, "{}", out.stderr);
    assert!(
        bench.sandbox.calls().len() < 10,
        "{} calls",
        bench.sandbox.calls().len()
    );
    assert!(out.stderr.contains("profile doctor"), "{}", out.stderr);
    assert!(!format!("{}{}", out.stdout, out.stderr).contains("wrong-s3cret"));
}

#[test]
fn a_wrong_app_ends_the_run_at_once() {
    let bench = Bench::new();
    let root = format!("{}/acme/typo", bench.sandbox.rest_url());
    let out = bench.run(&["--app-root", &root, "devices", "list", "ann", "bob"]);
    assert_eq!(out.code, 4, "{}", out.stderr);
    assert!(out.stderr.contains("app key"), "{}", out.stderr);
}

#[test]
fn a_short_list_fetches_one_page() {
    let bench = Bench::new();
    for number in 0..30 {
        bench.sandbox.register(&format!("user{number}"));
    }
    let out = bench.run(&["users", "list", "--limit", "10", "-o", "jsonl"]);
    assert_eq!((out.code, out.stdout.lines().count()), (0, 10), "{}", out.stderr);
    assert_eq!(bench.sandbox.call_count("users.list"), 1);
}

#[test]
fn a_ban_and_its_end() {
    let bench = Bench::new();
    let out = bench.run(&[&["users", "ban", "ann"], &ACT[..]].concat());
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!(
        json(&bench.run(&["users", "show", "ann", "-o", "json"]))["rows"][0]["active"],
        false
    );
    assert_eq!(
        bench.run(&[&["users", "unban", "ann"], &ACT[..]].concat()).code,
        0
    );
    assert_eq!(
        json(&bench.run(&["users", "show", "ann", "-o", "json"]))["rows"][0]["active"],
        true
    );
}

#[test]
fn limits_are_merged() {
    let bench = Bench::new();
    let set = |arguments: &[&str]| bench.run(&[&["limits", "set"], arguments, &ACT[..]].concat());
    assert_eq!(set(&["--platform", "web=2"]).code, 0);
    assert_eq!(set(&["--platform", "ios=1"]).code, 0);
    let shown = json(&bench.run(&["limits", "show", "-o", "json"]));
    assert_eq!(
        shown["rows"][0]["platforms"],
        serde_json::json!({"ios": 1, "web": 2})
    );
    assert_eq!(set(&["--user", "ann", "--mode", "single"]).code, 0);
    assert_eq!(set(&["--user", "ann", "--clear"]).code, 0);
}

#[test]
fn status_takes_a_hundred_users_per_request() {
    let bench = Bench::new();
    let list = bench.list(format!("{}ann\n", many(250)).as_bytes());
    let out = bench.run(&["users", "status", "--from", &list, "-o", "csv"]);
    assert_eq!(
        (out.code, bench.sandbox.call_count("status.batch")),
        (0, 3),
        "{}",
        out.stderr
    );
    assert!(out.stdout.contains("251,ann,online"), "{}", out.stdout);
}

#[test]
fn a_silent_server_is_told_apart() {
    let Bench {
        runtime,
        sandbox,
        home,
        secret,
    } = Bench::new();
    let root = sandbox.app_root();
    runtime.block_on(sandbox.shutdown()).unwrap();
    let runtime_two = Bench {
        runtime,
        sandbox: Bench::new().sandbox,
        home,
        secret,
    };
    let out = runtime_two.run(&[
        "--app-root",
        &root,
        "--wait-for-server",
        "1s",
        "users",
        "show",
        "ann",
    ]);
    assert_eq!(out.code, 5, "{}", out.stderr);
}

#[test]
fn the_embedded_sandbox_says_what_it_is_and_remembers() {
    let bench = Bench::new();
    let out = bench.run(&["--sandbox", "users", "list", "--limit", "3", "-o", "json"]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!(json(&out)["sandbox"], true);
    assert!(out.stderr.contains("sandbox: "), "{}", out.stderr);
    assert_eq!(
        bench
            .run(&["--sandbox", "users", "ban", "user0001", "--yes"])
            .code,
        0
    );
    let shown = bench.run(&["--sandbox", "users", "show", "user0001", "-o", "jsonl"]);
    let row: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&row["active"], &row["sandbox"]), (&false.into(), &true.into()));
    assert_eq!(bench.run(&["sandbox", "reset"]).code, 0);
    let shown = bench.run(&["--sandbox", "users", "show", "user0001", "-o", "json"]);
    assert_eq!(json(&shown)["rows"][0]["active"], true);
}

#[test]
fn without_a_target_the_way_is_shown() {
    let home = tempfile::tempdir().unwrap();
    let environment: Environment = [("EASEMOB_CONFIG_DIR", home.path().to_str().unwrap())]
        .into_iter()
        .collect();
    let stderr = Shared::default();
    let streams = Streams {
        stdout: Arc::new(|| Box::new(io::sink())),
        stderr: Box::new(stderr.clone()),
        screen: Screen::default(),
    };
    let arguments = ["easemob-admin", "devices", "list", "ann"].map(Into::into);
    assert_eq!(run(arguments, environment, streams).code(), 3);
    let said = stderr.text();
    assert!(
        said.contains("profile add") && said.contains("--sandbox"),
        "{said}"
    );
}

#[test]
fn profiles_keep_no_secret_in_sight() {
    let bench = Bench::new();
    let secret = bench.home.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let add = [
        "profile",
        "add",
        "prod",
        "--server",
        "https://im.example.com",
        "--app",
        "acme#chat",
        "--client-id",
        "me",
    ];
    let out = bench.run(&[&add[..], &["--secret-file", secret.to_str().unwrap()]].concat());
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert_eq!(
        bench.run(&add).code,
        2,
        "an existing profile is not replaced by accident"
    );
    let listed = bench.run(&["profile", "list", "-o", "json"]);
    assert_eq!(json(&listed)["rows"][0]["credentials"], "secret file");
    assert!(!format!("{}{}{}", out.stderr, listed.stdout, listed.stderr).contains("s3cret"));
    assert_eq!(bench.run(&["profile", "use", "prdo"]).code, 3);
    assert_eq!(bench.run(&["profile", "use", "prod"]).code, 0);
}

#[test]
fn the_doctor_finds_a_healthy_server() {
    let bench = Bench::new();
    let out = bench.run(&["profile", "doctor", "-o", "json"]);
    assert_eq!(out.code, 0, "{}{}", out.stdout, out.stderr);
    assert_eq!(json(&out)["summary"]["fail"], 0);
}

#[test]
fn a_login_id_names_a_device() {
    let bench = Bench::new();
    let out = bench.run(&[&["sessions", "logout", "ann", "--device", "ann/ios_1"], &ACT[..]].concat());
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert!(!bench.devices("ann").contains(&"ios_1".to_owned()));
    assert_eq!(bench.devices("ann").len(), 2);
}

#[test]
fn an_answer_of_something_else_is_no_success() {
    let bench = Bench::new();
    bench.sandbox.inject(Fault::raw_body(
        "devices.list",
        "text/html",
        "<h1>Please sign in</h1>",
    ));
    let out = bench.run(&["devices", "list", "ann", "bob"]);
    assert_eq!(out.code, 5, "{}{}", out.stdout, out.stderr);
    assert!(out.stderr.contains("proxy"), "{}", out.stderr);
}
