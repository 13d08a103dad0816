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
