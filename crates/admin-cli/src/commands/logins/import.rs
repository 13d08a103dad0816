//! `logins import`: reads posts of the service from a file.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use easemob_admin_api::webhooks::Secrets;
use easemob_admin_ops::collector::payload::{self, Received};
use easemob_admin_ops::files::bounded;
use easemob_admin_ops::logins::store::{LoginEvent, LoginStore};
use easemob_admin_remote::api::{Imported, RefusedPost};
use easemob_admin_remote::client::ServiceApp;
use easemob_admin_words::t;
use serde::Serialize;

use crate::absence::Absence;
use crate::command_error::CommandError;
use crate::commands::times::now_ms;
use crate::config::credentials::from_file;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::Row;

/// How long to wait before a service that is away is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// How many events are stored in one transaction.
const GROUP: usize = 1_000;

/// Arguments of `logins import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins import --profile prod ./posts.jsonl
  easemob-admin logins import --profile prod ./posts.jsonl --secret-file ./hook.secret

One post of the service per line, as it was received. Events that `logins collect` or an earlier import already stored \
are not stored again. Lines that are not valid posts are reported and skipped; the exit code is 7 then. Through a service, the \
events are stored there, for which the key needs the scope limits:write; signatures are verified here.")]
pub struct ImportArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Verify signatures with the secret in this file; may be repeated
    #[arg(long = "secret-file", value_name = "FILE")]
    secret_files: Vec<PathBuf>,
}

#[derive(Debug, Default, Serialize)]
struct ImportRow {
    lines: u64,
    new: u64,
    duplicate: u64,
    other: u64,
    refused: u64,
}

impl Row for ImportRow {
    const COLUMNS: &'static [&'static str] = &["lines", "new", "duplicate", "other", "refused"];

    fn cells(&self) -> Vec<String> {
        let numbers = [self.lines, self.new, self.duplicate, self.other, self.refused];
        numbers.map(|number| number.to_string()).to_vec()
    }
}

#[derive(Debug, Serialize)]
struct Summary {}

/// The longest line: an event has a thousand bytes.
const LONGEST_POST: u64 = 1024 * 1024;

/// Runs the command.
///
/// # Errors
/// When the file cannot be read, or its events cannot be stored.
pub async fn run(context: &Context, args: &ImportArgs) -> Result<Exit, CommandError> {
    let app_key = context.app_key()?;
    let secrets: Vec<_> = args
        .secret_files
        .iter()
        .map(|file| from_file(file))
        .collect::<Result<_, _>>()?;
    let secrets = (!secrets.is_empty()).then(|| Secrets::new(secrets));
    let unreadable =
        |error| CommandError::new(exit::USAGE, t!("cannot read {}", args.file.display())).because(error);
    let file = File::open(&args.file).map_err(unreadable)?;
    context.shown(ImportRow::COLUMNS)?;
    let mut keeper = match context.service()? {
        Some(remote) => Keeper::Service(context, remote.app),
        None => Keeper::Store(context.logins()?),
    };
    let (mut row, mut group) = (ImportRow::default(), Vec::with_capacity(GROUP));
    let (mut file, mut line) = (BufReader::new(file), Vec::new());
    while bounded::line(&mut file, LONGEST_POST, &mut line).map_err(unreadable)? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        row.lines += 1;
        let refuse = |why: &dyn std::fmt::Display, number: u64| {
            context.ui.warn(t!("skipped line {number}: {why}"));
        };
        let Received { post, event } = match payload::read(line.trim_ascii_end(), &app_key, now_ms()) {
            Ok(received) => received,
            Err(error) => {
                row.refused += 1;
                refuse(&error, row.lines);
                continue;
            }
        };
        if secrets
            .as_ref()
            .is_some_and(|secrets| !post.is_signed_with(secrets))
        {
            row.refused += 1;
            refuse(&"it is not signed with the secret", row.lines);
            continue;
        }
        match event {
            Some(event) => group.push((event, line.trim_ascii_end().to_vec())),
            None => row.other += 1,
        }
        if group.len() == GROUP {
            keeper.keep(&mut group, &mut row).await?;
        }
    }
    keeper.keep(&mut group, &mut row).await?;
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("the row cannot be written to stdout")).because(error);
    let mut report = context.local_report::<ImportRow>("logins import", context.globals.sandbox)?;
    report.row(&row).map_err(output)?;
    report.finish(&Summary {}).map_err(output)?;
    Ok(if row.refused > 0 {
        exit::FAILED_FINAL
    } else {
        exit::OK
    })
}

/// Where events go.
enum Keeper<'a> {
    Store(Box<dyn LoginStore>),
    Service(&'a Context, ServiceApp),
}

impl Keeper<'_> {
    /// Stores some events, and counts them. Whatever was counted is on disk.
    async fn keep(
        &mut self,
        group: &mut Vec<(LoginEvent, Vec<u8>)>,
        row: &mut ImportRow,
    ) -> Result<(), CommandError> {
        match self {
            Self::Store(store) => {
                let events: Vec<_> = group.drain(..).map(|(event, _)| event).collect();
                for new in store.record_events(&events, now_ms())? {
                    *if new { &mut row.new } else { &mut row.duplicate } += 1;
                }
            }
            Self::Service(context, app) => {
                let sent = group.len() as u64;
                let mut lines = Vec::new();
                for (_, post) in group.drain(..) {
                    lines.extend_from_slice(&post);
                    lines.push(b'\n');
                }
                let imported = sent_to(context, app, &lines).await?;
                // What is not counted there might be lost.
                let counted = [imported.new, imported.duplicate, imported.other, imported.refused];
                if imported.lines != sent || counted.iter().sum::<u64>() != sent {
                    let what =
                        t!("the service counts other events than were sent, so some may not be stored");
                    return Err(CommandError::new(exit::UNREACHABLE, what)
                        .hint(t!("import the file again: what is stored is not stored twice")));
                }
                row.new += imported.new;
                row.duplicate += imported.duplicate;
                row.other += imported.other;
                row.refused += imported.refused;
                for RefusedPost { why, .. } in imported.refusals {
                    context.ui.warn(t!("the service skipped a post: {why}"));
                }
            }
        }
        Ok(())
    }
}

/// Sends some posts until the service has answered, or was away for too long.
async fn sent_to(context: &Context, app: &ServiceApp, lines: &[u8]) -> Result<Imported, CommandError> {
    let mut absence = Absence::none(context);
    loop {
        if lines.is_empty() {
            return Ok(Imported::default());
        }
        if let Some(imported) = absence.outlasted(app.import_posts(lines.to_vec()))? {
            return Ok(imported);
        }
        tokio::time::sleep(AGAIN).await;
    }
}
