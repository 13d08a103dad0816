//! The rate that machines share in PostgreSQL.

use serde_json::Value;

use super::env::{STUCK, TestEnv, until};
use crate::cluster::TestDatabase;
use easemob_admin_sandbox::Fault;

/// A server, and a database with the tables; nothing if there is no PostgreSQL.
fn team() -> Option<(TestEnv, TestDatabase)> {
    let database = TestDatabase::create()?;
    let mut env = TestEnv::new();
    env.set("EASEMOB_STORE", &database.url());
    let _ = env.run(&["store", "init"]).expect(0);
    Some((env, database))
}

fn budget(env: &TestEnv) -> Vec<Value> {
    let shown = env.run(&["store", "budget", "-o", "json"]).expect(0);
    shown.json()["rows"].as_array().unwrap().clone()
}

fn rates(env: &TestEnv) -> Vec<(String, u64)> {
    let rate = |row: &Value| {
        (
            row["pool"].as_str().unwrap().to_owned(),
            row["rate"].as_u64().unwrap(),
        )
    };
    budget(env).iter().map(rate).collect()
}

#[test]
fn machines_share_a_rate_and_each_has_a_slot_for_what_it_sends() {
    const USERS: usize = 120;
    let Some((mut env, database)) = team() else { return };
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    for name in &names {
        env.sandbox().register(name);
    }
    let list = env.file("list", names.join("\n"));
    let args = [
        "devices",
        "list",
        "--from",
        &list,
        "--read-every-user",
        "-o",
        "json",
    ];
    let running = ["one", "two", "three"].map(|machine| {
        let data = env.path(machine);
        env.set("EASEMOB_DATA_DIR", data.to_str().unwrap());
        env.spawn(&args)
    });
    let ended = running.map(|running| TestEnv::finish(running).expect(0).json()["summary"].clone());
    let sent = env.sandbox().call_count("devices.list");
    assert_eq!(sent, 3 * USERS);
    let given = "SELECT given::text FROM easemob_admin.budget WHERE pool = 'accounts'";
    let given: usize = database.run(given)[0].parse().unwrap();
    assert!(given >= sent, "{given} slots for {sent} requests");
    // By the clock of the programs: together they need the time that one would need for all.
    let longest = ended
        .iter()
        .map(|summary| summary["elapsed_seconds"].as_f64().unwrap());
    let longest = longest.fold(0.0, f64::max);
    assert!(longest > 2.2, "{ended:?}");
    assert!(!env.path("one/rates").exists(), "no budget of one machine");
}

#[test]
fn the_rate_of_a_team_is_shown_and_set() {
    let Some((mut env, _database)) = team() else {
        return;
    };
    env.online("ann", &["ios_1"]);
    env.snapshot("store budget of nobody", &env.run(&["store", "budget"]).expect(0));
    let _ = env.run(&["devices", "list", "ann"]).expect(0);
    let pool = |name: &str, rate| (name.to_owned(), rate);
    assert_eq!(rates(&env), [pool("accounts", 100), pool("token", 300)]);

    let set = env.run(&["store", "budget", "--packs", "2"]).expect(0);
    assert!(
        set.stderr.contains("at most 200 requests a second"),
        "{}",
        set.text()
    );
    let all = [
        pool("accounts", 200),
        pool("batch_status", 100),
        pool("token", 300),
    ];
    assert_eq!(rates(&env), all);
    let _ = env.run(&["store", "budget", "--rate", "60"]).expect(0);
    let _ = env
        .run(&["store", "budget", "--rate", "7", "--pool", "presence"])
        .expect(0);
    let all = [
        pool("accounts", 60),
        pool("batch_status", 30),
        pool("presence", 7),
        pool("token", 300),
    ];
    assert_eq!(rates(&env), all);
    env.snapshot("store budget", &env.run(&["store", "budget"]).expect(0));
    for wrong in [
        &["--pool", "acounts"][..],
        &["--rate", "unlimited"],
        &["--rate", "5", "--packs", "1"],
        &["--packs", "1", "--pool", "mutes"],
        &["--packs", "-1"],
        &["--rate", "0"],
    ] {
        let _ = env.run(&[&["store", "budget"], wrong].concat()).expect(2);
    }
    assert_eq!(rates(&env), all);
    // A command may have less than the team, and never more.
    let names: Vec<String> = (0..600).map(|number| format!("user{number:04}")).collect();
    let list = env.file("list", names.join("\n"));
    for (options, expected) in [
        (&[][..], "60/s"),
        (&["--rate", "20"], "20/s"),
        (&["--rate", "500"], "60/s"),
        (&["--share", "50%"], "30/s"),
    ] {
        let args = [
            &[
                "sessions",
                "logout",
                "--from",
                &list,
                "--unread",
                "--dry-run",
                "--max-duration",
                "1ms",
            ],
            options,
        ]
        .concat();
        let said = env.run(&args).stderr;
        assert!(said.contains(expected), "{options:?}: {said}");
    }
    env.unset("EASEMOB_STORE");
    let _ = env.run(&["store", "budget"]).expect(3);
}

#[test]
fn a_pause_is_kept_by_all_machines() {
    let Some((mut env, database)) = team() else { return };
    env.online("ann", &["ios_1"]);
    let _ = env.run(&["devices", "list", "ann"]).expect(0);
    database.run(
        "UPDATE easemob_admin.budget SET slow_until_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + 600000000",
    );
    let data = env.path("two");
    env.set("EASEMOB_DATA_DIR", data.to_str().unwrap());
    let before = env.sandbox().call_count("devices.list");
    let running = env.spawn(&["devices", "list", "ann"]);
    running.until_it_says("the server asked for a pause");
    assert_eq!(env.sandbox().call_count("devices.list"), before);
    assert!(budget(&env)[0]["pause_seconds"].as_f64().unwrap() > 500.0);
    drop(running);
}

#[test]
fn a_run_whose_budget_is_gone_sends_nothing_more_and_can_be_resumed() {
    let Some((mut env, database)) = team() else { return };
    let role = database.role();
    let _ = env.run(&["store", "migrate", "--worker", &role]).expect(0);
    env.set(
        "EASEMOB_STORE",
        &database.url().replacen("postgres@", &format!("{role}@"), 1),
    );
    let names: Vec<String> = (0..40).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    env.sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let args = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "x",
        "--yes",
        "--concurrency",
        "1",
    ];
    let running = env.spawn(&args);
    until("a call that is held up", || env.sandbox().held_calls() > 0);
    database.run(&format!("ALTER ROLE {role} CONNECTION LIMIT 0"));
    let cut = format!(
        "SELECT pg_terminate_backend(pid, 10000)::text FROM pg_stat_activity WHERE usename = '{role}'"
    );
    assert!(
        database.run(&cut).len() > 1,
        "records and budget have connections of their own"
    );
    env.sandbox().release_calls();
    let stopped = TestEnv::finish(running).expect(5);
    let sent = env.sandbox().call_count("sessions.logout_all");
    assert_eq!(sent, 1, "{}", stopped.text());
    database.run(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"));
    database.run("UPDATE easemob_admin.lease SET until = clock_timestamp() - interval '1 s', grace_ms = 0");
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert!(names.iter().all(|name| env.devices(name).is_empty()));
}
