//! `runs prune`: removes what is finished, and nothing that somebody may still need.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

fn act<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &["--reason", "test", "--yes", "--concurrency", "1"]].concat()
}

/// The commands of all runs, oldest first.
fn commands(env: &TestEnv) -> Vec<String> {
    let runs = env.run(&["runs", "list", "-o", "json"]).expect(0).json();
    let rows = runs["rows"].as_array().unwrap().iter();
    rows.map(|row| row["command"].as_str().unwrap().to_owned())
        .collect()
}

fn env() -> TestEnv {
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    env
}

#[test]
fn only_finished_runs_without_locks_are_removed() {
    let env = env();
    let _ = env
        .run(&act(&["sessions", "lock", "ann", "--ttl", "1h"]))
        .expect(0);
    env.sandbox()
        .inject(Fault::status("sessions.logout_all", 503).times(100));
    let _ = env
        .run(
            &[
                &act(&["sessions", "logout", "bob"])[..],
                &["--wait-for-server", "0"],
            ]
            .concat(),
        )
        .expect(5);
    env.sandbox().clear_faults();
    let _ = env.run(&act(&["users", "ban", "bob"])).expect(0);
    let all = ["sessions lock", "sessions logout", "users ban"];
    assert_eq!(commands(&env), all);

    let young = env
        .run(&["runs", "prune", "--older-than", "1h", "-o", "json"])
        .expect(0);
    assert_eq!(young.json()["summary"]["runs"], 0, "{}", young.text());
    // A time to come.
    let prune = ["runs", "prune", "--older-than", "2100-01-01", "-o", "json"];
    let dry = env.run(&[&prune[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(dry.json()["rows"][0]["command"], "users ban", "{}", dry.text());
    assert_eq!(commands(&env), all);

    let pruned = env.run(&prune).expect(0);
    let summary = &pruned.json()["summary"];
    assert_eq!(
        (
            &summary["runs"],
            &summary["kept"]["unfinished"],
            &summary["kept"]["locks"]
        ),
        (&1.into(), &1.into(), &1.into()),
        "{}",
        pruned.text()
    );
    assert!(summary["bytes"].as_u64().unwrap() > 100);
    assert_eq!(commands(&env), ["sessions lock", "sessions logout"]);
    // The trail keeps what was done, and has the pruning.
    let log = env.run(&["audit", "log", "--all", "-o", "json"]).expect(0);
    assert!(
        log.stdout.contains("runs.pruned") && log.stdout.contains("users.ban"),
        "{}",
        log.text()
    );
    let _ = env.run(&["audit", "verify"]).expect(0);

    let _ = env.run(&act(&["sessions", "unlock", "ann"])).expect(0);
    let _ = env.run(&["runs", "resume", "last", "--yes"]);
    let _ = env.run(&prune).expect(0);
    assert_eq!(commands(&env), ["sessions logout"]);
}
