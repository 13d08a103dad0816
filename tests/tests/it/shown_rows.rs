//! Which rows are shown, which columns, and in which order; and what a terminal shows instead of everything.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const ACT: [&str; 3] = ["--reason", "test", "--yes"];

fn with_users(count: usize) -> (TestEnv, String) {
    let env = TestEnv::new();
    let names: Vec<String> = (0..count).map(|number| format!("user{number:03}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    (env, list)
}

#[test]
pub(super) fn the_names_of_one_command_are_the_list_of_another() {
    let (env, _) = with_users(3);
    let names = env
        .run(&["users", "list", "-o", "name", "--sort", "-user"])
        .expect(0)
        .stdout;
    assert_eq!(names, "user002\nuser001\nuser000\n");
    let logout = [&["sessions", "logout", "--from", "-"][..], &ACT].concat();
    let out = env.run_with_stdin(&logout, &names).expect(0);
    assert!(
        out.stderr
            .contains("3 users: 3 logged out (3 devices signed out)"),
        "{}",
        out.text()
    );
}

#[test]
pub(super) fn a_column_that_there_is_not_is_refused_before_anything_is_sent() {
    let (env, list) = with_users(2);
    let act = [&["sessions", "logout", "--from", &list][..], &ACT].concat();
    for wrong in [["--fields", "usr"], ["--sort", "-age"]] {
        for command in [&act[..], &["devices", "list", "--from", &list], &["runs", "list"]] {
            let refused = env.run(&[command, &wrong].concat()).expect(2);
            assert!(
                refused.stderr.contains("the rows have no column"),
                "{}",
                refused.text()
            );
        }
    }
    assert_eq!(env.writes(), 0);
    assert_eq!(env.run(&["runs", "list", "-o", "name"]).expect(0).stdout, "");
}

#[test]
pub(super) fn chosen_columns_are_the_same_in_every_format() {
    let (env, list) = with_users(1);
    let fields = ["--fields", "device,user", "-o"];
    let command = [&["devices", "list", "--from", &list][..], &fields].concat();
    for (format, expected) in [
        ("table", "DEVICE  USER\nios_1   user000\n"),
        ("csv", "device,user\nios_1,user000\n"),
        ("jsonl", "{\"device\":\"ios_1\",\"user\":\"user000\"}\n"),
    ] {
        let shown = env.run(&[&command[..], &[format]].concat()).expect(0);
        assert_eq!(shown.stdout, expected, "{format}");
    }
    let bare = env
        .run(&[&command[..], &["csv", "--no-headers"]].concat())
        .expect(0);
    assert_eq!(bare.stdout, "ios_1,user000\n");
}

#[test]
pub(super) fn a_pipe_has_all_rows_and_only_failures_if_that_is_wanted() {
    for (rows, expected) in [
        (&[][..], 150),
        (&["--rows", "failures"], 1),
        (&["--rows", "all"], 150),
    ] {
        let (env, list) = with_users(150);
        env.sandbox()
            .inject(Fault::status("sessions.logout_all", 403).skip(70).times(1));
        let act = [
            &["sessions", "logout", "--from", &list, "-o", "jsonl"][..],
            &ACT,
            rows,
        ]
        .concat();
        let out = env.run(&act).expect(7);
        assert_eq!(out.stdout.lines().count(), expected, "{rows:?}");
        assert!(out.stdout.contains("\"failed\""), "{}", out.stdout);
        let is_told = out.stderr.contains("149 rows without a failure not shown");
        assert_eq!(is_told, expected == 1, "{}", out.stderr);
        assert_eq!(env.sandbox().call_count("sessions.logout_all"), 150);
    }
}

#[test]
#[cfg(target_os = "linux")]
pub(super) fn a_terminal_shows_the_failures_of_a_long_run_and_the_newest_of_a_long_trail() {
    let (env, list) = with_users(120);
    let act = [&["sessions", "logout", "--from", &list][..], &ACT].concat();
    let Some(out) = env.run_on_terminal(&act, "") else {
        return;
    };
    let out = out.expect(0);
    assert!(
        out.stdout.contains("120 rows without a failure not shown"),
        "{}",
        out.stdout
    );
    assert!(!out.stdout.contains("user119"), "{}", out.stdout);
    let log = env.run_on_terminal(&["audit", "log"], "").unwrap().expect(0);
    assert!(log.stdout.contains("the newest 50 entries"), "{}", log.stdout);
    assert!(
        log.stdout.contains("user119") && !log.stdout.contains("user069"),
        "{}",
        log.stdout
    );
    let whole = env.run(&["audit", "log", "-o", "csv", "--no-headers"]).expect(0);
    assert_eq!(whole.stdout.lines().count(), 120);
}
