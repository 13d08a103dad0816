//! What is written down is true.

use super::env::TestEnv;

fn root(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_commands_of_the_readme_work() {
    the_commands_work("README.md", 10);
}

#[test]
fn the_commands_for_operators_work() {
    the_commands_work("docs/operators.md", 9);
}

#[test]
fn the_commands_for_scripts_work() {
    the_commands_work("docs/scripts.md", 5);
}

#[test]
fn the_chinese_documents_have_the_commands_of_the_english_ones() {
    // What is typed. Answers are in the language of whoever asks.
    let typed = |document: &str| {
        let text = root(document);
        let blocks = text.split("```").skip(1).step_by(2);
        let lines = blocks.flat_map(|block| {
            let is_dialogue = block.lines().any(|line| line.starts_with("$ "));
            block
                .lines()
                .filter(move |line| !is_dialogue || line.starts_with("$ "))
        });
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for (english, chinese) in [
        ("README.md", "README.zh-CN.md"),
        ("docs/operators.md", "docs/operators.zh-CN.md"),
    ] {
        assert!(typed(english).len() > 10, "{english}");
        assert_eq!(typed(english), typed(chinese), "{chinese}");
        let links = |document: &str| root(document).matches("](").count();
        assert!(links(chinese) >= links(english), "{chinese} has lost a link");
    }
}

/// Runs the commands of a document that have a `$` in front, one after the other as a reader would.
fn the_commands_work(document: &str, at_least: usize) {
    let env = TestEnv::bare();
    let text = root(document);
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let with_sandbox = commands.iter().filter(|line| line.contains("--sandbox")).count();
    assert!(with_sandbox >= at_least, "{commands:?}");
    for command in commands {
        let output = std::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", command])
            .current_dir(env.home.path())
            .env_clear()
            .env("HOME", env.home.path())
            .env("PATH", env.search_path())
            .env("EASEMOB_CONFIG_DIR", env.path("config"))
            .env("EASEMOB_DATA_DIR", env.path("data"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    }
}

/// Runs the commands of a section that have a `$` in front, all of them in one shell.
#[cfg(target_os = "linux")]
#[test]
fn two_people_sign_ten_thousand_users_out() {
    // A tenth of them shows the same; .ci/full has all.
    let users = std::env::var("EASEMOB_DOCUMENT_USERS").map_or(1_000, |users| users.parse().unwrap());
    // A server without a limit, in place of the embedded one.
    let env = TestEnv::new();
    let sandbox = env.sandbox();
    for number in 1..=users {
        let user = format!("user{number:05}");
        sandbox.register(&user);
        sandbox.sign_in(&user, "ios").unwrap();
    }
    let text = root("docs/service.md");
    let section = text.split("### Two people sign 10,000 users out").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let commands: Vec<&str> = section
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("$ "))
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let here = format!(
        "EASEMOB_APP_ROOT={} EASEMOB_CLIENT_ID={} EASEMOB_CLIENT_SECRET={} easemob-admin --rate unlimited serve",
        sandbox.app_root(),
        sandbox.client_id(),
        sandbox.client_secret()
    );
    let script = commands
        .join("\n")
        .replace("7300", &port.to_string())
        .replace("1 10000 >", &format!("1 {users} >"))
        .replace("easemob-admin --sandbox serve", &here)
        .replace("/apps/sandbox/", "/apps/default/")
        .replace(r#"[\"sandbox\"]"#, r#"[\"default\"]"#)
        .replace("ann sessions plan", "ann sessions plan --rate unlimited");
    let script = format!(
        "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{script}\nann users status --from users.txt -o csv --rate unlimited > left.txt"
    );
    let output = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(env.home.path())
        .env_clear()
        .env("HOME", env.home.path())
        .env("PATH", env.search_path())
        .env("no_proxy", "*")
        .env("EASEMOB_CONFIG_DIR", env.path("config"))
        .env("EASEMOB_DATA_DIR", env.path("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let read = |name: &str| std::fs::read_to_string(env.path(name)).unwrap_or_default();
    assert!(
        output.status.success(),
        "{said}\n{}\n{}",
        read("serve.log"),
        read("asked.txt")
    );
    assert!(
        read("asked.txt").contains("waits for approval"),
        "{}",
        read("asked.txt")
    );
    let ended = read("log.csv")
        .lines()
        .filter(|line| line.contains(",ended,"))
        .count();
    assert_eq!(ended, users);
    assert!(!read("left.txt").contains(",online"), "somebody is still online");
    assert_eq!(sandbox.call_count("sessions.logout_device"), users);
}

#[test]
fn the_profile_file_of_the_documents_is_understood() {
    let env = TestEnv::bare();
    let text = root("docs/configuration.md");
    let example = text.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    std::fs::create_dir_all(env.path("config")).unwrap();
    std::fs::write(env.path("config").join("config.toml"), example).unwrap();
    let listed = env.run(&["profile", "list", "-o", "json"]).expect(0).json();
    let count = listed["rows"].as_array().unwrap().len();
    assert_eq!(count, example.matches("[profiles.").count() - 1, "{listed}");
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let documents = [
        "README.md",
        "README.zh-CN.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ];
    let guides = [
        "docs/operators.md",
        "docs/operators.zh-CN.md",
        "docs/scripts.md",
        "docs/backends.md",
        "docs/vendor-calls.md",
        "docs/audit.md",
        "docs/configuration.md",
        "docs/probe.md",
        "docs/team.md",
        "docs/service.md",
    ];
    for file in documents.into_iter().chain(guides) {
        let text = root(file);
        let folder = std::path::Path::new(file).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") {
                let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("..")
                    .join(folder)
                    .join(link.split('#').next().unwrap());
                assert!(path.exists(), "{file}: {link}");
            }
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = root("Cargo.toml");
    let reasons = root("docs/dependencies.md");
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    let crates: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| !name.starts_with('#') && !name.starts_with("easemob-"))
        .collect();
    assert!(crates.len() > 30, "{crates:?}");
    let named: Vec<&str> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(" |").next())
        .flat_map(|names| names.split(", "))
        .collect();
    let missing: Vec<&&str> = crates.iter().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "not in docs/dependencies.md: {missing:?}");
    let gone: Vec<&&str> = named
        .iter()
        .filter(|name| **name != "crate" && !crates.contains(name))
        .collect();
    assert!(gone.is_empty(), "in docs/dependencies.md, but not used: {gone:?}");
}

#[test]
fn every_guarantee_has_its_test() {
    assert!(rows_with_tests("docs/guarantees.md") > 20);
}

#[test]
fn every_claim_about_security_has_its_test() {
    assert!(rows_with_tests("docs/security.md") > 15);
}

/// Returns how many rows of the tables of a document name tests in their last column, all of which exist.
fn rows_with_tests(document: &str) -> usize {
    let page = root(document);
    let mut sources = String::new();
    for folder in ["crates", "tests"] {
        sources_below(
            &std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("..")
                .join(folder),
            &mut sources,
        );
    }
    let mut rows = 0;
    let mut has_tests = false;
    for row in page.lines() {
        if !row.starts_with('|') {
            has_tests = false;
            continue;
        }
        if row.ends_with("| test |") {
            has_tests = true;
            continue;
        }
        if !has_tests || row.starts_with("|---") {
            continue;
        }
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in tests.split(", ").map(|name| name.trim_matches('`')) {
            assert!(
                sources.contains(&format!("fn {name}(")),
                "there is no test `{name}`, which is to prove: {row}"
            );
        }
        rows += 1;
    }
    rows
}

fn sources_below(folder: &std::path::Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            sources_below(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
