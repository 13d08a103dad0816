//! The trail says what happened in characters that can be seen.

use easemob_admin_sandbox::Fault;
use serde_json::Value;

use super::env::TestEnv;

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
