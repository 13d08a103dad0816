//! Every subcommand once, as it is seen: stdout, stderr and exit code.

use super::env::TestEnv;

/// 2024-04-01 and 2024-04-02, in ids of the Web SDK.
const OLD: &str = "webim_random_web_1711929600000";
const NEW: &str = "webim_random_web_1712016000000";

fn three_users() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["android_55ab", OLD, NEW]);
    env.online("bob", &[]);
    env.online("eve", &["ios_77e1", "custom5_web_kiosk"]);
    env
}

#[test]
pub(super) fn devices_list() {
    let env = three_users();
    for format in ["table", "json", "jsonl", "csv"] {
        let output = env.run(&[
            "devices",
            "list",
            "ann",
            "bob",
            "nobody",
            "-o",
            format,
            "--concurrency",
            "1",
        ]);
        env.snapshot(&format!("devices_list_{format}"), &output);
    }
    let web = env.run(&["devices", "list", "ann", "--platform", "web"]);
    env.snapshot("devices_list_platform", &web);
    assert_eq!(env.writes(), 0);
}

#[test]
pub(super) fn sessions_logout_of_everything() {
    let env = three_users();
    let args = [
        "sessions",
        "logout",
        "ann",
        "bob",
        "nobody",
        "--reason",
        "test",
        "--concurrency",
        "1",
    ];
    env.snapshot(
        "sessions_logout_dry_run",
        &env.run(&[&args[..], &["--dry-run"]].concat()),
    );
    env.snapshot("sessions_logout_without_yes", &env.run(&args));
    assert_eq!(env.writes(), 0);
    env.snapshot("sessions_logout_all", &env.run(&[&args[..], &["--yes"]].concat()));
    assert!(env.devices("ann").is_empty());
    assert_eq!(env.devices("eve").len(), 2);
}

#[test]
pub(super) fn sessions_logout_of_some() {
    for (name, filter, left) in [
        ("device", vec!["--device", OLD], vec!["android_55ab", NEW]),
        ("platform", vec!["--platform", "web"], vec!["android_55ab"]),
        (
            "keep_newest",
            vec!["--keep-newest", "1"],
            vec!["android_55ab", NEW],
        ),
        ("keep_device", vec!["--keep-device", NEW], vec![NEW]),
        (
            "unknown_age",
            vec!["--keep-newest", "0", "--unknown-age", "oldest"],
            vec![],
        ),
    ] {
        let env = three_users();
        let args = [
            &[
                "sessions", "logout", "ann", "--reason", "test", "--yes", "-o", "json",
            ],
            &filter[..],
        ]
        .concat();
        let output = env.run(&args).expect(0);
        env.snapshot(&format!("sessions_logout_{name}"), &output);
        assert_eq!(env.devices("ann"), left, "{name}");
        assert_eq!(env.devices("eve").len(), 2);
    }
}

#[test]
pub(super) fn sessions_logout_needs_a_reason() {
    let env = three_users();
    env.snapshot(
        "sessions_logout_without_reason",
        &env.run(&["sessions", "logout", "ann", "--yes"]),
    );
    assert!(env.sandbox().calls().is_empty());
}

#[test]
pub(super) fn users() {
    let env = three_users();
    for format in ["table", "json", "jsonl", "csv"] {
        let list = env
            .run(&["users", "list", "--limit", "2", "-o", format])
            .expect(0);
        env.snapshot(&format!("users_list_{format}"), &list);
    }
    env.snapshot("users_show", &env.run(&["users", "show", "ann"]));
    env.snapshot("users_show_unknown", &env.run(&["users", "show", "nobody"]));
    env.snapshot(
        "users_status",
        &env.run(&["users", "status", "ann", "bob", "nobody"]),
    );
    env.snapshot(
        "users_ban",
        &env.run(&[
            "users",
            "ban",
            "ann",
            "nobody",
            "--reason",
            "test",
            "--yes",
            "--concurrency",
            "1",
        ]),
    );
    assert!(env.devices("ann").is_empty());
    env.snapshot(
        "users_unban",
        &env.run(&["users", "unban", "ann", "--reason", "test", "--yes"]),
    );
    env.sandbox().sign_in("ann", "ios").unwrap();
}

#[test]
pub(super) fn users_list_fetches_no_more_pages_than_needed() {
    let env = TestEnv::new();
    for number in 0..250 {
        env.sandbox().register(&format!("user{number:03}"));
    }
    let list = env
        .run(&["users", "list", "--limit", "10", "-o", "jsonl"])
        .expect(0);
    assert_eq!(list.stdout.lines().count(), 10);
    assert_eq!(env.sandbox().call_count("users.list"), 1);
    let all = env.run(&["users", "list", "-o", "jsonl"]).expect(0);
    assert_eq!(all.stdout.lines().count(), 250);
}

#[test]
pub(super) fn limits() {
    let env = three_users();
    env.snapshot("limits_show", &env.run(&["limits", "show", "ann"]));
    let set = [
        "limits",
        "set",
        "--platform",
        "web=2",
        "--reason",
        "test",
        "--yes",
    ];
    env.snapshot("limits_set", &env.run(&set));
    let of_user = [
        "limits", "set", "--user", "ann", "--mode", "single", "--reason", "test", "--yes",
    ];
    env.snapshot("limits_set_user", &env.run(&of_user));
    env.sandbox().sign_in("ann", "ios").unwrap();
    assert_eq!(env.devices("ann").len(), 1);
}

#[test]
pub(super) fn limits_of_a_server_without_them() {
    let env = TestEnv::with(easemob_admin_sandbox::Sandbox::builder().server_managed_limits(false));
    env.snapshot("limits_unsupported", &env.run(&["limits", "show"]));
}

#[test]
pub(super) fn profiles() {
    let mut env = TestEnv::new();
    let (root, id, secret) = (
        env.sandbox().app_root(),
        env.sandbox().client_id().to_owned(),
        env.sandbox().client_secret().to_owned(),
    );
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let added = env.run_with_stdin(
        &[
            "profile",
            "add",
            "prod",
            "--app-root",
            &root,
            "--client-id",
            &id,
            "--secret-stdin",
        ],
        &secret,
    );
    env.snapshot("profile_add", &added);
    env.online("ann", &["ios_77e1"]);
    assert!(
        env.run(&["devices", "list", "ann"])
            .expect(0)
            .stdout
            .contains("ios_77e1")
    );
    let server = env.sandbox().rest_url();
    let second = [
        "profile",
        "add",
        "other",
        "--server",
        &server,
        "--app",
        "acme#chat",
        "--client-id",
        &id,
    ];
    let second = env
        .run_with_stdin(&[&second[..], &["--secret-stdin"]].concat(), &secret)
        .expect(0);
    assert!(!second.text().contains(&secret));
    env.snapshot("profile_use", &env.run(&["profile", "use", "other"]));
    let list = env.run(&["profile", "list", "-o", "csv"]).expect(0);
    env.snapshot("profile_list", &list);
    let doctor = env.run(&["profile", "doctor", "-o", "jsonl"]).expect(0);
    env.snapshot("profile_doctor", &doctor);
    assert!(!doctor.text().contains(&secret));
    assert!(!doctor.stdout.contains("fail"), "{}", doctor.text());
}

#[cfg(unix)]
#[test]
pub(super) fn secrets_are_written_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    let args = [
        "profile",
        "add",
        "prod",
        "--app-root",
        "http://127.0.0.1:1/a/b",
        "--client-id",
        "x",
        "--secret-stdin",
    ];
    let _ = env.run_with_stdin(&args, "hunter2").expect(0);
    let mut files = vec![env.path("config")];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        seen += 1;
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{}",
            path.display()
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    assert!(seen >= 2);
    let warned = env
        .run(&[
            "--profile",
            "prod",
            "--wait-for-server",
            "0",
            "devices",
            "list",
            "ann",
        ])
        .expect(5);
    assert!(
        warned.stderr.contains("warning") && warned.stderr.contains("chmod"),
        "{}",
        warned.text()
    );
}

#[test]
pub(super) fn an_unknown_user_is_not_a_server_without_limits() {
    let env = three_users();
    let output = env
        .run(&["limits", "show", "ann", "nosuch", "eve", "-o", "json"])
        .expect(4);
    assert!(
        output.stderr.contains("no such user: nosuch"),
        "{}",
        output.text()
    );
    assert_eq!(output.json()["rows"].as_array().unwrap().len(), 1);
    let set = ["limits", "set", "--user", "nosuch", "--mode", "single"];
    let output = env
        .run(&[&set[..], &["--reason", "test", "--yes"]].concat())
        .expect(4);
    assert!(
        output.stderr.contains("no such user: nosuch"),
        "{}",
        output.text()
    );
    assert_eq!(env.sandbox().call_count("limits.set"), 0);
}
