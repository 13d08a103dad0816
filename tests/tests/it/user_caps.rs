//! `--max-users`: bans, locks and unlocks that would touch more users than meant do nothing.

use super::env::TestEnv;

#[test]
pub(super) fn more_users_than_meant_are_left_alone() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    for name in &names {
        env.online(name, &["ios_1"]);
    }
    let list = env.file("list", names.join("\n"));
    let from = ["--from", &list, "--reason", "test", "--yes"];
    let ttl = ["--ttl", "1h"];
    for (command, more) in [
        (["users", "ban"], &[][..]),
        (["users", "unban"], &[]),
        (["sessions", "lock"], &ttl),
    ] {
        for cap in ["9", "0", "99%", "0%"] {
            let args = [&command[..], &from, more, &["--max-users", cap]].concat();
            let output = env.run(&args).expect(8);
            assert!(output.stderr.contains("10 users of 10"), "{}", output.text());
            assert_eq!(env.writes(), 0, "{command:?} {cap}");
        }
    }
    assert!(
        env.run(&["runs", "list", "-o", "jsonl"])
            .expect(0)
            .stdout
            .is_empty()
    );
    let _ = env
        .run(&[&["sessions", "lock"][..], &from, &ttl, &["--max-users", "10"]].concat())
        .expect(0);
    let unlock = |more: &[&str]| env.run(&[&["sessions", "unlock"][..], &from, more].concat());
    let before = env.writes();
    let _ = unlock(&["--max-users", "50%"]).expect(8);
    assert_eq!(env.writes(), before);
    let _ = unlock(&["--max-users", "100%"]).expect(0);
}

#[cfg(target_os = "linux")]
#[test]
pub(super) fn limits_of_everybody_take_the_app_key() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let set = ["limits", "set", "--default", "2", "--reason", "test"];
    // Not every machine has a program that makes a terminal.
    let Some(refused) = env.run_on_terminal(&set, "y\n") else {
        return;
    };
    let _ = refused.expect(10);
    assert_eq!(env.writes(), 0);
    let _ = env.run_on_terminal(&set, "acme#chat\n").unwrap().expect(0);
    let user = [&set[..], &["--user", "ann"]].concat();
    let _ = env.run_on_terminal(&user, "y\n").unwrap().expect(0);
}
