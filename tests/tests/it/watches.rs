//! All batches of one `limits enforce --watch` are one run for the operator.

use std::time::Duration;

use easemob_admin_sandbox::{Fault, Sandbox};

use super::collector::{Collector, collected_by, stop};
use super::env::{Running, STUCK, TestEnv, until};
use super::interrupts::interrupt;
use crate::cluster::TestDatabase;

/// Somebody watches that nobody has more than one device of a platform.
struct Watched {
    env: TestEnv,
    sandbox: Sandbox,
    collector: Collector,
    policy: String,
}

impl Watched {
    fn new(env: TestEnv) -> Self {
        let (env, collector, sandbox) = collected_by(env);
        let policy = env.file("limits.toml", "[platforms]\nios = 1\n");
        Self {
            env,
            sandbox,
            collector,
            policy,
        }
    }

    fn begin(&self) -> Running {
        let args = [
            "limits",
            "enforce",
            &self.policy,
            "--watch",
            "--delay",
            "50ms",
            "--max-logouts",
            "100",
            "--reason",
            "policy 12",
            "--yes",
            "--rate",
            "unlimited",
            "--wait-for-server",
            "0",
        ];
        let watching = self.env.spawn(&args);
        watching.until_it_says("watching sign-ins");
        watching
    }

    /// Signs a user in on one device too many.
    fn exceed(&self, user: &str) {
        self.sandbox.register(user);
        for _ in 0..2 {
            self.sandbox.advance(Duration::from_millis(1));
            self.env
                .block_on(async { self.sandbox.sign_in(user, "ios").unwrap() });
        }
    }

    /// Signs a user in on one device too many, and waits until the batch about it has ended.
    fn batch(&self, user: &str) {
        let before = self.rows(&["runs", "list"]).len();
        self.exceed(user);
        until("the end of a batch", || {
            let rows = self.rows(&["runs", "list"]);
            rows.len() > before && rows.last().unwrap()["state"] == "done"
        });
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        self.env.run(&[args, &["-o", "json"]].concat()).expect(0).json()
    }

    fn rows(&self, args: &[&str]) -> Vec<serde_json::Value> {
        self.json(args)["rows"].as_array().unwrap().clone()
    }
}

#[test]
fn a_watch_is_followed_from_batch_to_batch() {
    let watched = Watched::new(TestEnv::bare());
    let env = &watched.env;
    let watching = watched.begin();
    watched.batch("ann");
    let first = watched.rows(&["runs", "list"])[0]["run"]
        .as_str()
        .unwrap()
        .to_owned();
    let following = env.spawn(&["runs", "show", "last", "--follow"]);
    following.until_it_says(&format!("run {first}: ended"));
    watched.batch("bob");
    let second = watched.rows(&["runs", "list"])[1]["run"]
        .as_str()
        .unwrap()
        .to_owned();
    following.until_it_says(&format!("run {second}: ended"));
    interrupt(&following);
    let followed = TestEnv::finish(following).expect(0);
    assert!(
        followed.stderr.contains("a watch of 2 runs"),
        "{}",
        followed.text()
    );
    // One that is followed for some time only ends as well.
    let _ = env
        .run(&["runs", "show", "last", "--follow", "--max-duration", "1s"])
        .expect(0);
    interrupt(&watching);
    let _ = TestEnv::finish(watching).expect(0);
}

#[test]
fn the_batches_of_a_watch_are_one_run() {
    let watched = Watched::new(TestEnv::bare());
    let env = &watched.env;
    let watching = watched.begin();
    for user in ["ann", "bob"] {
        watched.batch(user);
    }
    // The third is cut off.
    let fault = Fault::delay("sessions.logout_device", STUCK);
    let fault_of_all = Fault::delay("sessions.logout_all", STUCK);
    watched.sandbox.inject(fault);
    watched.sandbox.inject(fault_of_all);
    watched.exceed("cat");
    until("a logout that is held up", || watched.sandbox.held_calls() > 0);
    let mut watching = watching;
    watching.kill().unwrap();
    drop(TestEnv::finish(watching));
    watched.sandbox.clear_faults();
    // Another watch has batches of its own.
    let another = watched.begin();
    until("the fourth batch", || watched.rows(&["runs", "list"]).len() >= 4);
    watched.batch("dan");
    interrupt(&another);
    let _ = TestEnv::finish(another).expect(0);

    let rows = watched.rows(&["runs", "list"]);
    let series = |row: usize| rows[row]["series"].as_str().unwrap().to_owned();
    let (first, second) = (series(0), series(rows.len() - 1));
    assert_eq!([series(1), series(2)], [first.clone(), first.clone()]);
    assert_ne!(first, second);

    let shown = watched.json(&["runs", "show", &first]);
    let summary = &shown["summary"];
    assert_eq!(
        (&summary["run"], &summary["batches"], &summary["done"]),
        (&first.as_str().into(), &3.into(), &2.into()),
        "{shown}"
    );
    assert_eq!(summary["state"], "unfinished");
    assert_eq!(summary["attempts"].as_array().unwrap().len(), 3);
    let last = watched.json(&["runs", "show", "last"]);
    assert_eq!(last["summary"]["run"], second.as_str());
    // A batch is a run of its own all the same.
    let batch = rows[0]["run"].as_str().unwrap();
    let alone = watched.json(&["runs", "show", batch]);
    assert_eq!(
        (&alone["summary"]["run"], &alone["summary"]["users"]),
        (&batch.into(), &1.into())
    );
    let ticket = env.run(&["runs", "show", &first, "--markdown"]).expect(0).stdout;
    assert!(
        ticket.contains("| Batches | 3 |") && ticket.contains("runs resume "),
        "{ticket}"
    );
    let told = env.run(&["runs", "show", &first]).expect(0);
    assert!(told.stderr.contains("a watch of 3 runs"), "{}", told.text());

    let resumed = env.run(&["runs", "resume", &first, "--yes"]).expect(0);
    assert!(!resumed.stderr.contains("nothing is left"), "{}", resumed.text());
    assert_eq!(
        watched.json(&["runs", "show", &first])["summary"]["state"],
        "done"
    );
    let over = env.run(&["runs", "resume", &first, "--yes"]).expect(0);
    assert!(over.stderr.contains("nothing is left to do"), "{}", over.text());
    let listed = env.run_on_terminal(&["runs", "list"], "").unwrap();
    assert!(
        listed.stdout.contains(&first)
            && listed.stdout.contains("3 done in")
            && !listed.stdout.contains(batch),
        "{}",
        listed.text()
    );
    let _ = env.run(&["audit", "verify"]).expect(0);
    let _ = stop(watched.collector);
}

#[test]
fn a_watch_is_stopped_from_any_machine() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::bare();
    env.set("EASEMOB_STORE", &database.url());
    let _ = env.run(&["store", "init"]).expect(0);
    let watched = Watched::new(env);
    let env = &watched.env;
    for (word, because) in [("stop", "wrong policy"), ("pause", "lunch")] {
        let watching = watched.begin();
        watched.batch(&format!("ann{word}"));
        watched.batch(&format!("bob{word}"));
        // Between two batches.
        let data = env.path("elsewhere");
        let told = env.spawn_with(
            &[("EASEMOB_DATA_DIR", data.to_str().unwrap())],
            &["runs", word, "last", "--reason", because],
        );
        let told = TestEnv::finish(told).expect(0);
        assert!(told.stderr.contains("ends within seconds"), "{}", told.text());
        let ended = TestEnv::finish(watching).expect(10);
        assert!(
            ended.stderr.contains(&format!("somebody has {word}")),
            "{}",
            ended.text()
        );
        let log = env.run(&["audit", "export", "--format", "jsonl"]).expect(0);
        assert!(log.stdout.contains(because), "{}", log.text());
    }
    // What happened meanwhile is looked at by the next watch.
    watched.exceed("cat");
    let next = watched.begin();
    until("the surplus to go", || watched.sandbox.devices("cat").len() == 1);
    interrupt(&next);
    let _ = TestEnv::finish(next).expect(0);
    let _ = stop(watched.collector);
}
