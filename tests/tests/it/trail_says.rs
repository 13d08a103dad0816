//! The trail says what happened: once for each user, and in characters that can be seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use easemob_admin_sandbox::Fault;
use serde_json::Value;

use super::env::TestEnv;

/// How many outcomes the trail has of each user.
fn outcomes(env: &TestEnv) -> BTreeMap<String, usize> {
    let log = env.run(&["audit", "log", "-o", "jsonl"]).expect(0);
    let mut counts = BTreeMap::new();
    for line in log.stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["kind"] == "outcome" {
            *counts
                .entry(row["user"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    counts
}

/// A run with an act, nothing to do, an act on two devices, and a user whom the server does not know.
fn finished() -> (TestEnv, PathBuf) {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.online("bob", &[]);
    env.online("cat", &["ios_1", "web_1"]);
    let act = [
        "sessions", "logout", "ann", "bob", "cat", "dan", "--reason", "test", "--yes",
    ];
    let _ = env.run(&[&act[..], &["--concurrency", "1"]].concat()).expect(7);
    let run = fs::read_dir(env.path("data/runs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    (env, run.path().join("journal.jsonl"))
}

#[test]
fn a_kill_between_trail_and_journal_leaves_one_outcome_for_everybody() {
    let expected: BTreeMap<String, usize> = ["ann", "bob", "cat", "dan"]
        .map(|user| (user.to_owned(), 1))
        .into();
    let mut kept = 2;
    loop {
        let (env, journal) = finished();
        assert_eq!(outcomes(&env), expected);
        let whole = fs::read_to_string(&journal).unwrap();
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        assert!(lines.len() > 6, "{whole}");
        if kept == lines.len() {
            return;
        }
        // The journal ends somewhere behind the beginning of the attempt, and the trail has all of it.
        fs::write(&journal, lines[..kept].concat()).unwrap();
        let before = env.sandbox().calls().len();
        let resumed = env.run(&["runs", "resume", "last", "--yes"]).expect(7);
        assert_eq!(outcomes(&env), expected, "{kept} of {whole}: {}", resumed.text());
        let calls = env.sandbox().calls();
        let asked = calls[before..].iter().filter(|call| call.endpoint != "token");
        assert_eq!(asked.count(), 0, "{kept}: {}", resumed.text());
        let _ = env.run(&["audit", "verify"]).expect(0);
        kept += 1;
    }
}

#[test]
fn what_a_server_says_steers_no_terminal() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let hostile = "x\u{1b}]52;c;cm0=\u{7}\u{9b}2J\u{61c}\u{ad}\u{fff9}\u{e0041}\u{2028}\u{202e}y";
    let devices = serde_json::json!({"data": [{"res": "ios_1", "device_name": hostile}]});
    env.sandbox()
        .inject(Fault::raw_body("devices.list", "application/json", &devices.to_string()).times(4));
    let mut texts = Vec::new();
    for format in ["table", "json", "jsonl", "csv"] {
        texts.push((
            format,
            env.run(&["devices", "list", "ann", "-o", format]).expect(0),
        ));
    }
    let parsed: Value = serde_json::from_str(texts[2].1.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(parsed["name"], hostile, "programs read the name as it is");

    let refusal = serde_json::json!({
        "error": "illegal_argument", "error_description": hostile, "timestamp": 1, "duration": 0
    });
    env.sandbox()
        .inject(Fault::raw_body("users.ban", "application/json", &refusal.to_string()).answer_status(400));
    texts.push((
        "ban",
        env.run(&["users", "ban", "ann", "--reason", hostile, "--yes"])
            .expect(7),
    ));
    texts.push(("show", env.run(&["runs", "show", "last"]).expect(0)));
    for (what, format) in [("log", "table"), ("log", "json"), ("log csv", "csv")] {
        texts.push((what, env.run(&["audit", "log", "-o", format]).expect(0)));
    }
    for format in ["jsonl", "ocsf", "ecs", "cef"] {
        texts.push((
            format,
            env.run(&["audit", "export", "--format", format]).expect(0),
        ));
    }
    for (what, output) in texts {
        for text in [&output.stdout, &output.stderr] {
            // A spreadsheet gets names as they are, but for what a terminal obeys.
            let steers = |character: char| match what {
                "csv" | "log csv" => character.is_control() && character != '\n',
                _ => {
                    !character.is_ascii() && hostile.contains(character)
                        || ['\u{1b}', '\u{7}'].contains(&character)
                }
            };
            assert!(!text.contains(steers), "{what}: {text:?}");
        }
    }
}
