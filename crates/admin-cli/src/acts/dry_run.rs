//! Dry runs of `sessions logout`, `sessions apply` and `limits enforce`.

use std::io;

use easemob_admin_ops::jobs::end_devices::preview;
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::jobs::logout_unread::preview as preview_unread;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::cap::Cap;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::drive::{Run, drive_status_first};
use crate::exit::Exit;
use crate::present::words::words;
use crate::summary::Summary;

/// Returns the report of a user whose job was cut short.
#[must_use]
pub fn cut_off(task: &Task) -> Vec<DeviceReport> {
    vec![DeviceReport::cut_off(&task.item)]
}

/// Reports what a run would do that signs out everything without reading the devices.
///
/// # Errors
/// When something other than the operator stopped the run.
pub async fn dry_run_unread(
    context: &Context,
    session: &Session,
    reading: Reading,
    tasks: impl Iterator<Item = io::Result<Task>> + Send,
    summary: Summary,
) -> Result<Exit, CommandError> {
    let run = run_of(context, session, "sessions logout", &Job::EndUnread, summary);
    let work = async |task: Task| preview_unread(&task);
    let forecast = Forecast::reading(run.summary.users, reading);
    drive_status_first(run, reading, forecast, tasks, work, cut_off).await
}

/// Reads the devices and reports what a run would do. Nothing is recorded, because nothing changes.
///
/// # Errors
/// When something other than the operator stopped the run.
#[expect(clippy::too_many_arguments, reason = "each is a value of its own")]
pub async fn dry_run(
    context: &Context,
    session: &Session,
    command: &'static str,
    reading: Reading,
    tasks: impl Iterator<Item = io::Result<Task>> + Send,
    order: &Order,
    allowance: Option<u64>,
    summary: Summary,
) -> Result<Exit, CommandError> {
    let run = run_of(
        context,
        session,
        command,
        &Job::EndDevices(Box::default()),
        summary,
    );
    let cap = Cap::new(allowance);
    let work = |task| preview(&session.server, task, order, &cap);
    let forecast = Forecast::reading(run.summary.users, reading);
    drive_status_first(run, reading, forecast, tasks, work, cut_off).await
}

fn run_of<'a>(
    context: &'a Context,
    session: &'a Session,
    command: &'static str,
    job: &Job,
    summary: Summary,
) -> Run<'a> {
    Run {
        context,
        session,
        command,
        verb: t!("reading"),
        words: words(job, true),
        acts: false,
        summary,
    }
}
