//! What is written down is true.

use super::env::TestEnv;

fn root(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

/// The commands of the README's tour, each of which works as it stands.
#[test]
fn the_commands_of_the_readme_work() {
    let env = TestEnv::bare();
    let readme = root("README.md");
    let bin = env.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_easemob-admin-e2e"), bin.join("easemob-admin")).unwrap();
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .filter(|line| line.contains("--sandbox"))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let output = std::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", command])
            .current_dir(env.home.path())
            .env_clear()
            .env("HOME", env.home.path())
            .env(
                "PATH",
                format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()),
            )
            .env("EASEMOB_CONFIG_DIR", env.path("config"))
            .env("EASEMOB_DATA_DIR", env.path("data"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    }
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = root(file);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") {
                let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("..")
                    .join(link);
                assert!(path.exists(), "{file}: {link}");
            }
        }
    }
}
