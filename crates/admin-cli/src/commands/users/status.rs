//! `users status`: shows whether users are online, a hundred per request.

use std::io;

use clap::Args;
use easemob_admin_api::{OnlineStatus, UserId};
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_words::t;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, RunRow, drive, summary_of};
use crate::exit::{self, Exit};
use crate::input::spool::Entry;
use crate::present::rows::ReadFailure;
use crate::render::report::Row;
use crate::summary::Words;

/// How many users the server accepts in one request.
const PER_REQUEST: usize = 100;

/// Arguments of `users status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin users status ann bob
  easemob-admin users status --from users.txt -o csv

The server answers `offline` for users that do not exist. A user that the answer does not mention is shown as `unknown`. \
A name with characters that user ids rarely have is shown as `offline` only if the server has such a user.")]
pub struct StatusArgs {
    #[command(flatten)]
    users: UserSource,
}

#[derive(Debug, Serialize)]
struct StatusRow {
    line: u64,
    user: String,
    status: String,
    #[serde(flatten)]
    failure: ReadFailure,
}

impl StatusRow {
    fn new(entry: &Entry, status: impl Into<String>) -> Self {
        let (line, user) = (entry.line, entry.user.to_string());
        Self {
            line,
            user,
            status: status.into(),
            failure: ReadFailure::default(),
        }
    }

    fn failed(entry: &Entry, error: &CallError) -> Self {
        Self {
            failure: error.into(),
            ..Self::new(entry, error.outcome().as_str())
        }
    }
}

impl Row for StatusRow {
    const COLUMNS: &'static [&'static str] = &["line", "user", "status", "call", "error", "retry_may_help"];
    const TABLE: &'static [&'static str] = &["user", "status", "note"];

    fn cells(&self) -> Vec<String> {
        let [call, error, retry_may_help] = self.failure.cells();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.status.clone(),
            call,
            error,
            retry_may_help,
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        vec![
            self.user.clone(),
            self.status.clone(),
            self.failure.error.clone().unwrap_or_default(),
        ]
    }
}

impl RunRow for StatusRow {
    fn failure(&self) -> Option<String> {
        self.failure.line(self.line, &self.user)
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &StatusArgs) -> Result<Exit, CommandError> {
    let list = args.users.read(context)?;
    let source = list.stream().map_err(|error| {
        CommandError::new(exit::INTERNAL, t!("cannot read the temporary copy of the list")).because(error)
    })?;
    let run = Run {
        context,
        session,
        command: "users status",
        verb: t!("reading"),
        words: Words {
            done: t!("online"),
            nothing: t!("offline or unknown"),
            devices: None,
        },
        acts: false,
        summary: summary_of(&list),
    };
    let work = async |entries: Vec<Entry>| read(session, &entries).await;
    let rows = |entries: &Vec<Entry>| {
        entries
            .iter()
            .map(|entry| StatusRow::new(entry, "unknown"))
            .collect()
    };
    drive(run, chunks(source), work, rows).await
}

/// Groups users into requests.
fn chunks(
    mut source: impl Iterator<Item = io::Result<Entry>> + Send,
) -> impl Iterator<Item = io::Result<Vec<Entry>>> {
    std::iter::from_fn(move || {
        let chunk: io::Result<Vec<Entry>> = source.by_ref().take(PER_REQUEST).collect();
        match chunk {
            Ok(entries) if entries.is_empty() => None,
            other => Some(other),
        }
    })
}

async fn read(session: &Session, entries: &[Entry]) -> Done<StatusRow> {
    let users: Vec<UserId> = entries.iter().map(|entry| entry.user.clone()).collect();
    let mut done = Done {
        reports: Vec::with_capacity(entries.len()),
        ..Done::default()
    };
    // One status for each user, in the order requested.
    let statuses = session.server.client().statuses(&users).await;
    for (entry, (_, status)) in entries.iter().zip(statuses) {
        // The server answers `offline` for any name, but a user that does not exist is not offline.
        if matches!(&status, Ok(status) if *status != OnlineStatus::Online)
            && let Err(error) = session.server.prove_user(&entry.user).await
        {
            done.tally.count(Settled::of_error(&error));
            done.reports.push(StatusRow::failed(entry, &error));
            done.failures.push(error);
            continue;
        }
        let (settled, row) = match status {
            Ok(OnlineStatus::Online) => (Settled::Done, StatusRow::new(entry, "online")),
            Ok(OnlineStatus::Offline) => (Settled::NothingToDo, StatusRow::new(entry, "offline")),
            Ok(OnlineStatus::Unreported) => (Settled::NothingToDo, StatusRow::new(entry, "unknown")),
            Ok(other) => (Settled::NothingToDo, StatusRow::new(entry, other.to_string())),
            Err(error) => {
                let error = CallError::from(&error);
                let settled = (Settled::of_error(&error), StatusRow::failed(entry, &error));
                // One call fails for many users.
                if done
                    .failures
                    .last()
                    .is_none_or(|last| last.message != error.message)
                {
                    done.failures.push(error);
                }
                settled
            }
        };
        done.tally.count(settled);
        done.reports.push(row);
    }
    done
}
