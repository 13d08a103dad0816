//! The sandbox inside the command.

use super::env::TestEnv;

#[test]
fn commands_see_what_earlier_ones_did_and_say_sandbox() {
    let env = TestEnv::bare();
    let before = env
        .run(&["--sandbox", "devices", "list", "user0001", "-o", "json"])
        .expect(0);
    assert_eq!(before.json()["sandbox"], true);
    assert!(before.stderr.contains("sandbox"), "{}", before.text());
    assert!(before.json()["rows"].as_array().unwrap().len() > 1);
    env.snapshot(
        "sandbox_logout",
        &env.run(&["--sandbox", "sessions", "logout", "user0001", "--yes"])
            .expect(0),
    );
    let after = env.run(&["--sandbox", "devices", "list", "user0001"]).expect(0);
    assert!(after.stdout.contains("not online"), "{}", after.text());
    env.snapshot("sandbox_reset", &env.run(&["sandbox", "reset"]).expect(0));
}

#[test]
fn a_seed_replaces_the_state() {
    let env = TestEnv::bare();
    let seed = env.file("seed.json", r#"{"users":[{"username":"zoe"}]}"#);
    // As csv, because a table is as wide as the path of the home.
    let output = env.run(&["sandbox", "seed", &seed, "-o", "csv"]).expect(0);
    env.snapshot("sandbox_seed", &output);
    let listed = env.run(&["--sandbox", "users", "list", "-o", "csv"]).expect(0);
    assert_eq!(
        listed.stdout.lines().count(),
        2,
        "{}{}",
        output.text(),
        listed.text()
    );
    assert!(listed.stdout.contains("zoe"));
}

#[test]
fn a_seed_with_a_typo_is_told_with_its_place_and_changes_nothing() {
    let env = TestEnv::bare();
    let seed = env.file("seed.json", r#"{"users":[{"nam":"zoe"}]}"#);
    env.snapshot(
        "sandbox_seed_typo",
        &env.run(&["sandbox", "seed", &seed]).expect(2),
    );
    assert!(!env.path("data").join("sandbox/state.json").exists());
}

#[test]
fn a_seed_with_limits_out_of_range_changes_nothing() {
    let env = TestEnv::bare();
    let _ = env
        .run(&["--sandbox", "users", "ban", "user0001", "--yes"])
        .expect(0);
    let seed = env.file("seed.json", r#"{"limits":{"mode":"multi","default":99}}"#);
    let output = env.run(&["sandbox", "seed", &seed]).expect(2);
    assert!(output.stderr.contains("must be between"), "{}", output.text());
    let shown = env
        .run(&["--sandbox", "users", "show", "user0001", "-o", "json"])
        .expect(0);
    assert_eq!(shown.json()["rows"][0]["active"], false, "{}", shown.text());
}

#[test]
fn two_changes_at_once_are_both_kept() {
    let env = TestEnv::bare();
    let users = ["user0001", "user0002"];
    let children = users.map(|user| env.spawn(&["--sandbox", "users", "ban", user, "--yes"]));
    for child in children {
        let _ = TestEnv::finish(child).expect(0);
    }
    for user in users {
        let shown = env
            .run(&["--sandbox", "users", "show", user, "-o", "json"])
            .expect(0);
        assert_eq!(shown.json()["rows"][0]["active"], false, "{}", shown.text());
    }
}

#[test]
fn a_damaged_state_is_told_and_left_as_it_is() {
    let env = TestEnv::bare();
    let _ = env.run(&["--sandbox", "users", "list", "--limit", "1"]).expect(0);
    let state = env
        .files()
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .unwrap();
    let torn = &std::fs::read(&state).unwrap()[..100];
    std::fs::write(&state, torn).unwrap();
    let output = env.run(&["--sandbox", "users", "list", "--limit", "1"]).expect(1);
    assert!(
        output.stderr.contains(state.to_str().unwrap()),
        "{}",
        output.text()
    );
    assert_eq!(std::fs::read(&state).unwrap(), torn);
}

#[test]
fn a_served_sandbox_says_where_it_is() {
    use std::io::BufRead as _;
    let env = TestEnv::bare();
    let mut child = env.spawn(&["sandbox", "serve", "--seed", "demo"]);
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let mut other = TestEnv::bare();
    for (variable, key) in [
        ("EASEMOB_APP_ROOT", "app_root"),
        ("EASEMOB_CLIENT_ID", "client_id"),
        ("EASEMOB_CLIENT_SECRET", "client_secret"),
    ] {
        other.set(variable, ready[key].as_str().unwrap());
    }
    let _ = other.run(&["devices", "list", "user0001"]).expect(0);
    super::interrupts::interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
