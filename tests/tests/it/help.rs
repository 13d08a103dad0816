//! Help, completions and man pages.

use super::env::TestEnv;

const COMMANDS: [&[&str]; 27] = [
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
    &["sandbox", "calls"],
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
        assert!(script.stdout.contains("easemob-admin"), "{shell}");
    }
    assert!(env.run(&["man"]).expect(0).stdout.contains(".TH"));
    let pages = env.path("man");
    std::fs::create_dir(&pages).unwrap();
    let _ = env.run(&["man", pages.to_str().unwrap()]).expect(0);
    assert!(std::fs::read_dir(&pages).unwrap().count() > 10);
    let page = std::fs::read_to_string(pages.join("easemob-admin-sessions-logout.1")).unwrap();
    for section in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "EXAMPLES",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "SEE ALSO",
    ] {
        let title = format!(".SH \"{section}\"");
        assert!(
            page.contains(&title) || page.contains(&format!(".SH {section}\n")),
            "{section}: {page}"
        );
    }
}

/// What a shell offers for the last of `words`; `None` where the shell is not installed.
fn offered(env: &TestEnv, shell: &str, words: &[&str]) -> Option<Vec<String>> {
    let script = env.path(&format!("completions.{shell}"));
    std::fs::write(&script, env.run(&["completions", shell]).expect(0).stdout).unwrap();
    let (script, last) = (script.display(), words.len() - 1);
    let quoted = words
        .iter()
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(" ");
    let ask = match shell {
        "bash" => format!(
            "source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={last}; COMP_TYPE=9; \
             _clap_complete_easemob_admin easemob-admin '{}' '{}'; printf '%s\n' \"${{COMPREPLY[@]}}\"",
            words[last],
            words[last - 1],
        ),
        // What shows the words needs a person at a terminal; what finds them does not.
        "zsh" => format!(
            "compdef() {{ }}; _describe() {{ print -rl -- \"${{(@P)3}}\" }}; source '{script}'; words=({quoted}); \
             CURRENT={}; _clap_dynamic_completer_easemob_admin",
            last + 1
        ),
        _ => format!(
            "source '{script}'; complete --do-complete \"{}\"",
            words.join(" ")
        ),
    };
    let without_settings = match shell {
        "bash" => "--norc",
        "zsh" => "-f",
        _ => "--no-config",
    };
    let plain = env.command(&[]);
    let output = std::process::Command::new(shell)
        .args([without_settings, "-c", &ask])
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", env.search_path())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    // What describes a word follows it.
    let word = |line: &str| {
        line.split(['\t', ':'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    Some(text.lines().map(word).filter(|word| !word.is_empty()).collect())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn shells_offer_commands_options_profiles_runs_platforms_and_policies() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let act = ["--reason", "test", "--yes"];
    let _ = env
        .run(&[&["sessions", "logout", "ann"][..], &act].concat())
        .expect(0);
    let run = env
        .run(&["runs", "list", "-o", "name"])
        .expect(0)
        .stdout
        .trim()
        .to_owned();
    let add = ["profile", "add", "prod", "--app-root", &env.sandbox().app_root()];
    let secret = env.file("secret", env.sandbox().client_secret());
    let with = ["--client-id", env.sandbox().client_id(), "--secret-file", &secret];
    let _ = env.run(&[&add[..], &with].concat()).expect(0);
    let (policy, other) = (env.file("limits.toml", ""), env.file("limits.txt", ""));
    let stem = policy.strip_suffix(".toml").unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let offered = |words: &[&str]| offered(&env, shell, &[&["easemob-admin"][..], words].concat());
        let Some(commands) = offered(&["sess"]) else {
            eprintln!("{shell} is not installed, so what it offers was not tested");
            continue;
        };
        assert_eq!(commands, ["sessions"], "{shell}");
        for (words, expected) in [
            (&["sessions", "logo"][..], "logout"),
            (&["sessions", "logout", "--max-l"], "--max-logouts"),
            (&["runs", "retry-f"], "retry-failed"),
            (&["runs", "show", "la"], "last"),
            (&["runs", "resume", &run[..9]], &run),
            (&["--profile", "p"], "prod"),
            (&["sessions", "logout", "--platform", "an"], "android"),
            (&["limits", "check", stem], &policy),
        ] {
            let found = offered(words).unwrap();
            assert!(
                found.contains(&expected.to_owned()),
                "{shell} {words:?}: {found:?}"
            );
            assert!(!found.contains(&other), "{shell} {words:?}: {found:?}");
        }
    }
}

#[test]
fn topics_are_explained_and_unknown_ones_named() {
    let env = TestEnv::bare();
    for (topic, expected) in [
        ("exit-codes", "13 busy\n"),
        ("environment", "EASEMOB_DATA_DIR\n"),
        ("files", "config.toml\n"),
        ("formats", "-o jsonl\n"),
    ] {
        assert!(
            env.run(&["help", topic]).expect(0).stdout.contains(expected),
            "{topic}"
        );
    }
    let same = [&["help", "runs", "show"][..], &["runs", "show", "--help"]]
        .map(|args| env.run(args).expect(0).stdout);
    assert_eq!(same[0], same[1]);
    assert_eq!(
        env.run(&["help"]).expect(0).stdout,
        env.run(&["--help"]).expect(0).stdout
    );
    let wrong = env.run(&["help", "exitcodes"]).expect(2);
    assert!(
        wrong.stderr.contains("the topics are exit-codes"),
        "{}",
        wrong.text()
    );
}
