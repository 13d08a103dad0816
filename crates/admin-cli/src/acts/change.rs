//! Acts of one repeatable call per user: bans and their end.

use std::io;

use easemob_admin_api::{Client, Error, UserId};
use serde::Serialize;

use super::attempt::{Attempt, now};
use crate::bulk::calls::CallError;
use crate::bulk::item::Task;
use crate::bulk::journal::record::Record;
use crate::bulk::outcome;
use crate::bulk::pipeline::Stop;
use crate::bulk::recorder::Note;
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::{CommandError, call_error};
use crate::drive::{Done, RunRow};
use crate::exit::Exit;
use crate::render::report::Row;
use crate::summary::Words;

/// The words of one of the acts.
pub struct Change {
    /// For the question: `ban`.
    pub verb: &'static str,
    /// The name of the call.
    pub call: &'static str,
    /// For the bar: `banning`.
    pub doing: &'static str,
    /// The outcome of a row: `banned`.
    pub done: &'static str,
    /// The outcome of a row in a dry run.
    pub would: &'static str,
    /// The words of the summary in a dry run.
    pub would_words: &'static str,
    bans: bool,
}

/// `users ban`.
pub const BAN: Change = Change {
    verb: "ban",
    call: "users.ban",
    doing: "banning",
    done: "banned",
    would: "would_ban",
    would_words: "would be banned",
    bans: true,
};

/// `users unban`.
pub const UNBAN: Change = Change {
    verb: "unban",
    call: "users.unban",
    doing: "unbanning",
    done: "unbanned",
    would: "would_unban",
    would_words: "would be unbanned",
    bans: false,
};

impl Change {
    async fn send(&self, client: &Client, user: &UserId) -> Result<(), Error> {
        if self.bans {
            client.ban(user).await
        } else {
            client.unban(user).await
        }
    }

    /// Returns the words of the summary.
    #[must_use]
    pub fn words(&self, dry_run: bool) -> Words {
        Words {
            done: if dry_run { self.would_words } else { self.done },
            nothing: "nothing to do",
            devices: None,
        }
    }
}

/// Works on the tasks of a run of bans or unbans. Both can be repeated without harm, so an item of an earlier
/// attempt needs no look before it is done again.
pub(super) async fn perform(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    change: &Change,
) -> Result<Exit, CommandError> {
    let server = &attempt.session.server;
    let mut driven = attempt.drive::<ChangeRow>(change.doing, change.words(false));
    let work = async |task: Task| {
        let recorder = &attempt.recorder;
        if let Err(error) = recorder
            .intend(&task.item, change.call, Vec::new(), Vec::new())
            .await
        {
            return Done {
                rows: vec![ChangeRow::new(&task, "not_started")],
                tally: Tally::default(),
                failures: Vec::new(),
                stop: Some(Stop::Record(error)),
            };
        }
        let sent = change.send(server.client(), &task.item.user).await;
        let result = sent.map_err(|error| call_error(&error));
        let outcome = Record::Outcome(outcome::of_call(&task.item, &result, now()));
        let noted = recorder.record(Note::of_item(&task.item, outcome)).await;
        let mut done = done_with(&task, result, change.done);
        done.stop = noted.err().map(Stop::Record);
        done
    };
    driven
        .phase(tasks, work, |task| vec![ChangeRow::cut_off(&task)])
        .await;
    attempt.end(&mut driven).await;
    driven.finish()
}

/// Returns what is reported of one user.
#[must_use]
pub fn done_with(task: &Task, result: Result<(), CallError>, outcome: &'static str) -> Done<ChangeRow> {
    let mut tally = Tally::default();
    let (row, failures) = match result {
        Ok(()) => {
            tally.count(Settled::Done);
            (ChangeRow::new(task, outcome), Vec::new())
        }
        Err(error) => {
            tally.count(Settled::of_error(&error));
            (ChangeRow::failed(task, &error), vec![error])
        }
    };
    Done {
        rows: vec![row],
        tally,
        failures,
        stop: None,
    }
}

/// One user.
#[derive(Debug, Serialize)]
pub struct ChangeRow {
    line: u64,
    user: String,
    outcome: &'static str,
    call: Option<&'static str>,
    error: Option<String>,
    outcome_unknown: Option<bool>,
    retry_may_help: Option<bool>,
}

impl ChangeRow {
    /// A row without failure.
    #[must_use]
    pub fn new(task: &Task, outcome: &'static str) -> Self {
        Self {
            line: task.item.line,
            user: task.item.user.to_string(),
            outcome,
            call: None,
            error: None,
            outcome_unknown: None,
            retry_may_help: None,
        }
    }

    /// The row of a user whose job was cut off by a second Ctrl-C.
    #[must_use]
    pub fn cut_off(task: &Task) -> Self {
        Self {
            error: Some("cut off; what was sent may have taken effect".to_owned()),
            outcome_unknown: Some(true),
            retry_may_help: Some(true),
            ..Self::new(task, "unknown")
        }
    }

    fn failed(task: &Task, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            outcome_unknown: Some(error.outcome_unknown),
            retry_may_help: Some(error.retry_may_help),
            ..Self::new(task, "failed")
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
