//! Help, completions and man pages.

use super::env::TestEnv;

const COMMANDS: [&[&str]; 26] = [
    &["devices"],
    &["devices", "list"],
    &["sessions"],
    &["sessions", "logout"],
    &["users"],
    &["users", "list"],
    &["users", "show"],
    &["users", "status"],
    &["users", "ban"],
    &["users", "unban"],
    &["limits"],
    &["limits", "show"],
    &["limits", "set"],
    &["limits", "check"],
    &["limits", "enforce"],
    &["profile"],
    &["profile", "add"],
    &["profile", "list"],
    &["profile", "use"],
    &["profile", "doctor"],
    &["sandbox"],
    &["sandbox", "serve"],
    &["sandbox", "seed"],
    &["sandbox", "reset"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_explains_itself() {
    let env = TestEnv::bare();
    env.snapshot("help", &env.run(&["--help"]).expect(0));
    for command in COMMANDS {
        let help = env.run(&[command, &["--help"]].concat()).expect(0);
        let usage = format!("Usage: easemob-admin {}", command.join(" "));
        assert!(help.stdout.contains(&usage), "{}", help.text());
        if command.len() == 2 {
            assert!(help.stdout.contains("Examples:"), "{command:?} has no example");
        }
    }
    for command in [["sessions", "logout"], ["limits", "check"], ["limits", "enforce"]] {
        let name = format!("help_{}", command.join("_"));
        env.snapshot(&name, &env.run(&[&command[..], &["--help"]].concat()));
    }
}

#[test]
fn completions_and_man_pages_are_made() {
    let env = TestEnv::bare();
    for shell in ["bash", "zsh", "fish"] {
        let script = env.run(&["completions", shell]).expect(0);
        assert!(
            script.stdout.contains("easemob-admin") && script.stdout.contains("logout"),
            "{shell}"
        );
    }
    assert!(env.run(&["man"]).expect(0).stdout.contains(".TH"));
    let pages = env.path("man");
    std::fs::create_dir(&pages).unwrap();
    let _ = env.run(&["man", pages.to_str().unwrap()]).expect(0);
    assert!(std::fs::read_dir(&pages).unwrap().count() > 10);
}

#[test]
fn bash_offers_commands_and_their_options() {
    let env = TestEnv::bare();
    let script = env.path("completions.bash");
    std::fs::write(&script, env.run(&["completions", "bash"]).expect(0).stdout).unwrap();
    let offered = |words: &[&str]| {
        let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>();
        let last = words.len() - 1;
        let asked = format!(
            "source '{}'; COMP_WORDS=({}); COMP_CWORD={last}; \
             _easemob__admin easemob-admin '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            line.join(" "),
            words[last],
            words[last - 1],
        );
        let output = std::process::Command::new("bash")
            .args(["--norc", "-c", &asked])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(offered(&["easemob-admin", "sess"]), "sessions");
    assert_eq!(offered(&["easemob-admin", "sessions", "logo"]), "logout");
    assert_eq!(offered(&["easemob-admin", "runs", "retry-f"]), "retry-failed");
    assert_eq!(
        offered(&["easemob-admin", "sessions", "logout", "--max-l"]),
        "--max-logouts"
    );
}
