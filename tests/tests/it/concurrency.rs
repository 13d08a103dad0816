//! `--concurrency auto`: every user once, and never above the rate.

use super::env::TestEnv;

#[test]
pub(super) fn the_rate_is_kept_whatever_the_level() {
    const RATE: usize = 100;
    const USERS: usize = 5 * RATE;
    let env = TestEnv::new();
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    for name in &names {
        env.sandbox().register(name);
    }
    let list = env.file("list", names.join("\n"));
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
    let summary = env.run(&args).expect(0).json()["summary"].clone();
    assert_eq!(summary["users"], USERS);
    assert_eq!(
        env.sandbox().call_count("devices.list"),
        USERS,
        "each user is asked about once"
    );
    // Of so many, no more than a second's worth may go out in the second that is not full. The program's own clock
    // is the one that paces it: when calls arrive here depends on what else the machine does.
    let elapsed = summary["elapsed_seconds"].as_f64().unwrap();
    assert!(elapsed > 4.0, "{summary}");
}
