//! Nothing is sent that cannot be put on record.

use std::fs;

use super::env::{Output, TestEnv};

const LOGOUT: [&str; 6] = ["sessions", "logout", "ann", "--reason", "test", "--yes"];

fn ann() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env
}

/// What must hold for every reason why the record cannot be written.
fn nothing_was_sent(env: &TestEnv, output: Output, says: &str) {
    let output = output.expect(1);
    assert_eq!(env.sandbox().call_count("devices.list"), 0);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 0);
    assert_eq!(env.devices("ann"), ["ios_1"]);
    assert!(output.stderr.contains(says), "{}", output.text());
    assert!(output.stderr.contains("hint: "), "{}", output.text());
}

#[test]
pub(super) fn no_place_for_the_trail() {
    let env = ann();
    env.file("data/audit", "in the way");
    nothing_was_sent(
        &env,
        env.run(&LOGOUT),
        "cannot write the audit trail, so nothing was sent",
    );
}

#[test]
pub(super) fn no_place_for_the_runs() {
    let env = ann();
    env.file("data/runs", "in the way");
    nothing_was_sent(&env, env.run(&LOGOUT), "directory of runs");
}

#[test]
#[cfg(unix)]
pub(super) fn a_trail_that_others_can_write() {
    use std::os::unix::fs::PermissionsExt;
    let env = ann();
    let _ = env
        .run(&["users", "ban", "nobody", "--reason", "test", "--yes"])
        .expect(7);
    let trail = fs::read_dir(env.path("data/audit"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::set_permissions(&trail, fs::Permissions::from_mode(0o777)).unwrap();
    nothing_was_sent(
        &env,
        env.run(&LOGOUT),
        "cannot write the audit trail, so nothing was sent",
    );
}

/// Runs with a limit on the size of files, which is met like a full disk: by a write that fails.
#[cfg(target_os = "linux")]
fn with_small_files(env: &TestEnv, kilobytes: u32, args: &[&str]) -> Output {
    TestEnv::finish(env.spawn_in(&small_files(kilobytes), args))
}

/// The shell's words for it.
#[cfg(target_os = "linux")]
pub(crate) fn small_files(kilobytes: u32) -> String {
    format!("trap '' XFSZ; ulimit -f {kilobytes}")
}

/// The shell's words for a data directory on a read-only file system.
#[cfg(target_os = "linux")]
pub(crate) fn read_only(env: &TestEnv) -> String {
    let data = env.path("data");
    fs::create_dir_all(&data).unwrap();
    let data = data.display();
    // Root needs no user namespace, and others need one.
    format!(
        "if [ \"$(id -u)\" = 0 ]; then how=; else how=--map-root-user; fi; \
         exec unshare --mount $how bash -c \
         'mount --bind {data} {data} && mount -o remount,bind,ro {data} && exec \"$0\" \"$@\"' \"$0\" \"$@\""
    )
}

#[test]
#[cfg(target_os = "linux")]
pub(super) fn a_disk_that_is_full_from_the_start() {
    let env = ann();
    let output = with_small_files(&env, 16, &LOGOUT);
    nothing_was_sent(&env, output, "cannot write the audit trail, so nothing was sent");
}

#[test]
#[cfg(target_os = "linux")]
pub(super) fn a_disk_that_fills_up_stops_the_run_which_can_be_gone_on_with() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..600).map(|number| format!("user{number:03}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    let args = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "--rate",
        "unlimited",
    ];
    let output = with_small_files(&env, 80, &args).expect(1);
    assert!(
        output.stderr.contains("can no longer be recorded"),
        "{}",
        output.text()
    );
    assert!(
        output.stderr.contains("to resume: easemob-admin runs resume"),
        "{}",
        output.text()
    );
    let sent = env.sandbox().call_count("sessions.logout_all");
    assert!((1..600).contains(&sent), "{sent}");
    let _ = env
        .run(&["runs", "resume", "last", "--yes", "--rate", "unlimited"])
        .expect(0);
    assert!(names.iter().all(|name| env.devices(name).is_empty()));
    assert_eq!(
        env.sandbox().call_count("sessions.logout_all"),
        600,
        "nobody was sent for twice"
    );
}

#[test]
#[cfg(target_os = "linux")]
pub(super) fn limits_that_were_set_before_the_disk_filled_up_are_told() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..200).map(|number| format!("user{number:03}")).collect();
    let mut args = vec!["limits", "set", "--platform", "web=2"];
    for name in &names {
        env.sandbox().register(name);
        args.extend(["--user", name]);
    }
    args.extend(["--reason", "test", "--yes", "--rate", "unlimited", "-o", "json"]);
    let output = with_small_files(&env, 72, &args).expect(1);
    let set = env.sandbox().call_count("limits.set");
    assert!((1..200).contains(&set), "{set} {}", output.text());
    assert_eq!(output.json()["summary"]["changed"], set, "{}", output.text());
    assert!(!output.stderr.contains("nothing was sent"), "{}", output.text());
}

#[test]
pub(super) fn a_dry_run_needs_no_record_and_leaves_none() {
    let env = ann();
    env.file("data/audit", "in the way");
    let _ = env.run(&["sessions", "logout", "ann", "--dry-run"]).expect(0);
    assert_eq!(env.writes(), 0);
    assert!(!env.path("data/runs").exists());
}
