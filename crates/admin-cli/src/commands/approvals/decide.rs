//! The common part of `approvals approve` and `approvals refuse`.

use easemob_admin_remote::api::ApprovalState;
use easemob_admin_words::t;

use super::app;
use super::row::ApprovalRow;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::unwritten_rows;

/// Decides about a request, and shows what it is then.
pub(super) fn decide(
    context: &Context,
    run: &str,
    approves: bool,
    reason: &str,
) -> Result<Exit, CommandError> {
    if reason.trim().is_empty() {
        return Err(CommandError::new(
            exit::USAGE,
            t!("a decision has a reason, and --reason is empty"),
        ));
    }
    let app = app(context)?;
    let decided = app.decide(run, approves, reason);
    let view = decided.map_err(|error| {
        let unknown = !error.is_refusal();
        let this = CommandError::from(error);
        let show = context.command(&format!("approvals show {run}"));
        if unknown {
            this.hint(t!("the decision may have been recorded; see: {show}"))
        } else {
            this
        }
    })?;
    let command = if approves {
        "approvals approve"
    } else {
        "approvals refuse"
    };
    let mut report = context.local_report::<ApprovalRow>(command, app.view().sandbox)?;
    let row = ApprovalRow::new(&view);
    report.row(&row).map_err(unwritten_rows)?;
    report.finish(&row).map_err(unwritten_rows)?;
    let ui = &context.ui;
    match view.state {
        ApprovalState::Pending => ui.say(t!("recorded; still needed: {}", row.needs)),
        ApprovalState::Approved if view.approval.starts_itself => {
            let follow = context.command(&format!("runs show {run} --follow"));
            ui.say(t!("approved, and begun; follow it with: {follow}"));
        }
        ApprovalState::Approved => {
            let until = row.execute_by.as_deref().unwrap_or_default();
            ui.say(t!("approved; whoever asked can begin it until {until}"));
        }
        ApprovalState::Refused => ui.say(t!("refused, for good")),
        ApprovalState::Expired | ApprovalState::Over => ui.say(t!("recorded")),
    }
    Ok(exit::OK)
}
