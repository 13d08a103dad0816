//! Acts of one repeatable call per user: bans and their end.

use std::io;

use easemob_admin_api::{Client, Error, UserId};
use easemob_admin_ops::locks::book::LockBook;
use easemob_admin_ops::locks::glance::Glance;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::outcome;
use easemob_admin_ops::run::recorder::{Note, RecordError, Recorder};
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::schedule::tally::{Settled, Tally};
use easemob_admin_ops::server::calls::CallError;
use serde::Serialize;

use super::attempt::{Attempt, now};
use super::lock::book::book_of_run;
use crate::command_error::CommandError;
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
///
/// A lock of the user ends with it: a ban without end must not be lifted by the end of a lock.
pub(super) async fn perform(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    change: &Change,
) -> Result<Exit, CommandError> {
    let book = book_of_run(attempt.context, &attempt.header)?;
    let changing = Changing {
        client: attempt.session.server.client(),
        recorder: &attempt.recorder,
        change,
        book: &book,
        glance: Glance::into(&book),
    };
    let mut driven = attempt.drive::<ChangeRow>(change.doing, change.words(false));
    let work = async |task: Task| {
        changing.work_on(&task).await.unwrap_or_else(|error| Done {
            reports: vec![ChangeRow::new(&task, "not_started")],
            tally: Tally::default(),
            failures: Vec::new(),
            stop: Some(Stop::Record(error)),
        })
    };
    driven
        .phase(tasks, work, |task| vec![ChangeRow::cut_off(&task)])
        .await;
    attempt.end(&mut driven).await;
    driven.finish()
}

/// What banning or unbanning a user needs.
struct Changing<'a> {
    client: &'a Client,
    recorder: &'a Recorder,
    change: &'a Change,
    book: &'a LockBook,
    glance: Glance<'a>,
}

impl Changing<'_> {
    /// Works on one user.
    ///
    /// # Errors
    /// When the intent, or the end of a lock before a ban, cannot be put on record; then nothing was sent.
    async fn work_on(&self, task: &Task) -> Result<Done<ChangeRow>, RecordError> {
        let user = &task.item.user;
        let _guard = self.book.guard(user).await?;
        self.recorder
            .intend(&task.item, self.change.call, Vec::new(), Vec::new())
            .await?;
        // Taken out before a ban, so that no kill can leave an end behind for a ban that has none.
        let mut lock = if self.change.bans {
            self.take_out(user)?
        } else {
            None
        };
        let sent = self.change.send(self.client, user).await;
        let result = sent.map_err(|error| CallError::from(&error));
        // A ban that may have arrived has no end either.
        let in_force = result
            .as_ref()
            .map_or_else(|error| error.outcome_unknown, |()| true);
        let booked = match (&result, &lock) {
            (Ok(()), _) => self.take_out(user).map(|found| lock = lock.take().or(found)),
            (Err(_), Some(lock)) if !in_force => self.put_back(lock),
            (Err(_), _) => Ok(()),
        };
        let outcome = Record::Outcome(outcome::of_call(&task.item, &result, now()));
        let noted = self.recorder.record(Note::of_item(&task.item, outcome)).await;
        let lock_ended = in_force && lock.is_some();
        let mut done = done_with(task, result, self.change.done);
        for row in &mut done.reports {
            row.lock_ended = lock_ended.then_some(true);
        }
        done.stop = booked.and(noted).err().map(Stop::Record);
        Ok(done)
    }

    fn take_out(&self, user: &UserId) -> Result<Option<Lock>, RecordError> {
        if self.glance.lock_of(user)?.is_none() {
            return Ok(None);
        }
        Ok(self.book.change(|locks| locks.remove(&user.folded()))?)
    }

    fn put_back(&self, lock: &Lock) -> Result<(), RecordError> {
        Ok(self.book.change(|locks| {
            locks.entry(lock.user.folded()).or_insert_with(|| lock.clone());
        })?)
    }
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
            let row = if error.given_up {
                ChangeRow::new(task, "not_started")
            } else {
                ChangeRow::failed(task, &error)
            };
            (row, vec![error])
        }
    };
    Done {
        reports: vec![row],
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
    lock_ended: Option<bool>,
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
            lock_ended: None,
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
            ..Self::new(task, error.row_outcome())
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
        "lock_ended",
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
            flag(self.lock_ended),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let note = match (&self.error, self.lock_ended) {
            (Some(error), _) => error.clone(),
            (None, Some(true)) => "was locked; the lock has ended".into(),
            (None, _) => String::new(),
        };
        vec![self.user.clone(), self.outcome.replace('_', " "), note]
    }
}

impl RunRow for ChangeRow {
    fn failure(&self) -> Option<String> {
        self.error
            .as_ref()
            .map(|error| format!("line {}, {}: {error}", self.line, self.user))
    }
}
