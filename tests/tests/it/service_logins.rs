//! What the service knows of logins: the numbers of the command line, events at every replica, and work that outlives one.

use std::thread;
use std::time::Duration;

use easemob_admin_sandbox::{Fault, Sandbox, Webhook};
use serde_json::{Value, json};

use super::collector::login;
use super::env::{STUCK, TestEnv, until};
use super::service::{RoundRobin, Service, ask_with, front};
use crate::cluster::TestDatabase;

const SECRET: &str = "hook-secret";

/// Replicas that share a database, and a sandbox that posts what happens to whichever is there.
struct Team {
    env: TestEnv,
    sandbox: Sandbox,
    before: RoundRobin,
    hook_secret: String,
    database: TestDatabase,
}

impl Team {
    /// How many statements the database was asked so far.
    fn statements(&self) -> u64 {
        let counted = "SELECT xact_commit::text FROM pg_stat_database WHERE datname = current_database()";
        self.database.run(counted)[0].parse().unwrap()
    }

    /// Returns nothing if there is no PostgreSQL.
    fn new() -> Option<Self> {
        let database = TestDatabase::create()?;
        let mut env = TestEnv::bare();
        env.set("EASEMOB_STORE", &database.url());
        let _ = env.run(&["store", "init"]).expect(0);
        let hook_secret = env.file("hook.secret", SECRET);
        let before = RoundRobin::new();
        let hook = Webhook::new(format!("http://{}/callbacks/local", before.address), SECRET);
        let builder = Sandbox::builder()
            .app("acme#chat")
            .client_credentials("id", "secret");
        let sandbox = env.block_on(builder.webhook(hook).start()).unwrap();
        let secret = env.file("client.secret", "secret\n");
        let server = sandbox.rest_url();
        let add = [
            "profile",
            "add",
            "local",
            "--server",
            &server,
            "--app",
            "acme#chat",
        ];
        let with = ["--client-id", "id", "--secret-file", &secret];
        let _ = env.run(&[&add[..], &with].concat()).expect(0);
        Some(Self {
            env,
            sandbox,
            before,
            hook_secret,
            database,
        })
    }

    fn replica(&self, data: &str) -> Service {
        let callbacks = format!("local={}", self.hook_secret);
        let args = ["--key-rate", "0", "--timeout", "2s", "--callbacks", &callbacks];
        Service::start(&self.env, data, &args)
    }

    fn sign_in(&self, user: &str) -> String {
        self.sandbox.register(user);
        // No two at the same time.
        self.sandbox.advance(Duration::from_millis(1));
        self.env
            .block_on(async { self.sandbox.sign_in(user, "ios").unwrap().resource })
    }

    fn devices(&self, user: &str) -> Vec<String> {
        let devices = self.sandbox.devices(user).into_iter();
        devices.map(|device| device.resource).collect()
    }

    fn cli(&self, args: &[&str]) -> Value {
        self.env.run(&[args, &["-o", "json"]].concat()).expect(0).json()
    }
}

fn get(service: &Service, path: &str) -> Value {
    let answer = service.ask("GET", &format!("/v1/apps/local/{path}"), &Value::Null);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

#[test]
fn the_service_and_the_command_line_say_the_same_numbers() {
    let Some(team) = Team::new() else { return };
    let service = team.replica("one");
    team.before.is_before([&service]);
    for user in ["ann", "ann", "bob", "eve"] {
        let _ = team.sign_in(user);
    }
    let _ = team.cli(&["logins", "scan"]);
    let gone = team.devices("ann").remove(0);
    assert!(team.env.block_on(async { team.sandbox.sign_out("ann", &gone) }));
    team.sandbox.register("joe");
    for device in ["web_1", "web_2", "web_3"] {
        team.env
            .block_on(async { team.sandbox.sign_in_as("joe", device).unwrap() });
    }
    // The events of all of them.
    until("all sign-ins", || {
        let top = get(&service, "logins/top?by=sign_ins")["items"].clone();
        top.as_array()
            .unwrap()
            .iter()
            .map(|row| row["count"].as_u64().unwrap())
            .sum::<u64>()
            == 7
    });
    let scan = service.ask("POST", "/v1/apps/local/logins/scans", &json!({}));
    assert_eq!(scan.status, 202, "{scan:?}");
    let scan = format!("logins/scans/{}", scan.json()["id"].as_str().unwrap());
    until("the scan", || get(&service, &scan)["state"] == "complete");

    let count = team.cli(&["logins", "count"]);
    let counted = get(&service, "logins/count");
    let groups: Vec<Value> = counted["groups"].as_array().unwrap().clone();
    let rows: Vec<Value> = count["rows"].as_array().unwrap().clone();
    assert_eq!(groups.len(), rows.len());
    for (group, row) in groups.iter().zip(&rows) {
        for field in ["group", "users", "devices"] {
            assert_eq!(group[field], row[field], "{row}");
        }
    }
    for field in ["users", "online", "offline", "devices"] {
        assert_eq!(counted["snapshot"][field], count["summary"][field], "{field}");
    }
    let by_devices = get(&service, "logins/count?by=devices&over=2");
    let counted = team
        .env
        .run(&["logins", "count", "--by", "devices", "--over", "2", "-o", "json"]);
    let counted = counted.expect(11).json();
    assert_eq!(by_devices["exceeding"], counted["summary"]["exceeding"]);
    assert_eq!(by_devices["groups"][0]["group"], counted["rows"][0]["group"]);

    for by in ["devices", "sign-ins", "evictions"] {
        let rows = team.cli(&["logins", "top", "--by", by])["rows"].clone();
        let items = get(&service, &format!("logins/top?by={}", by.replace('-', "_")))["items"].clone();
        assert_eq!(items, rows, "{by}");
    }
    let diff = team.cli(&["logins", "diff"]);
    let differs = get(&service, "logins/diff");
    assert_eq!(differs["items"], diff["rows"]);
    for field in [
        "from",
        "to",
        "devices_before",
        "devices_after",
        "signed_in",
        "signed_out",
        "not_known",
    ] {
        assert_eq!(differs["summary"][field], diff["summary"][field], "{field}");
    }
    let history = team.cli(&["logins", "show", "ann"])["rows"].clone();
    let timeline = get(&service, "users/ann/timeline")["items"].clone();
    let plain = |rows: &Value| -> Vec<[String; 3]> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| ["event", "resource", "detail"].map(|field| row[field].as_str().unwrap().to_owned()))
            .collect()
    };
    assert_eq!(plain(&timeline), plain(&history));
    let mut snapshots = team.cli(&["logins", "snapshots"])["rows"].clone();
    snapshots.as_array_mut().unwrap().reverse();
    let shown = get(&service, "logins/snapshots")["items"].clone();
    for (one, other) in shown
        .as_array()
        .unwrap()
        .iter()
        .zip(snapshots.as_array().unwrap())
    {
        for field in ["snapshot", "source", "users", "online", "devices", "program"] {
            assert_eq!(one[field], other[field], "{field}");
        }
    }
    compared_alike(&team, &service);
    let users = get(&service, "users?sort=devices&devices_at_least=1");
    assert_eq!(users["items"][0]["user"], "joe");
    assert_eq!(users["total"]["users"], 4);
}

/// A policy finds the same in a snapshot.
fn compared_alike(team: &Team, service: &Service) {
    let policy = "[platforms]\nweb = 1\n";
    let file = team.env.file("limits.toml", policy);
    let checked = team
        .env
        .run(&["limits", "check", &file, "--snapshot", "latest", "-o", "json"]);
    let checked = checked.expect(11).json();
    let body = json!({"policy": policy, "snapshot": "latest"});
    let lines = service.ask("POST", "/v1/apps/local/limits/check", &body);
    let lines: Vec<Value> = lines
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        &lines[..lines.len() - 1],
        checked["rows"].as_array().unwrap().as_slice()
    );
}

#[test]
fn an_event_that_comes_to_two_replicas_is_kept_once() {
    let Some(team) = Team::new() else { return };
    let replicas = [team.replica("one"), team.replica("two")];
    let post = |service: &Service, body: &str| {
        let answer = ask_with(&service.address, "POST", "/callbacks/local", "", body).unwrap();
        (answer.status, answer.body)
    };
    for number in 0..20 {
        let (first, second) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
        let event = login(number, SECRET);
        assert_eq!(post(&replicas[first], &event), (200, "kept".into()));
        assert_eq!(post(&replicas[second], &event), (200, "duplicate".into()));
    }
    let (status, body) = post(&replicas[0], &login(99, "another"));
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("/problems/not-from-vendor"), "{body}");
    let (status, body) = post(&replicas[0], "{");
    assert_eq!(status, 400, "{body}");
    let elsewhere = ask_with(&replicas[0].address, "POST", "/callbacks/other", "", "{}").unwrap();
    assert_eq!(elsewhere.status, 404);
    let top = get(&replicas[1], "logins/top?by=sign_ins&limit=1000");
    assert_eq!(top["items"].as_array().unwrap().len(), 20);
    // Both are there, so a restart of one leaves no gap.
    let [first, second] = replicas;
    drop(first);
    let first = team.replica("one");
    assert_eq!(get(&second, "overview")["last_day"]["gaps"], json!([]));
    assert!(get(&first, "users")["as_of"]["collected"].is_string());
}

#[test]
fn a_watch_goes_on_whichever_replica_dies() {
    let Some(team) = Team::new() else { return };
    let mut replicas = vec![team.replica("one"), team.replica("two")];
    team.before.is_before(&replicas);
    let watch = json!({"policy": "[platforms]\nios = 1\n", "max_logouts_per_hour": 100, "delay_seconds": 0,
        "reason": "policy 12"});
    let made = team.before.ask("PUT", "/v1/apps/local/watches/one-phone", &watch);
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json()["owner"], "administrator");
    let shown = |service: &Service| get(service, "watches/one-phone");
    until("a look", || shown(&replicas[0])["looked_at"].is_string());
    let first = team.sign_in("ann");
    let second = team.sign_in("ann");
    until("the older device to go", || {
        team.devices("ann") == [second.clone()]
    });
    assert_ne!(first, second);
    until("the run to be noted", || {
        shown(&replicas[0])["last_run"].is_string()
    });
    let run = shown(&replicas[0])["first_run"].as_str().unwrap().to_owned();
    let run = get(&replicas[0], &format!("runs/{run}"));
    assert_eq!(
        (&run["operator"], &run["reason"], &run["action"]["policy"]),
        (&json!("administrator"), &json!("policy 12"), &json!("one-phone"))
    );
    // Each of them may be the one that works on it.
    for (round, data) in ["three", "four"].into_iter().enumerate() {
        drop(replicas.remove(0));
        team.before.is_before(&replicas);
        let user = format!("user{round}");
        let _ = team.sign_in(&user);
        let newest = team.sign_in(&user);
        until("another process to continue", || {
            team.devices(&user) == [newest.clone()]
        });
        replicas.push(team.replica(data));
        team.before.is_before(&replicas);
    }
    let removed = team
        .before
        .ask("DELETE", "/v1/apps/local/watches/one-phone", &Value::Null);
    assert_eq!(removed.status, 200);
    let log = team
        .env
        .run(&["audit", "log", "--all", "-o", "json"])
        .expect(0)
        .stdout;
    for kind in ["watch.made", "watch.removed"] {
        assert!(log.contains(kind), "{log}");
    }
}

#[test]
fn a_scan_is_continued_by_another_replica() {
    let Some(team) = Team::new() else { return };
    let first = team.replica("one");
    team.before.is_before([&first]);
    for number in 0..150 {
        team.sandbox.register(&format!("user{number:03}"));
    }
    let _ = team.sign_in("user149");
    team.sandbox
        .inject(Fault::delay("status.batch", STUCK).skip(1).times(1));
    let asked = first.ask(
        "POST",
        "/v1/apps/local/logins/scans",
        &json!({"read_every_user": false}),
    );
    assert_eq!(asked.status, 202, "{asked:?}");
    until("a call that is held up", || team.sandbox.held_calls() > 0);
    let again = first.ask("POST", "/v1/apps/local/logins/scans", &json!({}));
    assert_eq!(again.status, 409, "{again:?}");
    let second = team.replica("two");
    drop(first);
    team.sandbox.release_calls();
    team.sandbox.clear_faults();
    let asked_before = team.statements();
    thread::sleep(Duration::from_secs(3));
    let asked_meanwhile = team.statements() - asked_before;
    assert!(
        asked_meanwhile < 300,
        "whoever waits for work asks for it every few seconds, not {asked_meanwhile} times in three"
    );
    let scan = format!("logins/scans/{}", asked.json()["id"].as_str().unwrap());
    until("the scan", || get(&second, &scan)["state"] == "complete");
    let scan = get(&second, &scan);
    assert_eq!(
        (&scan["snapshot"]["users"], &scan["snapshot"]["online"]),
        (&json!(150), &json!(1)),
        "{scan}"
    );
    let all = get(&second, "logins/snapshots");
    assert_eq!(
        all["items"].as_array().unwrap().len(),
        1,
        "it is the same snapshot"
    );
}

#[test]
fn a_scan_and_the_doctor_go_through_the_service() {
    let Some(team) = Team::new() else { return };
    let service = team.replica("one");
    team.before.is_before([&service]);
    let _ = team.sign_in("ann");
    team.sandbox.register("bob");
    let mut front = front(&service.address, "local");
    let scanned = front.run(&["logins", "scan", "-o", "json"]).expect(0).json();
    assert_eq!(
        (
            &scanned["rows"][0]["users"],
            &scanned["rows"][0]["online"],
            &scanned["rows"][0]["source"]
        ),
        (&json!(2), &json!(1), &json!("all")),
        "{scanned}"
    );
    let listed = front
        .run(&["logins", "scan", "ann", "-o", "json"])
        .expect(0)
        .json();
    // The same list has the same word, whoever scans it.
    let here = team.cli(&["logins", "scan", "ann"]);
    assert_eq!(listed["rows"][0]["source"], here["rows"][0]["source"]);
    let resumed = front.run(&["logins", "scan", "--resume"]).expect(2);
    assert!(resumed.stderr.contains("nothing to resume"), "{}", resumed.text());

    let checked = front.run(&["profile", "doctor", "-o", "json"]).expect(0).json();
    let checks: Vec<&str> = checked["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        checks,
        ["profile file", "service", "key", "target", "read"],
        "{checked}"
    );
    assert_eq!(checked["summary"]["fail"], 0);
    front.set("EASEMOB_SERVICE_KEY", "ea_other_0123456789abcdef0123456789abcdef");
    let refused = front.run(&["profile", "doctor", "-o", "json"]);
    assert_ne!(refused.code, 0);
    assert_eq!(refused.json()["rows"][1]["verdict"], "fail", "{}", refused.text());
}

#[test]
fn posts_are_imported_through_the_service_and_what_it_counts_is_kept() {
    let Some(team) = Team::new() else { return };
    let service = team.replica("one");
    team.before.is_before([&service]);
    let front = front(&team.before.address, "local");
    let secret = front.file("hook.secret", SECRET);
    let mut posts: Vec<String> = (0..1_500).map(|number| login(number, SECRET)).collect();
    posts.insert(3, "no post".into());
    posts.insert(700, login(9_999, "another secret"));
    let file = front.file("posts.jsonl", posts.join("\n"));
    let import = ["logins", "import", &file, "-o", "json"];
    let signed = ["--secret-file", secret.as_str()];
    let counts = |output: &Value| {
        ["lines", "new", "duplicate", "other", "refused"]
            .map(|name| output["rows"][0][name].as_u64().unwrap())
    };
    let first = front.run(&[&import[..], &signed].concat()).expect(7);
    assert_eq!(counts(&first.json()), [1_502, 1_500, 0, 0, 2], "{}", first.text());
    assert!(first.stderr.contains("skipped line 4: "), "{}", first.text());
    assert!(
        first.stderr.contains("not signed with the secret"),
        "{}",
        first.text()
    );
    // Here, without the service, the same file has nothing new: the records are the same.
    let again = front.run(&[&import[..], &signed].concat()).expect(7);
    assert_eq!(counts(&again.json()), [1_502, 0, 1_500, 0, 2]);
    let here = team.env.run(&[&import[..], &signed].concat()).expect(7);
    assert_eq!(counts(&here.json()), [1_502, 0, 1_500, 0, 2], "{}", here.text());
    let refused = front
        .run(&["logins", "collect", "--listen", "127.0.0.1:0", "--unsigned"])
        .expect(3);
    for part in [
        "collects events itself",
        "serve --callbacks local=FILE",
        "logins import FILE",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.text());
    }
}

#[test]
fn a_watch_of_the_service_is_started_followed_and_stopped_from_the_command_line() {
    let Some(team) = Team::new() else { return };
    let replicas = [team.replica("one"), team.replica("two")];
    team.before.is_before(&replicas);
    let front = front(&team.before.address, "local");
    let policy = front.file("four-phones.toml", "[platforms]\nios = 1\n");
    let args = |policy: &str, most: &str| -> Vec<String> {
        [
            "limits",
            "enforce",
            policy,
            "--watch",
            "--delay",
            "1s",
            "--max-logouts",
            most,
            "--reason",
            "policy 12",
            "--yes",
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let own = args(&policy, "100");
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let mut watching = front.spawn(&[&own[..], &["-o", "jsonl"]].concat());
    watching.until_it_says("the service watches sign-ins");
    let _ = team.sign_in("ann");
    let newest = team.sign_in("ann");
    until("the older device to go", || {
        team.devices("ann") == [newest.clone()]
    });
    watching.until_it_prints("\"ann\"");
    // Who comes beside follows the same one, and nobody changes it by accident.
    let mut beside = front.spawn(&own);
    beside.until_it_says("it stands since");
    let other = args(&policy, "7");
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let refused = front.run(&other).expect(2);
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{}",
        refused.text()
    );
    // Ctrl-C leaves it to the service.
    super::interrupts::interrupt(&watching);
    let left = TestEnv::finish(watching).expect(0);
    assert!(left.stderr.contains("goes on at the service"), "{}", left.text());
    assert!(left.stderr.contains("--stop-watch"), "{}", left.text());
    let _ = team.sign_in("bob");
    let newest = team.sign_in("bob");
    until("a device of bob to go", || {
        team.devices("bob") == [newest.clone()]
    });
    beside.until_it_prints("bob");
    let stopped = front
        .run(&["limits", "enforce", &policy, "--stop-watch", "--reason", "enough"])
        .expect(0);
    assert!(
        stopped.stderr.contains("administrator has stopped it: enough"),
        "{}",
        stopped.text()
    );
    let ended = TestEnv::finish(beside).expect(10);
    assert!(
        ended.stderr.contains("the watch has ended: administrator"),
        "{}",
        ended.text()
    );
    let _ = team.sign_in("eve");
    let _ = team.sign_in("eve");
    // One that is to end by itself ends, wherever its command is.
    let timed = front
        .run(&[&own[..], &["--max-duration", "2s"]].concat())
        .expect(0);
    assert!(timed.stderr.contains("its time is over"), "{}", timed.text());
    let log = front
        .run(&["audit", "log", "--all", "-o", "json"])
        .expect(0)
        .stdout;
    for kind in ["watch.made", "watch.stopped"] {
        assert!(log.contains(kind), "{log}");
    }
    let none = front.file("none.toml", "default = 1\n");
    let none = front
        .run(&["limits", "enforce", &none, "--stop-watch", "--reason", "enough"])
        .expect(4);
    assert!(none.stderr.contains("no watch"), "{}", none.text());
    let here = team
        .env
        .run(&["limits", "enforce", &policy, "--stop-watch", "--reason", "enough"]);
    assert_eq!(here.code, 2, "{}", here.text());
}

#[test]
fn a_list_of_any_length_is_scanned_through_the_service() {
    let Some(team) = Team::new() else { return };
    let service = team.replica("one");
    team.before.is_before([&service]);
    let _ = team.sign_in("user00000");
    let front = front(&team.before.address, "local");
    let names: Vec<String> = (0..12_000).map(|number| format!("user{number:05}")).collect();
    let list = front.file("list", names.join("\n"));
    let scanned = front
        .run(&["logins", "scan", "--from", &list, "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&scanned["rows"][0]["users"], &scanned["rows"][0]["online"]),
        (&json!(12_000), &json!(1)),
        "{scanned}"
    );
}
