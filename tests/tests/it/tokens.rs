//! One token for a whole run.

use std::time::Duration;

use super::env::{TestEnv, until};

fn users(env: &TestEnv, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("user{number:03}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    env.file("list", names.join("\n"))
}

#[test]
fn a_bulk_run_asks_for_one_token() {
    let env = TestEnv::new();
    let list = users(&env, 100);
    let args = [
        "devices",
        "list",
        "--from",
        &list,
        "--rate",
        "unlimited",
        "--concurrency",
        "64",
        "-o",
        "jsonl",
    ];
    let _ = env.run(&args).expect(0);
    assert_eq!(env.sandbox().call_count("token"), 1);
    assert_eq!(env.sandbox().call_count("devices.list"), 100);
}

#[test]
fn a_token_that_expires_in_the_middle_is_renewed_once() {
    let env = TestEnv::new();
    let list = users(&env, 200);
    let child = env.spawn(&[
        "devices",
        "list",
        "--from",
        &list,
        "--rate",
        "100",
        "--concurrency",
        "64",
    ]);
    until("readings", || env.sandbox().call_count("devices.list") >= 20);
    // Only the server's clock moves: the program believes its token to be good.
    env.sandbox().advance(Duration::from_secs(24 * 365 * 60 * 60));
    let _ = TestEnv::finish(child).expect(0);
    assert_eq!(env.sandbox().call_count("token"), 2);
}
