//! `limits check` and `limits enforce`: a policy of the operator's own, with any server.

use easemob_admin_sandbox::{DeviceLimits, Fault, Rates, Sandbox};

use super::env::TestEnv;

/// A sandbox whose own limits are no hindrance.
fn roomy() -> TestEnv {
    let env = TestEnv::with(
        Sandbox::builder()
            .rates(Rates::unlimited())
            .server_managed_limits(false),
    );
    env.sandbox().set_limits(DeviceLimits::multi(10)).unwrap();
    env
}

/// A device of the Web SDK that signed in so many days after 2024-04-01.
fn web(day: u64) -> String {
    format!("webim_random_web_{}", 1_711_929_600_000 + day * 86_400_000)
}

fn browsers(env: &TestEnv, user: &str, days: &[u64]) {
    let ids: Vec<String> = days.iter().map(|day| web(*day)).collect();
    env.online(user, &ids.iter().map(String::as_str).collect::<Vec<_>>());
}

/// ann has four browsers, bob three phones of unknown age, eve is within the limits, gus offline, bot exempt.
fn five_users() -> (TestEnv, String) {
    let env = roomy();
    browsers(&env, "ann", &[1, 4, 2, 3]);
    env.online("ann", &["ios_77e1"]);
    env.online("bob", &["android_1", "android_2", "android_3"]);
    browsers(&env, "eve", &[5, 6]);
    env.online("gus", &[]);
    browsers(&env, "bot-1", &[1, 2, 3]);
    let policy = env.file("limits.toml", "default = 2\n[exempt]\nusers = [\"BOT-*\"]\n");
    (env, policy)
}

const FIVE: [&str; 5] = ["ann", "bob", "eve", "gus", "bot-1"];

fn check<'a>(policy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["limits", "check", policy, "--concurrency", "1"], more].concat()
}

fn enforce<'a>(policy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["limits", "enforce", policy, "--reason", "policy 12", "--yes"];
    [&args[..], &["--concurrency", "1"], more].concat()
}

#[test]
pub(super) fn a_check_tells_who_exceeds_and_changes_nothing() {
    let (env, policy) = five_users();
    for format in ["table", "json", "jsonl", "csv"] {
        let args = [&check(&policy, &FIVE)[..], &["nobody", "-o", format]].concat();
        let output = env.run(&args).expect(11);
        env.snapshot(&format!("limits_check_{format}"), &output);
    }
    let oldest = check(&policy, &["bob", "--unknown-age", "oldest"]);
    env.snapshot("limits_check_oldest", &env.run(&oldest).expect(11));
    assert_eq!(env.writes(), 0);
}

#[test]
pub(super) fn a_check_of_users_within_the_limits_finds_nothing() {
    let (env, policy) = five_users();
    let output = env.run(&check(&policy, &["eve", "gus", "bot-1"])).expect(0);
    assert!(
        output.stdout.is_empty() && output.stderr.contains("3 within"),
        "{}",
        output.text()
    );
}

#[test]
pub(super) fn who_cannot_be_read_is_not_within_the_limits() {
    let (env, policy) = five_users();
    env.sandbox().inject(Fault::status("devices.list", 400));
    let output = env.run(&check(&policy, &["eve", "gus", "-o", "json"])).expect(7);
    let summary = &output.json()["summary"];
    assert_eq!(
        (&summary["nothing_to_do"], &summary["done"]),
        (&0.into(), &0.into())
    );
    assert_eq!(output.json()["rows"][0]["outcome"], "failed");
    let _ = env.run(&enforce(&policy, &["eve", "gus"])).expect(7);
    assert_eq!(env.writes(), 0);
}

#[test]
pub(super) fn everybody_is_listed_and_only_those_online_are_read() {
    let (env, policy) = five_users();
    for number in 0..150 {
        env.sandbox().register(&format!("idle{number:03}"));
    }
    let output = env.run(&check(&policy, &["--all", "-o", "json"])).expect(11);
    assert_eq!(output.json()["summary"]["users"], 155);
    assert_eq!(output.json()["summary"]["done"], 2);
    // Those online, and the sample of the others.
    let sample = output.json()["summary"]["status_first"]["sample"]
        .as_u64()
        .unwrap();
    assert!((50..100).contains(&sample), "{sample}");
    let calls = |endpoint| env.sandbox().call_count(endpoint);
    assert_eq!(
        (calls("users.list"), calls("status.batch"), calls("devices.list")),
        (2, 2, 4 + usize::try_from(sample).unwrap())
    );
    assert_eq!(env.writes(), 0);
    let output = env.run(&check(&policy, &[])).expect(2);
    assert!(output.stderr.contains("--all"), "{}", output.text());
}

#[test]
pub(super) fn a_policy_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let (env, _) = five_users();
    let policy = env.file("wrong.toml", "default = 2\n\n[platforms]\nwbe = 1\n");
    env.snapshot("limits_check_wrong_policy", &env.run(&check(&policy, &["ann"])));
    let _ = env.run(&check("missing.toml", &["ann"])).expect(2);
    assert!(env.sandbox().calls().is_empty());
}

#[test]
pub(super) fn exactly_the_surplus_is_ended_and_a_second_time_nobody() {
    let (env, policy) = five_users();
    let dry = [&enforce(&policy, &FIVE)[..], &["--dry-run"]].concat();
    env.snapshot("limits_enforce_dry_run", &env.run(&dry).expect(0));
    assert_eq!(env.writes(), 0);
    let args = [&enforce(&policy, &FIVE)[..], &["--verify"]].concat();
    // bob's phones are of unknown age: he stays beyond the limit, which is a finding.
    env.snapshot("limits_enforce", &env.run(&args).expect(11));
    let mut left = env.devices("ann");
    left.sort();
    assert_eq!(left, ["ios_77e1".to_owned(), web(3), web(4)]);
    assert_eq!(
        (
            env.devices("bob").len(),
            env.devices("eve").len(),
            env.devices("bot-1").len()
        ),
        (3, 2, 3)
    );
    assert_eq!(env.sandbox().call_count("sessions.logout_device"), 2);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 0);

    let _ = env
        .run(&enforce(&policy, &["bob", "--unknown-age", "oldest"]))
        .expect(0);
    assert_eq!(env.devices("bob").len(), 2);
    let writes = env.writes();
    let again = env.run(&enforce(&policy, &FIVE)).expect(0);
    assert!(again.stdout.is_empty(), "{}", again.text());
    assert_eq!(env.writes(), writes);
    let _ = env.run(&check(&policy, &FIVE)).expect(0);
}

#[test]
pub(super) fn a_cap_is_looked_at_before_anything_is_ended() {
    let (env, policy) = five_users();
    for cap in ["1", "10%"] {
        let output = env
            .run(&enforce(&policy, &["ann", "--max-logouts", cap]))
            .expect(8);
        assert!(output.stderr.contains("nothing was done"), "{}", output.text());
    }
    assert_eq!(env.writes(), 0);
    let _ = env
        .run(&enforce(&policy, &["ann", "--max-logouts", "2"]))
        .expect(0);
    assert_eq!(env.devices("ann").len(), 3);
}

#[test]
pub(super) fn a_reason_is_needed_and_a_yes() {
    let (env, policy) = five_users();
    let output = env.run(&["limits", "enforce", &policy, "ann", "--yes"]).expect(2);
    assert!(
        output.stderr.contains("a reason is required"),
        "{}",
        output.text()
    );
    assert!(env.sandbox().calls().is_empty());
    let args = ["limits", "enforce", &policy, "ann", "--reason", "test"];
    let output = env.run(&args).expect(2);
    assert!(output.stderr.contains("without a terminal"), "{}", output.text());
    assert_eq!(env.writes(), 0);
}

#[test]
pub(super) fn the_record_names_the_policy_by_its_digest() {
    let (env, policy) = five_users();
    let _ = env
        .run(&enforce(&policy, &["ann", "--ticket", "INC-7"]))
        .expect(0);
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0).stdout;
    let export = env
        .run(&["audit", "export", "--format", "jsonl"])
        .expect(0)
        .stdout;
    // Of `default = 2` and the exemption, as sha256sum tells.
    let digest = sha256sum(&policy);
    assert!(export.contains(&digest), "{export}");
    assert!(
        export.contains("limits enforce") && export.contains("INC-7"),
        "{export}"
    );
    assert!(log.contains("policy 12"), "{log}");
    let shown = env.run(&["runs", "show", "last"]).expect(0);
    assert!(shown.stderr.contains("limits enforce"), "{}", shown.text());
}

fn sha256sum(path: &str) -> String {
    let output = std::process::Command::new("sha256sum")
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// Whoever could not be read at first was not compared, and the exit code says so although the run itself had no trouble.
#[test]
pub(super) fn who_could_not_be_read_at_first_is_not_taken_for_done() {
    let env = roomy();
    browsers(&env, "ann", &[1, 2, 3]);
    let policy = env.file("limits.toml", "[platforms]\nweb = 2\n");
    env.sandbox().inject(Fault::status("devices.list", 400).times(1));
    let output = env.run(&enforce(&policy, &["ann"])).expect(6);
    assert!(output.stderr.contains("could not be read"), "{}", output.text());
    assert_eq!(env.devices("ann").len(), 3);
    let _ = env.run(&enforce(&policy, &["ann"])).expect(0);
    assert_eq!(env.devices("ann").len(), 2);
}

/// When a scan saw a device is not when it signed in: the newest browsers are kept by their stamps after it as before,
/// and phones are of unknown age.
#[test]
pub(super) fn a_scan_makes_nobody_older() {
    let (env, policy) = five_users();
    let _ = env.run(&["logins", "scan"]).expect(0);
    let listed = env.run(&["devices", "list", "bob", "-o", "csv"]).expect(0);
    assert!(
        !listed.stdout.contains('T'),
        "no time is shown: {}",
        listed.stdout
    );
    let _ = env.run(&enforce(&policy, &FIVE)).expect(11);
    let mut left = env.devices("ann");
    left.sort();
    assert_eq!(left, ["ios_77e1".to_owned(), web(3), web(4)]);
    assert_eq!(env.devices("bob").len(), 3, "nobody knows their ages");
}

/// What a scan saw is compared without a request, and whoever could not be read is not within the limits.
#[test]
pub(super) fn a_snapshot_is_checked_like_what_is_online() {
    let env = roomy();
    browsers(&env, "ann", &[1, 2, 3]);
    browsers(&env, "bob", &[1]);
    let policy = env.file("limits.toml", "[platforms]\nweb = 2\n");
    let _ = env.run(&["logins", "scan"]).expect(0);
    env.sandbox().reset_calls();
    let check = ["limits", "check", &policy, "--snapshot", "latest", "-o", "json"];
    let found = env.run(&check).expect(11).json()["rows"].clone();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let row = &found[0];
    assert_eq!((&row["user"], &row["over"]), (&"ann".into(), &1.into()));
    assert!(env.sandbox().calls().is_empty(), "nothing is asked of the server");
    let _ = env
        .run(&["sessions", "logout", "ann", "--reason", "test", "--yes"])
        .expect(0);
    env.sandbox().inject(
        Fault::status("devices.list", 400)
            .on("GET", "/users/bob/resources")
            .times(1),
    );
    let _ = env.run(&["logins", "scan"]).expect(6);
    let unread = env.run(&check).expect(6).json()["rows"].clone();
    assert_eq!(
        (&unread[0]["user"], &unread[0]["outcome"]),
        (&"bob".into(), &"failed".into())
    );
}
