//! Two processes that change the same thing: each change stays, or one of them is refused with what to do.

use std::fs;
use std::path::Path;

use easemob_admin_sandbox::Fault;

use super::env::{Running, STUCK, TestEnv, until};
use super::interrupts::{interrupt, send};

fn profiles(env: &TestEnv) -> Vec<String> {
    let list = env.run(&["profile", "list", "-o", "json"]).expect(0).json();
    let rows = list["rows"].as_array().unwrap().iter();
    rows.map(|row| row["profile"].as_str().unwrap().to_owned())
        .collect()
}

fn add<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let target = ["--server", "https://im.example.com", "--app", "acme#chat"];
    [&["profile", "add", name], &target[..], more].concat()
}

#[test]
pub(super) fn profiles_that_are_changed_at_the_same_time_are_all_changed() {
    let env = TestEnv::bare();
    let names: Vec<String> = (10..30).map(|number| format!("p{number}")).collect();
    let all = |args: &dyn Fn(&str) -> Vec<String>| {
        let args: Vec<Vec<String>> = names.iter().map(|name| args(name)).collect();
        let runs: Vec<Running> = args
            .iter()
            .map(|args| env.spawn(&args.iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        for run in runs {
            let _ = TestEnv::finish(run).expect(0);
        }
    };
    let owned = |args: Vec<&str>| args.into_iter().map(str::to_owned).collect::<Vec<_>>();
    all(&|name| owned(add(name, &[])));
    assert_eq!(profiles(&env), names);
    // Whoever comes last wins, and the others have not undone anything.
    all(&|name| owned(vec!["profile", "use", name]));
    assert_eq!(profiles(&env), names);
    let kept = ["p10", "p29"];
    all(&|name| {
        if kept.contains(&name) {
            owned(add(name, &["--force", "--client-id", "new"]))
        } else {
            owned(vec!["profile", "remove", name])
        }
    });
    assert_eq!(profiles(&env), kept);
    let text = fs::read_to_string(env.path("config/config.toml")).unwrap();
    assert_eq!(text.matches("client_id = \"new\"").count(), 2, "{text}");
}

#[test]
pub(super) fn of_several_profiles_with_one_name_one_is_added() {
    let env = TestEnv::bare();
    let runs: Vec<Running> = (0..8).map(|_| env.spawn(&add("prod", &[]))).collect();
    let codes: Vec<i32> = runs.into_iter().map(|run| TestEnv::finish(run).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 2).count(), 7, "{codes:?}");
}

#[cfg(unix)]
#[test]
pub(super) fn a_linked_profile_file_stays_linked_and_left_overs_go() {
    use std::os::unix::fs::symlink;
    for (target, exists) in [
        ("../dotfiles/admin.toml", true),
        ("../dotfiles/admin.toml", false),
    ] {
        let env = TestEnv::bare();
        let (link, file) = (env.path("config/config.toml"), env.path("dotfiles/admin.toml"));
        for directory in ["config/secrets", "dotfiles"] {
            fs::create_dir_all(env.path(directory)).unwrap();
        }
        symlink(target, &link).unwrap();
        if exists {
            fs::write(&file, "# mine\n").unwrap();
        }
        let left_overs = [
            "config/.tmpAbC123",
            "dotfiles/.admin.toml.AbC123",
            "config/secrets/.tmpAbC123",
        ];
        for name in left_overs {
            fs::write(env.path(name), "half a fi").unwrap();
        }
        let args = add("prod", &["--client-id", "id", "--secret-stdin"]);
        let _ = env.run_with_stdin(&args, "secret\n").expect(0);
        let _ = env.run(&["profile", "use", "prod"]).expect(0);
        assert!(link.is_symlink());
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.contains("# mine"), exists, "{text}");
        assert!(text.contains("[profiles.prod]"), "{text}");
        for name in left_overs {
            assert!(!env.path(name).exists(), "{name}");
        }
        assert_eq!(
            fs::read_to_string(env.path("config/secrets/prod")).unwrap(),
            "secret\n"
        );
    }
}

fn with_users(users: usize) -> TestEnv {
    let env = TestEnv::new();
    for number in 0..users {
        env.sandbox().register(&format!("user{number:04}"));
    }
    env
}

fn snapshots(env: &TestEnv) -> Vec<(u64, bool)> {
    let rows = env.run(&["logins", "snapshots", "-o", "json"]).expect(0).json()["rows"].clone();
    let row = |row: &serde_json::Value| (row["users"].as_u64().unwrap(), !row["finished_at"].is_null());
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
pub(super) fn a_snapshot_has_one_scan_at_a_time() {
    let env = with_users(1_000);
    env.sandbox().inject(Fault::delay("status.batch", STUCK).skip(3));
    let first = env.spawn(&["logins", "scan", "--concurrency", "2"]);
    until("a part of the scan", || env.sandbox().held_calls() == 2);
    let reads = || env.sandbox().call_count("users.list") + env.sandbox().call_count("status.batch");
    let before = reads();
    for _ in 0..2 {
        let second = env.run(&["logins", "scan", "--resume"]).expect(13);
        let says = "another process is scanning into snapshot 1";
        assert!(second.stderr.contains(says), "{}", second.stderr);
        assert!(
            second.stderr.contains("wait until the other scan ends"),
            "{}",
            second.stderr
        );
    }
    assert_eq!(reads(), before);
    // A scan of its own is no danger to the first one.
    env.sandbox().clear_faults();
    let third = env.run(&["logins", "scan"]).expect(0);
    assert!(
        third
            .stderr
            .contains("another process is scanning the same users"),
        "{}",
        third.stderr
    );
    env.sandbox().release_calls();
    let _ = TestEnv::finish(first).expect(0);
    assert_eq!(snapshots(&env), [(1_000, true), (1_000, true)]);
}

#[test]
pub(super) fn many_scans_that_resume_one_snapshot_count_nobody_twice() {
    let env = with_users(1_000);
    env.sandbox().inject(Fault::delay("status.batch", STUCK).skip(3));
    let mut killed = env.spawn(&["logins", "scan", "--concurrency", "2"]);
    until("a part of the scan", || env.sandbox().held_calls() == 2);
    send("-KILL", &killed);
    killed.wait().unwrap();
    env.sandbox().clear_faults();
    let runs: Vec<Running> = (0..6)
        .map(|_| env.spawn(&["logins", "scan", "--resume"]))
        .collect();
    for run in runs {
        let output = TestEnv::finish(run);
        // Refused while it is being scanned, and when it is complete.
        assert!([0, 2, 13].contains(&output.code), "{}", output.text());
    }
    assert_eq!(snapshots(&env), [(1_000, true)]);
    let left = env.files();
    let locks = left.iter().filter(|path| is_snapshot_lock(path));
    assert_eq!(locks.count(), 0, "{left:?}");
}

fn is_snapshot_lock(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.contains("snapshot-")
}

#[test]
pub(super) fn a_scan_that_was_interrupted_can_be_resumed_at_once() {
    let env = with_users(300);
    env.sandbox().inject(Fault::delay("status.batch", STUCK).skip(1));
    let scan = env.spawn(&["logins", "scan", "--concurrency", "1"]);
    until("a part of the scan", || env.sandbox().held_calls() == 1);
    interrupt(&scan);
    scan.until_it_says("stopping");
    env.sandbox().clear_faults();
    env.sandbox().release_calls();
    let _ = TestEnv::finish(scan).expect(10);
    let resumed = env.run(&["logins", "scan", "--resume"]).expect(0);
    assert!(
        resumed.stderr.contains("resuming snapshot 1"),
        "{}",
        resumed.stderr
    );
    assert_eq!(snapshots(&env), [(300, true)]);
}
