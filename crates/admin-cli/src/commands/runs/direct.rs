//! The common part of `runs pause` and `runs stop`.

use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::store::Direction;
use easemob_admin_words::{t, translated};
use jiff::Timestamp;
use serde::Serialize;

use super::list::RunRow;
use super::series::Named;
use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::commands::times::now_ms;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::ownership::require_data;
use crate::render::report::unwritten_rows;

/// A decision about a run.
pub(super) struct Directing<'a> {
    /// The id of the run, or the start of it.
    pub(super) run: &'a str,
    /// Who may work on it from now on.
    pub(super) state: RunState,
    /// Why.
    pub(super) reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct DirectedSummary {
    run: String,
    state: &'static str,
    reason: Option<String>,
}

/// Decides who may work on a run, and records it.
pub(super) fn direct(context: &Context, directing: Directing<'_>) -> Result<Exit, CommandError> {
    require_data(context)?;
    let stores = context.stores()?;
    let runs = stores.runs();
    let named = Named::find(runs, directing.run)?;
    let (id, state) = (&named.id, directing.state);
    let mut concerned = Vec::new();
    for run in &named.runs {
        let listed = runs.glance(run)?;
        // A watch looks at its first batch between two others.
        if listed.counts.unfinished() > 0 || (named.is_watch && *run == named.runs[0]) {
            concerned.push((run, listed));
        }
    }
    if concerned.is_empty() {
        let what = t!(
            "run {id} is finished: there is nothing to be {}",
            translated(state.word())
        );
        return Err(
            CommandError::new(exit::USAGE, what).hint(t!("list the runs with: easemob-admin runs list"))
        );
    }
    let (at, now) = (now_ms(), Timestamp::now());
    let mut rows = Vec::new();
    for (run, _) in &concerned {
        let direction = Direction {
            state,
            operator: operator(None, context.environment.get("SUDO_USER")),
            at,
            reason: directing.reason.clone(),
        };
        runs.direct(run, direction)?;
        rows.push(RunRow::new(run, &runs.glance(run)?, now));
    }
    let command = if state == RunState::Paused {
        "runs pause"
    } else {
        "runs stop"
    };
    let is_sandbox = concerned[0].1.header.sandbox;
    let mut report = context.local_report::<RunRow>(command, is_sandbox)?;
    for row in &rows {
        report.row(row).map_err(unwritten_rows)?;
    }
    report
        .finish(&DirectedSummary {
            run: id.clone(),
            state: state.word(),
            reason: directing.reason,
        })
        .map_err(unwritten_rows)?;
    let after = if named.is_watch || concerned.iter().any(|(_, listed)| listed.running) {
        t!("; whoever works on it ends within seconds")
    } else {
        ""
    };
    context
        .ui
        .say(t!("run {id} is {}{after}", translated(state.word())));
    Ok(exit::OK)
}
