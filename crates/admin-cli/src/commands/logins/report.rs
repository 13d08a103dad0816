//! `logins report`: writes a report about logins for people to read.

use std::io::Write;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use easemob_admin_ops::logins::report::figures::{Wanted, gather};
use easemob_admin_ops::logins::report::{html, markdown};
use easemob_admin_words::t;
use jiff::Timestamp;

use super::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::command_error::CommandError;
use crate::commands::times::{moment, now_ms};
use crate::config::private_file::write_private;
use crate::context::Context;
use crate::exit::{self, Exit};

/// The default age of the oldest events shown, in milliseconds.
const DEFAULT_SINCE_MS: i64 = 48 * 3_600_000;

/// Arguments of `logins report`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("form").args(["html", "markdown"]).required(true).multiple(true))]
#[command(after_help = "Examples:
  easemob-admin logins report --html report.html --over 4
  easemob-admin logins report --markdown --since 7d

The HTML page is one file that needs no network. It contains account names, and only its owner can read it. With --over \
the exit code is 11 if an account has more than N devices on one platform.")]
pub struct ReportArgs {
    /// The snapshot: a number, `latest` or `previous`
    #[arg(value_name = "SNAPSHOT", default_value = "latest")]
    snapshot: SnapshotName,
    /// Write an HTML page to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write Markdown to stdout, for a ticket
    #[arg(long)]
    markdown: bool,
    /// Show events since this time: 24h, 30d, or 2026-01-31T09:30:00Z; two days by default
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// List accounts with more than N devices on one platform
    #[arg(long, value_name = "N")]
    over: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read, the snapshot does not exist, or the page cannot be written.
pub fn run(context: &Context, args: &ReportArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let snapshot = find(context, &*store, args.snapshot)?;
    warn_of_incomplete(context, &*store, &snapshot)?;
    let now_ms = now_ms();
    let wanted = Wanted {
        // The address of the sandbox does not identify it.
        app: context.app_key().unwrap_or_else(|_| t!("the sandbox").to_owned()),
        now_ms,
        since_ms: args
            .since
            .map_or(now_ms - DEFAULT_SINCE_MS, Timestamp::as_millisecond),
        over: args.over,
    };
    let figures = gather(&*store, snapshot, &wanted)?;
    if let Some(path) = &args.html {
        write_private(path, html::page(&figures).as_bytes()).map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot write {}", path.display())).because(error)
        })?;
        context.ui.note(t!("wrote the report to {}", path.display()));
    }
    if args.markdown {
        let mut out = (context.stdout)();
        let written = out
            .write_all(markdown::page(&figures).as_bytes())
            .and_then(|()| out.flush());
        written.map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot write the report to stdout")).because(error)
        })?;
    }
    let exceeds = figures.exceeding.is_some_and(|exceeding| exceeding.count > 0);
    Ok(if exceeds { exit::FINDINGS } else { exit::OK })
}
