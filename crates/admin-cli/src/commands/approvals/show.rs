//! `approvals show`: shows one request, and who decided.

use clap::Args;
use easemob_admin_remote::api::{ApprovalState, Decision};
use easemob_admin_words::t;
use serde::Serialize;

use super::app;
use super::row::ApprovalRow;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `approvals show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin approvals show 20261129-101500-3f09ab
  easemob-admin approvals show 20261129-101500-3f09ab -o json

Rows are the decisions. What was asked for follows on stderr, and is the summary in JSON. `runs show RUN` lists its users.")]
pub struct ShowArgs {
    /// The id of the run that waits
    #[arg(value_name = "RUN")]
    run: String,
}

#[derive(Debug, Serialize)]
struct DecisionRow {
    at: String,
    by: String,
    groups: String,
    decision: &'static str,
    reason: String,
}

impl DecisionRow {
    fn new(decision: &Decision) -> Self {
        let groups: Vec<&str> = decision.groups.iter().map(String::as_str).collect();
        Self {
            at: format!("{:.0}", decision.at),
            by: decision.by.clone(),
            groups: groups.join(" "),
            decision: if decision.approves { "approved" } else { "refused" },
            reason: decision.reason.clone(),
        }
    }
}

impl Row for DecisionRow {
    const COLUMNS: &'static [&'static str] = &["at", "by", "groups", "decision", "reason"];
    const TABLE: &'static [&'static str] = Self::COLUMNS;

    fn cells(&self) -> Vec<String> {
        vec![
            self.at.clone(),
            self.by.clone(),
            self.groups.clone(),
            self.decision.into(),
            self.reason.clone(),
        ]
    }
}

/// Runs the command.
///
/// # Errors
/// When no service is configured, or it has no such request.
pub fn run(context: &Context, args: &ShowArgs) -> Result<Exit, CommandError> {
    let app = app(context)?;
    let view = app.approval(&args.run)?;
    let mut report = context.local_report::<DecisionRow>("approvals show", app.view().sandbox)?;
    for decision in &view.approval.decisions {
        report.row(&DecisionRow::new(decision)).map_err(unwritten_rows)?;
    }
    let row = ApprovalRow::new(&view);
    report.finish(&row).map_err(unwritten_rows)?;
    tell(context, &row, view.state);
    Ok(exit::OK)
}

/// Says what was asked for, and what can be done.
fn tell(context: &Context, row: &ApprovalRow, state: ApprovalState) {
    let (ui, run) = (&context.ui, &row.run);
    ui.say(row.sentence());
    if let Some(reason) = &row.reason {
        ui.say(t!("reason: {reason}"));
    }
    ui.say(t!("needs: {}", row.needs));
    ui.note(t!("its users: {}", context.command(&format!("runs show {run}"))));
    match state {
        ApprovalState::Pending => {
            ui.say(t!("to be decided by {}", row.decide_by));
            let approve = context.command(&format!("approvals approve {run} --reason TEXT"));
            let refuse = context.command(&format!("approvals refuse {run} --reason TEXT"));
            ui.note(t!("decide with: {approve}\n  or: {refuse}"));
        }
        ApprovalState::Approved => {
            let until = row.execute_by.as_deref().unwrap_or_default();
            ui.say(t!("approved; to be carried out by {until}"));
            ui.note(t!(
                "whoever asked begins it with: {}",
                context.command(&format!("runs resume {run}"))
            ));
        }
        ApprovalState::Refused => ui.say(t!("refused, for good")),
        ApprovalState::Expired => ui.say(t!("expired: nobody decided in time")),
        ApprovalState::Over => ui.say(t!(
            "over: it was approved, and the time to carry it out has passed"
        )),
    }
}
