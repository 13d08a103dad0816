//! Two machines that share their records in PostgreSQL.

use super::env::{Output, STUCK, TestEnv, until};
use crate::cluster::TestDatabase;
use easemob_admin_sandbox::Fault;

/// A server, and a database that both machines use.
struct Team {
    env: TestEnv,
    database: TestDatabase,
}

impl Team {
    /// Returns nothing if there is no PostgreSQL.
    fn new() -> Option<Self> {
        let database = TestDatabase::create()?;
        let mut env = TestEnv::new();
        env.set("EASEMOB_STORE", &database.url());
        let team = Self { env, database };
        let made = team.env.run(&["store", "init"]).expect(0);
        assert!(made.stderr.contains("made the tables"), "{}", made.stderr);
        for user in ["ann", "bob", "eve"] {
            team.env.online(user, &["ios_1", "web_1"]);
        }
        Some(team)
    }

    /// Goes to another machine: what follows is done there.
    fn on(&mut self, machine: &str) -> &TestEnv {
        let data = self.env.path(machine);
        self.env.set("EASEMOB_DATA_DIR", data.to_str().unwrap());
        &self.env
    }
}

const LOGOUT: &[&str] = &[
    "sessions",
    "logout",
    "ann",
    "bob",
    "eve",
    "--reason",
    "leak",
    "--yes",
    "--concurrency",
    "1",
];

fn run_of(output: &Output) -> String {
    output.json()["summary"]["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_begun_on_one_machine_and_continued_on_another() {
    let Some(mut team) = Team::new() else { return };
    let stopped = [LOGOUT, &["--max-logouts", "3", "-o", "json"]].concat();
    let stopped = team.on("one").run(&stopped).expect(8);
    let run = run_of(&stopped);
    let list = team.on("two").run(&["runs", "list", "-o", "json"]).expect(0);
    assert_eq!(list.json()["rows"][0]["run"], run.as_str());
    assert_eq!(list.json()["rows"][0]["state"], "unfinished");
    let resume = ["runs", "resume", &run, "--max-logouts", "9", "--yes"];
    let _ = team.on("two").run(&resume).expect(0);
    for user in ["ann", "bob", "eve"] {
        assert!(team.env.devices(user).is_empty(), "{user}");
    }
    let shown = team
        .on("one")
        .run(&["runs", "show", "last", "-o", "json"])
        .expect(0);
    assert_eq!(shown.json()["summary"]["state"], "done", "{}", shown.text());

    // One trail, which each machine verifies with its own key and the heads that it kept.
    for machine in ["one", "two"] {
        let verified = team.on(machine).run(&["audit", "verify", "-o", "json"]).expect(0);
        let summary = &verified.json()["summary"];
        assert_eq!(summary["key_was_kept"], true, "{}", verified.text());
        assert_ne!(summary["kept_checkpoints"], 0);
    }
    let log = team
        .on("two")
        .run(&["audit", "log", "--user", "ANN", "-o", "json"])
        .expect(0);
    let rows = log.json()["rows"].as_array().unwrap().clone();
    assert!(
        !rows.is_empty()
            && rows
                .iter()
                .all(|row| row["user"] == "ann" && row["reason"] == "leak")
    );
    let newest = team
        .on("one")
        .run(&["audit", "log", "-n", "1", "-o", "json"])
        .expect(0);
    assert_eq!(newest.json()["rows"].as_array().unwrap().len(), 1);
    let exported = team
        .on("one")
        .run(&["audit", "export", "--format", "jsonl"])
        .expect(0);
    assert!(exported.stdout.lines().count() >= 10, "{}", exported.stdout);
    // Another machine, which wrote nothing, reads the same.
    let other = team
        .on("three")
        .run(&["audit", "export", "--format", "jsonl"])
        .expect(0);
    assert_eq!(other.stdout, exported.stdout);
    assert!(!team.env.path("one/runs").exists() && !team.env.path("one/audit").exists());
}

#[test]
fn a_run_whose_machine_died_is_continued_when_its_lease_has_run_out() {
    let Some(mut team) = Team::new() else { return };
    team.env
        .sandbox()
        .inject(Fault::delay("sessions.logout_all", STUCK).times(1));
    let env = team.on("one");
    let mut running = env.spawn(LOGOUT);
    until("a call that is held up", || env.sandbox().held_calls() > 0);
    running.kill().unwrap();
    drop(TestEnv::finish(running));
    let env = team.on("two");
    let resume = ["runs", "resume", "last", "--yes"];
    let busy = env.run(&resume).expect(13);
    assert!(
        busy.stderr.contains("another process is working on run")
            && busy.stderr.contains("its lease ends in"),
        "{}",
        busy.stderr
    );
    // As if the time had passed.
    team.database
        .run("UPDATE easemob_admin.lease SET until = '-infinity'");
    let _ = team.on("two").run(&resume).expect(0);
    for user in ["ann", "bob", "eve"] {
        assert!(team.env.devices(user).is_empty(), "{user}");
    }
    let _ = team.on("two").run(&["audit", "verify"]).expect(0);
}

#[test]
fn locks_and_logins_are_seen_by_all_machines() {
    let Some(mut team) = Team::new() else { return };
    let lock = [
        "sessions", "lock", "ann", "--ttl", "1h", "--reason", "leak", "--yes",
    ];
    let _ = team.on("one").run(&lock).expect(0);
    let locks = team.on("two").run(&["sessions", "locks", "-o", "json"]).expect(0);
    assert_eq!(locks.json()["rows"][0]["user"], "ann", "{}", locks.text());
    let unlock = ["sessions", "unlock", "ann", "--yes", "--reason", "back"];
    let _ = team.on("two").run(&unlock).expect(0);
    let locks = team.on("one").run(&["sessions", "locks", "-o", "json"]).expect(0);
    assert_eq!(locks.json()["rows"].as_array().unwrap().len(), 0);

    let _ = team.on("one").run(&["logins", "scan"]).expect(0);
    let shown = team
        .on("two")
        .run(&["logins", "snapshots", "-o", "json"])
        .expect(0);
    assert_eq!(
        shown.json()["rows"].as_array().unwrap().len(),
        1,
        "{}",
        shown.text()
    );
}

#[test]
fn tampering_by_a_superuser_is_found_by_the_machine_that_signed() {
    let Some(mut team) = Team::new() else { return };
    let _ = team.on("one").run(LOGOUT).expect(0);
    team.database.run(
        "UPDATE easemob_admin.trail_line SET line = convert_to(replace(convert_from(line, 'UTF8'), 'ann', 'dan'), 'UTF8')",
    );
    let found = team.on("one").run(&["audit", "verify"]).expect(11);
    assert!(found.stderr.contains("the trail was changed"), "{}", found.stderr);
}

#[test]
fn heads_leave_the_database_and_prove_it_to_whoever_has_only_them() {
    let Some(mut team) = Team::new() else { return };
    let heads = team.env.path("witness");
    let heads = heads.to_str().unwrap().to_owned();
    team.env.set("EASEMOB_STORE_HEADS", &heads);
    let _ = team.on("one").run(LOGOUT).expect(0);
    let verify = ["audit", "verify", "--checkpoint", &heads, "-o", "json"];
    let verified = team.on("auditor").run(&verify).expect(0);
    assert_eq!(
        verified.json()["summary"]["kept_checkpoints"],
        2,
        "{}",
        verified.text()
    );
    // The superuser takes the end away, and what was signed of it.
    team.database.run(
        "DELETE FROM easemob_admin.trail_head; DELETE FROM easemob_admin.trail_line WHERE number > 4; \
         UPDATE easemob_admin.trail SET lines = 5",
    );
    let found = team.on("auditor").run(&verify).expect(11);
    assert!(found.stderr.contains("the end was removed"), "{}", found.stderr);

    let unusable = team.env.path("nowhere/witness");
    team.env.set("EASEMOB_STORE_HEADS", unusable.to_str().unwrap());
    let _ = team.env.run(&["store", "status"]).expect(0);
    for (place, exit) in [("witness", 3), ("http://im.example.com/x", 3)] {
        team.env.set("EASEMOB_STORE_HEADS", place);
        let refused = team.on("one").run(&["runs", "list"]).expect(exit);
        assert!(
            refused.stderr.contains("cannot use `store_heads`"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn heads_that_cannot_be_kept_are_reported_and_stop_no_run() {
    let Some(mut team) = Team::new() else { return };
    let unusable = team.env.path("nowhere/witness");
    team.env.set("EASEMOB_STORE_HEADS", unusable.to_str().unwrap());
    let done = team.on("one").run(LOGOUT).expect(0);
    assert!(
        done.stderr
            .contains("cannot keep a head of the audit trail outside the database"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_database_that_cannot_be_used_is_told_by_an_exit_code() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let with = |env: &TestEnv, store: &str, args: &[&str]| env.run(&[&["--store", store], args].concat());
    let list = ["runs", "list"];
    let url = database.url();

    let missing = with(&env, &url, &list).expect(3);
    assert!(missing.stderr.contains("store init"), "{}", missing.stderr);
    assert!(
        missing.stderr.contains(&format!("--store '{url}'")),
        "{}",
        missing.stderr
    );
    let status = with(&env, &url, &["store", "status"]).expect(3);
    assert!(status.stderr.contains("store init"), "{}", status.stderr);
    let _ = with(&env, &url, &["store", "init"]).expect(0);
    let _ = with(&env, &url, &["store", "init"]).expect(2);
    let _ = with(&env, &url, &["store", "status"]).expect(0);
    let _ = with(&env, &url, &["store", "migrate"]).expect(0);
    let _ = with(&env, &url, &list).expect(0);

    // Nobody listens there.
    let away = format!(
        "postgres://ann@host/team?host={}&sslmode=disable",
        env.home.path().display()
    );
    let logout = ["sessions", "logout", "ann", "--reason", "x", "--yes"];
    let _ = with(&env, &away, &logout).expect(5);
    assert_eq!(env.writes(), 0, "nothing is sent that cannot be recorded");
    let read = with(&env, &away, &["devices", "list", "ann"]).expect(0);
    assert!(
        read.stderr.contains("cannot use the login data"),
        "{}",
        read.stderr
    );

    let newest = database
        .run("SELECT max(version) FROM easemob_admin.schema_version")
        .concat();
    database.run(&format!(
        "DELETE FROM easemob_admin.schema_version WHERE version = {newest}"
    ));
    let older = with(&env, &url, &logout).expect(3);
    assert!(older.stderr.contains("store migrate"), "{}", older.stderr);
    database.run("INSERT INTO easemob_admin.schema_version VALUES (99, '99.0.0', '99.0.0')");
    let newer = with(&env, &url, &logout).expect(3);
    assert!(newer.stderr.contains("newer easemob-admin"), "{}", newer.stderr);
    let _ = with(&env, &url, &["store", "migrate"]).expect(3);
    database.run("DELETE FROM easemob_admin.schema_version WHERE version = 99");
    database.run(&format!(
        "INSERT INTO easemob_admin.schema_version VALUES ({newest}, '0.2.0', '0.2.0')"
    ));

    let _ = with(&env, "postgres://ann:s3cret@db/team", &list).expect(3);
    env.set("EASEMOB_STORE_PASSWORD_FILE", "/nowhere/password");
    let _ = with(&env, &url, &list).expect(3);
    assert_eq!(env.writes(), 0);
}

#[test]
fn a_password_comes_from_a_file_or_a_command_and_is_never_shown() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let Some(role) = database.role_with_password("s3cret-right") else {
        return;
    };
    let mut env = TestEnv::new();
    let owner = database.url();
    let _ = env
        .run(&["--store", &owner, "store", "init", "--worker", &role])
        .expect(0);
    env.set(
        "EASEMOB_STORE",
        &owner.replacen("postgres@", &format!("{role}@"), 1),
    );
    env.online("ann", &["ios_1"]);
    let logout = ["sessions", "logout", "ann", "--reason", "x", "--yes", "--verbose"];

    let mut outputs = vec![env.run(&logout).expect(4)];
    let wrong = env.file("wrong", "s3cret-wrong\n");
    env.set("EASEMOB_STORE_PASSWORD_FILE", &wrong);
    let refused = env.run(&logout).expect(4);
    assert!(
        refused.stderr.contains("password authentication failed"),
        "{}",
        refused.stderr
    );
    outputs.push(refused);
    assert_eq!(env.writes(), 0);
    env.unset("EASEMOB_STORE_PASSWORD_FILE");
    let right = env.file("right", "s3cret-right\n");
    env.set("EASEMOB_STORE_PASSWORD_COMMAND", &format!("cat {right}"));
    outputs.push(env.run(&logout).expect(0));
    outputs.push(env.run(&["audit", "verify"]).expect(0));
    env.set("EASEMOB_STORE_PASSWORD_COMMAND", "echo s3cret-right >&2; exit 9");
    let failed = env.run(&logout).expect(3);
    assert!(
        failed.stderr.contains("cannot get the password of the database"),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.contains("exit status: 9"), "{}", failed.stderr);
    outputs.push(failed);
    env.set("EASEMOB_STORE_PASSWORD_COMMAND", &format!("cat {right}"));
    // Not even the address may have one.
    let with_password = owner.replacen("postgres@", "postgres:s3cret-right@", 1);
    outputs.push(env.run(&["--store", &with_password, "runs", "list"]).expect(3));
    for output in outputs {
        assert!(!output.text().contains("s3cret"), "{}", output.text());
    }
    for file in env.all_files() {
        if file != env.path("right") && file != env.path("wrong") {
            let content = std::fs::read(&file).unwrap();
            let shown = String::from_utf8_lossy(&content);
            assert!(!shown.contains("s3cret"), "{}", file.display());
        }
    }
}

#[test]
fn the_store_of_a_profile_is_used_with_its_own_password() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let Some(role) = database.role_with_password("s3cret") else {
        return;
    };
    let mut env = TestEnv::new();
    let (root, id, secret) = {
        let sandbox = env.sandbox();
        (
            sandbox.app_root(),
            sandbox.client_id().to_owned(),
            sandbox.client_secret().to_owned(),
        )
    };
    let owner = database.url();
    let _ = env
        .run(&["--store", &owner, "store", "init", "--worker", &role])
        .expect(0);
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let password = env.file("password", "s3cret");
    let store = owner.replacen("postgres@", &format!("{role}@"), 1);
    let profile = format!(
        "default = \"p\"\n[profiles.p]\napp_root = \"{root}\"\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\n\
         store = \"{store}\"\nstore_password_command = \"cat {password}\"\n"
    );
    let file = env.file("config/config.toml", profile);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    env.online("ann", &["ios_1"]);
    let _ = env
        .run(&["sessions", "logout", "ann", "--reason", "x", "--yes"])
        .expect(0);
    assert_eq!(database.run("SELECT count(*) FROM easemob_admin.run"), ["1"]);
    let _ = env.run(&["runs", "resume", "last"]).expect(0);
    assert!(!env.path("data/runs").exists());
}

#[test]
fn the_records_of_a_machine_are_brought_in_once() {
    let Some(mut team) = Team::new() else { return };
    let store = team.database.url();
    team.env.unset("EASEMOB_STORE");
    let stopped = [LOGOUT, &["--max-logouts", "3", "-o", "json"]].concat();
    let run = run_of(&team.on("one").run(&stopped).expect(8));
    let lock = [
        "sessions", "lock", "eve", "--ttl", "1h", "--reason", "leak", "--yes",
    ];
    let _ = team.on("one").run(&lock).expect(0);
    let _ = team.on("one").run(&["logins", "scan"]).expect(0);
    let import = ["--store", &store, "store", "import", "-o", "json"];
    let first = team.on("one").run(&import).expect(0);
    let summary = &first.json()["summary"];
    let counts = ["runs", "locks", "logins", "skipped"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1, 0], "{}", first.text());
    let again = team.on("one").run(&import).expect(0);
    assert_eq!(again.json()["summary"]["runs"], 0);

    team.env.set("EASEMOB_STORE", &store);
    let resume = ["runs", "resume", &run, "--max-logouts", "9", "--yes"];
    let _ = team.on("two").run(&resume).expect(0);
    let locks = team.on("two").run(&["sessions", "locks", "-o", "json"]).expect(0);
    assert_eq!(locks.json()["rows"][0]["user"], "eve", "{}", locks.text());
    let shown = team
        .on("two")
        .run(&["logins", "snapshots", "-o", "json"])
        .expect(0);
    assert_eq!(shown.json()["rows"].as_array().unwrap().len(), 1);

    // The trail of the machine stays where it is, with an origin and a key of its own.
    let archive = std::fs::read_dir(team.env.path("one/audit"))
        .unwrap()
        .next()
        .unwrap();
    let archive = archive.unwrap().path();
    let archive = archive.to_str().unwrap();
    let _ = team.env.run(&["audit", "verify", "--dir", archive]).expect(0);
    let _ = team.env.run(&["audit", "verify"]).expect(0);
    // It is read and verified beside the shared one, where it is.
    let entries = |team: &mut Team| {
        let log = team
            .on("one")
            .run(&["audit", "log", "--all", "-o", "json"])
            .expect(0);
        (log.json()["rows"].as_array().unwrap().len(), log.stderr)
    };
    let (both, notes) = entries(&mut team);
    assert!(notes.contains("and were read there"), "{notes}");
    let verified = team.on("one").run(&["audit", "verify", "-o", "json"]).expect(0);
    let archives = &verified.json()["summary"]["archives"];
    assert_eq!(archives[0]["ok"], true, "{archives}");
    let newest = team
        .on("one")
        .run(&["audit", "log", "--all", "-n", "100", "-o", "json"])
        .expect(0);
    assert_eq!(newest.json()["rows"].as_array().unwrap().len(), both);
    let elsewhere = format!("{archive}-elsewhere");
    std::fs::rename(archive, &elsewhere).unwrap();
    let (shared, notes) = entries(&mut team);
    assert!(
        shared < both && notes.contains("were not read"),
        "{shared} {both} {notes}"
    );
    let _ = team.on("one").run(&["audit", "verify"]).expect(0);
    std::fs::rename(&elsewhere, archive).unwrap();
    let file = format!("{archive}/entries-000000000000.jsonl");
    let lines = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, lines.replace("leak", "leek")).unwrap();
    let found = team.on("one").run(&["audit", "verify", "-o", "json"]).expect(11);
    assert!(
        found.stderr.contains("the archive was changed"),
        "{}",
        found.stderr
    );
    assert_eq!(found.json()["summary"]["ok"], false);
}

#[test]
fn old_entries_are_archived_by_anybody_and_removed_by_the_owner() {
    let Some(mut team) = Team::new() else { return };
    let role = team.database.role();
    let owner = team.database.url();
    let _ = team.env.run(&["store", "migrate", "--worker", &role]).expect(0);
    let worker = owner.replacen("postgres@", &format!("{role}@"), 1);
    team.env.set("EASEMOB_STORE", &worker);
    let _ = team.on("one").run(LOGOUT).expect(0);
    // As if the segment were full.
    team.database
        .run("UPDATE easemob_admin.trail SET segment_bytes = 100000000");
    let _ = team.on("one").run(LOGOUT).expect(0);
    let archive = team.env.path("archive");
    let archive = archive.to_str().unwrap();
    let all = |team: &mut Team| {
        let log = team
            .on("two")
            .run(&["audit", "log", "--all", "-o", "json"])
            .expect(0);
        (log.json()["rows"].clone(), log.stderr)
    };
    let (before, _) = all(&mut team);
    let old = team
        .on("one")
        .run(&["audit", "archive", archive, "--before", "2020-01-01"])
        .expect(0);
    assert!(old.stderr.contains("nothing was archived"), "{}", old.stderr);
    let seal = [
        "audit",
        "archive",
        archive,
        "--before",
        "2100-01-01",
        "-o",
        "json",
    ];
    let sealed = team.on("one").run(&seal).expect(0);
    let entries = sealed.json()["summary"]["entries"].as_u64().unwrap();
    assert!(entries > 7, "{}", sealed.text());
    let _ = team
        .on("two")
        .run(&["audit", "verify", "--dir", archive])
        .expect(0);

    let prune = ["audit", "prune", archive, "--reason", "kept for a year"];
    let yes = [&prune[..], &["--yes"]].concat();
    let refused = team.on("one").run(&yes).expect(4);
    assert!(
        refused.stderr.contains("does not own the tables"),
        "{}",
        refused.stderr
    );
    team.env.set("EASEMOB_STORE", &owner);
    let asked = team.on("one").run(&prune).expect(2);
    assert!(
        asked.stderr.contains("cannot ask for confirmation"),
        "{}",
        asked.stderr
    );
    let _ = team.on("one").run(&yes).expect(0);
    team.env.set("EASEMOB_STORE", &worker);

    for machine in ["one", "two"] {
        let verified = team.on(machine).run(&["audit", "verify", "-o", "json"]).expect(0);
        let summary = &verified.json()["summary"];
        assert_eq!(summary["first_entry"], entries, "{}", verified.text());
        assert_eq!(summary["archives"][0]["ok"], true, "{}", verified.text());
    }
    let (after, notes) = all(&mut team);
    let (before, after) = (before.as_array().unwrap(), after.as_array().unwrap());
    assert_eq!(&after[..before.len()], &before[..], "nothing is missing");
    assert_eq!(after.last().unwrap()["kind"], "trail.archived");
    assert!(
        notes.contains("and were read there") && notes.contains("begins with entry"),
        "{notes}"
    );
    let again = team.on("one").run(LOGOUT).expect(0);
    assert!(!again.stderr.contains("was changed"), "{}", again.stderr);
}

#[test]
fn a_database_that_goes_away_stops_the_run_which_is_continued_elsewhere() {
    let Some(mut team) = Team::new() else { return };
    let role = team.database.role();
    let owner = team.database.url();
    let _ = team.env.run(&["store", "migrate", "--worker", &role]).expect(0);
    team.env.set(
        "EASEMOB_STORE",
        &owner.replacen("postgres@", &format!("{role}@"), 1),
    );
    team.env
        .sandbox()
        .inject(Fault::delay_answer("sessions.logout_all", STUCK).times(1));
    let env = team.on("one");
    // The lease, and so the patience with the database, depends on it.
    let running = env.spawn(&[LOGOUT, &["--timeout", "5s"]].concat());
    until("a call whose answer is held up", || {
        env.sandbox().held_calls() > 0
    });
    team.database
        .run(&format!("ALTER ROLE {role} CONNECTION LIMIT 0"));
    let cut = format!(
        "SELECT pg_terminate_backend(pid, 10000)::text FROM pg_stat_activity WHERE usename = '{role}'"
    );
    assert!(!team.database.run(&cut).is_empty());
    team.env.sandbox().release_calls();
    let stopped = TestEnv::finish(running).expect(5);
    assert!(
        stopped.stderr.contains("cannot write the record of the run"),
        "{}",
        stopped.stderr
    );
    assert_eq!(team.env.sandbox().call_count("sessions.logout_all"), 1);

    team.database
        .run(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"));
    team.database
        .run("UPDATE easemob_admin.lease SET until = '-infinity'");
    let _ = team.on("two").run(&["runs", "resume", "last", "--yes"]).expect(0);
    // The one whose answer was not recorded was read, and not signed out again.
    assert_eq!(team.env.sandbox().call_count("sessions.logout_all"), 3);
    let _ = team.on("two").run(&["audit", "verify"]).expect(0);
}

#[test]
fn the_statements_of_the_documents_set_a_team_up() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    // The names of the documents, for this server, which other tests use too.
    let (owner, worker, team) = (
        database.beside("owner"),
        database.beside("worker"),
        database.beside("docs"),
    );
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/team.md")).unwrap();
    let mut blocks = document.split("```sql\n").skip(1);
    let statements = blocks.next().unwrap().split("```").next().unwrap();
    assert_eq!(blocks.next(), None, "a test runs the statements of each block");
    for statement in statements
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        let statement = statement
            .replace("easemob_owner", &owner)
            .replace("easemob_worker", &worker)
            .replace("DATABASE team", &format!("DATABASE {team}"));
        database.run(&statement);
    }
    let mut env = TestEnv::new();
    let url = |role: &str| {
        let url = database
            .url()
            .replacen("postgres://postgres@", &format!("postgres://{role}@"), 1);
        url.replacen(&format!("/{}?", database.name()), &format!("/{team}?"), 1)
    };
    let _ = env
        .run(&["--store", &url(&owner), "store", "init", "--worker", &worker])
        .expect(0);
    env.set("EASEMOB_STORE", &url(&worker));
    env.online("ann", &["ios_1"]);
    let _ = env
        .run(&["sessions", "logout", "ann", "--reason", "leak", "--yes"])
        .expect(0);
    let _ = env.run(&["audit", "verify"]).expect(0);
    let status = env.run(&["store", "status"]).expect(0);
    assert!(!status.stdout.is_empty());
    let pruned = env
        .run(&[
            "--store",
            &url(&owner),
            "runs",
            "prune",
            "--older-than",
            "2100-01-01",
            "-o",
            "json",
        ])
        .expect(0);
    assert_eq!(pruned.json()["summary"]["runs"], 1, "{}", pruned.text());
}
