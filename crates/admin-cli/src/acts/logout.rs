//! Ends devices: the act of `sessions logout`, `sessions apply` and `limits enforce`.

pub mod row;

use std::cell::{Cell, RefCell};
use std::io;

use easemob_admin_ops::jobs::logout::{Fate, Mode, UserResult, logout_user};
use easemob_admin_ops::jobs::verify::{self, Ended, USERS_PER_REQUEST, Verified};
use easemob_admin_ops::run::directory::Runs;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::outcome;
use easemob_admin_ops::run::recorder::{Note, RecordError, Recorder};
use easemob_admin_ops::schedule::cap::Cap;
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::schedule::tally::{Settled, Tally};
use easemob_admin_ops::select::decide::Order;

use self::row::LogoutRow;
use super::attempt::{Attempt, now};
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::drive::{Done, Driven, Run, drive};
use crate::exit::{self, Exit};
use crate::summary::{Summary, Words};

/// The words of a run that ends devices.
pub const WORDS: Words = Words {
    done: "logged out",
    nothing: "nothing to do",
    devices: Some("ended"),
};

/// Works on the tasks of a run that ends devices.
pub(super) async fn perform(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    order: &Order,
    verify: bool,
) -> Result<Exit, CommandError> {
    let (context, session) = (attempt.context, attempt.session);
    let spent = attempt.before.devices_ended + attempt.before.devices_intended;
    let cap = Cap::new(
        attempt
            .header
            .allowance
            .map(|allowance| allowance.saturating_sub(spent)),
    );
    let mut driven = attempt.drive::<LogoutRow>("logging out", WORDS);
    let drifted = Cell::new(0_u64);
    let work = async |task: Task| {
        let mode = Mode::Act(&attempt.recorder);
        let result = logout_user(&session.server, &task, order, mode, &cap).await;
        if has_drifted(&result) {
            drifted.set(drifted.get() + 1);
        }
        let recorded = record(&attempt.recorder, &task, &result).await;
        let mut done = done_with(&task, &result, order);
        if let Err(error) = recorded {
            done.stop = Some(Stop::Record(error));
        }
        done
    };
    driven
        .phase(tasks, work, |task| vec![LogoutRow::cut_off(&task)])
        .await;
    if attempt.header.action.is_planned() {
        driven.summary().drifted = Some(drifted.get());
    }
    let id = attempt.header.run.clone();
    attempt.end(&mut driven).await;
    if verify && driven.stop().is_none() {
        let id = RunId::parse(&id).ok_or_else(|| CommandError::new(exit::INTERNAL, "the run has no id"))?;
        let ended = ended_by(context, &id)?;
        reread(context, session, &mut driven, ended).await;
        return Ok(worse(driven.verified(), driven.finish()?));
    }
    driven.finish()
}

/// Reads, and says what would be done. Nothing is put on record, because nothing happens.
///
/// # Errors
/// When the run was stopped by something else than the operator.
pub async fn dry_run(
    context: &Context,
    session: &Session,
    command: &'static str,
    tasks: impl Iterator<Item = io::Result<Task>>,
    order: &Order,
    allowance: Option<u64>,
    summary: Summary,
) -> Result<Exit, CommandError> {
    let run = Run {
        context,
        session,
        command,
        verb: "reading",
        words: Words {
            done: "would be logged out",
            devices: Some("would be ended"),
            ..WORDS
        },
        acts: false,
        summary,
    };
    let cap = Cap::new(allowance);
    let work = async |task: Task| {
        let result = logout_user(&session.server, &task, order, Mode::DryRun, &cap).await;
        done_with(&task, &result, order)
    };
    drive(run, tasks, work, |task| vec![LogoutRow::cut_off(&task)]).await
}

async fn record(recorder: &Recorder, task: &Task, result: &UserResult) -> Result<(), RecordError> {
    let outcome = match result {
        // Nothing was meant and nothing was sent, so there is nothing to put on record of this user.
        UserResult::Unread(error) if error.was_not_sent() => None,
        result => outcome::of_logout(&task.item, result, now()),
    };
    match outcome {
        Some(outcome) => {
            recorder
                .record(Note::of_item(&task.item, Record::Outcome(outcome)))
                .await
        }
        None => Ok(()),
    }
}

fn has_drifted(result: &UserResult) -> bool {
    match result {
        UserResult::Drifted(_) => true,
        UserResult::Read { drift, .. } => !drift.is_empty(),
        UserResult::Unread(_) | UserResult::Unrecorded(_) => false,
    }
}

/// Returns what is reported of one user.
#[must_use]
pub fn done_with(task: &Task, result: &UserResult, order: &Order) -> Done<LogoutRow> {
    let mut tally = Tally::default();
    tally.count(Settled::of_logout(result));
    let ended = |fate: &Fate| matches!(fate, Fate::Ended { .. } | Fate::WouldEnd);
    tally.devices = result
        .devices()
        .iter()
        .filter(|device| ended(&device.fate))
        .count() as u64;
    let stop = match result {
        UserResult::Drifted(_) => Some(Stop::Drift),
        UserResult::Unrecorded(error) => Some(Stop::Record(error.clone())),
        result if result.hit_the_cap() => Some(Stop::Cap),
        _ => None,
    };
    Done {
        reports: row::rows(task, result, order),
        tally,
        failures: result.failures().cloned().collect(),
        stop,
    }
}

/// Returns the users whose devices a run has ended.
///
/// # Errors
/// When the run cannot be read.
pub fn ended_by(context: &Context, id: &RunId) -> Result<Vec<Ended>, CommandError> {
    let runs = Runs::at(context.places()?.runs());
    verify::ended(runs.items(id)?, runs.records(id)?).map_err(|error| {
        CommandError::new(exit::INTERNAL, format!("the run {id} cannot be read")).because(error)
    })
}

/// Reads again what was ended, with a row per device and the counts in the summary.
pub async fn reread(
    context: &Context,
    session: &Session,
    driven: &mut Driven<'_, LogoutRow>,
    ended: Vec<Ended>,
) {
    let bar = context.bar(ended.len() as u64, "verifying");
    let verified = RefCell::new(Verified::default());
    let devices: u64 = ended.iter().map(|user| user.ended.len() as u64).sum();
    let batches = ended.chunks(USERS_PER_REQUEST).map(|users| Ok(users.to_vec()));
    let work = async |users: Vec<Ended>| {
        let read = verify::verify(&session.server, &users).await;
        if let Some(bar) = &bar {
            bar.advance(users.len() as u64);
        }
        let mut done = Done {
            reports: Vec::new(),
            tally: Tally::default(),
            failures: Vec::new(),
            stop: None,
        };
        for (user, (verdicts, error)) in users.iter().zip(read) {
            for (device, verdict) in verdicts {
                verified.borrow_mut().count(verdict);
                done.reports
                    .push(LogoutRow::verified(user, &device, verdict, error.as_ref()));
            }
            done.failures.extend(error);
        }
        done
    };
    driven.afterwards(batches, work).await;
    let mut verified = verified.into_inner();
    verified.missed(devices);
    driven.summary().verified = Some(verified);
}

/// Returns the exit code of a run whose second reading may have found more than the first.
#[must_use]
pub fn worse(verified: Option<Verified>, exit: Exit) -> Exit {
    let Some(verified) = verified.filter(|_| exit == exit::OK) else {
        return exit;
    };
    if verified.still_online + verified.unknown > 0 {
        exit::FAILED_RETRY
    } else if verified.signed_in_again > 0 {
        exit::FINDINGS
    } else {
        exit::OK
    }
}
