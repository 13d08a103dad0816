//! `sessions apply --on-drift stop` while users change: between its two readings, and before it is resumed.

use easemob_admin_sandbox::Fault;

use super::env::{STUCK, TestEnv, until};
use super::plans::{apply, thirteen};

const RESUME: [&str; 6] = ["runs", "resume", "last", "--yes", "--concurrency", "1"];

fn logouts(env: &TestEnv) -> usize {
    env.sandbox().call_count("sessions.logout_device") + env.sandbox().call_count("sessions.logout_all")
}

fn reads(env: &TestEnv) -> usize {
    env.sandbox().call_count("devices.list")
}

fn is_unfinished(env: &TestEnv) -> bool {
    let listed = env.run(&["runs", "list", "--unfinished"]).expect(0);
    listed.stdout.contains("apply")
}

#[test]
pub(super) fn a_user_who_changes_between_the_readings_stops_the_run_there() {
    let (env, plan, names) = thirteen();
    let before = reads(&env);
    env.sandbox()
        .inject(Fault::delay_answer("devices.list", STUCK).skip(13).times(1));
    let applying = env.spawn(&apply(&plan, &["--on-drift", "stop", "--timeout", "5m"]));
    until("the second reading", || env.sandbox().held_calls() == 1);
    assert_eq!(reads(&env), before + 14);
    env.sandbox().sign_in_as("user12", "android_since").unwrap();
    env.sandbox().release_calls();
    let stopped = TestEnv::finish(applying).expect(9);
    assert!(stopped.stdout.contains("user12"), "{}", stopped.text());
    assert_eq!(logouts(&env), 11, "{}", stopped.text());
    assert!(is_unfinished(&env));

    // Those who are done are done, and the others are read before anything is ended.
    let before = reads(&env);
    let refused = env.run(&RESUME).expect(9);
    assert!(refused.stderr.contains("user12"), "{}", refused.text());
    assert_eq!(
        (logouts(&env), reads(&env) - before),
        (11, 2),
        "{}",
        refused.text()
    );
    assert!(is_unfinished(&env));

    assert!(env.sandbox().kick("user12", "android_since"));
    let before = reads(&env);
    let _ = env.run(&RESUME).expect(0);
    assert_eq!((logouts(&env), reads(&env) - before), (13, 4));
    assert!(names.iter().all(|name| env.devices(name) == ["webim_1"]));
    assert!(!is_unfinished(&env));
}

#[test]
pub(super) fn a_user_who_was_begun_and_differs_is_left_alone_too() {
    let (env, plan, names) = thirteen();
    env.sandbox()
        .inject(Fault::delay_answer("sessions.logout_device", STUCK).times(1));
    let applying = env.spawn(&apply(&plan, &["--on-drift", "stop"]));
    until("the first logout", || logouts(&env) == 1);
    env.kill(applying);
    env.sandbox().clear_faults();
    let before = logouts(&env);
    env.sandbox().sign_in_as("user01", "android_since").unwrap();
    let refused = env.run(&RESUME).expect(9);
    assert!(refused.stderr.contains("user01"), "{}", refused.text());
    assert_eq!(logouts(&env), before, "{}", refused.text());
    assert!(env.sandbox().kick("user01", "android_since"));
    let _ = env.run(&RESUME).expect(0);
    assert!(names.iter().all(|name| env.devices(name) == ["webim_1"]));
}

#[test]
pub(super) fn a_refused_plan_leaves_no_run_behind_and_says_the_same_in_a_dry_run() {
    let (env, plan, _) = thirteen();
    env.sandbox().sign_in_as("user12", "android_since").unwrap();
    for more in [&["--on-drift", "stop", "--dry-run"][..], &["--on-drift", "stop"]] {
        let refused = env.run(&apply(&plan, more)).expect(9);
        assert!(
            refused.stderr.contains("1 user differs") && refused.stderr.contains("new: android_since"),
            "{}",
            refused.text()
        );
        assert_eq!(env.writes(), 0);
        assert!(!is_unfinished(&env));
    }
    let _ = env.run(&RESUME).expect(2);
    assert_eq!(env.writes(), 0);
}
