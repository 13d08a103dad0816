//! Locks users: the act of `sessions lock`.

use std::io;

use easemob_admin_ops::jobs::lock::Locking;
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::target::Target;
use jiff::Timestamp;

use super::attempt::Reported;
use crate::command_error::CommandError;
use crate::exit::{self, Exit};
use crate::summary::Words;

const WORDS: Words = Words {
    done: "locked",
    nothing: "left as they were",
    devices: Some("ended"),
};

/// Works on the tasks of a run that locks users.
pub(super) async fn perform(
    reported: Reported<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    until: Timestamp,
) -> Result<Exit, CommandError> {
    let (context, attempt) = (reported.context, &reported.attempt);
    let stores = context.stores()?;
    let book = stores.lock_book(&Target::from(&attempt.header));
    let tasks: Vec<Task> = tasks.collect::<io::Result<_>>().map_err(|error| {
        CommandError::new(exit::INTERNAL, "the users of the run cannot be read").because(error)
    })?;
    if until <= attempt.recorder.time() {
        context.ui.warn(format_args!(
            "the time of this lock was over on {until:.0}, so nobody is locked any more; who was banned by an \
             earlier attempt is put down as overdue"
        ));
    }
    let server = &reported.session.server;
    let (recorder, header) = (&attempt.recorder, &attempt.header);
    let locking = Locking::begin(server, recorder, header, stores.runs(), &book, until, &tasks)?;
    let mut driven = reported.drive::<LockReport>("locking", WORDS);
    let cut_off = |task: &Task| vec![LockReport::cut_off(&task.item)];
    let tasks = tasks.into_iter().map(Ok);
    driven.phase(tasks, |task| locking.work_on(task), cut_off).await;
    reported.end(&mut driven).await;
    let reconciled = reconcile(&stores.runs(), &book);
    let exit = driven.finish()?;
    reconciled?;
    Ok(exit)
}
