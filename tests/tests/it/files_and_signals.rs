//! Places that cannot be used, limits of the system, and signals that a shell sends.

use easemob_admin_sandbox::Fault;

use super::env::{STUCK, TestEnv, until};
use super::interrupts::send;

fn with_users(users: usize) -> (TestEnv, String) {
    let env = TestEnv::new();
    let names: Vec<String> = (0..users).map(|number| format!("user{number:05}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    (env, list)
}

#[test]
fn only_long_lists_need_a_temporary_directory_and_errors_name_it() {
    let (mut env, list) = with_users(2);
    env.set("TMPDIR", "/not/there");
    for args in [
        &["devices", "list", "user00000"][..],
        &["devices", "list", "--from", &list],
        &["users", "status", "user00000"],
        &["users", "show", "user00000"],
        &["sessions", "logout", "user00001", "--reason", "test", "--yes"],
    ] {
        let _ = env.run(args).expect(0);
    }
    let names: Vec<String> = (0..20_000).map(|number| format!("user{number:05}")).collect();
    let long = env.file("long", names.join("\n"));
    let refused = env.run(&["devices", "list", "--from", &long]).expect(1);
    for part in ["/not/there", "TMPDIR"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_end_of_a_terminal_is_a_request_to_stop_unless_it_is_ignored() {
    for (surroundings, code) in [("true", 10), ("trap '' HUP", 0)] {
        let (env, list) = with_users(5);
        env.sandbox()
            .inject(Fault::delay("sessions.logout_all", STUCK).skip(1).times(1));
        let args = [
            "sessions",
            "logout",
            "--from",
            &list,
            "--reason",
            "test",
            "--yes",
            "--concurrency",
            "1",
            "--timeout",
            "5m",
        ];
        let run = env.spawn_in(surroundings, &args);
        until("the second logout", || env.sandbox().held_calls() == 1);
        send("-HUP", &run);
        if code == 10 {
            run.until_it_says("stopping: finishing the users in progress");
        }
        env.sandbox().release_calls();
        let output = TestEnv::finish(run).expect(code);
        let done = env.sandbox().call_count("sessions.logout_all");
        assert_eq!(done < 5, code == 10, "{done} {}", output.stderr);
        if code == 10 {
            let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
        }
        assert_eq!(env.sandbox().call_count("sessions.logout_all"), 5);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let (env, list) = with_users(600);
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
    for (kilobytes, says) in [(8, "free some disk space"), (80, "the disk is full")] {
        let run = env.spawn_in(&format!("ulimit -f {kilobytes}"), &args);
        let output = TestEnv::finish(run).expect(1);
        assert!(output.stderr.contains(says), "{}", output.stderr);
    }
    let sent = env.sandbox().call_count("sessions.logout_all");
    assert!((1..600).contains(&sent), "{sent}");
    let _ = env
        .run(&["runs", "resume", "last", "--yes", "--rate", "unlimited"])
        .expect(0);
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 600);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_without_end_is_refused_and_does_not_fill_the_memory() {
    let (env, list) = with_users(1);
    let act = ["--reason", "test", "--yes"];
    for command in [
        &["sessions", "apply", "/dev/zero"][..],
        &["sessions", "logout", "--from", "/dev/zero"],
        &["sessions", "logout", "--from", &list, "--exempt", "/dev/zero"],
        &["limits", "enforce", "/dev/zero", "--all"],
        &["logins", "import", "/dev/zero"],
        &["sandbox", "seed", "/dev/zero"],
    ] {
        let acts = matches!(command[0], "sessions" | "limits");
        let args = [command, if acts { &act } else { &[] }].concat();
        let refused = TestEnv::finish(env.spawn_in("ulimit -v 6000000", &args)).expect(2);
        assert!(refused.stderr.contains("/dev/zero"), "{}", refused.stderr);
    }
    assert_eq!(env.writes(), 0);
}

#[test]
fn the_last_run_is_the_one_begun_last_whatever_the_clock_said() {
    let (env, list) = with_users(4);
    let capped = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "--max-logouts",
        "1",
    ];
    let _ = env.run(&capped).expect(8);
    // The clock was years ahead when this run began, and is right again.
    let runs = env.path("data/runs");
    let entry = std::fs::read_dir(&runs).unwrap().next().unwrap().unwrap();
    let (id, ahead) = (entry.file_name().into_string().unwrap(), "20990101-000000-000000");
    let journal = entry.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap().replace(&id, ahead);
    std::fs::write(&journal, text).unwrap();
    std::fs::rename(entry.path(), runs.join(ahead)).unwrap();

    let _ = env
        .run(&["users", "ban", "user00003", "--reason", "test", "--yes"])
        .expect(0);
    let newest = env.run(&["runs", "show", "last", "-o", "json"]).expect(0);
    assert!(newest.stdout.contains("users ban"), "{}", newest.stdout);
    let resumed = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert!(
        resumed.stderr.contains("nothing is left to do"),
        "{}",
        resumed.stderr
    );
    assert!(
        resumed.stderr.contains(&format!("runs resume {ahead}")),
        "{}",
        resumed.stderr
    );
}

#[test]
fn commands_to_paste_are_about_the_same_server() {
    let mut env = TestEnv::bare();
    env.set("EASEMOB_CLIENT_ID", "id");
    let target = ["--server", "https://im.example.com", "--app", "acme#chat"];
    let add = [&["profile", "add", "prod"][..], &target, &["--client-id", "id"]].concat();
    let _ = env.run(&add).expect(0);
    for (options, said) in [
        (&["--sandbox"][..], "easemob-admin --sandbox logins scan"),
        (&["--profile", "prod"], "easemob-admin --profile prod logins scan"),
        (
            &target,
            "easemob-admin --server 'https://im.example.com' --app 'acme#chat' logins scan",
        ),
    ] {
        let output = env.run(&[options, &["logins", "top"]].concat()).expect(2);
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}
