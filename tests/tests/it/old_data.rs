//! What earlier versions left on disk is read and gone on with, and what later ones leave is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use easemob_admin_sandbox::{Rates, Sandbox};
use serde_json::{Value, json};

use super::env::TestEnv;
use super::locks::{banned, locks};

/// Where `write.sh` puts what a version has written.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

fn fixtures() -> Vec<PathBuf> {
    let all = fs::read_dir(FIXTURES).unwrap();
    let mut written: Vec<_> = all
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("data").is_dir())
        .collect();
    written.sort();
    assert!(!written.is_empty());
    let page = fs::read_to_string(Path::new(FIXTURES).join("README.md")).unwrap();
    for path in &written {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            page.contains(name),
            "tests/fixtures/README.md does not say which formats {name} has"
        );
    }
    written
}

/// The fixture whose formats are those of today, but for logins.
fn newest() -> PathBuf {
    Path::new(FIXTURES).join("data-94936f1")
}

/// A home as a version left it, and the server in the state in which that version left it.
///
/// The profile names a server that is nowhere: the sandbox is the proxy that answers for it.
fn left_by(fixture: &Path) -> TestEnv {
    let mut env = TestEnv::bare();
    copy(fixture, env.home.path());
    let state = env.path("server/state.json");
    fs::create_dir(env.path("server")).unwrap();
    fs::rename(env.path("server.json"), &state).unwrap();
    env.serve(Sandbox::builder().rates(Rates::unlimited()).state_file(state));
    let proxy = env.sandbox().rest_url();
    env.set("http_proxy", &proxy);
    env.set("EASEMOB_ALLOW_PLAIN_HTTP", "1");
    env
}

/// Copies a directory; what is kept is for its owner only, which git does not say.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        let directory = path.is_dir();
        if directory {
            fs::create_dir(&copied).unwrap();
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = if directory { 0o700 } else { 0o600 };
            fs::set_permissions(&copied, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

fn rows(env: &TestEnv, args: &[&str]) -> Vec<Value> {
    let output = env.run(&[args, &["-o", "json"]].concat()).expect(0).json();
    output["rows"].as_array().unwrap().clone()
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap().to_owned()
}

/// The runs that are not finished: the id of each by its command, and whether it is about the embedded sandbox.
fn unfinished(env: &TestEnv) -> BTreeMap<(String, bool), String> {
    rows(env, &["runs", "list", "--unfinished"])
        .iter()
        .map(|row| {
            let sandbox = row["sandbox"].as_bool().unwrap();
            ((text(row, "command"), sandbox), text(row, "run"))
        })
        .collect()
}

/// Checks the trail against the key and the head that were kept when it was written.
fn verified(env: &TestEnv) -> Value {
    let (key, heads) = (env.path("kept/key.pub.pem"), env.path("kept/heads"));
    let args = [
        "audit",
        "verify",
        "--key",
        key.to_str().unwrap(),
        "--checkpoint",
        heads.to_str().unwrap(),
        "-o",
        "json",
    ];
    env.run(&args).expect(0).json()["summary"].clone()
}

#[test]
fn an_unfinished_run_is_finished_and_nobody_is_acted_on_twice() {
    for fixture in fixtures() {
        let env = left_by(&fixture);
        let before = verified(&env);
        let runs = unfinished(&env);
        // The third user was under way when the run was killed. The logout had arrived, and is found by reading; so had the
        // ban, which does no harm when it is repeated.
        for (command, kind, call, calls) in [
            ("sessions logout", "logout", "sessions.logout_all", 2),
            ("sessions lock", "lock", "users.ban", 3),
            ("limits enforce", "enforce", "sessions.logout_device", 3),
            ("sessions apply", "apply", "sessions.logout_device", 3),
        ] {
            let run = &runs[&(command.to_owned(), false)];
            let (earlier, writes) = (env.sandbox().call_count(call), env.writes());
            let resume = ["runs", "resume", run, "--yes", "-o", "json"];
            let resumed = env.run(&resume).expect(0).json();
            let reported = resumed["rows"].as_array().unwrap().iter();
            let acted = reported.filter(|row| row["outcome"] == "logged_out" || row["outcome"] == "locked");
            let acted: BTreeSet<_> = acted.map(|row| text(row, "user")).collect();
            let unsettled = (3..=5).map(|number| format!("{kind}{number}")).collect();
            assert_eq!(acted, unsettled, "{command}: {resumed}");
            assert_eq!(env.sandbox().call_count(call) - earlier, calls, "{command}");
            assert_eq!(env.writes() - writes, calls, "{command}");
            let again = env.run(&resume).expect(0);
            assert!(again.stderr.contains("nothing is left to do"), "{}", again.text());
            assert_eq!(env.writes() - writes, calls, "{command}");
        }
        for (user, left) in [
            ("logout4", &[][..]),
            ("lock4", &[]),
            ("enforce4", &["ios_1", "webim_b_web_1711929601000"]),
            ("apply4", &["web_1"]),
        ] {
            assert_eq!(env.devices(user), left, "{user}");
        }
        assert!(rows(&env, &["runs", "list"]).iter().all(|run| run["failed"] == 0));

        let after = verified(&env);
        assert_eq!(before["files"], 2);
        assert_eq!(after["entries_not_covered_by_a_checkpoint"], 0);
        assert!(after["entries"].as_u64() > before["entries"].as_u64());
        // Who was done before has one outcome on record as before; who is done now has one as well.
        for user in ["logout1", "logout3", "logout5", "lock3", "enforce3", "apply3"] {
            let acts = rows(&env, &["audit", "log", "--user", user]);
            assert_eq!(acts.len(), 1, "{user}: {acts:?}");
        }
    }
}

#[test]
fn a_run_of_the_embedded_sandbox_goes_on_at_another_port() {
    for fixture in fixtures() {
        let env = left_by(&fixture);
        let run = &unfinished(&env)[&("sessions logout".to_owned(), true)];
        let resume = ["runs", "resume", run, "--max-logouts", "2", "--yes", "-o", "json"];
        let resumed = env.run(&resume).expect(0).json();
        let row = &resumed["rows"][0];
        assert_eq!(
            (&row["user"], &row["outcome"]),
            (&json!("sandbox2"), &json!("logged_out"))
        );
        assert_eq!(resumed["summary"]["users"], 1);
        let _ = env.run(&["--sandbox", "audit", "verify"]).expect(0);
        assert!(env.sandbox().calls().is_empty());
    }
}

#[test]
fn locks_keep_their_ends_and_are_lifted_when_due() {
    for fixture in fixtures() {
        let env = left_by(&fixture);
        let ends = |env: &TestEnv| {
            let locks = rows(env, &["sessions", "locks"]);
            let ends = locks.iter().map(|lock| (text(lock, "user"), text(lock, "until")));
            ends.collect::<BTreeMap<_, _>>()
        };
        let before = ends(&env);
        // The second of the locked users was banned before, by somebody else.
        let all = ["due1", "lock1", "lock3", "lock4", "lock5", "standing1"];
        assert_eq!(before.keys().collect::<Vec<_>>(), all);
        for lock in rows(&env, &["sessions", "locks"]) {
            let journal = env
                .path("data/runs")
                .join(text(&lock, "run"))
                .join("journal.jsonl");
            let journal = fs::read_to_string(journal).unwrap();
            let header: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
            let seconds = |end: String| end[..19].to_owned();
            assert_eq!(
                seconds(text(&lock, "until")),
                seconds(text(&header["action"], "until"))
            );
        }
        assert!(locks(&env).contains(&("due1".into(), "overdue".into())));

        let lifted = rows(&env, &["sessions", "unlock", "--due", "--yes"]);
        assert_eq!(lifted.len(), 1, "{lifted:?}");
        assert_eq!(
            (&lifted[0]["user"], &lifted[0]["outcome"]),
            (&json!("due1"), &json!("unlocked"))
        );
        assert!(!banned(&env, "due1") && banned(&env, "standing1") && banned(&env, "lock2"));
        let mut left = before;
        left.remove("due1");
        assert_eq!(ends(&env), left);
        let unlock = ["sessions", "unlock", "standing1", "--reason", "test", "--yes"];
        let _ = env.run(&unlock).expect(0);
        assert!(!banned(&env, "standing1"));
    }
}

#[test]
fn a_plan_is_too_old_or_done() {
    for fixture in fixtures() {
        let env = left_by(&fixture);
        let plan = env.path("plan.json");
        let apply = |age| {
            [
                "sessions",
                "apply",
                plan.to_str().unwrap(),
                "--yes",
                "--max-age",
                age,
            ]
        };
        let refused = env.run(&apply("1s")).expect(2);
        assert!(refused.stderr.contains("make a new plan"), "{}", refused.text());
        assert_eq!(env.writes(), 0);
        let _ = env.run(&apply("1000000h")).expect(0);
        assert_eq!(env.sandbox().call_count("sessions.logout_device"), 2);
        assert_eq!(
            (env.devices("plan1"), env.devices("plan2")),
            (vec!["web_1".into()], vec!["web_1".into()])
        );
    }
}

#[test]
fn logins_are_counted_compared_and_added_to() {
    for fixture in fixtures() {
        let env = left_by(&fixture);
        let counted = rows(&env, &["logins", "count"]);
        let devices: u64 = counted.iter().map(|row| row["devices"].as_u64().unwrap()).sum();
        assert_eq!(devices, 31);
        let gone = rows(&env, &["logins", "diff", "1", "2"]);
        assert_eq!(gone.len(), 9, "{gone:?}");
        assert!(gone.iter().all(|row| row["kind"] == "signed_out"));
        assert_eq!(rows(&env, &["logins", "top"])[0]["user"], "enforce3");
        let events = rows(&env, &["logins", "show", "plan1"]);
        assert_eq!(
            (&events[0]["event"], &events[0]["resource"]),
            (&json!("login"), &json!("ios_1"))
        );
        let _ = env.run(&["logins", "scan"]).expect(0);
        let snapshots = rows(&env, &["logins", "snapshots"]);
        let programs: Vec<&Value> = snapshots.iter().map(|row| &row["program"]).collect();
        assert_eq!(
            programs,
            [&Value::Null, &Value::Null, &json!(env!("CARGO_PKG_VERSION"))]
        );
        assert_eq!(rows(&env, &["logins", "diff", "2", "3"]), Vec::<Value>::new());
    }
}

#[test]
fn the_profile_names_the_server() {
    for fixture in fixtures() {
        let env = left_by(&fixture);
        let listed = rows(&env, &["profile", "list"]);
        assert_eq!(
            (&listed[0]["profile"], &listed[0]["default"]),
            (&json!("prod"), &json!(true))
        );
        let devices = rows(&env, &["devices", "list", "plan1"]);
        assert_eq!(devices.len(), 2, "{devices:?}");
        assert_eq!(env.sandbox().call_count("devices.list"), 1);
    }
}

/// A file as a later version may leave it, and commands that meet it.
struct Later {
    /// `RUN` is the id of an unfinished logout, and `LAST` the last file of a trail.
    file: &'static str,
    /// What tells the format; or what comes first, where a format has no number and whatever is unknown is refused.
    ours: &'static [u8],
    newer: &'static [u8],
    /// What to do.
    says: &'static str,
    code: i32,
    /// `HOME` is where all of it is.
    commands: &'static [&'static str],
}

const BAN: &str = "users ban plan1 --reason test --yes";
const LOCK: &str = "sessions lock plan1 --ttl 1h --reason test --yes";
const RESUME: &str = "runs resume RUN --yes";
const ACTS: [&str; 4] = [BAN, LOCK, RESUME, "sessions unlock --due --yes"];
const TRAIL: &str = "data/audit/prod/LAST";

const LATER: &[Later] = &[
    Later {
        file: "data/runs/RUN/journal.jsonl",
        ours: b"\"easemob_admin_journal\":1",
        newer: b"\"easemob_admin_journal\":2",
        says: "use a newer easemob-admin",
        code: 1,
        commands: &[RESUME, "runs retry-failed RUN --all --yes", "runs show RUN"],
    },
    Later {
        file: TRAIL,
        ours: b"{\"format\":1",
        newer: b"{\"format\":2",
        says: "update easemob-admin",
        code: 1,
        commands: &ACTS,
    },
    Later {
        file: TRAIL,
        ours: b"{\"v\":1",
        newer: b"{\"v\":2",
        says: "update easemob-admin",
        code: 1,
        commands: &["audit log", "audit export --format ecs", BAN],
    },
    Later {
        file: TRAIL,
        ours: b"{\"format\":1",
        newer: b"{\"format\":2",
        says: "written by a newer version of easemob-admin",
        code: 11,
        commands: &["audit verify"],
    },
    Later {
        file: "data/locks/prod.json",
        ours: b"\"easemob_admin_locks\":1",
        newer: b"\"easemob_admin_locks\":2",
        says: "newer version of easemob-admin",
        code: 1,
        commands: &[
            "sessions locks",
            LOCK,
            "sessions unlock --due --yes",
            "sessions unlock standing1 --reason test --yes",
            BAN,
            "users unban standing1 --reason test --yes",
            "runs resume LOCKS --yes",
        ],
    },
    Later {
        file: "plan.json",
        ours: b"\"easemob_admin_plan\":1",
        newer: b"\"easemob_admin_plan\":2",
        says: "use a newer easemob-admin",
        code: 2,
        commands: &["sessions apply HOME/plan.json --max-age 1000000h --yes"],
    },
    Later {
        file: "data/logins/prod/logins.sqlite",
        // `user_version`, eight bytes before `application_id`.
        ours: b"\0\0\0\x03\0\0\0\0EALG",
        newer: b"\0\0\0\x04\0\0\0\0EALG",
        says: "use the newer version of easemob-admin",
        code: 1,
        commands: &[
            "logins count",
            "logins scan",
            "logins prune --older-than 1s",
            "sessions plan enforce3 --keep-newest 1 --out HOME/new-plan.json",
            "sessions logout enforce3 --keep-newest 1 --reason test --yes",
            "limits enforce HOME/policy.toml enforce3 --reason test --yes",
            "runs resume ENFORCE --yes",
        ],
    },
    Later {
        file: "config/config.toml",
        ours: b"default =",
        newer: b"format = 2\ndefault =",
        says: "docs/configuration.md lists every key",
        code: 3,
        commands: &[BAN, RESUME, "devices list plan1", "profile use prod"],
    },
    Later {
        file: "policy.toml",
        ours: b"[platforms]",
        newer: b"format = 2\n[platforms]",
        says: "contrib/limits-policy.schema.json for the schema",
        code: 2,
        commands: &[
            "limits check HOME/policy.toml enforce3",
            "limits enforce HOME/policy.toml enforce3 --reason test --yes",
        ],
    },
    Later {
        file: "data/sandbox/state.json",
        ours: b"\"version\":1",
        newer: b"\"version\":2",
        says: "use a newer one",
        code: 1,
        commands: &[
            "--sandbox users list",
            "--sandbox sessions logout sandbox2 --yes",
            "sandbox reset",
        ],
    },
];

/// What is kept, by the name of the file. What paces requests is no record, and what locks are kept in is told apart by
/// its content alone.
fn kept(env: &TestEnv) -> (BTreeMap<PathBuf, Vec<u8>>, BTreeSet<Vec<u8>>) {
    let (mut files, mut locks) = (BTreeMap::new(), BTreeSet::new());
    for path in env.files() {
        let is_in = |directory| path.starts_with(env.path(directory));
        if is_in("data/locks") {
            locks.insert(fs::read(&path).unwrap());
        } else if !is_in("data/rate") && !is_in("server") {
            let content = fs::read(&path).unwrap();
            files.insert(path, content);
        }
    }
    (files, locks)
}

#[test]
fn what_a_later_version_wrote_is_refused_and_left_as_it_is() {
    for later in LATER {
        let env = left_by(&newest());
        // Converts the logins, as each command does that reads them.
        let _ = env.run(&["logins", "snapshots"]).expect(0);
        let runs = unfinished(&env);
        let filled_in = |text: &str| {
            let run = |command: &str| runs[&(command.to_owned(), false)].as_str();
            text.replace("RUN", run("sessions logout"))
                .replace("LOCKS", run("sessions lock"))
                .replace("ENFORCE", run("limits enforce"))
                .replace("LAST", &last_entries(&env))
                .replace("HOME", env.home.path().to_str().unwrap())
        };
        raise(&env.path(&filled_in(later.file)), later);
        let (files, locks) = kept(&env);
        for command in later.commands {
            let command = filled_in(command);
            let output = env.run(&command.split(' ').collect::<Vec<_>>());
            let told = format!("{}: {command}\n{}", later.file, output.text());
            assert_eq!(output.code, later.code, "{told}");
            assert!(output.text().contains(later.says), "{told}");
            let (files_now, locks_now) = kept(&env);
            let changed: Vec<_> = files_now
                .keys()
                .chain(files.keys())
                .filter(|path| files_now.get(*path) != files.get(*path))
                .collect();
            assert!(changed.is_empty(), "{changed:?} changed; {told}");
            assert!(locks.is_subset(&locks_now), "{told}");
            assert!(env.sandbox().calls().is_empty(), "something was sent; {told}");
        }
    }
}

/// The name of the last file of the trail.
fn last_entries(env: &TestEnv) -> String {
    let files = fs::read_dir(env.path("data/audit/prod")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("entries-")).max().unwrap()
}

/// Makes a file one of the next format.
fn raise(path: &Path, later: &Later) {
    let content = fs::read(path).unwrap();
    let at = content
        .windows(later.ours.len())
        .position(|window| window == later.ours)
        .unwrap_or_else(|| panic!("{} names no format", path.display()));
    let (before, rest) = content.split_at(at);
    fs::write(path, [before, later.newer, &rest[later.ours.len()..]].concat()).unwrap();
}

#[test]
fn a_run_of_a_later_version_is_listed_all_the_same() {
    let env = left_by(&newest());
    let run = &unfinished(&env)[&("sessions logout".to_owned(), false)];
    let journal = env.path("data/runs").join(run).join("journal.jsonl");
    raise(&journal, &LATER[0]);
    let listed = rows(&env, &["runs", "list"]);
    let row = listed.iter().find(|row| row["run"] == **run).unwrap();
    assert_eq!(row["state"], "unreadable");
    assert_eq!(listed.len(), 7);
}
