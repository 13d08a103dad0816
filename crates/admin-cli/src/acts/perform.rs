//! Executes the action in a run's journal and reports it.

use std::io;

use easemob_admin_ops::jobs::execute::{Job, settle};
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::OpenRun;
use easemob_admin_ops::target::Target;

use super::attempt::Reported;
use super::open_locks::open_locks;
use super::verify;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::drive::{Driven, RunRow};
use crate::exit::{self, Exit};
use crate::present::rows::columns;
use crate::present::words::{verb, words};
use crate::summary::Summary;

/// What an attempt specifies beyond the journal.
pub struct Attempted {
    /// Which items to work on.
    pub which: Which,
    /// Whether to read the devices again afterwards.
    pub verify: bool,
    /// The summary, as far as it is known.
    pub summary: Summary,
    /// The most devices to sign out in total, if different from the journal.
    pub allowance: Option<u64>,
}

impl Attempted {
    /// The first attempt.
    #[must_use]
    pub fn first(summary: Summary) -> Self {
        Self {
            which: Which::Unfinished,
            verify: false,
            summary,
            allowance: None,
        }
    }
}

/// Works on a run until it is done or stopped.
///
/// # Errors
/// When nothing can be recorded, or if something other than the operator stopped the run.
pub async fn perform(
    context: &Context,
    session: &Session,
    mut open: OpenRun,
    attempted: Attempted,
) -> Result<Exit, CommandError> {
    context.shown(columns(&open.header.action))?;
    if attempted.allowance.is_some() {
        open.header.allowance = attempted.allowance;
    }
    let job = job_of(open.header.action.clone())?;
    if !matches!(job, Job::EndDevices(_) | Job::EndUnread) {
        // Do not start a run that would stop at its first user.
        open_locks(context, &Target::from(&open.header))?;
    }
    let (reported, tasks) =
        Reported::begin(context, session, open, attempted.which, attempted.summary).await?;
    match &job {
        Job::EndDevices(_) => {
            let id = reported.attempt.header.run.clone();
            let mut driven = report::<DeviceReport>(reported, tasks, &job).await?;
            if attempted.verify && driven.stop().is_none() {
                verify::run(context, session, &mut driven, &id).await?;
                return Ok(verify::worse(driven.verified(), driven.finish()?));
            }
            driven.finish()
        }
        Job::EndUnread => report::<DeviceReport>(reported, tasks, &job).await?.finish(),
        Job::Change(_) => report::<BanReport>(reported, tasks, &job).await?.finish(),
        Job::Lock(until) => {
            if *until <= reported.attempt.recorder.time() {
                context.ui.warn(format_args!(
                    "this lock expired on {until:.0}, so no more users are locked; users that an earlier attempt banned \
                     are recorded as overdue"
                ));
            }
            let target = Target::from(&reported.attempt.header);
            let driven = report::<LockReport>(reported, tasks, &job).await?;
            let settled = settle(&job, &context.stores()?, &target);
            let exit = driven.finish()?;
            settled?;
            Ok(exit)
        }
        Job::Unlock(_) => report::<LockReport>(reported, tasks, &job).await?.finish(),
        Job::SetLimits(_) => report::<LimitsReport>(reported, tasks, &job).await?.finish(),
    }
}

/// Works on the tasks of an attempt and reports them as rows of one kind.
async fn report<'a, R: RunRow>(
    reported: Reported<'a>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    job: &Job,
) -> Result<Driven<'a, R>, CommandError> {
    let stores = reported.context.stores()?;
    let attempt = &reported.attempt;
    let mut driven = reported.drive::<R>(verb(job), words(job, false))?;
    let executed = driven.execute(&stores, attempt, tasks, job).await?;
    if attempt.header.action.is_planned() {
        driven.summary().drifted = Some(executed.drifted);
    }
    reported.end(&mut driven).await;
    Ok(driven)
}

/// Returns the job for `action`.
///
/// # Errors
/// When an older version recorded the action only as text.
pub fn job_of(action: Action) -> Result<Job, CommandError> {
    Job::of(action).ok_or_else(|| {
        CommandError::new(
            exit::USAGE,
            "this `limits set` run cannot be resumed: an older version recorded it",
        )
        .hint("run the same `limits set` again: limits that are already set do not change")
    })
}
