//! `audit log`, `verify`, `export` and `key`: what the trail of real runs proves.

use std::fs;
use std::path::PathBuf;

use super::env::{TestEnv, until};
use super::interrupts::interrupt;

/// A trail of a logout of two users, one of them not there, and of a ban.
fn some_acts() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "web_1"]);
    let logout = [
        "sessions",
        "logout",
        "ann",
        "nobody",
        "--reason",
        "leak",
        "--ticket",
        "INC-7",
        "--yes",
        "--concurrency",
        "1",
    ];
    let _ = env.run(&logout).expect(7);
    let _ = env
        .run(&["users", "ban", "ann", "--reason", "spam", "--yes"])
        .expect(0);
    env
}

fn trail(env: &TestEnv) -> PathBuf {
    fs::read_dir(env.path("data/audit"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
}

fn file_of_entries(env: &TestEnv) -> PathBuf {
    let files = fs::read_dir(trail(env)).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("run.started")))
        .collect();
    files.sort();
    files.remove(0)
}

#[test]
pub(super) fn the_log_says_who_did_what_to_whom_and_why() {
    let env = some_acts();
    env.snapshot("audit_log_json", &env.run(&["audit", "log", "-o", "json"]));
    env.snapshot(
        "audit_log_all_csv",
        &env.run(&["audit", "log", "--all", "-o", "csv"]),
    );
    let count = |more: &[&str]| {
        let output = env
            .run(&[&["audit", "log", "-o", "json"], more].concat())
            .expect(0)
            .json();
        output["rows"].as_array().unwrap().len()
    };
    assert_eq!(count(&["--user", "Ann"]), 2);
    assert_eq!(count(&["--outcome", "ended"]), 2);
    assert_eq!(count(&["--ticket", "INC-7"]), 2);
    assert_eq!(count(&["--since", "1h"]), 3);
    assert_eq!(count(&["--until", "2020-01-01T00:00:00Z"]), 0);
    assert_eq!(count(&["--operator", "nobody-of-this-name"]), 0);
    assert_eq!(count(&["--run", "1999"]), 0);
    assert_eq!(count(&["-n", "2"]), 2);
    assert_eq!(count(&["-n", "1", "--ticket", "INC-7"]), 1);
    assert_eq!(count(&["-n", "9", "--user", "ann"]), 2);
    // The intents are found by what only their run says.
    assert_eq!(count(&["--all", "--ticket", "INC-7", "--user", "ann"]), 2);
}

#[test]
pub(super) fn the_newest_entries_are_the_last_ones() {
    let env = some_acts();
    let newest = env
        .run(&["audit", "log", "-n", "1", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(newest["rows"][0]["reason"], "spam");
    assert_eq!(newest["summary"]["entries"], 1);
    let _ = env.run(&["audit", "log", "-n", "0"]).expect(2);
}

#[test]
pub(super) fn a_word_that_is_no_outcome_is_refused() {
    let env = some_acts();
    let output = env.run(&["audit", "log", "--outcome", "faild"]).expect(2);
    assert!(
        output.stderr.contains("failed") && output.stderr.contains("skipped"),
        "{}",
        output.text()
    );
}

#[test]
pub(super) fn arguments_that_do_not_belong_to_the_trail_are_no_change_of_it() {
    let env = some_acts();
    let text = env.file("text", "no head\n".repeat(1000));
    let output = env.run(&["audit", "verify", "--checkpoint", &text]).expect(2);
    assert!(
        output.stderr.contains("is not a file of stored heads"),
        "{}",
        output.text()
    );
    let other = some_acts();
    let key = env.file("other.pub", other.run(&["audit", "key"]).expect(0).stdout);
    let output = env.run(&["audit", "verify", "--key", &key]).expect(11);
    assert!(
        output.stderr.contains("this is not the key of this trail"),
        "{}",
        output.text()
    );
    for option in ["--key", "--checkpoint"] {
        let missing = env.path("missing").to_str().unwrap().to_owned();
        let output = env.run(&["audit", "verify", option, &missing]).expect(2);
        assert!(!output.stderr.contains("writable"), "{}", output.text());
    }
}

#[test]
pub(super) fn an_untouched_trail_verifies_and_a_changed_one_does_not() {
    let env = some_acts();
    let verified = env.run(&["audit", "verify", "-o", "json"]).expect(0).json();
    assert_eq!(verified["summary"]["ok"], true);
    assert_eq!(
        verified["summary"]["entries_not_covered_by_a_checkpoint"], 0,
        "each run ends with a checkpoint"
    );
    let key = env.file("kept.pub", env.run(&["audit", "key"]).expect(0).stdout);
    let heads = env.file(
        "heads",
        format!("{}\n", verified["summary"]["head"].as_str().unwrap()),
    );
    let against = [
        "audit",
        "verify",
        "--key",
        &key,
        "--checkpoint",
        &heads,
        "-o",
        "json",
    ];
    let kept = env.run(&against).expect(0).json();
    assert_eq!(
        (
            &kept["summary"]["key_was_kept"],
            &kept["summary"]["kept_checkpoints"]
        ),
        (&true.into(), &1.into())
    );

    let path = file_of_entries(&env);
    let whole = fs::read_to_string(&path).unwrap();
    for (what, changed) in [
        ("another user", whole.replacen("\"ann\"", "\"eve\"", 1)),
        ("an entry less", {
            let mut lines: Vec<&str> = whole.lines().collect();
            lines.remove(3);
            lines.join("\n") + "\n"
        }),
        ("a shorter trail", {
            let lines: Vec<&str> = whole.lines().collect();
            lines[..lines.len() - 1].join("\n") + "\n"
        }),
    ] {
        fs::write(&path, &changed).unwrap();
        let output = env.run(&against).expect(11);
        assert!(
            output.stderr.contains("first bad entry"),
            "{what}: {}",
            output.text()
        );
        assert_eq!(output.json()["summary"]["ok"], false, "{what}");
        // Nothing is done on top of a trail that cannot be trusted.
        if what != "another user" {
            let _ = env
                .run(&["users", "unban", "ann", "--reason", "test", "--yes"])
                .expect(1);
        }
        fs::write(&path, &whole).unwrap();
    }
    let _ = env.run(&against).expect(0);
}

#[test]
pub(super) fn every_form_of_export_has_one_line_per_act() {
    let env = some_acts();
    for form in ["ocsf", "ecs", "cef"] {
        let output = env.run(&["audit", "export", "--format", form]).expect(0);
        assert_eq!(output.stdout.lines().count(), 3, "{}", output.text());
        if form == "cef" {
            assert!(
                output
                    .stdout
                    .lines()
                    .all(|line| line.starts_with("CEF:0|easemob-admin|"))
            );
            continue;
        }
        for line in output.stdout.lines() {
            let _: serde_json::Value = serde_json::from_str(line).unwrap();
        }
    }
    let logoff = env
        .run(&[
            "audit",
            "export",
            "--format",
            "ocsf",
            "--outcome",
            "ended",
            "--user",
            "ann",
        ])
        .expect(0);
    let logoff: serde_json::Value = serde_json::from_str(logoff.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(logoff["type_uid"], 300_202);
    assert_eq!(logoff["user"]["name"], "ann");
    assert!(logoff["unmapped"]["server_time"].is_number(), "{logoff}");
    let raw = env.run(&["audit", "export", "--format", "jsonl"]).expect(0);
    let raw: Vec<serde_json::Value> = raw
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        raw.iter()
            .all(|event| event["operator"].is_object() && event["reason"].is_string())
    );
}

#[test]
pub(super) fn follow_shows_what_is_being_done() {
    let env = some_acts();
    let before = env
        .run(&["audit", "export", "--format", "cef"])
        .expect(0)
        .stdout
        .lines()
        .count();
    let args = ["audit", "export", "--format", "cef", "--follow"];
    let mut child = env.spawn(&args);
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..before {
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    }
    let _ = env
        .run(&["users", "unban", "ann", "--reason", "calm", "--yes"])
        .expect(0);
    line.clear();
    until("the new act", || {
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap() > 0
    });
    assert!(line.contains("act=users.unban"), "{line}");
    interrupt(&child);
    let _ = TestEnv::finish(child).expect(0);
}

#[test]
pub(super) fn following_ends_with_the_time_it_was_given() {
    let env = some_acts();
    for command in [&["audit", "export", "--format", "jsonl"][..], &["audit", "log"]] {
        let _ = env
            .run(&[command, &["--follow", "--max-duration", "1s"]].concat())
            .expect(0);
    }
}

#[test]
pub(super) fn without_a_trail_it_says_so() {
    let env = TestEnv::new();
    env.snapshot("audit_verify_nothing", &env.run(&["audit", "verify"]));
    let output = env.run(&["audit", "log"]).expect(0);
    assert!(output.stderr.contains("no entries in"), "{}", output.text());
}

#[test]
pub(super) fn the_sandbox_has_a_trail_of_its_own() {
    let env = TestEnv::bare();
    let _ = env
        .run(&["--sandbox", "sessions", "logout", "--yes", "alice"])
        .expect(7);
    let log = env
        .run(&["--sandbox", "audit", "export", "--format", "jsonl"])
        .expect(0);
    let first: serde_json::Value = serde_json::from_str(log.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(first["sandbox"], true);
    assert!(env.path("data/audit/sandbox").is_dir());
}

#[test]
pub(super) fn a_change_of_limits_is_on_record_too() {
    let env = TestEnv::new();
    env.online("ann", &[]);
    let _ = env
        .run(&[
            "limits",
            "set",
            "--platform",
            "web=2",
            "--reason",
            "policy",
            "--yes",
        ])
        .expect(0);
    let _ = env
        .run(&[
            "limits", "set", "--user", "ann", "--mode", "single", "--reason", "kiosk", "--yes",
        ])
        .expect(0);
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&log["rows"][0]["call"], &log["rows"][0]["reason"]),
        (&"limits.set".into(), &"policy".into())
    );
    assert_eq!(log["rows"][1]["user"], "ann");
    let unchanged = [
        "limits",
        "set",
        "--platform",
        "web=2",
        "--reason",
        "policy",
        "--yes",
    ];
    let _ = env.run(&unchanged).expect(0);
    assert_eq!(
        env.run(&["audit", "log", "-o", "json"]).expect(0).json()["rows"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let again = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
    assert!(again.stderr.contains("nothing is left to do"), "{}", again.text());
}
