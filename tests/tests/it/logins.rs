//! Login counts through the binary: what is asked of the server, what is kept, and what is told of it.

use std::process::Command;

use easemob_admin_sandbox::Fault;

use super::env::{STUCK, TestEnv, until};
use super::interrupts::send;
use super::websdk::chromium;

/// Users, every tenth of whom is online on two devices.
fn with_users(count: usize) -> TestEnv {
    let env = TestEnv::new();
    for number in 0..count {
        let user = format!("user{number:04}");
        env.sandbox().register(&user);
        if number % 10 == 0 {
            env.online(&user, &["ios_1", "web_1"]);
        }
    }
    env
}

fn rows(env: &TestEnv, args: &[&str], code: i32) -> serde_json::Value {
    let output = env.run(&[args, &["-o", "json"]].concat()).expect(code);
    output.json()["rows"].clone()
}

#[test]
pub(super) fn a_scan_asks_for_the_devices_of_those_online_only() {
    let env = with_users(250);
    let output = env.run(&["logins", "scan"]).expect(0);
    env.snapshot("logins_scan", &output);
    let calls = |name| env.sandbox().call_count(name);
    // Pages of a hundred, and one that ends the list.
    assert!(calls("users.list") <= 4, "{}", calls("users.list"));
    assert_eq!((calls("status.batch"), calls("devices.list")), (3, 25 + 50));
    assert_eq!(env.writes(), 0);
}

#[test]
pub(super) fn what_was_not_read_is_never_counted_as_none() {
    let env = with_users(30);
    // Of users who are online: the sample reads others too, in any order.
    for (status, user) in [(404, "user0000"), (400, "user0010")] {
        let fault = Fault::status("devices.list", status).times(1);
        env.sandbox()
            .inject(fault.on("GET", &format!("/users/{user}/resources")));
    }
    let output = env.run(&["logins", "scan", "-o", "json"]).expect(6);
    let row = &output.json()["rows"][0];
    assert_eq!(
        (&row["online"], &row["offline"], &row["unknown"], &row["failed"]),
        (&1.into(), &27.into(), &1.into(), &1.into()),
        "{row}"
    );
    let exported = rows(&env, &["logins", "export"], 0);
    let states: Vec<&str> = exported
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap())
        .collect();
    let count = |state| states.iter().filter(|one| **one == state).count();
    assert_eq!((count("online"), count("unknown"), count("failed")), (2, 1, 1));
}

#[test]
pub(super) fn a_scan_that_was_killed_goes_on_without_reading_all_of_it_again() {
    let env = with_users(1_500);
    env.sandbox().inject(Fault::delay("status.batch", STUCK).skip(6));
    let mut child = env.spawn(&["logins", "scan", "--concurrency", "2"]);
    until("a part of the scan", || env.sandbox().held_calls() == 2);
    send("-KILL", &child);
    child.wait().unwrap();
    env.sandbox().clear_faults();
    let before = env.sandbox().call_count("status.batch");
    let kept = rows(&env, &["logins", "snapshots"], 0);
    let done = kept[0]["users"].as_u64().unwrap();
    assert!(done == 600 && kept[0]["finished_at"].is_null(), "{kept}");

    let output = env.run(&["logins", "scan", "--resume", "-o", "json"]).expect(0);
    let row = &output.json()["rows"][0];
    assert_eq!(
        (&row["users"], &row["online"], &row["devices"]),
        (&1_500.into(), &150.into(), &300.into())
    );
    assert_eq!(row["snapshot"], kept[0]["snapshot"], "it is the same one");
    let again = env.sandbox().call_count("status.batch") - before;
    assert_eq!(u64::try_from(again).unwrap(), (1_500 - done).div_ceil(100));
    let nothing = env.run(&["logins", "scan", "--resume"]).expect(2);
    assert!(nothing.stderr.contains("is complete"), "{}", nothing.stderr);
}

#[test]
pub(super) fn questions_and_their_exit_codes() {
    let env = with_users(40);
    env.online("user0007", &["ios_1", "ios_2", "ios_3"]);
    let nothing = env.run(&["logins", "count"]).expect(2);
    assert!(nothing.stderr.contains("logins scan"), "{}", nothing.stderr);
    let _ = env.run(&["logins", "scan"]).expect(0);
    env.sandbox().sign_out("user0010", "ios_1");
    env.online("user0011", &["android_1"]);
    let _ = env.run(&["logins", "scan"]).expect(0);

    env.snapshot("logins_count", &env.run(&["logins", "count"]).expect(0));
    env.snapshot(
        "logins_count_by_devices",
        &env.run(&["logins", "count", "--by", "devices"]).expect(0),
    );
    env.snapshot(
        "logins_top",
        &env.run(&["logins", "top", "--limit", "3"]).expect(0),
    );
    env.snapshot("logins_diff", &env.run(&["logins", "diff"]).expect(0));
    env.snapshot("logins_snapshots", &env.run(&["logins", "snapshots"]).expect(0));
    env.snapshot(
        "logins_export",
        &env.run(&["logins", "export", "-o", "csv"]).expect(0),
    );
    env.snapshot("logins_show", &env.run(&["logins", "show", "USER0011"]).expect(0));

    let _ = env.run(&["logins", "count", "--over", "3"]).expect(0);
    let over = env.run(&["logins", "count", "--over", "2"]).expect(11);
    assert!(over.stderr.contains("1 user has more than 2"), "{}", over.stderr);
    assert_eq!(
        rows(&env, &["logins", "top", "--over", "2"], 11)[0]["user"],
        "user0007"
    );
    assert!(
        over.stderr.contains("logins report 2 --markdown --over 2"),
        "{}",
        over.stderr
    );
    for (asked, said) in [
        (&["--over", "3"][..], "no user has more than 3"),
        (
            &["--by", "evictions"],
            "no events are stored; `logins collect` receives them",
        ),
        (&["--by", "sign-ins", "--over", "1"], "no events are stored"),
    ] {
        let nobody = env.run(&[&["logins", "top"], asked].concat()).expect(0);
        assert!(nobody.stderr.contains(said), "{}", nobody.stderr);
    }
    let formless = env.run(&["logins", "report"]).expect(2);
    let both = ["--html", "--markdown"]
        .iter()
        .all(|form| formless.stderr.contains(form));
    assert!(both, "{}", formless.stderr);
    let _ = env.run(&["logins", "diff", "2", "1", "--growth", "1"]).expect(0);
    env.online("user0012", &["android_1", "android_2"]);
    let _ = env.run(&["logins", "scan"]).expect(0);
    let _ = env.run(&["logins", "diff", "--growth", "1"]).expect(11);
    let missing = env.run(&["logins", "count", "99"]).expect(2);
    assert!(missing.stderr.contains("logins snapshots"), "{}", missing.stderr);
    let pruned = rows(&env, &["logins", "prune", "--older-than", "0s", "--vacuum"], 0);
    assert_eq!(pruned[0]["snapshots"], 2, "the newest stays");
}

#[test]
pub(super) fn limits_are_kept_beside_a_snapshot_where_the_server_tells_them() {
    let env = with_users(20);
    let _ = env.run(&["logins", "scan", "--limits"]).expect(0);
    let kept = rows(&env, &["logins", "snapshots"], 0);
    assert_eq!(kept[0]["limits"]["default"], 4, "{kept}");
    let _ = env.run(&["logins", "scan"]).expect(0);
    assert!(rows(&env, &["logins", "snapshots"], 0)[1]["limits"].is_null());
    assert_eq!(env.sandbox().call_count("limits.get"), 1);
}

#[test]
pub(super) fn a_list_is_scanned_like_all_users_and_told_apart() {
    let env = with_users(40);
    let list = env.file("users.txt", "User0000\nuser0001\nnobody9\n");
    let rows_of = rows(&env, &["logins", "scan", "--from", &list], 0);
    assert_eq!(
        (&rows_of[0]["users"], &rows_of[0]["devices"]),
        (&3.into(), &2.into()),
        "the service says offline of who is not there"
    );
    assert_eq!(env.sandbox().call_count("users.list"), 0);
    let shown = rows(&env, &["logins", "show", "USER0000"], 0);
    assert_eq!(
        shown.as_array().unwrap().len(),
        4,
        "however the name is written: {shown}"
    );
    let _ = env.run(&["logins", "scan"]).expect(0);
    let warned = env.run(&["logins", "diff", "1", "2", "-o", "json"]).expect(0);
    assert!(
        warned.stderr.contains("cover different users"),
        "{}",
        warned.stderr
    );
    let kinds: Vec<_> = warned.json()["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].clone())
        .collect();
    assert_eq!(kinds, ["not_known_earlier"; 6], "nobody else was on the list");
    let growth = env.run(&["logins", "diff", "1", "2", "--growth", "5"]).expect(2);
    assert!(growth.stderr.contains("the same users"), "{}", growth.stderr);
    let none = env.run(&["logins", "diff"]).expect(2);
    assert!(none.stderr.contains("logins snapshots"), "{}", none.stderr);
}

/// Where there is no Chromium, the page is made and not looked at; `.ci/run` installs it and insists.
#[test]
pub(super) fn a_report_is_a_page_that_a_browser_shows() {
    let env = with_users(40);
    let _ = env.run(&["logins", "scan"]).expect(0);
    let page = env.path("report.html");
    let page = page.to_str().unwrap();
    let _ = env
        .run(&["logins", "report", "--html", page, "--over", "1"])
        .expect(0);
    let exceeding = env
        .run(&["logins", "report", "--markdown", "--over", "0"])
        .expect(11);
    assert!(
        exceeding
            .stdout
            .contains("## More than 0 devices on one platform: 8"),
        "{}",
        exceeding.stdout
    );
    let Some(browser) = chromium() else {
        return;
    };
    let (profile, picture) = (env.path("profile"), env.path("report.png"));
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        // The page may ask for nothing.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--screenshot={}", picture.display()))
        .args(["--dump-dom", &format!("file://{page}")]);
    let output = command.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(shown.matches("role=\"img\"").count(), 2, "{shown}");
    assert!(
        shown.contains("<caption>Accounts by number of devices"),
        "{shown}"
    );
    let picture = std::fs::read(picture).unwrap();
    assert!(
        picture.starts_with(b"\x89PNG") && picture.len() > 10_000,
        "{}",
        picture.len()
    );
}

#[cfg(unix)]
#[test]
pub(super) fn the_nightly_script_tells_by_its_exit_code_whether_to_look() {
    let env = with_users(40);
    let bin = env.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let tool = env.command(&[]);
    std::os::unix::fs::symlink(tool.get_program(), bin.join("easemob-admin")).unwrap();
    let night = |over: &str| {
        let mut script = Command::new("bash");
        script
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../examples/nightly-audit.sh"
            ))
            .arg(env.path("reports"))
            .env_clear()
            .envs(tool.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env(
                "PATH",
                format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()),
            )
            .env("OVER", over);
        let output = script.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (first, said) = night("1");
    assert_eq!(first, Some(0), "{said}");
    let (over, said) = night("0");
    assert_eq!(over, Some(11), "{said}");
    for number in 20..30 {
        env.online(&format!("user{number:04}"), &["android_1"]);
    }
    let (grown, said) = night("9");
    assert_eq!(grown, Some(11), "{said}");
    let files = std::fs::read_dir(env.path("reports")).unwrap().count();
    assert_eq!(files, 5, "scan, platforms, accounts, changes, and the page");
    let script = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/nightly-audit.sh"
    ));
    assert!(
        !script.unwrap().contains("--yes"),
        "it changes nothing at the server"
    );
    assert_eq!(env.writes(), 0);
}
