//! Secrets stay where they were put.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

#[test]
fn no_run_shows_a_secret_or_a_token() {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let secret = env.sandbox().client_secret().to_owned();
    let mut texts = Vec::new();
    let mut run = |env: &TestEnv, args: &[&str]| {
        texts.push(
            env.run(&[args, &["--verbose", "--max-duration", "20s"]].concat())
                .text(),
        );
    };
    run(&env, &["devices", "list", "ann"]);
    run(&env, &["profile", "doctor"]);
    run(&env, &["sessions", "logout", "ann", "--reason", "test", "--yes"]);
    for fault in [
        Fault::status("token", 503),
        Fault::raw_body(
            "token",
            "application/json",
            r#"{"access_token":{"leak":"YWMtleaked"}}"#,
        ),
        Fault::expired_token("devices.list"),
    ] {
        env.sandbox().clear_faults();
        env.sandbox().inject(fault);
        run(&env, &["devices", "list", "ann"]);
    }
    env.sandbox().clear_faults();
    env.set("EASEMOB_TOKEN", "YWMtleaked");
    run(&env, &["devices", "list", "ann"]);
    for text in texts {
        for hidden in [secret.as_str(), "YWMt", "Bearer "] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

/// The one file that holds the secret is the one it was given to.
#[test]
fn no_file_but_the_secrets_own_holds_a_secret_or_a_token() {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_77e1"]);
    let (root, id, secret) = (
        env.sandbox().app_root(),
        env.sandbox().client_id().to_owned(),
        env.sandbox().client_secret().to_owned(),
    );
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let add = [
        "profile",
        "add",
        "prod",
        "--app-root",
        &root,
        "--client-id",
        &id,
        "--secret-stdin",
    ];
    let _ = env.run_with_stdin(&add, &secret).expect(0);
    let logout = [
        "sessions",
        "logout",
        "ann",
        "--reason",
        "test",
        "--yes",
        "--verbose",
    ];
    let _ = env.run(&logout).expect(0);
    env.sandbox().inject(Fault::expired_token("devices.list"));
    let _ = env.run(&["devices", "list", "ann", "--verbose"]).expect(4);

    let holding = |text: &str| -> Vec<_> {
        let held =
            |path: &std::path::PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text);
        env.files().into_iter().filter(held).collect()
    };
    assert_eq!(holding(&secret).len(), 1, "{:?}", holding(&secret));
    assert!(holding("YWMt").is_empty(), "{:?}", holding("YWMt"));
}
