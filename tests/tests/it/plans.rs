//! `sessions plan` and `sessions apply`: what is reviewed is what is done.

use super::env::TestEnv;

/// 2024-04-01 and 2024-04-02, in ids of the Web SDK.
const OLD: &str = "webim_random_web_1711929600000";
const NEW: &str = "webim_random_web_1712016000000";

fn planned(more: &[&str]) -> (TestEnv, String) {
    let env = TestEnv::new();
    env.online("ann", &["android_55ab", OLD, NEW]);
    env.online("bob", &[]);
    env.online("eve", &["ios_77e1"]);
    let plan = env.path("plan.json").to_str().unwrap().to_owned();
    let args = [
        "sessions",
        "plan",
        "ann",
        "bob",
        "eve",
        "--out",
        &plan,
        "--concurrency",
        "1",
    ];
    let output = env.run(&[&args[..], more].concat()).expect(0);
    assert_eq!(env.writes(), 0, "a plan only reads");
    env.snapshot(&format!("sessions_plan{}", more.join("")), &output);
    (env, plan)
}

pub(super) fn apply<'a>(plan: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "sessions",
        "apply",
        plan,
        "--reason",
        "test",
        "--yes",
        "--concurrency",
        "1",
    ];
    [&args[..], more].concat()
}

#[test]
pub(super) fn a_plan_is_a_document_that_can_be_read() {
    let (env, plan) = planned(&["--keep-newest", "1"]);
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&plan).unwrap()).unwrap();
    assert_eq!(document["users"][0]["end"][0]["device"], OLD);
    assert_eq!(
        document["users"][0]["end"][0]["why"],
        "older than the newest 1 on web"
    );
    assert_eq!(document["totals"]["devices_to_end"], 1);
    let again = env.run(&["sessions", "plan", "ann", "--out", &plan]).expect(2);
    assert!(again.stderr.contains("never overwritten"), "{}", again.text());
}

#[test]
pub(super) fn what_was_planned_is_done_and_nothing_else() {
    let (env, plan) = planned(&[]);
    env.snapshot("sessions_apply_dry_run", &env.run(&apply(&plan, &["--dry-run"])));
    assert_eq!(env.writes(), 0);
    env.snapshot("sessions_apply", &env.run(&apply(&plan, &["--verify"])).expect(0));
    assert!(env.devices("ann").is_empty() && env.devices("eve").is_empty());
    assert_eq!(
        env.sandbox().call_count("sessions.logout_all"),
        0,
        "devices are named one by one"
    );
    assert_eq!(env.sandbox().call_count("sessions.logout_device"), 4);
}

#[test]
pub(super) fn drift_is_skipped_stops_or_is_included() {
    for (policy, code, left) in [("skip", 0, 1), ("stop", 9, 3), ("include", 0, 0)] {
        let (env, plan) = planned(&[]);
        let _ = env
            .run(&[
                "sessions", "logout", "ann", "--device", OLD, "--reason", "test", "--yes",
            ])
            .expect(0);
        env.sandbox().sign_in_as("ann", "web_since").unwrap();
        let output = env.run(&apply(&plan, &["--on-drift", policy])).expect(code);
        env.snapshot(&format!("sessions_apply_drift_{policy}"), &output);
        assert_eq!(env.devices("ann").len(), left, "{policy}");
    }
}

#[test]
pub(super) fn a_dry_run_says_what_the_real_one_does() {
    let (env, plan) = planned(&["--reason", "leak", "--ticket", "INC-7"]);
    let dry = ["sessions", "apply", &plan, "--dry-run", "-o", "json"];
    let summary = env.run(&dry).expect(0).json()["summary"].clone();
    assert_eq!(
        (&summary["reason"], &summary["ticket"]),
        (&"leak".into(), &"INC-7".into())
    );
    env.sandbox().sign_in_as("ann", "web_since").unwrap();
    let include = ["--on-drift", "include", "--max-logouts", "4", "--dry-run"];
    let _ = env.run(&apply(&plan, &include)).expect(8);
}

#[test]
pub(super) fn an_edited_old_or_foreign_plan_is_refused() {
    let (env, plan) = planned(&[]);
    env.snapshot(
        "sessions_apply_too_old",
        &env.run(&apply(&plan, &["--max-age", "1ms"])),
    );
    let foreign = apply(&plan, &["--app-root", "http://127.0.0.1:1/other/app"]);
    let output = env.run(&foreign).expect(2);
    assert!(output.stderr.contains("the plan belongs to"), "{}", output.text());
    let _ = env.run(&apply(&plan, &["--sandbox", "--app-root", ""])).expect(2);
    let edited = std::fs::read_to_string(&plan)
        .unwrap()
        .replace("ios_77e1", "ios_77e2");
    let edited = env.file("edited.json", edited);
    let output = env.run(&apply(&edited, &[])).expect(2);
    assert!(
        output.stderr.contains("was changed after it was made"),
        "{}",
        output.text()
    );
    let output = env.run(&apply(&env.file("list", "ann\n"), &[])).expect(2);
    assert!(output.stderr.contains("this is not a plan"), "{}", output.text());
    assert_eq!(env.writes(), 0);
}

#[test]
pub(super) fn a_plan_beyond_the_cap_is_not_written() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "web_1"]);
    for cap in ["1", "50%"] {
        let plan = env.path("plan.json").to_str().unwrap().to_owned();
        let _ = env
            .run(&["sessions", "plan", "ann", "--max-logouts", cap, "--out", &plan])
            .expect(8);
        assert!(!std::path::Path::new(&plan).exists());
    }
}

#[test]
pub(super) fn a_plan_that_ends_nobody_is_not_done() {
    let env = TestEnv::new();
    env.online("bob", &[]);
    let plan = env.path("plan.json").to_str().unwrap().to_owned();
    let _ = env.run(&["sessions", "plan", "bob", "--out", &plan]).expect(0);
    let output = env.run(&apply(&plan, &[])).expect(2);
    assert!(output.stderr.contains("nothing to do"), "{}", output.text());
}

#[test]
pub(super) fn the_reason_of_a_plan_is_the_reason_of_its_run() {
    let (env, plan) = planned(&["--reason", "leak", "--ticket", "INC-7"]);
    let done = env
        .run(&["sessions", "apply", &plan, "--yes", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(done["summary"]["reason"], "leak");
    assert_eq!(done["summary"]["ticket"], "INC-7");
}

/// A plan for thirteen users with one phone each and a browser that stays.
pub(super) fn thirteen() -> (TestEnv, String, Vec<String>) {
    let env = TestEnv::new();
    let names: Vec<String> = (1..=13).map(|number| format!("user{number:02}")).collect();
    for name in &names {
        env.online(name, &["ios_1", "webim_1"]);
    }
    let list = env.file("list", names.join("\n"));
    let plan = env.path("plan.json").to_str().unwrap().to_owned();
    let args = [
        "sessions",
        "plan",
        "--from",
        &list,
        "--platform",
        "ios",
        "--out",
        &plan,
    ];
    let _ = env.run(&args).expect(0);
    (env, plan, names)
}

#[test]
pub(super) fn stop_ends_nobody_if_anybody_differs() {
    for (new, left) in [(true, false), (false, true)] {
        let (env, plan, names) = thirteen();
        if new {
            env.sandbox().sign_in_as("user12", "android_since").unwrap();
        }
        if left {
            assert!(env.sandbox().kick("user12", "webim_1"));
        }
        let before = env.sandbox().call_count("devices.list");
        let output = env.run(&apply(&plan, &["--on-drift", "stop"])).expect(9);
        assert!(output.stderr.contains("user12"), "{}", output.text());
        assert_eq!(env.writes(), 0, "{}", output.text());
        assert_eq!(env.sandbox().call_count("devices.list") - before, 13);
        assert!(
            names
                .iter()
                .all(|name| env.devices(name).contains(&"ios_1".to_owned()))
        );
        let unfinished = env.run(&["runs", "list", "--unfinished"]).expect(0);
        assert!(!unfinished.stdout.contains("apply"), "{}", unfinished.text());
        // Another order is not in the way.
        let _ = env.run(&apply(&plan, &["--on-drift", "skip"])).expect(0);
        assert!(
            names
                .iter()
                .all(|name| !env.devices(name).contains(&"ios_1".to_owned()))
        );
    }
}
