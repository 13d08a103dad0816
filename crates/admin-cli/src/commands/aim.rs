//! The options that name a server, for commands that are printed for the user to paste.

use std::path::Path;

use easemob_admin_ops::files::encoding::quoted;

use crate::cli::Globals;

/// Returns the options that name the server, with a trailing space; empty if the environment or flags name
/// it.
#[must_use]
pub fn aim(sandbox: bool, profile: Option<&str>) -> String {
    match profile {
        _ if sandbox => "--sandbox ".into(),
        Some(profile) => option("--profile", profile),
        None => String::new(),
    }
}

/// Returns the options that named the server on this command line, with a trailing space; empty if there are none.
#[must_use]
pub fn aim_of(globals: &Globals) -> String {
    let given = |(name, value): (&str, &Option<String>)| Some(option(name, value.as_ref()?));
    let options = [
        ("--store", &globals.store),
        ("--profile", &globals.profile),
        ("--server", &globals.server),
        ("--app", &globals.app),
        ("--app-root", &globals.app_root),
    ];
    let sandbox = globals.sandbox.then(|| "--sandbox ".to_owned());
    let options = options.into_iter().filter_map(given);
    options.chain(sandbox).collect()
}

/// Returns an option with its value for a shell, and a trailing space.
fn option(name: &str, value: &str) -> String {
    // A value that looks like an option must not become one.
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{between}{} ", quoted(Path::new(value)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_next_command_is_about_the_same_server() {
        assert_eq!(aim(false, None), "");
        assert_eq!(aim(false, Some("prod")), "--profile prod ");
        assert_eq!(aim(true, None), "--sandbox ");
    }

    #[test]
    fn every_value_arrives_as_it_was_given() {
        for (value, expected) in [
            ("prod", "--profile prod "),
            ("-x", "--profile=-x "),
            ("the team", "--profile 'the team' "),
            ("it's; rm -rf ~", r"--profile 'it'\''s; rm -rf ~' "),
            ("$(id)", "--profile '$(id)' "),
            ("", "--profile '' "),
        ] {
            assert_eq!(aim(false, Some(value)), expected);
        }
    }

    #[test]
    fn every_option_that_was_given_is_repeated() {
        let aim_of_line = |arguments: &[&str]| {
            let line = [&["easemob-admin"], arguments, &["runs", "list"]].concat();
            aim_of(&Cli::try_parse_from(line).unwrap().globals)
        };
        assert_eq!(aim_of_line(&[]), "");
        assert_eq!(aim_of_line(&["--sandbox"]), "--sandbox ");
        assert_eq!(
            aim_of_line(&[
                "--server",
                "https://a",
                "--app",
                "acme#chat",
                "--profile",
                "p",
                "--store",
                "postgres://u@h/d"
            ]),
            "--store 'postgres://u@h/d' --profile p --server 'https://a' --app 'acme#chat' "
        );
    }
}
