//! `runs show --follow`: shows how a run goes on until nobody works on it any more, or how a watch does, batch after batch.

use std::time::Duration;

use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::store::{ListedRun, RunStore};
use easemob_admin_words::t;

use super::series::Named;
use crate::absence::Absence;
use crate::command_error::CommandError;
use crate::commands::acting::{devices, users};
use crate::context::Context;
use crate::interrupt::{Ended, until_told};

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);

/// Says how a run goes on, until nobody works on it and no worker will. A watch may always begin another batch, so that is
/// waited for until somebody says to stop. Returns false if the end was not waited for.
///
/// What is said is the state of the whole run, so a look that fails is made up for by the next one.
pub(super) async fn follow(
    context: &Context,
    runs: &dyn RunStore,
    mut named: Named,
) -> Result<bool, CommandError> {
    let mut told = std::pin::pin!(until_told(context.deadline()));
    let mut said = String::new();
    let mut absence = Absence::none(context);
    let mut has_ended = false;
    loop {
        let id = named.newest();
        if let Some(listed) = absence.outlasted(runs.glance(id))? {
            let state = in_words(&listed);
            let now = t!("run {id}: {state}");
            if now != said {
                context.ui.say(&now);
                said = now;
            }
            has_ended =
                !listed.running && (listed.state != RunState::Open || listed.counts.unfinished() == 0);
            if has_ended && !named.is_watch {
                return Ok(true);
            }
        }
        tokio::select! {
            Ended::BySignal | Ended::ByDeadline = &mut told => return Ok(named.is_watch && has_ended),
            () = tokio::time::sleep(LOOK) => {}
        }
        if has_ended && let Some(found) = absence.outlasted(Named::find(runs, &named.id))? {
            named = found;
        }
    }
}

fn in_words(listed: &ListedRun) -> String {
    let counts = &listed.counts;
    let state = match (listed.running, listed.state) {
        (_, RunState::Paused) => "paused",
        (_, RunState::Stopped) => "stopped",
        (true, _) => "running",
        (false, RunState::Open) if counts.unfinished() > 0 => t!("waiting for a worker"),
        (false, _) => "ended",
    };
    let mut by = listed.workers.clone();
    by.sort();
    by.dedup();
    let by = if by.is_empty() {
        String::new()
    } else {
        t!(" by {}", by.join(", "))
    };
    t!(
        "{state}{by}, {} of {} done ({} signed out), {} nothing to do, {} failed, {} left",
        counts.done,
        users(counts.items),
        devices(counts.devices_ended),
        counts.nothing + counts.skipped,
        counts.failed() + counts.in_vain,
        counts.unfinished() - counts.in_vain
    )
}
