//! Answers that the service did not write, to every command that works on users: on the call of one user, and in place
//! of a token.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::env::{Output, TestEnv};
use super::line::{Line, Strike, percent_encoded};
use super::wrong::Often;

const INTRODUCTION: &str = "
## Answers that the service did not write

A gateway, a proxy, a portal or a wrong address answers in place of the service. Each run works on six users, one at a
time, and every call about `user03` gets this answer (for `users list`, the listing; for `users status`, the batch). Such
an answer says nothing about a user, so no user is reported as unknown to the server, as not online, or as done because
of it, and repeating may help. A cell shows the exit code and the outcome in the row of `user03`. Once the service answers
again, `runs resume` or `runs retry-failed` does the rest of an act and exits with 0, and so does the same command.

The tests also check that no output, record, trail or export shows a token or secret that such a page sends back, whether
plain, in base64 or percent-encoded.

";

const ON_TOKEN: &str = "
The same answers in place of a token. Without a token nothing is known about any user: the command ends before it judges
the first user, prints the reason, and a run can be resumed.

";

/// What an operator does to six users, of whom each has two browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Devices,
    Status,
    Users,
    Check,
    Scan,
    Logout,
    Apply,
    Enforce,
    Ban,
    Unban,
    Lock,
    Unlock,
}

/// What is answered.
struct Foreign {
    name: &'static str,
    strike: Strike,
}

const OLD: &str = "webim_random_web_1711929600000";
const NEW: &str = "webim_random_web_1712016000000";

impl Act {
    const ALL: [Self; 12] = [
        Self::Devices,
        Self::Status,
        Self::Users,
        Self::Check,
        Self::Scan,
        Self::Logout,
        Self::Apply,
        Self::Enforce,
        Self::Ban,
        Self::Unban,
        Self::Lock,
        Self::Unlock,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices list",
            Self::Status => "users status",
            Self::Users => "users list",
            Self::Check => "limits check",
            Self::Scan => "logins scan",
            Self::Logout => "sessions logout",
            Self::Apply => "sessions apply",
            Self::Enforce => "limits enforce",
            Self::Ban => "users ban",
            Self::Unban => "users unban",
            Self::Lock => "sessions lock",
            Self::Unlock => "sessions unlock",
        }
    }

    /// The part of the first line of a request that is answered by something else.
    fn struck(self) -> &'static str {
        match self {
            Self::Status => "/users/batch/status",
            Self::Users => "/users?limit",
            _ => "/users/user03",
        }
    }

    fn is_on_record(self) -> bool {
        !matches!(
            self,
            Self::Devices | Self::Status | Self::Users | Self::Check | Self::Scan
        )
    }

    /// Makes what the command works on, while nothing is wrong yet.
    fn prepare(self, env: &TestEnv, list: &str) {
        let run = |args: &[&str]| drop(env.run(args).expect(0));
        match self {
            Self::Check | Self::Enforce => drop(env.file("limits.toml", "default = 1\n")),
            Self::Apply => {
                let plan = env.path("plan.json");
                run(&[
                    "sessions",
                    "plan",
                    "--from",
                    list,
                    "--out",
                    plan.to_str().unwrap(),
                ]);
            }
            Self::Unban => run(&["users", "ban", "--from", list, "--reason", "test", "--yes"]),
            Self::Unlock => run(&[
                "sessions", "lock", "--from", list, "--ttl", "1h", "--reason", "test", "--yes",
            ]),
            _ => {}
        }
    }

    fn args(self, env: &TestEnv, list: &str) -> Vec<String> {
        let policy = env.path("limits.toml").display().to_string();
        let plan = env.path("plan.json").display().to_string();
        let act = ["--reason", "test", "--yes"];
        let from = ["--from", list];
        let words: Vec<&str> = self.name().split(' ').collect();
        let more: Vec<&str> = match self {
            Self::Users => vec![],
            Self::Devices | Self::Status | Self::Scan => from.to_vec(),
            Self::Check => [&[policy.as_str()][..], &from].concat(),
            Self::Enforce => [&[policy.as_str()][..], &from, &act].concat(),
            Self::Apply => [&[plan.as_str()][..], &act].concat(),
            Self::Lock => [&from[..], &act, &["--ttl", "1h"]].concat(),
            Self::Logout | Self::Ban | Self::Unban | Self::Unlock => [&from[..], &act].concat(),
        };
        // A fault of the list of users looks like a server that is away.
        let common = ["--max-duration", "20s", "--wait-for-server", "3s", "-o", "json"];
        let concurrency: &[&str] = match self {
            Self::Status | Self::Users => &[],
            _ => &["--concurrency", "1"],
        };
        [&words[..], &more, concurrency, &common]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// The exit code of the command where nothing is wrong.
    fn good(self) -> i32 {
        // Everybody has one browser too many.
        if self == Self::Check { 11 } else { 0 }
    }
}

fn answers() -> Vec<Foreign> {
    let page = |name: &'static str, status: &str, more: &str, kind: &str, body: &str| Foreign {
        name,
        strike: Strike::Answer(
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{more}content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        ),
    };
    let html = |name, status: &str, body: &str| page(name, status, "", "text/html", body);
    let json = |name, status: &str, body: &str| page(name, status, "", "application/json", body);
    let spring = r#"{"timestamp":"2026-01-05T09:36:35Z","status":404,"error":"Not Found","path":"/"}"#;
    let hour = r#"{"error":"reach_limit","error_description":"made up","timestamp":1}"#;
    vec![
        html("200, a portal's page", "200 OK", "<html>Sign in</html>"),
        json("200, foreign JSON", "200 OK", r#"{"code":0,"message":"ok"}"#),
        json("200, empty body", "200 OK", ""),
        page(
            "302",
            "302 Found",
            "location: https://portal.invalid/\r\n",
            "text/html",
            "",
        ),
        html("400, a page", "400 Bad Request", "<html>Bad Request</html>"),
        html("401, a page", "401 Unauthorized", "<html>Sign in</html>"),
        html("403, a page", "403 Forbidden", "<html>Forbidden</html>"),
        html("404, a page", "404 Not Found", "<html>nginx</html>"),
        json(
            "404, a gateway's JSON",
            "404 Not Found",
            r#"{"message":"no Route matched with those values"}"#,
        ),
        json("404, a framework's JSON", "404 Not Found", spring),
        html(
            "405, a page",
            "405 Method Not Allowed",
            "<html>Not Allowed</html>",
        ),
        html("429, a page", "429 Too Many Requests", "<html>Slow down</html>"),
        html("500, a page", "500 Internal Server Error", "<html>Error</html>"),
        html(
            "501, a page",
            "501 Not Implemented",
            "<html>Not Implemented</html>",
        ),
        html(
            "503, a page",
            "503 Service Unavailable",
            "<html>Unavailable</html>",
        ),
        html(
            "511, a portal's page",
            "511 Network Authentication Required",
            "<html>Sign in</html>",
        ),
        Foreign {
            name: "400, echoes the request",
            strike: Strike::Echo("400 Bad Request"),
        },
        page(
            "429, `Retry-After: 3600`",
            "429 Too Many Requests",
            "retry-after: 3600\r\n",
            "application/json",
            hour,
        ),
    ]
}

/// Brings an answer about and returns what the table says of it.
fn cell(act: Act, answer: &Foreign, struck: &str) -> String {
    let mut env = TestEnv::new();
    let names: Vec<String> = (1..=6).map(|number| format!("user{number:02}")).collect();
    for user in &names {
        env.online(user, &[OLD, NEW]);
    }
    let list = env.file("list", names.join("\n"));
    let upstream = env.sandbox().rest_url().trim_start_matches("http://").to_owned();
    let line = Line::to(upstream, "/", struck, answer.strike.clone(), Often::Always);
    line.mend();
    env.set(
        "EASEMOB_APP_ROOT",
        &format!("http://127.0.0.1:{}/acme/chat", line.port),
    );
    act.prepare(&env, &list);
    env.forget_tokens();
    let args = act.args(&env, &list);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runs = |env: &TestEnv| std::fs::read_dir(env.path("data/runs")).map_or(0, Iterator::count);
    let runs_before = runs(&env);

    line.begin();
    let output = env.run(&args);
    assert!(
        line.struck() > 0,
        "{act:?} {} met nothing: {}",
        answer.name,
        output.text()
    );
    line.mend();
    // A pause that the server asked for holds for every process, and this test does not wait for it.
    let _ = std::fs::remove_dir_all(env.path("data/rate"));
    let said = what_is_said(act, &output);
    let text = output.text();
    for verdict in ["no such user", "not_found", "nothing is left", "internal"] {
        assert!(!text.contains(verdict), "{act:?} {}: {text}", answer.name);
    }
    // A check that finds somebody says so first, and in its rows who could not be read.
    let finds = act == Act::Check && said == ", failed" && output.code == 11;
    assert!(
        finds || [4, 5, 6, 10].contains(&output.code),
        "{act:?} {}: {text}",
        answer.name
    );
    nothing_leaks(&env, &output);

    let mut cell = format!("{}{said}", output.code);
    let on_record = act.is_on_record() && runs(&env) > runs_before;
    if on_record {
        let first = if output.code == 6 {
            "retry-failed"
        } else {
            "resume"
        };
        let mut again = env.run(&["runs", first, "last", "--yes"]);
        write!(cell, "; {first}").unwrap();
        // Who failed before the run was stopped is not what was left of it.
        if first == "resume" && again.code == 6 {
            again = env.run(&["runs", "retry-failed", "last", "--yes"]);
            write!(cell, ", retry-failed").unwrap();
        }
        assert_eq!(again.code, 0, "{act:?} {}: {text}\n{}", answer.name, again.text());
        nothing_leaks(&env, &again);
    }
    let repeated = env.run(&args);
    // Nobody is locked any more, which is refused.
    let good = if act == Act::Unlock && on_record {
        2
    } else {
        act.good()
    };
    assert_eq!(
        repeated.code,
        good,
        "{act:?} {}: {}",
        answer.name,
        repeated.text()
    );
    cell
}

/// What the row of the struck user says, if there is one.
fn what_is_said(act: Act, output: &Output) -> String {
    let rows = output.stdout.lines();
    let row = rows
        .filter_map(|line| serde_json::from_str::<Value>(line.trim_end_matches(',')).ok())
        .find(|row| row["user"] == "user03");
    let Some(row) = row else { return String::new() };
    let outcome = row["outcome"]
        .as_str()
        .or_else(|| row["status"].as_str())
        .unwrap_or("listed")
        .replace('_', " ");
    let done = [
        "logged out",
        "banned",
        "unbanned",
        "locked",
        "unlocked",
        "online",
        "offline",
        "nothing to do",
    ];
    assert!(!done.contains(&outcome.as_str()), "{act:?}: {row}");
    if outcome == "failed" {
        assert_eq!(row["retry_may_help"], true, "{act:?}: {row}");
    }
    if row["outcome_unknown"] == true && outcome == "failed" {
        return ", unknown".into();
    }
    format!(", {outcome}")
}

/// Asserts that nobody is shown the secret or a token, in whatever spelling.
fn nothing_leaks(env: &TestEnv, output: &Output) {
    let exported = env.run(&["audit", "export", "--format", "jsonl"]).stdout;
    let mut texts = vec![output.text(), exported];
    for path in env.files() {
        texts.push(String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
    }
    let secret = env.sandbox().client_secret();
    for hidden in [secret, "Bearer YWMt", "\"access_token\":\"YWMt"] {
        // Six bits a character; the last one depends on what follows.
        let mut encoded = STANDARD.encode(hidden);
        encoded.truncate(hidden.len() * 8 / 6);
        for spelling in [hidden.to_owned(), encoded, percent_encoded(hidden)] {
            for text in &texts {
                assert!(!text.contains(&spelling), "{hidden} as {spelling} in {text}");
            }
        }
    }
    for text in &texts {
        assert!(!has_token(text), "a token in {text}");
    }
}

/// Whether a text has the beginning of a token that is not in the middle of something else: digests and signatures have
/// these letters by chance.
fn has_token(text: &str) -> bool {
    let in_the_middle = |at: usize| {
        let before = text[..at].chars().next_back();
        before.is_some_and(|before| before.is_ascii_alphanumeric() || "+-_".contains(before))
    };
    text.match_indices("YWMt").any(|(at, _)| !in_the_middle(at))
}

#[test]
fn a_token_is_told_from_letters_that_are_so_by_chance() {
    for leak in [
        "YWMtabc",
        "Bearer YWMtabc",
        "token=YWMtabc",
        "/login/YWMtabc",
        "\"YWMtabc\"",
    ] {
        assert!(has_token(leak), "{leak}");
    }
    for chance in ["", "eyJYWMtabc", "a-YWMtabc", "YWM"] {
        assert!(!has_token(chance), "{chance}");
    }
}

/// The tables, as the page has them.
pub(super) fn tables() -> String {
    let mut text = String::from(INTRODUCTION);
    table(&mut text, Act::struck);
    text.push_str(ON_TOKEN);
    table(&mut text, |_| "/token");
    text
}

fn table(text: &mut String, struck: impl Fn(Act) -> &'static str + Sync) {
    let answers = answers();
    let columns: Vec<Vec<String>> = std::thread::scope(|scope| {
        let columns = Act::ALL.map(|act| {
            let (answers, struck) = (&answers, &struck);
            scope.spawn(move || {
                let cell = |answer| cell(act, answer, struck(act));
                answers.iter().map(cell).collect::<Vec<String>>()
            })
        });
        columns.into_iter().map(|column| column.join().unwrap()).collect()
    });
    let names: Vec<&str> = Act::ALL.iter().map(|act| act.name()).collect();
    writeln!(text, "| answer | {} |", names.join(" | ")).unwrap();
    writeln!(text, "|---|{}", "---|".repeat(names.len())).unwrap();
    for (row, answer) in answers.iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
        writeln!(text, "| {} | {} |", answer.name, cells.join(" | ")).unwrap();
    }
}
