//! Targets and profiles that cannot be used.

use super::env::TestEnv;

#[test]
fn no_target_is_an_error_that_tells_the_way() {
    let env = TestEnv::bare();
    env.snapshot(
        "configuration_none",
        &env.run(&["devices", "list", "ann"]).expect(3),
    );
}

#[test]
fn no_credentials_are_an_error_that_tells_the_way() {
    let env = TestEnv::bare();
    let args = [
        "--server",
        "https://im.example.com",
        "--app",
        "acme#chat",
        "devices",
        "list",
        "ann",
    ];
    env.snapshot("configuration_no_credentials", &env.run(&args).expect(3));
}

#[test]
fn a_typo_is_named_with_its_line() {
    let env = TestEnv::bare();
    env.file(
        "config/config.toml",
        "default = \"prod\"\n\n[profiles.prod]\nserver = \"https://im.example.com\"\nap = \"acme#chat\"\n",
    );
    let output = env.run(&["devices", "list", "ann"]).expect(3);
    assert!(
        output.stderr.contains("`ap`") && output.stderr.contains("line 5"),
        "{}",
        output.text()
    );
    env.snapshot("configuration_typo", &output);
}

#[test]
fn an_unknown_profile_is_named() {
    let env = TestEnv::bare();
    env.file(
        "config/config.toml",
        "[profiles.prod]\nserver = \"https://h\"\napp = \"acme#chat\"\n",
    );
    env.snapshot(
        "configuration_unknown_profile",
        &env.run(&["--profile", "prd", "devices", "list", "ann"]).expect(3),
    );
}

#[test]
fn the_sandbox_and_a_server_exclude_each_other() {
    let env = TestEnv::bare();
    let args = [
        "--sandbox",
        "--server",
        "https://im.example.com",
        "devices",
        "list",
        "ann",
    ];
    let _ = env.run(&args).expect(2);
}

#[test]
fn a_secret_is_no_argument() {
    let env = TestEnv::bare();
    for argument in ["--client-secret", "--secret", "--token", "--password"] {
        let output = env
            .run(&[argument, "hunter2", "devices", "list", "ann"])
            .expect(2);
        assert!(output.stderr.contains("unexpected argument"), "{}", output.text());
    }
}

#[test]
fn impossible_numbers_are_refused() {
    let env = TestEnv::new();
    for (flag, value) in [
        ("--rate", "0"),
        ("--concurrency", "0"),
        ("--max-duration", "soon"),
        ("--rate", "fast"),
    ] {
        let _ = env.run(&[flag, value, "devices", "list", "ann"]).expect(2);
    }
    assert!(env.sandbox().calls().is_empty());
}
