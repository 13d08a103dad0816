//! The command line: global options and the tree of commands.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use easemob_admin_ops::schedule::concurrency::{Concurrency, MOST};
use easemob_admin_words::{Language, t};

#[cfg(feature = "serve")]
use crate::commands::serve;
use crate::commands::{
    approvals, audit, completions, devices, help, limits, login, logins, logout, man, profile, runs, sandbox,
    sessions, users,
};
#[cfg(feature = "postgres")]
use crate::commands::{store, work};
use crate::completion;
use crate::config::profile::Percent;
use crate::render::Format;
use crate::render::view::SortBy;

/// Bulk and audited session management for the Easemob IM server
///
/// See who is signed in where, sign users out, ban them, and manage device limits, for one user or a million.
/// Every command works only on the server that a flag, the environment or a profile names. Try everything on
/// a local server with --sandbox.
#[derive(Debug, Parser)]
#[command(
    name = "easemob-admin",
    bin_name = "easemob-admin",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Examples:
  easemob-admin --sandbox users list --limit 5
  easemob-admin --sandbox sessions logout --from users.txt --dry-run
  easemob-admin profile add prod --server https://a1.easemob.com --app acme#chat --client-id ID --secret-file FILE
  easemob-admin devices list ann bob -o json

Credentials come from EASEMOB_CLIENT_ID and EASEMOB_CLIENT_SECRET, from EASEMOB_TOKEN, or from the profile, \
never from an argument. `easemob-admin help exit-codes` lists the exit codes."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Globals {
    /// The profile.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        add = completion::profiles(),
        help = "Use this profile [env: EASEMOB_PROFILE]"
    )]
    pub profile: Option<String>,
    /// The server.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The server, such as https://a1.easemob.com [env: EASEMOB_SERVER]"
    )]
    pub server: Option<String>,
    /// The app key.
    #[arg(
        long,
        global = true,
        value_name = "ORG#APP",
        help = "The app key, such as acme#chat [env: EASEMOB_APP]"
    )]
    pub app: Option<String>,
    /// The root URL of all calls.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        conflicts_with_all = ["server", "app"],
        help = "The root URL of all calls, instead of --server and --app [env: EASEMOB_APP_ROOT]"
    )]
    pub app_root: Option<String>,
    /// Use a local sandbox with demo data; its state persists between commands
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// The database that keeps the records.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Share runs, audit trail, locks and logins in a database: postgres://USER@HOST/NAME [env: EASEMOB_STORE]"
    )]
    pub store: Option<String>,
    /// Send at most this many requests per second, or `unlimited`; 100 by default, and 50 more for each of the `packs`
    /// of the profile
    #[arg(long, global = true, value_name = "N")]
    pub rate: Option<Rate>,
    /// Use only P percent of the rate, and leave the rest to the app's live traffic; the `share` of the profile, or all
    /// of it, by default
    #[arg(long, global = true, value_name = "P%")]
    pub share: Option<Percent>,
    /// Work on this many users at once; `auto` adapts to the server
    #[arg(long, global = true, value_name = "N|auto", default_value = "auto", value_parser = concurrency)]
    pub concurrency: Concurrency,
    /// Give up on a request after this long without an answer, and retry where that is safe
    #[arg(long, global = true, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub timeout: Duration,
    /// Wait this long while the server is away, but at most 10 s before its first answer; 0 disables
    #[arg(long, global = true, value_name = "TIME", default_value = "5m", value_parser = duration_or_none)]
    pub wait_for_server: Duration,
    /// Get a token of its own for this command, instead of the one that commands share
    #[arg(long, global = true)]
    pub no_token_cache: bool,
    /// Stop cleanly after this time, such as 90s, 10m or 1h30m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub max_duration: Option<Duration>,
    /// The language of messages and help.
    #[arg(
        long,
        global = true,
        value_name = "LANG",
        value_parser = language,
        help = "The language of messages, tables and help: en or zh-CN [env: EASEMOB_LANG]; that of the system by default"
    )]
    pub lang: Option<Language>,
    /// The format of the data on stdout
    #[arg(long, short, global = true, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
    /// Only these columns, such as `user,outcome`; those of -o csv, in this order
    #[arg(long, global = true, value_name = "NAMES", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Sort the rows by these columns, once all of them are known; `-NAME` puts the largest first
    #[arg(
        long,
        global = true,
        value_name = "NAMES",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub sort: Vec<SortBy>,
    /// Of a run that acts, show the rows of all users or only of those that failed; a table on a terminal shows failures
    /// if there are more than 100 users
    #[arg(long, global = true, value_name = "WHICH")]
    pub rows: Option<RowsOf>,
    /// Leave out the titles of the columns
    #[arg(long, global = true)]
    pub no_headers: bool,
    /// Without a progress bar, print a line about a run this often; 0 prints none
    #[arg(long, global = true, value_name = "TIME", default_value = "1m", value_parser = duration_or_none)]
    pub stats: Duration,
    /// Show no progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Print only warnings, errors and the summary on stderr
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say on stderr what is sent, and why it is sent again; twice adds details for a bug report
    #[arg(long, short, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
}

/// The tree of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See which devices are online
    #[command(subcommand)]
    Devices(devices::DevicesCommand),
    /// Sign users out, and lock them out
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Show, ban and unban users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Show, set and enforce device limits
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Count who is signed in where, store it, and compare
    #[command(subcommand)]
    Logins(logins::LoginsCommand),
    /// Show what was done from this machine, and resume it
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// Sign in at a service, with OpenID
    Login(login::LoginArgs),
    /// Sign out at a service
    Logout(logout::LogoutArgs),
    /// Show and decide what others ask for, at a service
    #[command(subcommand)]
    Approvals(approvals::ApprovalsCommand),
    /// Prove who did what, when and why
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Store servers and credentials under short names
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Keep the records of several machines in a database
    #[cfg(feature = "postgres")]
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Work on the runs of all machines
    #[cfg(feature = "postgres")]
    Work(work::WorkArgs),
    /// Let people, scripts and backends act over HTTP, under their own names
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    /// Run and reset the local sandbox
    #[command(subcommand)]
    Sandbox(sandbox::SandboxCommand),
    /// Print the completion script of a shell
    Completions(completions::CompletionsArgs),
    /// Print the man page, or write all of them to a directory
    Man(man::ManArgs),
    /// Explain a command, or exit codes, environment, files and formats
    Help(help::HelpArgs),
}

/// Whose rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowsOf {
    /// Everybody's
    All,
    /// Those of users that failed
    Failures,
}

/// Requests per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// At most this many.
    PerSecond(NonZeroU32),
    /// As many as the server accepts.
    Unlimited,
}

/// The highest rate that the client can keep.
const HIGHEST_RATE: u32 = 1_000_000;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        match text.parse::<NonZeroU32>() {
            Ok(rate) if rate.get() <= HIGHEST_RATE => Ok(Self::PerSecond(rate)),
            _ => Err(t!("give a number from 1 to {HIGHEST_RATE}, or `unlimited`")),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PerSecond(rate) => rate.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

fn language(text: &str) -> Result<Language, String> {
    Language::named(text).ok_or_else(|| t!("give `en` or `zh-CN`").into())
}

fn concurrency(text: &str) -> Result<Concurrency, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Concurrency::Auto),
        (_, Ok(number @ 1..=MOST)) => Ok(Concurrency::Fixed(number)),
        _ => Err(t!("give a number from 1 to {MOST}, or `auto`")),
    }
}

/// Parses a duration, or `0` for none.
fn duration_or_none(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" | "0m" | "0h" => Ok(Duration::ZERO),
        _ => duration(text).map_err(|wrong| t!("{wrong}, or 0")),
    }
}

/// Parses a duration such as `90s` or `1h30m` from the command line.
///
/// # Errors
/// When it is not a duration, or if it is zero.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || t!("give a time such as 90s, 10m or 1h30m").to_owned();
    let time: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(time)
        .map_err(|_| wrong())
        .and_then(|time| if time.is_zero() { Err(wrong()) } else { Ok(time) })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn walk(command: &clap::Command, path: &str) {
            for below in command
                .get_subcommands()
                .filter(|below| below.get_name() != "help")
            {
                let path = format!("{path} {}", below.get_name());
                if below.has_subcommands() {
                    walk(below, &path);
                } else {
                    let examples = below
                        .get_after_help()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    assert!(examples.contains(&path), "{path} has no example of itself");
                }
            }
        }
        walk(&Cli::command(), "easemob-admin");
    }

    #[test]
    fn secrets_are_no_arguments() {
        for argument in ["--client-secret=s", "--token=s", "--password=s", "--secret=s"] {
            let error =
                Cli::try_parse_from(["easemob-admin", "devices", "list", "ann", argument]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{argument}");
        }
    }

    #[test]
    fn numbers_and_times_are_checked() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(90 * 60)));
        assert!(
            ["", "5", "-5s", "0s", "soon"]
                .iter()
                .all(|text| duration(text).is_err())
        );
        assert_eq!(duration_or_none("0"), Ok(Duration::ZERO));
        assert_eq!(duration_or_none("10m"), Ok(Duration::from_secs(600)));
        assert!(
            ["", "-1s", "1"]
                .iter()
                .all(|text| duration_or_none(text).is_err())
        );
        assert!(["0", "1025", "x"].iter().all(|text| concurrency(text).is_err()));
        assert_eq!(concurrency("auto"), Ok(Concurrency::Auto));
        assert_eq!(concurrency("64"), Ok(Concurrency::Fixed(64)));
        assert!(
            ["0", "-1", "1.5", "auto"]
                .iter()
                .all(|text| text.parse::<Rate>().is_err())
        );
    }
}
