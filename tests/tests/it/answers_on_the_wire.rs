//! Answers that the service did not write, lists that are not whole and entries that are odd.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const JSON: &str = "application/json";
const FOREIGN: &str = r#"{"code":0,"message":"ok"}"#;
const POLICY: &str = "default = 4\n";

fn page(users: &[&str], cursor: &str) -> String {
    let users: Vec<_> = users
        .iter()
        .map(|user| serde_json::json!({"username": user}))
        .collect();
    serde_json::json!({"entities": users, "cursor": cursor}).to_string()
}

fn lists(env: &TestEnv, pages: &[&str]) {
    env.sandbox().clear_faults();
    let (last, before) = pages.split_last().unwrap();
    for page in before {
        env.sandbox()
            .inject(Fault::raw_body("users.list", JSON, page).times(1));
    }
    env.sandbox().inject(Fault::raw_body("users.list", JSON, last));
}

/// Returns whether the newest snapshot is complete, and how many users it has.
fn newest_snapshot(env: &TestEnv) -> (bool, u64) {
    let output = env.run(&["logins", "snapshots", "-o", "json"]).expect(0);
    let rows = output.json()["rows"].as_array().unwrap().clone();
    let newest = rows.iter().max_by_key(|row| row["snapshot"].as_i64()).unwrap();
    (
        !newest["finished_at"].is_null(),
        newest["users"].as_u64().unwrap(),
    )
}

#[test]
fn a_list_that_is_not_there_is_no_empty_app() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let policy = env.file("limits.toml", POLICY);
    let whole = page(&["ann", "bob"], "1");
    for pages in [
        vec![FOREIGN],
        vec!["{}"],
        vec![r#"{"entities":null,"count":0}"#],
        vec![whole.as_str(), FOREIGN],
        vec![whole.as_str(), r#"{"count":0}"#],
        vec![whole.as_str(), r#"{"cursor":"2"}"#],
    ] {
        lists(&env, &pages);
        let output = env.run(&["users", "list"]).expect(5);
        assert!(
            output.stderr.contains("incomplete"),
            "{pages:?}: {}",
            output.text()
        );
        lists(&env, &pages);
        let _ = env.run(&["limits", "check", &policy, "--all"]).expect(5);
        lists(&env, &pages);
        let _ = env.run(&["logins", "scan"]).expect(5);
        assert!(!newest_snapshot(&env).0, "{pages:?}");
    }
}

#[test]
fn a_listing_goes_on_over_empty_pages_and_never_round_in_circles() {
    let names: Vec<String> = (0..100).map(|number| format!("user{number}")).collect();
    let full: Vec<&str> = names.iter().map(String::as_str).collect();
    let others: Vec<String> = (100..200).map(|number| format!("user{number}")).collect();
    let other: Vec<&str> = others.iter().map(String::as_str).collect();
    for (pages, users, whole) in [
        (
            vec![page(&full, "1"), page(&[], "2"), page(&other, "")],
            200,
            true,
        ),
        (vec![page(&full, "1"), page(&["ann"], "1")], 101, true),
        (vec![page(&full, "1"), page(&other, "1")], 100, false),
        (
            vec![
                page(&full, "1"),
                page(&other, "2"),
                page(&["ann"], "1"),
                page(&["bob"], "2"),
            ],
            201,
            false,
        ),
    ] {
        let env = TestEnv::new();
        let bodies: Vec<&str> = pages.iter().map(String::as_str).collect();
        lists(&env, &bodies);
        let code = if whole { 0 } else { 5 };
        let output = env.run(&["users", "list", "-o", "csv"]).expect(code);
        assert_eq!(output.stdout.lines().count(), users + 1, "{}", output.stderr);
        lists(&env, &bodies);
        let _ = env.run(&["logins", "scan"]).expect(code);
        assert_eq!(newest_snapshot(&env).0, whole);
    }
}

#[test]
fn an_entry_that_is_no_user_is_told_by_its_place_and_leaves_the_snapshot_incomplete() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let policy = env.file("limits.toml", POLICY);
    let long = "x".repeat(300);
    for odd in [
        "null".to_owned(),
        r#"{"username":7}"#.to_owned(),
        r#"{"username":""}"#.to_owned(),
        r#"{"username":"a\u0007b"}"#.to_owned(),
        r#"{"username":"a\nb"}"#.to_owned(),
        format!(r#"{{"username":"{long}"}}"#),
        "{}".to_owned(),
    ] {
        let body = format!(r#"{{"entities":[{{"username":"ann"}},{odd},{{"username":"bob"}}]}}"#);
        lists(&env, &[&body]);
        let output = env.run(&["users", "list", "-o", "json"]).expect(7);
        let json = output.json();
        assert_eq!(
            json["rows"].as_array().unwrap().len(),
            2,
            "{odd}: {}",
            output.text()
        );
        assert_eq!(json["summary"]["odd"], 1, "{odd}: {}", output.text());
        assert!(output.stderr.contains("entry 2"), "{odd}: {}", output.text());
        let output = env.run(&["limits", "check", &policy, "--all"]).expect(7);
        assert!(output.stderr.contains("entry 2"), "{odd}: {}", output.text());
        let output = env.run(&["logins", "scan"]).expect(7);
        assert!(output.stderr.contains("entry 2"), "{odd}: {}", output.text());
        assert_eq!(newest_snapshot(&env), (false, 3), "{odd}");
        // Going on behind it would make it complete.
        let _ = env.run(&["logins", "scan", "--resume"]).expect(7);
        assert!(!newest_snapshot(&env).0, "{odd}");
    }
}

#[test]
fn a_device_that_cannot_be_named_is_online_all_the_same() {
    for (devices, good) in [
        (r#"{"res":"ios_1"},{"device_name":"Pixel"}"#, 1),
        (r#"{"res":7}"#, 0),
        (r#"null,{"res":"ios_1"}"#, 1),
    ] {
        let env = TestEnv::new();
        env.online("ann", &["ios_1"]);
        let body = format!(r#"{{"data":[{devices}]}}"#);
        env.sandbox().inject(Fault::raw_body("devices.list", JSON, &body));
        let output = env.run(&["devices", "list", "ann", "-o", "json"]).expect(6);
        let rows = output.json()["rows"].as_array().unwrap().clone();
        assert_eq!(rows.len(), good + 1, "{}", output.text());
        assert_eq!(rows.last().unwrap()["outcome"], "failed", "{}", output.text());

        let policy = env.file("limits.toml", POLICY);
        let _ = env.run(&["limits", "check", &policy, "ann"]).expect(6);
        let _ = env.run(&["logins", "scan"]).expect(6);
        // Which of the devices go cannot be said without knowing all of them.
        for which in [
            ["--keep-newest", "1"],
            ["--platform", "ios"],
            ["--device", "ios_1"],
            ["--min-surviving", "1"],
        ] {
            let logout = ["sessions", "logout", "ann", "--reason", "x", "--yes"];
            let output = env.run(&[&logout[..], &which].concat()).expect(6);
            assert!(
                output.text().contains("cannot identify a device"),
                "{}",
                output.text()
            );
        }
        assert_eq!(env.writes(), 0);
        // Everything goes by one call, which names none.
        let _ = env
            .run(&["sessions", "logout", "ann", "--reason", "x", "--yes"])
            .expect(0);
        assert_eq!(env.sandbox().call_count("sessions.logout_all"), 1);
    }
}
