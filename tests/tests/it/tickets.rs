//! `sessions lock --verify` and `runs show --markdown`: what was done is checked, and told for a ticket.

use easemob_admin_sandbox::Fault;

use super::env::{STUCK, TestEnv, until};
use super::locks::banned;

fn lock<'a>(list: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "sessions",
        "lock",
        "--from",
        list,
        "--ttl",
        "10h",
        "--reason",
        "leak",
        "--ticket",
        "INC-7",
        "--yes",
        "--concurrency",
        "1",
    ];
    [&args[..], more].concat()
}

fn two_users() -> (TestEnv, String) {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.online("bob", &[]);
    let list = env.file("list", "ann\nbob\nnobody\n");
    (env, list)
}

#[test]
pub(super) fn a_verified_lock_checks_everybody_and_writes_for_the_ticket() {
    let (env, list) = two_users();
    // The failure that stays counts more than the check.
    let output = env.run(&lock(&list, &["--verify", "-o", "json"])).expect(7);
    let summary = &output.json()["summary"];
    assert_eq!(
        summary["verified"],
        serde_json::json!({"holds": 2, "still_online": 0, "not_banned": 0, "unknown": 0})
    );
    let rows = output.json()["rows"].clone();
    let verified = rows.as_array().unwrap().iter();
    let verified = verified.filter(|row| row["outcome"] == "verified_locked").count();
    assert_eq!(verified, 2, "{}", output.text());
    let (_, ticket) = output.stderr.split_once("for the ticket:").unwrap();
    for part in [
        "sessions lock on ",
        "Locked until: ",
        "Reason: leak",
        "Ticket: INC-7",
        "Verified: 2 banned and offline",
        "Result: 2 locked, 1 device signed out, 1 failed",
        "Failed: line 3, nobody",
    ] {
        assert!(ticket.contains(part), "{part}\n{}", output.text());
    }
    let run = summary["run"].as_str().unwrap();
    let shown = env.run(&["runs", "show", run, "--markdown"]).expect(0);
    for part in [
        "| Ticket | INC-7 |",
        "| locked | 2 |",
        "- line 3, `nobody`: ",
        run,
    ] {
        assert!(shown.stdout.contains(part), "{part}\n{}", shown.text());
    }
    let other = env
        .run(&["runs", "show", run, "--markdown", "-o", "json"])
        .expect(2);
    assert!(other.stderr.contains("takes no --output"), "{}", other.text());
}

#[test]
pub(super) fn a_user_who_was_unbanned_meanwhile_is_a_finding() {
    let (env, _) = two_users();
    let list = env.file("short", "ann\nbob\n");
    // The first look at each user comes before the ban, the third is that of the check.
    env.sandbox()
        .inject(Fault::delay("users.get", STUCK).skip(2).times(1));
    let child = env.spawn(&lock(&list, &["--verify", "-o", "json"]));
    until("the check after the bans", || env.sandbox().held_calls() == 1);
    let _ = env
        .run(&["users", "unban", "ann", "--reason", "it was her", "--yes"])
        .expect(0);
    env.sandbox().release_calls();
    let output = TestEnv::finish(child).expect(11);
    assert_eq!(
        output.json()["summary"]["verified"]["not_banned"],
        1,
        "{}",
        output.text()
    );
    assert!(
        output.stderr.contains("1 not banned any more"),
        "{}",
        output.text()
    );
}

#[test]
pub(super) fn a_resumed_lock_is_verified_too() {
    let (env, _) = two_users();
    let list = env.file("short", "ann\nbob\n");
    env.sandbox()
        .inject(Fault::status("users.ban", 400).skip(1).times(1));
    let _ = env.run(&lock(&list, &[])).expect(7);
    assert!(!banned(&env, "bob"));
    let output = env
        .run(&[
            "runs",
            "retry-failed",
            "last",
            "--all",
            "--verify",
            "--yes",
            "-o",
            "json",
        ])
        .expect(0);
    assert_eq!(
        output.json()["summary"]["verified"]["holds"],
        2,
        "{}",
        output.text()
    );
    assert!(output.stderr.contains("for the ticket:"), "{}", output.text());
}
