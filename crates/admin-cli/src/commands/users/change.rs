//! What `users ban` and `users unban` have in common.

use easemob_admin_api::{Error, UserId};
use serde::Serialize;

use crate::bulk::calls::CallError;
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::{CommandError, call_error};
use crate::commands::acting::{Acting, users};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, RunRow, drive, summary_of};
use crate::exit::{self, Exit};
use crate::input::spool::Entry;
use crate::render::report::Row;
use crate::summary::Words;

/// The words of one of the two commands.
pub(super) struct Change {
    pub(super) command: &'static str,
    /// For the question: `ban`.
    pub(super) verb: &'static str,
    /// For the bar: `banning`.
    pub(super) doing: &'static str,
    /// The outcome of a row: `banned`.
    pub(super) done: &'static str,
    /// The outcome of a row in a dry run.
    pub(super) would: &'static str,
    /// The words of the summary in a dry run.
    pub(super) would_words: &'static str,
}

#[derive(Debug, Serialize)]
struct ChangeRow {
    line: u64,
    user: String,
    outcome: &'static str,
    call: Option<&'static str>,
    error: Option<String>,
    outcome_unknown: Option<bool>,
    retry_may_help: Option<bool>,
}

impl ChangeRow {
    fn new(entry: &Entry, outcome: &'static str) -> Self {
        let (line, user) = (entry.line, entry.user.to_string());
        Self {
            line,
            user,
            outcome,
            call: None,
            error: None,
            outcome_unknown: None,
            retry_may_help: None,
        }
    }

    fn failed(entry: &Entry, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            outcome_unknown: Some(error.outcome_unknown),
            retry_may_help: Some(error.retry_may_help),
            ..Self::new(entry, "failed")
        }
    }
}

impl Row for ChangeRow {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "call",
        "error",
        "outcome_unknown",
        "retry_may_help",
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "note"];

    fn cells(&self) -> Vec<String> {
        let flag = |value: Option<bool>| value.map(|flag| flag.to_string()).unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.into(),
            self.call.unwrap_or_default().into(),
            self.error.clone().unwrap_or_default(),
            flag(self.outcome_unknown),
            flag(self.retry_may_help),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        vec![
            self.user.clone(),
            self.outcome.replace('_', " "),
            self.error.clone().unwrap_or_default(),
        ]
    }
}

impl RunRow for ChangeRow {
    fn failure(&self) -> Option<String> {
        self.error
            .as_ref()
            .map(|error| format!("line {}, {}: {error}", self.line, self.user))
    }
}

/// Runs one of the two commands; `call` sends the request for one user.
///
/// A dry run reads each user, so that unknown names are found before it counts.
pub(super) async fn run(
    context: &Context,
    session: &Session,
    source: &UserSource,
    acting: &Acting,
    change: &Change,
    call: impl AsyncFn(&UserId) -> Result<(), Error>,
) -> Result<Exit, CommandError> {
    acting.require_reason(session)?;
    let list = source.read(context)?;
    let act = format!("{} {}", change.verb, users(list.users));
    acting.confirm(context, session, list.users, &act)?;
    let stream = list.stream().map_err(|error| {
        CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
    })?;
    let mut summary = summary_of(&list);
    acting.record(&mut summary);
    let done = if acting.dry_run {
        change.would_words
    } else {
        change.done
    };
    let run = Run {
        context,
        session,
        command: change.command,
        verb: if acting.dry_run { "reading" } else { change.doing },
        words: Words {
            done,
            nothing: "nothing to do",
            devices: None,
        },
        acts: !acting.dry_run,
        summary,
    };
    let server = &session.server;
    let work = async |entry: Entry| {
        let (outcome, result) = if acting.dry_run {
            let found = server.counted(server.client().get_user(&entry.user).await);
            (change.would, found.map(drop))
        } else {
            (change.done, server.counted(call(&entry.user).await))
        };
        let mut tally = Tally::default();
        match result {
            Ok(()) => {
                tally.count(Settled::Done);
                Done {
                    rows: vec![ChangeRow::new(&entry, outcome)],
                    tally,
                    failures: Vec::new(),
                    cap_hit: false,
                }
            }
            Err(error) => {
                let error = call_error(&error);
                tally.count(Settled::of_error(&error));
                Done {
                    rows: vec![ChangeRow::failed(&entry, &error)],
                    tally,
                    failures: vec![error],
                    cap_hit: false,
                }
            }
        }
    };
    drive(run, stream, work, |entry| vec![ChangeRow::new(&entry, "unknown")]).await
}
