//! What concerns all commands: exit codes, the environment, files and formats.

use std::fmt::Write as _;

use clap::ValueEnum;
use easemob_admin_words::{told_later, translated};

use crate::exit;
use crate::render::Format;

/// A topic of `help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What a script reads from the end of a command.
    ExitCodes,
    /// Variables that commands read.
    Environment,
    /// Where things are kept.
    Files,
    /// The formats of rows.
    Formats,
}

/// The variables, by their names in `docs/configuration.md`.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("EASEMOB_PROFILE", "the profile to use"),
    (
        "EASEMOB_SERVER, EASEMOB_APP",
        "the server, such as `https://a1.easemob.com`, and the app key, such as `acme#chat`",
    ),
    ("EASEMOB_APP_ROOT", "the root of all calls, instead of these two"),
    (
        "EASEMOB_CLIENT_ID, EASEMOB_CLIENT_SECRET",
        "the credentials of the app",
    ),
    ("EASEMOB_TOKEN", "a ready token, instead of these two"),
    (
        "EASEMOB_ALLOW_PLAIN_HTTP",
        "`1` permits plain http to other machines",
    ),
    ("EASEMOB_CONFIG_DIR", "the directory of the profile file"),
    (
        "EASEMOB_DATA_DIR",
        "the directory of runs, audit trails, locks, login databases, answers of probes and the sandbox; else \
         `$XDG_DATA_HOME/easemob-admin`, else `~/.local/share/easemob-admin`",
    ),
    (
        "EASEMOB_STORE",
        "the database of the records, instead of the data directory",
    ),
    (
        "EASEMOB_STORE_PASSWORD_FILE, EASEMOB_STORE_PASSWORD_COMMAND",
        "where the password of `--store` and `EASEMOB_STORE` comes from",
    ),
    ("PGPASSFILE", "a password file of PostgreSQL"),
    (
        "EASEMOB_STORE_HEADS",
        "where heads of the audit trail are kept outside the database: a file, `syslog`, `syslog://HOST` or `https://…`",
    ),
    (
        "EASEMOB_TRUSTED_DIR",
        "a directory whose permissions, and those of the directories above it, you vouch for, such as the volume of a \
         container",
    ),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY",
        "the proxy; never used for servers on this machine",
    ),
    (
        "NO_PROXY",
        "servers that are reached without the proxy: `*`, a name (and the names below it), an address, or a range such as \
         `10.0.0.0/8`, each with or without a port",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "certificates to trust instead of the system's, for a private certificate authority",
    ),
    (
        "EASEMOB_LANG",
        "the language of messages and help: `en` or `zh-CN`; else that of `LC_ALL`, `LC_MESSAGES` or `LANG`",
    ),
    (
        "EASEMOB_SERVICE",
        "a service through which everything goes, instead of a server: its address",
    ),
    (
        "EASEMOB_SERVICE_APP",
        "the app at the service; not needed if the key is for one app",
    ),
    (
        "EASEMOB_SERVICE_KEY",
        "the key for the service of `EASEMOB_SERVICE`",
    ),
    ("EASEMOB_SERVICE_KEY_FILE", "a file with that key"),
    (
        "EASEMOB_FIRST_KEY",
        "the key of the first administrator of the service: ea_ID_SECRET, with a secret of 32 characters or more",
    ),
    (
        "BROWSER",
        "the program with which `login --browser` opens a page; that of the desktop if it is missing",
    ),
    ("NO_COLOR", "no colours"),
];

/// The files, below the directory of the configuration and that of the data.
pub const FILES: &[(&str, &str)] = &[
    (
        "~/.config/easemob-admin/config.toml",
        "profiles: servers, apps, and where their credentials come from",
    ),
    (
        "~/.config/easemob-admin/secrets/PROFILE",
        "a secret that `profile add --secret-stdin` stored",
    ),
    (
        "~/.local/share/easemob-admin/runs/RUN",
        "a run: its users, and what was done to each",
    ),
    (
        "~/.local/share/easemob-admin/audit/PROFILE",
        "the audit trail, its heads and the key that signs them",
    ),
    (
        "~/.local/share/easemob-admin/locks",
        "users who are locked out, and until when",
    ),
    (
        "~/.local/share/easemob-admin/logins",
        "collected sign-ins and snapshots",
    ),
    (
        "~/.local/share/easemob-admin/service",
        "the keys and settings of the service",
    ),
    (
        "~/.local/share/easemob-admin/sandbox",
        "the state of the sandbox of --sandbox",
    ),
];

impl Topic {
    const ALL: [Self; 4] = [Self::ExitCodes, Self::Environment, Self::Files, Self::Formats];

    fn name(self) -> &'static str {
        match self {
            Self::ExitCodes => "exit-codes",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::Formats => "formats",
        }
    }

    /// Returns the topic of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// Returns the names of all topics.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::ALL.into_iter().map(Self::name).collect()
    }

    /// Returns what it explains: terms, and what each of them means.
    #[must_use]
    pub fn terms(self) -> Vec<(String, String)> {
        let plain =
            |(term, meaning): &(&str, &str)| ((*term).to_owned(), translated(meaning).replace('`', ""));
        match self {
            Self::ExitCodes => {
                let codes = exit::ALL.iter();
                let term = |code: &exit::Exit| format!("{} {}", code.code(), code.name());
                codes
                    .map(|code| (term(code), translated(code.meaning()).replace('`', "")))
                    .collect()
            }
            Self::Environment => ENVIRONMENT.iter().map(plain).collect(),
            Self::Files => FILES.iter().map(plain).collect(),
            Self::Formats => {
                let formats = Format::value_variants()
                    .iter()
                    .filter_map(ValueEnum::to_possible_value);
                let about =
                    |format: &clap::builder::PossibleValue| format.get_help().map(ToString::to_string);
                let shown = formats.filter(|format| !format.is_hide_set());
                shown
                    .map(|format| {
                        (
                            format!("-o {}", format.get_name()),
                            translated(&about(&format).unwrap_or_default()).to_owned(),
                        )
                    })
                    .collect()
            }
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::ExitCodes => told_later!("A code never changes its meaning. New codes may be added."),
            Self::Environment => {
                told_later!(
                    "Options of the command line go before the environment, and both before the profile."
                )
            }
            Self::Files => {
                told_later!(
                    "EASEMOB_CONFIG_DIR and EASEMOB_DATA_DIR name other directories. With --store, runs, trail, locks and logins are \
                 in a database instead."
                )
            }
            Self::Formats => {
                told_later!(
                    "stdout carries rows, stderr everything else. --fields chooses columns, --sort sorts rows, --no-headers leaves out \
                 titles. Columns keep their names; new ones may be added. Times are UTC with milliseconds, except in a table on \
                 a terminal, which has local times and shortens what does not fit."
                )
            }
        }
    }

    /// Returns the text for a terminal.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = String::new();
        for (term, meaning) in self.terms() {
            let _ = writeln!(text, "{term}\n    {meaning}");
        }
        let _ = writeln!(text, "\n{}", translated(self.about()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_that_of_the_documentation() {
        let page = include_str!("../../../../../docs/configuration.md");
        let variables = page.split("## The environment").nth(1).unwrap();
        let variables = variables.split("\n## ").next().unwrap();
        let documented: Vec<&str> = variables.lines().filter(|line| line.starts_with("| `")).collect();
        let row = |(names, meaning): &(&str, &str)| {
            let names: Vec<String> = names.split(", ").map(|name| format!("`{name}`")).collect();
            format!("| {} | {meaning} |", names.join(", "))
        };
        assert_eq!(documented, ENVIRONMENT.iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn each_topic_is_found_by_its_name_and_has_terms() {
        for name in Topic::names() {
            let topic = Topic::named(name).unwrap();
            assert!(topic.terms().len() > 3 && topic.text().len() > 200, "{name}");
        }
        assert_eq!(Topic::named("exit"), None);
    }
}
