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
fn a_profile_is_removed_with_the_secret_that_was_kept_for_it() {
    let env = TestEnv::bare();
    let added = |name: &str| {
        let server = ["--server", "https://h", "--app", "acme#chat"];
        let add = ["profile", "add", name, "--client-id", "id", "--secret-stdin"];
        env.run_with_stdin(&[&server[..], &add].concat(), "s3cret\n")
            .expect(0)
    };
    let _ = (added("prod"), added("staging"));
    let secrets = || {
        let text = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        env.files()
            .iter()
            .filter(|path| text(path).contains("s3cret"))
            .count()
    };
    assert_eq!(secrets(), 2);
    let wrong = env.run(&["profile", "remove", "stagin"]).expect(3);
    assert!(
        wrong.stderr.contains("did you mean `staging`?"),
        "{}",
        wrong.text()
    );
    let removed = env.run(&["profile", "remove", "prod"]).expect(0);
    assert!(
        removed.stderr.contains("it was the default"),
        "{}",
        removed.text()
    );
    assert_eq!(secrets(), 1);
    let left = env.run(&["profile", "list", "-o", "csv"]).expect(0);
    assert!(
        left.stdout.contains("staging") && !left.stdout.contains("prod"),
        "{}",
        left.text()
    );
}

#[test]
fn an_empty_secret_is_refused_when_the_profile_is_made() {
    let env = TestEnv::bare();
    env.file("secret", "\n");
    let server = ["--server", "https://h", "--app", "acme#chat"];
    let secret = env.path("secret");
    let add = [
        "profile",
        "add",
        "prod",
        "--client-id",
        "id",
        "--secret-file",
        secret.to_str().unwrap(),
    ];
    let output = env.run(&[&server[..], &add].concat()).expect(3);
    assert!(output.stderr.contains("is empty"), "{}", output.text());
}
