//! Bans and their end: the acts of `users ban` and `users unban`.

use std::io;

use easemob_admin_ops::jobs::ban::{Banning, Change};
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::target::Target;

use super::attempt::Reported;
use crate::command_error::CommandError;
use crate::exit::Exit;
use crate::summary::Words;

/// Returns the words of the summary.
#[must_use]
pub fn words(change: Change, dry_run: bool) -> Words {
    Words {
        done: match (change, dry_run) {
            (Change::Ban, false) => "banned",
            (Change::Ban, true) => "would be banned",
            (Change::Unban, false) => "unbanned",
            (Change::Unban, true) => "would be unbanned",
        },
        nothing: "nothing to do",
        devices: None,
    }
}

/// Works on the tasks of a run of bans or unbans.
pub(super) async fn perform(
    reported: Reported<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    change: Change,
) -> Result<Exit, CommandError> {
    let attempt = &reported.attempt;
    let book = reported
        .context
        .stores()?
        .lock_book(&Target::from(&attempt.header));
    let banning = Banning::new(&reported.session.server, &attempt.recorder, &book, change);
    let doing = match change {
        Change::Ban => "banning",
        Change::Unban => "unbanning",
    };
    let mut driven = reported.drive::<BanReport>(doing, words(change, false));
    let cut_off = |task: &Task| vec![BanReport::cut_off(&task.item)];
    driven.phase(tasks, |task| banning.work_on(task), cut_off).await;
    reported.end(&mut driven).await;
    driven.finish()
}
