//! User lists that cannot be used, or not as they are. Each gives one clear message.

use super::env::TestEnv;

fn logout(env: &TestEnv, list: &str) -> super::env::Output {
    env.run(&[
        "sessions",
        "logout",
        "--from",
        list,
        "--reason",
        "test",
        "--yes",
        "--concurrency",
        "1",
    ])
}

#[test]
fn nothing_is_sent_for_a_list_that_cannot_be_used() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    for (name, content) in [
        ("empty", &b""[..]),
        ("only_blank_lines", b"\n\r\n  \n"),
        ("binary", b"ann\n\x7fELF\0\0\0\n"),
        ("not_utf8", b"ann\n\xff\xfe\n"),
        ("invalid_line", b"ann\nbad\x07name\n"),
    ] {
        let list = env.file(name, content);
        env.snapshot(&format!("bad_list_{name}"), &logout(&env, &list).expect(2));
    }
    env.snapshot(
        "bad_list_missing",
        &logout(&env, env.path("missing").to_str().unwrap()).expect(2),
    );
    assert!(env.sandbox().calls().is_empty());
}

#[test]
fn stdin_is_a_list_too() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let args = ["sessions", "logout", "--from", "-", "--reason", "test", "--yes"];
    let _ = env.run_with_stdin(&args, "ann\n").expect(0);
    assert!(env.devices("ann").is_empty());
}

#[test]
fn a_list_on_stdin_is_not_taken_for_consent() {
    let env = TestEnv::new();
    env.online("y", &["ios_77e1"]);
    let args = ["sessions", "logout", "--from", "-", "--reason", "test"];
    let _ = env.run_with_stdin(&args, "y\ny\n").expect(2);
    assert_eq!(env.writes(), 0);
    assert_eq!(env.devices("y").len(), 1);
}

#[test]
fn duplicates_and_capitals_are_told() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let list = env.file("list", "Ann\nann\nANN\n");
    env.snapshot("bad_list_duplicates", &logout(&env, &list).expect(0));
    assert_eq!(env.sandbox().call_count("sessions.logout_all"), 1);
}

#[test]
fn an_unknown_user_fails_alone() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let list = env.file("list", "nobody\nann\n");
    env.snapshot("bad_list_unknown_user", &logout(&env, &list).expect(7));
    assert!(env.devices("ann").is_empty());
}

#[test]
fn a_name_that_no_address_can_hold_is_refused_before_anything_is_sent() {
    let env = TestEnv::new();
    let said = env
        .run(&["sessions", "logout", "..", "--reason", "test", "--yes"])
        .expect(2);
    assert!(
        said.stderr.contains("cannot be part of an address"),
        "{}",
        said.stderr
    );
    assert!(env.sandbox().calls().is_empty());
}
