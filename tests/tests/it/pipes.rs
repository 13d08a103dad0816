//! Readers that go away, and disks that are full.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::env::TestEnv;

#[test]
pub(super) fn a_closed_pipe_ends_a_listing_quietly() {
    let env = TestEnv::new();
    for number in 0..500 {
        env.sandbox().register(&format!("user{number:03}"));
    }
    let mut child = env.spawn(&["users", "list", "-o", "jsonl"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let output = TestEnv::finish(child).expect(0);
    assert!(
        !output.stderr.contains("error") && !output.stderr.contains("panic"),
        "{}",
        output.text()
    );
}

#[test]
pub(super) fn a_closed_pipe_does_not_end_a_logout_half_way() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..200).map(|number| format!("user{number:03}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    let mut child = env.spawn(&[
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "-o",
        "csv",
        "--rate",
        "unlimited",
    ]);
    drop(child.stdout.take());
    let output = TestEnv::finish(child).expect(0);
    assert!(
        names.iter().all(|name| env.devices(name).is_empty()),
        "{}",
        output.text()
    );
    assert!(output.stderr.contains("200 logged out"), "{}", output.stderr);
}

#[cfg(target_os = "linux")]
#[test]
pub(super) fn a_full_disk_is_told() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = env.run_to(&["devices", "list", "ann", "-o", "csv"], Stdio::from(full));
    let output = output.expect(1);
    assert!(output.stderr.contains("error"), "{}", output.text());
}
