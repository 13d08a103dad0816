//! Commands share a token.

use std::time::Duration;

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const LIST: [&str; 3] = ["devices", "list", "ann"];

fn tokens(env: &TestEnv) -> usize {
    env.sandbox().call_count("token")
}

#[test]
fn commands_in_a_row_and_at_once_make_one_call_for_a_token() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let at_once: Vec<_> = (0..16).map(|_| env.spawn(&LIST)).collect();
    for command in at_once {
        let _ = TestEnv::finish(command).expect(0);
    }
    for _ in 0..8 {
        let _ = env.run(&LIST).expect(0);
    }
    assert_eq!((tokens(&env), env.sandbox().call_count("devices.list")), (1, 24));
    let _ = env.run(&["devices", "list", "ann", "--no-token-cache"]).expect(0);
    assert_eq!(tokens(&env), 2);
    let _ = env.run(&["profile", "doctor"]);
    assert_eq!(tokens(&env), 3, "the doctor asks the server");
}

#[test]
fn a_token_that_is_refused_is_replaced_for_all() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let _ = env.run(&LIST).expect(0);
    env.sandbox()
        .inject(Fault::expired_token("devices.list").times(1));
    let _ = env.run(&LIST).expect(0);
    assert_eq!(tokens(&env), 2);
    let _ = env.run(&LIST).expect(0);
    assert_eq!(tokens(&env), 2, "the new one is shared");
    env.sandbox().inject(Fault::expired_token("devices.list"));
    let _ = env.run(&LIST).expect(4);
    assert_eq!(tokens(&env), 2, "a third one would be refused, too");
}

#[test]
fn a_token_that_the_server_no_longer_knows_is_replaced() {
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let _ = env.run(&LIST).expect(0);
    // For the server, every token has expired by now.
    env.sandbox().advance(Duration::from_secs(100 * 24 * 60 * 60));
    let _ = env.run(&LIST).expect(0);
    assert_eq!(tokens(&env), 2);
}

#[test]
fn who_has_another_secret_gets_no_token_of_others() {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let _ = env.run(&LIST).expect(0);
    env.set("EASEMOB_CLIENT_SECRET", "YXA6wrong");
    let _ = env.run(&LIST).expect(4);
    assert_eq!(tokens(&env), 2);
}

#[cfg(unix)]
#[test]
fn the_token_is_private_and_nothing_else_shows_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let said = env
        .run(&[
            "sessions",
            "logout",
            "ann",
            "--reason",
            "test",
            "--yes",
            "--verbose",
        ])
        .expect(0);
    let of_the_token = |path: &std::path::Path| path.components().any(|part| part.as_os_str() == "tokens");
    let (kept, others): (Vec<_>, Vec<_>) = env.all_files().into_iter().partition(|path| of_the_token(path));
    let text = kept
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .find(|text| text.contains("token"))
        .unwrap();
    let token = serde_json::from_str::<serde_json::Value>(&text).unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    for file in &kept {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
    assert!(!said.text().contains(&token));
    for file in others {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !String::from_utf8_lossy(&bytes).contains(&token),
            "{}",
            file.display()
        );
    }
}
