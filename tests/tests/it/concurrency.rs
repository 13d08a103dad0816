//! `--concurrency auto`: every user once, and never above the rate.

use std::time::Duration;

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

fn users(env: &TestEnv, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("user{number:04}")).collect();
    for name in &names {
        env.sandbox().register(name);
    }
    env.file("list", names.join("\n"))
}

#[test]
fn the_rate_is_kept_whatever_the_level() {
    const RATE: usize = 200;
    let env = TestEnv::new();
    let list = users(&env, 2 * RATE);
    env.sandbox()
        .inject(Fault::delay("devices.list", Duration::from_millis(50)));
    let rate = RATE.to_string();
    let args = [
        "devices",
        "list",
        "--from",
        &list,
        "--concurrency",
        "auto",
        "--rate",
        &rate,
        "-o",
        "json",
    ];
    let output = env.run(&args).expect(0);
    assert_eq!(output.json()["summary"]["users"], 2 * RATE);
    let times = arrivals(&env);
    assert_eq!(times.len(), 2 * RATE, "each user is asked about once");
    let most = most_within(&times, 1000);
    assert!(most <= RATE, "{most} in a rolling second");
}

/// Returns when the device lists were asked for, in milliseconds.
fn arrivals(env: &TestEnv) -> Vec<u64> {
    let calls = env.sandbox().calls();
    let lists = calls.iter().filter(|call| call.endpoint == "devices.list");
    let mut times: Vec<u64> = lists.map(|call| call.at_ms).collect();
    times.sort_unstable();
    times
}

fn most_within(times: &[u64], span: u64) -> usize {
    (0..times.len())
        .map(|first| {
            times[first..]
                .iter()
                .take_while(|at| **at < times[first] + span)
                .count()
        })
        .max()
        .unwrap_or(0)
}
