//! Replicas of the service on one database, of which none is special.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use easemob_admin_sandbox::Fault;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::env::{STUCK, TestEnv, until};
use super::service::{RoundRobin, Service, ask, front};
use super::team_chaos::{AGAIN, End, name, watch};
use crate::cluster::TestDatabase;

/// How often a replica is killed.
const KILLS: u32 = 6;

/// How many users the run has for each kill.
const USERS_PER_KILL: u32 = 100;

/// No story takes longer for each kill.
const LONGEST: Duration = Duration::from_secs(20);

const RUNS: &str = "/v1/apps/default/runs";

/// Leases are as short as the time limit of requests allows.
const SERVE: &[&str] = &["--rate", "500", "--timeout", "1s", "--key-rate", "0"];

fn kills() -> u32 {
    std::env::var("EASEMOB_REPLICA_KILLS").map_or(KILLS, |kills| kills.parse().unwrap())
}

/// A server, and a database that all replicas use.
struct Team {
    env: TestEnv,
    database: TestDatabase,
    users: u32,
}

impl Team {
    /// Returns nothing if there is no PostgreSQL.
    fn new(users: u32) -> Option<Self> {
        let database = TestDatabase::create()?;
        let mut env = TestEnv::new();
        env.set("EASEMOB_STORE", &database.url());
        let _ = env.run(&["store", "init"]).expect(0);
        for number in 0..users {
            env.online(&name(number), &["ios_1"]);
        }
        Some(Self { env, database, users })
    }

    fn replica(&self, number: usize) -> Service {
        Service::start(&self.env, &format!("replica{number}"), SERVE)
    }

    /// What to send for a run that signs everybody out.
    fn logout(&self, id: &str) -> Value {
        let users: Vec<String> = (0..self.users).map(name).collect();
        json!({
            "id": id,
            "action": {"kind": "logout", "selection": {}},
            "reading": {"when": "never"},
            "reason": "leak",
            "users": users,
        })
    }

    fn logouts(&self) -> usize {
        self.env.sandbox().call_count("sessions.logout_all")
    }
}

/// An id of now, as a client chooses it.
fn new_id() -> String {
    let now = std::process::Command::new("date")
        .args(["-u", "+%Y%m%d-%H%M%S"])
        .output()
        .unwrap();
    format!("{}-4f2a9c", String::from_utf8(now.stdout).unwrap().trim())
}

fn state(balancer: &RoundRobin, run: &str) -> String {
    let shown = balancer.ask("GET", &format!("{RUNS}/{run}"), &Value::Null);
    shown.json()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_made_at_one_replica_worked_on_by_all_and_directed_at_any() {
    let Some(team) = Team::new(1_500) else { return };
    let replicas = [team.replica(0), team.replica(1)];
    let made = replicas[0].ask("POST", RUNS, &team.logout(&new_id()));
    assert_eq!(made.status, 201, "{made:?}");
    let run = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{RUNS}/{run}");
    let shown = |replica: usize| replicas[replica].ask("GET", &path, &Value::Null).json();
    until("both work on it", || {
        shown(0)["workers"].as_array().unwrap().len() == 2
    });
    // Paused where it was not made, and resumed where it was.
    let why = json!({"reason": "complaints"});
    let paused = replicas[1].ask("POST", &format!("{path}/pause"), &why);
    assert_eq!(paused.status, 202, "{paused:?}");
    until("a pause", || {
        [0, 1].iter().all(|replica| shown(*replica)["state"] == "paused")
    });
    let before = team.logouts();
    assert!(before < 1_500, "{before}");
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(team.logouts(), before);
    let started = replicas[0].ask("POST", &format!("{path}/start"), &json!({}));
    assert_eq!(started.status, 202, "{started:?}");
    // Whoever follows it at either replica hears how it ends for all, and rows of what that replica did.
    let followed = thread::scope(|scope| {
        let follow = |replica: usize| {
            let (address, path) = (&replicas[replica].address, format!("{path}/reports"));
            scope.spawn(move || ask(address, "GET", &path, &Value::Null).unwrap())
        };
        [follow(0), follow(1)].map(|reader| reader.join().unwrap().body)
    });
    for body in &followed {
        let last: Value = serde_json::from_str(body.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["event"], &last["users"]),
            (&"ended".into(), &1_500.into()),
            "{last}"
        );
        assert_eq!(
            (&last["tally"]["done"], &last["not_started"]),
            (&1_500.into(), &0.into())
        );
    }
    let rows: usize = followed.iter().map(|body| body.lines().count() - 1).sum();
    assert!(rows >= 1_500 - before, "{rows} rows, {before} before");
    assert_eq!(shown(1)["state"], "done");
    assert_eq!(team.logouts(), 1_500);
    // Stopped cleanly, none leaves a lease.
    for mut replica in replicas {
        kill_process(Pid::from_child(&replica.process), Signal::TERM).unwrap();
        assert!(
            replica.process.wait().unwrap().success(),
            "{}",
            replica.process.said()
        );
    }
    assert_eq!(
        team.database.run("SELECT count(*) FROM easemob_admin.lease"),
        ["0"]
    );
    let verify = ["audit", "verify"];
    let data = team.env.path("replica0");
    let variables = [("EASEMOB_DATA_DIR", data.to_str().unwrap())];
    let _ = TestEnv::finish(team.env.spawn_with(&variables, &verify)).expect(0);
}

#[test]
fn a_command_shows_what_every_replica_did() {
    let Some(team) = Team::new(700) else { return };
    let replicas = [team.replica(0), team.replica(1)];
    let before = RoundRobin::new();
    before.is_before(&replicas);
    let front = front(&before.address, "default");
    let names: Vec<String> = (0..team.users).map(name).collect();
    let of_list = |users: &[String]| {
        let list = front.file(&format!("{}.list", users.len()), users.join("\n"));
        vec!["--from".to_owned(), list]
    };
    let by_name = |users: &[String]| {
        let each = users.iter().map(|user| ["--user".to_owned(), user.clone()]);
        each.flatten().collect::<Vec<String>>()
    };
    let (all, some) = (&names[..], &names[..20]);
    for (act, users, whom, word) in [
        (&["sessions", "logout"][..], all, of_list(all), "logged_out"),
        (&["sessions", "logout"], some, of_list(some), "nothing_to_do"),
        (
            &["sessions", "lock", "--ttl", "1h"],
            some,
            of_list(some),
            "locked",
        ),
        (&["sessions", "unlock"], some, of_list(some), "unlocked"),
        (&["users", "ban"], some, of_list(some), "banned"),
        (&["users", "unban"], some, of_list(some), "unbanned"),
        (&["limits", "set", "--default", "2"], some, by_name(some), "set"),
    ] {
        let mut args = act.to_vec();
        args.extend(whom.iter().map(String::as_str));
        args.extend(["--reason", "leak", "--yes", "-o", "json"]);
        let output = front.run(&args).expect(0).json();
        let rows = output["rows"].as_array().unwrap().iter();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let mut told: Vec<_> = rows
            .map(|row| (text(row, "user"), text(row, "outcome")))
            .collect();
        told.sort_unstable();
        let expected: Vec<_> = users.iter().map(|user| (user.clone(), word.to_owned())).collect();
        assert_eq!(told, expected, "{act:?}");
    }
}

#[test]
fn a_run_that_one_replica_has_to_itself_is_taken_over_when_it_dies() {
    let Some(team) = Team::new(3) else { return };
    team.env
        .sandbox()
        .inject(Fault::delay("users.ban", STUCK).times(1));
    let mut first = team.replica(0);
    let lock = json!({
        "action": {"kind": "lock", "until": "2099-01-01T00:00:00Z"},
        "reason": "leak",
        "users": ["user000000", "user000001", "user000002"],
    });
    let made = first.ask("POST", RUNS, &lock);
    assert_eq!(made.status, 201, "{made:?}");
    until("a call that is held up", || team.env.sandbox().held_calls() > 0);
    first.process.kill().unwrap();
    team.env.sandbox().release_calls();
    let second = team.replica(1);
    // As if the time had passed.
    team.database
        .run("UPDATE easemob_admin.lease SET until = '-infinity', grace_ms = 0");
    let path = format!("{RUNS}/{}", made.json()["id"].as_str().unwrap());
    until("the end of the run", || {
        second.ask("GET", &path, &Value::Null).json()["state"] == "done"
    });
    let locks = second.ask("GET", "/v1/apps/default/locks", &Value::Null).json();
    assert_eq!(locks["items"].as_array().unwrap().len(), 3, "{locks}");
}

#[test]
fn a_request_that_is_sent_again_begins_what_a_dead_process_only_recorded() {
    let Some(team) = Team::new(2) else { return };
    let replica = team.replica(0);
    let mut wanted = team.logout(&new_id());
    wanted["hold"] = true.into();
    let held = replica.ask("POST", RUNS, &wanted);
    assert_eq!((held.status, &held.json()["state"]), (201, &"unfinished".into()));
    let again = replica.ask("POST", RUNS, &wanted);
    assert_eq!(
        (again.status, &again.json()["state"]),
        (200, &"unfinished".into())
    );
    wanted["hold"] = false.into();
    let begun = replica.ask("POST", RUNS, &wanted);
    assert_eq!(begun.status, 200, "{begun:?}");
    let path = format!("{RUNS}/{}", begun.json()["id"].as_str().unwrap());
    until("the end of the run", || {
        replica.ask("GET", &path, &Value::Null).json()["state"] == "done"
    });
    assert_eq!(replica.ask("POST", RUNS, &wanted).json()["state"], "done");
    assert_eq!(team.logouts(), 2);
}

#[test]
fn whichever_replica_is_killed_nobody_is_signed_out_twice_or_forgotten() {
    let kills = kills();
    let Some(team) = Team::new(kills.max(12) * USERS_PER_KILL) else {
        return;
    };
    let (ended, over) = (Mutex::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| watch(&team.env, &ended, &over));
        let _end = End(&over);
        kill_replicas(&team, kills);
    });
    check(&team, &ended.into_inner().unwrap());
}

/// Kills one of two replicas again and again until the run is done.
fn kill_replicas(team: &Team, kills: u32) {
    let mut seed = 11_u64;
    let mut random = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let balancer = RoundRobin::new();
    let mut replicas = [team.replica(0), team.replica(1)];
    balancer.is_before(&replicas);
    let wanted = team.logout(&new_id());
    let made = balancer.ask("POST", RUNS, &wanted);
    assert!([200, 201].contains(&made.status), "{made:?}");
    let run = made.json()["id"].as_str().unwrap().to_owned();
    let started = Instant::now();
    for killed in 0..kills {
        let done = |team: &Team| -> u32 {
            team.database.run("SELECT sum(done) FROM easemob_admin.run")[0]
                .parse()
                .unwrap()
        };
        // Not before some more of the run was done, so that the kills are all over it.
        let wanted = team.users / (kills + 2) * (killed + 1);
        while done(team) < wanted {
            assert!(
                started.elapsed() < LONGEST * (kills + 10),
                "{killed} kills, {} of {} users",
                done(team),
                team.users
            );
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_millis(random(300)));
        let index = usize::try_from(random(2)).unwrap();
        replicas[index].process.kill().unwrap();
        // Any replica answers, also while the other one is gone.
        let answered = balancer.ask("GET", &format!("{RUNS}/{run}"), &Value::Null);
        assert_eq!(answered.status, 200, "{answered:?}");
        // A request that is sent again is the same run.
        if killed == 0 {
            assert_eq!(balancer.ask("POST", RUNS, &team.logout(&run)).status, 200);
        }
        replicas[index] = team.replica(index);
        balancer.is_before(&replicas);
    }
    while state(&balancer, &run) != "done" {
        assert!(
            started.elapsed() < LONGEST * (kills + 10),
            "{}",
            state(&balancer, &run)
        );
        thread::sleep(Duration::from_millis(100));
    }
    for mut replica in replicas {
        kill_process(Pid::from_child(&replica.process), Signal::TERM).unwrap();
        let said = replica.process.said();
        assert!(replica.process.wait().unwrap().success(), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

fn check(team: &Team, ended: &BTreeMap<(String, String), u32>) {
    // What the server saw: the device of before was signed out, and the one of afterwards was not.
    for number in 0..team.users {
        let user = name(number);
        assert_eq!(team.env.devices(&user), [AGAIN], "{user}");
        assert_eq!(ended.get(&(user.clone(), "ios_1".into())), Some(&1), "{user}");
        assert_eq!(ended.get(&(user.clone(), AGAIN.into())), None, "{user}");
    }
    let users = team.users.to_string();
    let states = "SELECT state || ' ' || count(*) FROM easemob_admin.run_item GROUP BY state";
    assert_eq!(team.database.run(states), [format!("done {users}")]);
    let outcomes = "SELECT count(*) || ' ' || count(DISTINCT item) FROM easemob_admin.run_record \
                    WHERE record::json #>> '{outcome,state}' IN ('done', 'nothing', 'skipped')";
    assert_eq!(team.database.run(outcomes), [format!("{users} {users}")]);
    assert_eq!(
        team.database.run("SELECT count(*) FROM easemob_admin.lease"),
        ["0"]
    );
    let told = "SELECT count(*) || ' ' || count(DISTINCT folded) FROM easemob_admin.trail_line WHERE \
                convert_from(line, 'UTF8')::json #>> '{kind}' = 'outcome' AND \
                convert_from(line, 'UTF8')::json #>> '{outcome}' IN ('ended', 'nothing')";
    assert_eq!(team.database.run(told), [format!("{users} {users}")]);
    for replica in 0..2 {
        let data = team.env.path(&format!("replica{replica}"));
        let variables = [("EASEMOB_DATA_DIR", data.to_str().unwrap())];
        let _ = TestEnv::finish(team.env.spawn_with(&variables, &["audit", "verify"])).expect(0);
    }
}
