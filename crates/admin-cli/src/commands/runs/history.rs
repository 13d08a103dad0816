//! What the records of a run say that a list of runs does not: its attempts, and what failed.

use std::collections::BTreeMap;
use std::io;

use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::journal::record::{Begin, End, Failure, Record};
use easemob_admin_ops::run::store::{ListedRun, RunStore};
use easemob_admin_words::t;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::commands::times::rfc3339_signed;
use crate::exit;

/// The failures of items, by their number.
pub(super) type Failures = BTreeMap<u64, Vec<Failure>>;

/// One attempt at the run. A worker makes one for each range of users, which are shown as one.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AttemptView {
    pub(super) began: Option<String>,
    pub(super) ended: Option<String>,
    pub(super) stopped: Option<String>,
    pub(super) operator: String,
    pub(super) host: String,
    pub(super) tool: String,
    #[serde(skip)]
    pub(super) pid: u32,
    /// How many ranges it had, if others worked on the run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<u64>,
    #[serde(skip)]
    pub(super) is_open: bool,
}

impl AttemptView {
    pub(super) fn is_of(&self, process: &(u32, String)) -> bool {
        self.pid == process.0 && self.host == process.1
    }
}

/// What the records say that a list does not.
pub(super) struct History {
    pub(super) attempts: Vec<AttemptView>,
    pub(super) failures: Failures,
    /// Of the items that are not settled.
    pub(super) progress: Progress,
    /// Why the last attempt ended, if it ended early.
    pub(super) stopped: Option<String>,
}

/// Returns the error of a run that cannot be read.
pub fn unreadable(id: &RunId) -> impl Fn(io::Error) -> CommandError + use<'_> {
    move |error| CommandError::new(exit::INTERNAL, t!("cannot read run {id}")).because(error)
}

pub(super) fn history(runs: &dyn RunStore, id: &RunId, listed: &ListedRun) -> Result<History, CommandError> {
    let mut attempts: Vec<AttemptView> = Vec::new();
    let mut failures = Failures::new();
    let mut progress = Progress::new(listed.header.jobs());
    let mut last_stopped = None;
    for record in runs.unsettled_records(id)? {
        let record = record.map_err(unreadable(id))?;
        progress.note(record.clone());
        match &record {
            Record::Begin(_) => last_stopped = None,
            Record::End(end) => last_stopped.clone_from(&end.stopped),
            Record::Intent(_) | Record::Outcome(_) | Record::Directed(_) => {}
        }
        match record {
            Record::Begin(Begin {
                at,
                tool,
                operator,
                pid,
            }) => {
                let process = (pid, operator.host.clone());
                let again = |attempt: &&mut AttemptView| {
                    attempt.parts.is_some() && !attempt.is_open && attempt.is_of(&process)
                };
                if let Some(attempt) = attempts.iter_mut().rfind(again) {
                    (attempt.ended, attempt.stopped, attempt.is_open) = (None, None, true);
                    continue;
                }
                attempts.push(AttemptView {
                    began: rfc3339_signed(at),
                    ended: None,
                    stopped: None,
                    operator: operator.person().to_owned(),
                    host: operator.host,
                    tool,
                    pid,
                    parts: None,
                    is_open: true,
                });
            }
            Record::End(End { at, stopped, process }) => {
                let of_it = |attempt: &&mut AttemptView| {
                    process
                        .as_ref()
                        .is_none_or(|process| attempt.is_open && attempt.is_of(process))
                };
                if let Some(attempt) = attempts.iter_mut().rfind(of_it) {
                    attempt.ended = rfc3339_signed(at);
                    attempt.stopped = stopped;
                    attempt.is_open = false;
                    if process.is_some() {
                        *attempt.parts.get_or_insert(0) += 1;
                    }
                }
                if let Some(process) = process {
                    as_one(&mut attempts, &process);
                }
            }
            Record::Intent(_) | Record::Directed(_) => {}
            Record::Outcome(outcome) if outcome.failed.is_empty() => {
                failures.remove(&outcome.n);
            }
            Record::Outcome(outcome) => {
                failures.insert(outcome.n, outcome.failed);
            }
        }
    }
    Ok(History {
        attempts,
        failures,
        progress,
        stopped: last_stopped,
    })
}

/// Makes one of the attempts of a process that are over: it works on two ranges at once.
fn as_one(attempts: &mut Vec<AttemptView>, process: &(u32, String)) {
    let over = |attempt: &AttemptView| attempt.parts.is_some() && !attempt.is_open && attempt.is_of(process);
    let Some(first) = attempts.iter().position(over) else {
        return;
    };
    while let Some(place) = attempts.iter().rposition(over).filter(|place| *place > first) {
        let other = attempts.remove(place);
        let attempt = &mut attempts[first];
        attempt.parts = attempt.parts.zip(other.parts).map(|(one, other)| one + other);
        if other.ended > attempt.ended {
            (attempt.ended, attempt.stopped) = (other.ended, other.stopped);
        }
    }
}
