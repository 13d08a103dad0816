//! Ends devices: the act of `sessions logout`, `sessions apply` and `limits enforce`.

use std::cell::RefCell;
use std::io;

use easemob_admin_ops::jobs::end_devices::{Ending, preview};
use easemob_admin_ops::jobs::verify::{self, Ended, USERS_PER_REQUEST, Verified};
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::cap::Cap;
use easemob_admin_ops::select::decide::Order;

use super::attempt::Reported;
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
    reported: Reported<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    order: &Order,
    verify: bool,
) -> Result<Exit, CommandError> {
    let (context, session, attempt) = (reported.context, reported.session, &reported.attempt);
    let cap = Cap::new(attempt.allowance());
    let ending = Ending::new(&session.server, &attempt.recorder, order, cap);
    let mut driven = reported.drive::<DeviceReport>("logging out", WORDS);
    driven.phase(tasks, |task| ending.work_on(task), cut_off).await;
    if attempt.header.action.is_planned() {
        driven.summary().drifted = Some(ending.drifted());
    }
    let id = attempt.header.run.clone();
    reported.end(&mut driven).await;
    if verify && driven.stop().is_none() {
        let id = RunId::parse(&id).ok_or_else(|| CommandError::new(exit::INTERNAL, "the run has no id"))?;
        let ended = ended_by(context, &id)?;
        reread(context, session, &mut driven, ended).await;
        return Ok(worse(driven.verified(), driven.finish()?));
    }
    driven.finish()
}

/// Returns what is reported of a user whose job was cut off.
#[must_use]
pub fn cut_off(task: &Task) -> Vec<DeviceReport> {
    vec![DeviceReport::cut_off(&task.item)]
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
    let work = |task| preview(&session.server, task, order, &cap);
    drive(run, tasks, work, cut_off).await
}

/// Returns the users whose devices a run has ended.
///
/// # Errors
/// When the run cannot be read.
pub fn ended_by(context: &Context, id: &RunId) -> Result<Vec<Ended>, CommandError> {
    let runs = context.stores()?.runs();
    verify::ended(runs.items(id)?, runs.records(id)?).map_err(|error| {
        CommandError::new(exit::INTERNAL, format!("the run {id} cannot be read")).because(error)
    })
}

/// Reads again what was ended, with a row per device and the counts in the summary.
pub async fn reread(
    context: &Context,
    session: &Session,
    driven: &mut Driven<'_, DeviceReport>,
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
        let mut done = Done::default();
        for (user, (verdicts, error)) in users.iter().zip(read) {
            for (device, verdict) in verdicts {
                verified.borrow_mut().count(verdict);
                done.reports
                    .push(DeviceReport::verified(user, &device, verdict, error.as_ref()));
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
