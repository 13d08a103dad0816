//! Workers that are killed, suspended and cut off while they share runs. What became of everybody is proved from the log of
//! the server, the items and the trail.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use easemob_admin_sandbox::LiveEvent;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::broadcast::error::RecvError;

use super::env::{Running, TestEnv};
use crate::cluster::TestDatabase;
use crate::cut::{Budget, Cut};

/// How often a worker is killed.
const KILLS: u32 = 6;

/// How many users one run has for each kill.
const USERS_PER_KILL: u32 = 100;

const WORKERS: usize = 3;

/// The requests of a worker per second: a range takes about a second.
const RATE: &str = "500";

/// No story takes longer for each kill.
const LONGEST: Duration = Duration::from_secs(20);

/// The device with which users sign in again after they were signed out.
pub(crate) const AGAIN: &str = "web_again";

fn kills() -> u32 {
    std::env::var("EASEMOB_TEAM_KILLS").map_or(KILLS, |kills| kills.parse().unwrap())
}

/// A server, a database behind a socket that is cut, and a run.
struct Team {
    env: TestEnv,
    database: TestDatabase,
    cut: Cut,
    store: String,
    /// The account of the workers.
    role: String,
    users: u32,
}

/// What may still be under way of a worker.
struct Worker {
    process: Running,
    machine: usize,
    /// Whether it stands still.
    is_suspended: bool,
}

impl Team {
    fn new(users: u32) -> Option<Self> {
        let database = TestDatabase::create()?;
        let mut env = TestEnv::new();
        env.set("EASEMOB_STORE", &database.url());
        let role = database.role();
        let _ = env.run(&["store", "init", "--worker", &role]).expect(0);
        let cut = Cut::before(&database.address());
        let address = cut.address();
        let store = format!(
            "postgres://{role}@host:{}/{}?host={}&sslmode=disable",
            address.port, address.database, address.host
        );
        for number in 0..users {
            env.online(&name(number), &["ios_1"]);
        }
        Some(Self {
            env,
            database,
            cut,
            store,
            role,
            users,
        })
    }

    fn begin(&self) {
        let names: Vec<String> = (0..self.users).map(name).collect();
        let list = self.env.file("list", names.join("\n"));
        let begun = [
            "sessions",
            "logout",
            "--from",
            &list,
            "--reason",
            "chaos",
            "--yes",
            "--read-every-user",
            "--detach",
        ];
        let _ = self.env.run(&begun).expect(0);
    }

    fn worker(&self, machine: usize) -> Worker {
        let data = self.env.path(&format!("machine{machine}"));
        let variables = [
            ("EASEMOB_DATA_DIR", data.to_str().unwrap()),
            ("EASEMOB_STORE", &self.store),
        ];
        // Leases are as short as the time limit of requests allows; all workers have one name.
        let work = [
            "work",
            "--name",
            "one-name",
            "--rate",
            RATE,
            "--timeout",
            "1s",
            "--concurrency",
            "8",
        ];
        Worker {
            process: self.env.spawn_with(&variables, &work),
            machine,
            is_suspended: false,
        }
    }

    /// Ends all connections of the workers and lets none in for a while, as when the server restarts.
    fn restart_the_database(&self, away: Duration) {
        let role = &self.role;
        self.database
            .run(&format!("ALTER ROLE {role} CONNECTION LIMIT 0"));
        self.database.run(&format!(
            "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename = '{role}'"
        ));
        thread::sleep(away);
        self.database
            .run(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"));
    }

    fn done(&self) -> u32 {
        let done = self.database.run("SELECT sum(done) FROM easemob_admin.run");
        done[0].parse().unwrap_or_default()
    }
}

impl Worker {
    /// Sends a signal, unless it has ended.
    fn signal(&mut self, signal: Signal) {
        if self.process.try_wait().unwrap().is_some() {
            return;
        }
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        self.is_suspended = signal == Signal::STOP;
    }
}

pub(crate) fn name(number: u32) -> String {
    format!("user{number:06}")
}

/// Signs everybody in again who was signed out, and counts how often which device was.
pub(crate) fn watch(env: &TestEnv, ended: &Mutex<BTreeMap<(String, String), u32>>, over: &AtomicBool) {
    let mut events = env.sandbox().watch();
    while !over.load(Ordering::Acquire) {
        match events.try_recv().map_err(|error| match error {
            tokio::sync::broadcast::error::TryRecvError::Lagged(missed) => RecvError::Lagged(missed),
            _ => RecvError::Closed,
        }) {
            Ok(happened) => {
                if let LiveEvent::Ended { user, resource, .. } = happened.event {
                    if resource != AGAIN {
                        env.sandbox().sign_in_as(&user, AGAIN).unwrap();
                    }
                    *ended.lock().unwrap().entry((user, resource)).or_default() += 1;
                }
            }
            Err(RecvError::Lagged(missed)) => panic!("{missed} events were missed"),
            Err(RecvError::Closed) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[test]
fn whatever_becomes_of_workers_everybody_is_signed_out_once() {
    let kills = kills();
    let Some(team) = Team::new(kills.max(15) * USERS_PER_KILL) else {
        return;
    };
    let (ended, over) = (Mutex::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| watch(&team.env, &ended, &over));
        let _end = End(&over);
        team.begin();
        disturb(&team, kills);
    });
    check(&team, &ended.into_inner().unwrap());
}

/// Ends the watch, also when the test fails.
pub(crate) struct End<'a>(pub(crate) &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Kills and suspends workers and cuts connections until the run is done.
fn disturb(team: &Team, kills: u32) {
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let started = Instant::now();
    let mut workers: Vec<Worker> = (0..WORKERS).map(|machine| team.worker(machine)).collect();
    // One stands still from the middle of its work until all is done, far beyond its lease.
    let mut still = team.worker(WORKERS);
    let mut killed = 0;
    while team.done() < team.users {
        assert!(
            started.elapsed() < LONGEST * (kills + 10),
            "{killed} kills, {} of {} users",
            team.done(),
            team.users
        );
        thread::sleep(Duration::from_millis(150 + random(250)));
        if !still.is_suspended && team.done() > 0 {
            still.signal(Signal::STOP);
        }
        for worker in &mut workers {
            if let Some(ended) = worker.process.try_wait().unwrap() {
                // It was cut off before it began, which systemd would repeat.
                assert_eq!(ended.code(), Some(5), "{}", worker.process.said());
                *worker = team.worker(worker.machine);
            }
        }
        if killed == kills {
            // What is left is done in peace, once the leases have run out.
            team.cut.never();
            for worker in workers.iter_mut().filter(|worker| worker.is_suspended) {
                worker.signal(Signal::CONT);
            }
            continue;
        }
        if random(12) == 0 {
            team.restart_the_database(Duration::from_millis(500 + random(1_500)));
        }
        team.cut.after(if random(2) == 0 {
            Budget::Bytes(usize::try_from(random(20_000)).unwrap())
        } else {
            Budget::Messages(usize::try_from(random(40)).unwrap())
        });
        let index = usize::try_from(random(WORKERS as u64)).unwrap();
        let worker = &mut workers[index];
        let is_late = u64::from(team.done()) * u64::from(kills) > u64::from(killed) * u64::from(team.users);
        match random(4) {
            0 if !worker.is_suspended && !is_late => worker.signal(Signal::STOP),
            1 if worker.is_suspended => worker.signal(Signal::CONT),
            _ => {
                worker.process.kill().unwrap();
                killed += 1;
                *worker = team.worker(worker.machine);
            }
        }
    }
    assert_eq!(killed, kills);
    // It wakes up, and finds that its users were done by others.
    workers.push(still);
    for mut worker in workers {
        worker.signal(Signal::CONT);
        worker.signal(Signal::TERM);
        let output = TestEnv::finish(worker.process);
        let cut_off_at_once = output.code == 5 && output.stdout.is_empty();
        assert!(output.code == 0 || cut_off_at_once, "{}", output.text());
        assert!(!output.stderr.contains("panicked"), "{}", output.text());
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
    // What the items and the records say.
    let users = team.users.to_string();
    let states = "SELECT state || ' ' || count(*) FROM easemob_admin.run_item GROUP BY state";
    assert_eq!(team.database.run(states), [format!("done {users}")]);
    let outcomes = "SELECT count(*) || ' ' || count(DISTINCT item) FROM easemob_admin.run_record \
                    WHERE record::json #>> '{outcome,state}' IN ('done', 'nothing', 'skipped')";
    assert_eq!(team.database.run(outcomes), [format!("{users} {users}")]);
    let unmeant = "SELECT count(*) FROM easemob_admin.run_record o WHERE record LIKE '{\"outcome\":%' AND NOT EXISTS \
                   (SELECT FROM easemob_admin.run_record i WHERE i.run = o.run AND i.item = o.item AND i.number < o.number \
                   AND i.record LIKE '{\"intent\":%')";
    assert_eq!(team.database.run(unmeant), ["0"], "outcomes without an intent");
    assert_eq!(
        team.database.run("SELECT count(*) FROM easemob_admin.lease"),
        ["0"]
    );
    // What the trail says, and that it is whole.
    let told = "SELECT count(*) || ' ' || count(DISTINCT folded) FROM easemob_admin.trail_line WHERE \
                convert_from(line, 'UTF8')::json #>> '{kind}' = 'outcome' AND \
                convert_from(line, 'UTF8')::json #>> '{outcome}' IN ('ended', 'nothing')";
    assert_eq!(team.database.run(told), [format!("{users} {users}")]);
    for machine in 0..=WORKERS {
        let data = team.env.path(&format!("machine{machine}"));
        let verify = team.env.spawn_with(
            &[("EASEMOB_DATA_DIR", data.to_str().unwrap())],
            &["audit", "verify"],
        );
        let _ = TestEnv::finish(verify).expect(0);
    }
}
