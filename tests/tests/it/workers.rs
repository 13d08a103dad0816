//! Workers on several machines that share the runs of a database.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::env::{Output, Running, STUCK, TestEnv, until};
use crate::cluster::TestDatabase;
use easemob_admin_sandbox::Fault;

/// A server with users who are online, and a database that all machines use.
struct Team {
    env: TestEnv,
    database: TestDatabase,
    list: String,
    users: usize,
}

impl Team {
    /// Returns nothing if there is no PostgreSQL.
    fn new(users: usize) -> Option<Self> {
        let database = TestDatabase::create()?;
        let mut env = TestEnv::new();
        env.set("EASEMOB_STORE", &database.url());
        let _ = env.run(&["store", "init"]).expect(0);
        let names: Vec<String> = (0..users).map(|number| format!("user{number:06}")).collect();
        for name in &names {
            env.online(name, &["ios_1"]);
        }
        let list = env.file("list", names.join("\n"));
        Some(Self {
            env,
            database,
            list,
            users,
        })
    }

    /// Begins a run that signs everybody out.
    fn logout(&self, more: &[&str]) -> Running {
        let args = [
            "sessions", "logout", "--from", &self.list, "--reason", "leak", "--yes",
        ];
        let fast = ["--rate", "unlimited", "--read-every-user", "-o", "json"];
        self.on("one", &[&args[..], &fast, more].concat())
    }

    fn on(&self, machine: &str, args: &[&str]) -> Running {
        let data = self.env.path(machine);
        self.env
            .spawn_with(&[("EASEMOB_DATA_DIR", data.to_str().unwrap())], args)
    }

    fn run_on(&self, machine: &str, args: &[&str]) -> Output {
        TestEnv::finish(self.on(machine, args))
    }

    /// The newest run as the list shows it.
    fn listed(&self) -> Value {
        let list = self.run_on("three", &["runs", "list", "-o", "json"]).expect(0);
        list.json()["rows"].as_array().unwrap().last().unwrap().clone()
    }

    fn logouts(&self) -> usize {
        self.env.sandbox().call_count("sessions.logout_all")
    }

    /// A row for each user, whoever worked on the user.
    fn everybody_has_a_row(&self, ended: &Value) {
        let rows = ended["rows"].as_array().unwrap();
        let users: BTreeSet<&str> = rows.iter().map(|row| row["user"].as_str().unwrap()).collect();
        let command = &ended["command"];
        assert_eq!((rows.len(), users.len()), (self.users, self.users), "{command}");
    }

    /// Those who were online, that is.
    fn everybody_was_signed_out_once(&self) {
        assert_eq!(self.logouts(), self.users);
        let counts = "SELECT count(*) || ' ' || count(DISTINCT record::json #>> '{outcome,n}') FROM easemob_admin.run_record \
                      WHERE record LIKE '{\"outcome\":%\"state\":\"done\"%'";
        assert_eq!(
            self.database.run(counts),
            [format!("{} {}", self.users, self.users)]
        );
        for machine in ["one", "two"] {
            let _ = self.run_on(machine, &["audit", "verify"]).expect(0);
        }
    }
}

fn signal(child: &Running, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn ctrl_c_while_a_run_is_being_shared_leaves_it_to_nobody() {
    let Some(team) = Team::new(700) else { return };
    // The run is open for workers, and its head is not written yet.
    team.database.run(
        "CREATE TABLE public.released (n INT); \
         CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF EXISTS (SELECT FROM easemob_admin.run WHERE state = 'open') THEN PERFORM pg_advisory_xact_lock(42); END IF; \
         RETURN NEW; END $$; \
         CREATE TRIGGER wait BEFORE INSERT ON easemob_admin.trail_head FOR EACH ROW EXECUTE FUNCTION public.wait()",
    );
    let locks = |granted: &str| {
        let wanted =
            format!("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND {granted}");
        !team.database.run(&wanted).is_empty()
    };
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            team.database.run(
                "DO $$ BEGIN PERFORM pg_advisory_xact_lock(42); WHILE NOT EXISTS (SELECT FROM public.released) LOOP \
                 PERFORM pg_sleep(0.01); END LOOP; END $$",
            )
        });
        until("somebody has the lock", || locks("granted"));
        let running = team.logout(&[]);
        until("the run is open", || locks("NOT granted"));
        signal(&running, Signal::INT);
        team.database.run("INSERT INTO public.released VALUES (1)");
        TestEnv::finish(running)
    });
    assert_ne!(ended.json()["summary"]["not_started"], 0, "{}", ended.text());
    assert_eq!(team.listed()["state"], "paused", "{}", ended.text());
    assert!(ended.stderr.contains("stopping"), "{}", ended.stderr);
}

const WORK: &[&str] = &["work", "--once", "--rate", "unlimited", "-o", "json"];

#[test]
fn a_detached_run_is_done_by_workers_with_one_name() {
    let Some(team) = Team::new(700) else { return };
    let left = TestEnv::finish(team.logout(&["--detach", "--priority", "incident"])).expect(0);
    assert_eq!(left.json()["summary"]["not_started"], 700, "{}", left.text());
    assert!(left.stderr.contains("is left to workers"), "{}", left.stderr);
    assert_eq!(team.env.writes(), 0, "nobody works on it yet");
    assert_eq!(team.listed()["state"], "waiting");
    let name = ["--name", "night"];
    let workers = ["one", "two"].map(|machine| team.on(machine, &[WORK, &name].concat()));
    let done: u64 = workers
        .into_iter()
        .map(|worker| {
            let output = TestEnv::finish(worker).expect(0);
            output.json()["summary"]["done"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(done, 700);
    let listed = team.listed();
    assert_eq!((&listed["state"], &listed["done"]), (&"done".into(), &700.into()));
    team.everybody_was_signed_out_once();
    // The ranges of a worker are one attempt.
    let shown = team
        .run_on("three", &["runs", "show", "last", "-o", "json"])
        .expect(0);
    let attempts = shown.json()["summary"]["attempts"].as_array().unwrap().clone();
    let parts: u64 = attempts
        .iter()
        .map(|attempt| attempt["parts"].as_u64().unwrap())
        .sum();
    assert!(attempts.len() <= 2 && parts == 3, "{}", shown.text());
    assert!(attempts.iter().all(|attempt| attempt["ended"].is_string()));
    // There is nothing left for anybody.
    let idle = team.run_on("two", WORK).expect(0);
    assert_eq!(idle.json()["summary"]["parts"], 0);
    assert_eq!(
        team.database.run("SELECT count(*) FROM easemob_admin.lease"),
        ["0"]
    );
}

#[test]
fn the_command_that_began_a_run_shares_it_with_workers_and_reports_all_of_it() {
    let Some(team) = Team::new(800) else { return };
    // The first call of the command is held up, so that a worker has its turn.
    team.env
        .sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let command = team.logout(&[]);
    until("a call that is held up", || team.env.sandbox().held_calls() > 0);
    let worker = team.run_on("two", WORK).expect(0);
    let by_worker = worker.json()["summary"]["done"].as_u64().unwrap();
    assert!(by_worker >= 256, "{}", worker.text());
    team.env.sandbox().release_calls();
    let ended = TestEnv::finish(command).expect(0).json();
    let summary = &ended["summary"];
    assert_eq!((&summary["users"], &summary["done"]), (&800.into(), &800.into()));
    team.everybody_has_a_row(&ended);
    team.everybody_was_signed_out_once();
}

#[test]
fn acts_of_every_kind_that_are_shared_have_a_row_for_everybody() {
    let Some(team) = Team::new(400) else { return };
    let names = std::fs::read_to_string(&team.list).unwrap();
    let each: Vec<&str> = names.lines().flat_map(|name| ["--user", name]).collect();
    let acts = [
        ("users.ban", vec!["users", "ban", "--from", &team.list]),
        (
            "limits.set",
            [&["limits", "set", "--default", "3"][..], &each].concat(),
        ),
    ];
    for (call, act) in acts {
        team.env.sandbox().inject(Fault::delay(call, STUCK).times(1));
        let rest = ["--reason", "x", "--yes", "--rate", "unlimited", "-o", "json"];
        let command = team.on("one", &[&act[..], &rest].concat());
        until("a call that is held up", || team.env.sandbox().held_calls() > 0);
        let by_worker = team.run_on("two", WORK).expect(0).json()["summary"]["done"].clone();
        assert!(by_worker.as_u64() > Some(0), "{call}: {by_worker}");
        team.env.sandbox().release_calls();
        let ended = TestEnv::finish(command).expect(0).json();
        team.everybody_has_a_row(&ended);
        assert_eq!(ended["summary"]["done"], 400, "{call}");
    }
}

#[test]
fn a_run_is_paused_and_resumed_from_any_machine() {
    let Some(team) = Team::new(600) else { return };
    let slow = ["--rate", "100"];
    let _ = TestEnv::finish(team.logout(&["--detach"])).expect(0);
    let worker = team.on("two", &[&["work", "--name", "night"][..], &slow].concat());
    until("the first logouts", || team.logouts() > 3);
    let follows = team.on("one", &["runs", "show", "last", "--follow"]);
    follows.until_it_says("running by night (process");
    let paused = ["runs", "pause", "last", "--reason", "complaints"];
    let _ = team.run_on("one", &paused).expect(0);
    until("a pause", || team.listed()["state"] == "paused");
    let followed = TestEnv::finish(follows).expect(0);
    assert!(followed.stderr.contains("paused"), "{}", followed.stderr);
    let before = team.logouts();
    assert!(before < 600, "{before}");
    // The worker goes on when it is resumed, and not before.
    let _ = team
        .run_on("one", &["runs", "resume", "last", "--detach", "--yes"])
        .expect(0);
    until("more logouts", || team.logouts() > before);
    signal(&worker, Signal::TERM);
    let ended = TestEnv::finish(worker).expect(0);
    assert!(
        ended.stderr.contains("finishing the users in progress"),
        "{}",
        ended.stderr
    );
    assert_eq!(team.listed()["state"], "waiting", "what is left was given back");
    let _ = team
        .run_on("three", &["runs", "stop", "last", "--reason", "wrong list"])
        .expect(0);
    assert_eq!(team.run_on("two", WORK).expect(0).json()["summary"]["parts"], 0);
    assert_eq!(team.listed()["state"], "stopped");
    let log = team
        .run_on("one", &["audit", "log", "--all", "-n", "1", "-o", "json"])
        .expect(0);
    assert_eq!(log.json()["rows"][0]["kind"], "run.stopped", "{}", log.text());
    // Whoever insists does the rest alone.
    let resume = ["runs", "resume", "last", "--yes", "--rate", "unlimited"];
    let _ = team.run_on("two", &resume).expect(0);
    team.everybody_was_signed_out_once();
    let _ = team.run_on("one", &["runs", "pause", "last"]).expect(2);
}

#[test]
fn a_worker_takes_no_run_of_an_app_that_it_has_no_credentials_for() {
    let Some(team) = Team::new(3) else { return };
    let _ = TestEnv::finish(team.logout(&["--detach"])).expect(0);
    let other = [&["--app-root", "https://im.example.com/acme/other"][..], WORK].concat();
    let idle = team.run_on("two", &other).expect(0);
    assert_eq!(idle.json()["summary"]["parts"], 0);
    assert_eq!(team.env.writes(), 0);
    let _ = team.run_on("two", WORK).expect(0);
    team.everybody_was_signed_out_once();
}

#[test]
fn workers_ask_for_statuses_first_and_read_a_sample_of_each_range() {
    let Some(team) = Team::new(300) else { return };
    let mut names: Vec<String> = (0..300).map(|number| format!("user{number:06}")).collect();
    for number in 0..1_300 {
        let name = format!("away{number:06}");
        team.env.sandbox().register(&name);
        names.push(name);
    }
    let list = team.env.file("list", names.join("\n"));
    let logout = [
        "sessions", "logout", "--from", &list, "--reason", "x", "--yes", "--detach",
    ];
    let _ = team.run_on("one", &logout).expect(0);
    let worked = team.run_on("two", WORK).expect(0);
    let summary = &worked.json()["summary"];
    let counts = ["parts", "users", "done", "nothing_to_do"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1_600, 300, 1_300], "{}", worked.text());
    // Those who are online, and a sample of the others in each of two ranges.
    let reads = team.env.sandbox().call_count("devices.list");
    assert!((400..450).contains(&reads), "{reads}");
    team.everybody_was_signed_out_once();
}

#[test]
fn workers_ban_and_lock_users_too() {
    let Some(team) = Team::new(300) else { return };
    let ban = [
        "users", "ban", "--from", &team.list, "--reason", "x", "--yes", "--detach",
    ];
    let _ = team.run_on("one", &ban).expect(0);
    let worked = team.run_on("two", WORK).expect(0);
    assert_eq!(worked.json()["summary"]["parts"], 2, "{}", worked.text());
    assert_eq!(team.env.sandbox().call_count("users.ban"), 300);
    team.env.online("eve", &["ios_1"]);
    let lock = [
        "sessions", "lock", "eve", "--ttl", "1h", "--reason", "x", "--yes", "--detach",
    ];
    let _ = team.run_on("one", &lock).expect(0);
    let worked = team.run_on("two", WORK).expect(0);
    assert_eq!(worked.json()["summary"]["done"], 1, "{}", worked.text());
    let locks = team.run_on("one", &["sessions", "locks", "-o", "json"]).expect(0);
    assert_eq!(locks.json()["rows"][0]["user"], "eve", "{}", locks.text());
    assert_eq!(locks.json()["rows"][0]["state"], "locked", "{}", locks.text());
}

#[test]
fn without_a_database_there_are_no_workers() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let logout = ["sessions", "logout", "ann", "--reason", "x", "--yes"];
    let refused = env.run(&[&logout[..], &["--detach"]].concat()).expect(2);
    assert!(refused.stderr.contains("--store"), "{}", refused.stderr);
    assert_eq!(env.writes(), 0);
    let _ = env.run(WORK).expect(2);
    let _ = env.run(&logout).expect(0);
    env.online("ann", &["ios_1"]);
    let stopped = env
        .run(&[&logout[..], &["--max-logouts", "0"]].concat())
        .expect(8);
    assert!(stopped.stderr.contains("runs resume"), "{}", stopped.stderr);
    let refused = env.run(&["runs", "pause", "last"]).expect(2);
    assert!(refused.stderr.contains("Ctrl-C"), "{}", refused.stderr);
}
