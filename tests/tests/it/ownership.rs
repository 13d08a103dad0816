//! Nothing is acted on, resumed or run that others could have written or could move away.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;
use super::locks::{as_an_earlier_version, lock_file};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

const BAN: [&str; 6] = ["users", "ban", "ann", "--reason", "test", "--yes"];

/// A server, and a data directory in which everything has been made once.
fn used() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    env.online("bob", &["ios_1"]);
    let lock = [
        "sessions", "lock", "bob", "--ttl", "1h", "--reason", "test", "--yes",
    ];
    let _ = env.run(&lock).expect(0);
    env
}

#[test]
fn records_that_others_can_write_are_not_acted_by() {
    for place in ["data", "data/runs", "data/locks", "data/rate", "."] {
        let env = used();
        let before = env.sandbox().calls().len();
        mode(&env.path(place), 0o777);
        let output = env.run(&BAN).expect(1);
        assert!(output.stderr.contains("chmod o-w"), "{place}: {}", output.text());
        let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(1);
        assert_eq!(env.sandbox().calls().len(), before, "{place}: nothing is sent");
        mode(&env.path(place), 0o755);
        let _ = env.run(&BAN).expect(0);
    }
}

#[test]
fn locks_that_others_can_write_lift_nothing() {
    let env = used();
    let locks = lock_file(&env);
    mode(&locks, 0o666);
    let before = env.writes();
    let output = env
        .run(&["sessions", "unlock", "bob", "--reason", "test", "--yes"])
        .expect(1);
    assert!(
        output.stderr.contains(locks.to_str().unwrap()),
        "{}",
        output.text()
    );
    assert_eq!(env.writes(), before);
}

#[test]
fn locks_of_an_earlier_version_that_others_can_write_are_not_imported() {
    let env = used();
    let json = as_an_earlier_version(&env);
    mode(&json, 0o666);
    let looked = env.run(&["devices", "list", "ann"]).expect(0);
    assert!(
        looked.stderr.contains("cannot check for overdue locks"),
        "{}",
        looked.text()
    );
    for args in [&["sessions", "locks"][..], &BAN] {
        let output = env.run(args).expect(1);
        assert!(output.stderr.contains("chmod o-w"), "{}", output.text());
    }
    assert!(json.exists());
    mode(&json, 0o600);
    let _ = env.run(&["sessions", "locks"]).expect(0);
    assert!(!json.exists());
}

#[test]
fn a_planted_run_is_not_resumed() {
    // Only root can give files away; nobody else can be given them.
    if !rustix_is_root() {
        return;
    }
    let env = used();
    env.forget_tokens();
    env.sandbox()
        .inject(Fault::raw_body("token", "text/html", "<html>").answer_status(502));
    let _ = env.run(&BAN).expect(5);
    env.sandbox().clear_faults();
    let runs = fs::read_dir(env.path("data/runs")).unwrap();
    let newest = runs.map(|entry| entry.unwrap().path()).max().unwrap();
    for planted in [newest.join("journal.jsonl"), newest.clone()] {
        chown(&planted, Some(65_534), None).unwrap();
        let before = env.sandbox().calls().len();
        let output = env.run(&["runs", "resume", "last", "--yes"]).expect(1);
        assert!(
            output.stderr.contains("belongs to user 65534"),
            "{}",
            output.text()
        );
        assert_eq!(env.sandbox().calls().len(), before);
        chown(&planted, Some(0), None).unwrap();
    }
    let _ = env.run(&["runs", "resume", "last", "--yes"]).expect(0);
}

/// The owner of what this process makes tells who it is.
fn rustix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    tempfile::tempdir().unwrap().path().metadata().unwrap().uid() == 0
}

#[test]
fn our_own_directories_are_closed_to_their_group() {
    let env = used();
    let mut open = vec![env.path("data")];
    while let Some(path) = open.pop() {
        let directory = path.is_dir();
        mode(&path, if directory { 0o2770 } else { 0o660 });
        if directory {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    let output = env.run(&BAN).expect(0);
    assert!(output.stderr.contains("restricted"), "{}", output.text());
    let again = env.run(&BAN).expect(0);
    assert!(!again.stderr.contains("restricted"), "{}", again.text());
    let _ = env.run(&["audit", "verify"]).expect(0);
}

#[test]
fn a_command_of_a_profile_that_others_can_write_is_not_run() {
    let mut env = used();
    let (rest, id) = (env.sandbox().rest_url(), env.sandbox().client_id().to_owned());
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let trace = env.path("ran");
    let profile = format!(
        "default = \"prod\"\n[profiles.prod]\nserver = \"{rest}\"\napp = \"acme#chat\"\nclient_id = \"{id}\"\n\
         client_secret_command = \"touch {}; echo {}\"\n",
        trace.display(),
        env.sandbox().client_secret()
    );
    let file = env.file("config/config.toml", profile);
    let (file, folder) = (Path::new(&file), env.path("config"));
    let list = ["devices", "list", "ann"];
    for (path, open, shut) in [(file, 0o666, 0o600), (folder.as_path(), 0o777, 0o755)] {
        mode(path, open);
        let output = env.run(&list).expect(3);
        assert!(output.stderr.contains("chmod o-w"), "{}", output.text());
        assert!(!trace.exists(), "the command was run");
        mode(path, shut);
    }
    let _ = env.run(&list).expect(0);
    assert!(trace.exists());
}

#[test]
fn reading_only_warns_of_a_profile_that_others_can_write() {
    let mut env = used();
    let (rest, id) = (env.sandbox().rest_url(), env.sandbox().client_id().to_owned());
    let secret = env.sandbox().client_secret().to_owned();
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let profile = format!(
        "default = \"prod\"\n[profiles.prod]\nserver = \"{rest}\"\napp = \"acme#chat\"\nclient_id = \"{id}\"\n\
         client_secret = \"{secret}\"\n"
    );
    let file = env.file("config/config.toml", profile);
    mode(Path::new(&file), 0o666);
    let output = env.run(&["devices", "list", "ann"]).expect(0);
    assert!(output.stderr.contains("every account"), "{}", output.text());
    let before = env.writes();
    let _ = env.run(&BAN).expect(3);
    assert_eq!(env.writes(), before);
}

#[test]
fn a_volume_can_be_vouched_for() {
    let mut env = used();
    let home = env.path(".");
    mode(&home, 0o777);
    let _ = env.run(&BAN).expect(1);
    let home = home.canonicalize().unwrap();
    env.set("EASEMOB_TRUSTED_DIR", home.to_str().unwrap());
    let _ = env.run(&BAN).expect(0);
    mode(&env.path("data/runs"), 0o777);
    let _ = env.run(&BAN).expect(1);
}
