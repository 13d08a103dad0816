//! Lifts locks: the act of `sessions unlock`.

use std::io;

use easemob_admin_ops::jobs::unlock::Unlocking;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::target::Target;
use jiff::Timestamp;

use super::attempt::Reported;
use crate::command_error::CommandError;
use crate::exit::Exit;
use crate::summary::Words;

const WORDS: Words = Words {
    done: "unlocked",
    nothing: "nothing to do",
    devices: None,
};

/// Works on the tasks of a run that lifts the locks that were in force at `as_of`, or pending and due by then.
pub(super) async fn perform(
    reported: Reported<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    as_of: Timestamp,
) -> Result<Exit, CommandError> {
    let attempt = &reported.attempt;
    let stores = reported.context.stores()?;
    let book = stores.lock_book(&Target::from(&attempt.header));
    let server = &reported.session.server;
    let unlocking = Unlocking::begin(server, &attempt.recorder, &stores.runs(), &book, as_of)?;
    let mut driven = reported.drive::<LockReport>("unlocking", WORDS);
    let cut_off = |task: &Task| vec![LockReport::cut_off(&task.item)];
    driven.phase(tasks, |task| unlocking.work_on(task), cut_off).await;
    reported.end(&mut driven).await;
    driven.finish()
}
