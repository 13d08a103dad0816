//! `approvals list`: lists the requests for approval.

use clap::{Args, ValueEnum};
use easemob_admin_remote::api::ApprovalState;
use easemob_admin_words::t;
use serde::Serialize;

use super::app;
use super::row::ApprovalRow;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::unwritten_rows;

/// Arguments of `approvals list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin approvals list
  easemob-admin approvals list --state all -o json
  easemob-admin approvals list --state approved

Newest first. Needs a service: a profile with `service`, or EASEMOB_SERVICE. Requests are kept after they have expired. \
`needs` says how many of whom have agreed, of those who must.")]
pub struct ListArgs {
    /// Only requests in this state
    #[arg(long, value_enum, default_value = "pending")]
    state: Wanted,
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// Others have not agreed yet
    Pending,
    /// It can be carried out
    Approved,
    /// Somebody said no
    Refused,
    /// Nobody decided in time
    Expired,
    /// It was approved, and can no longer be carried out
    Over,
    /// All
    All,
}

impl Wanted {
    fn is(self, state: ApprovalState) -> bool {
        let wanted = match self {
            Self::All => return true,
            Self::Pending => ApprovalState::Pending,
            Self::Approved => ApprovalState::Approved,
            Self::Refused => ApprovalState::Refused,
            Self::Expired => ApprovalState::Expired,
            Self::Over => ApprovalState::Over,
        };
        wanted == state
    }
}

#[derive(Debug, Default, Serialize)]
struct ListSummary {
    requests: u64,
    pending: u64,
}

/// Runs the command.
///
/// # Errors
/// When no service is configured, or it refuses.
pub fn run(context: &Context, args: &ListArgs) -> Result<Exit, CommandError> {
    let app = app(context)?;
    let all = app.approvals()?;
    let mut report = context.local_report::<ApprovalRow>("approvals list", app.view().sandbox)?;
    let mut summary = ListSummary::default();
    for view in &all {
        summary.pending += u64::from(view.state == ApprovalState::Pending);
        if args.state.is(view.state) {
            summary.requests += 1;
            report.row(&ApprovalRow::new(view)).map_err(unwritten_rows)?;
        }
    }
    report.finish(&summary).map_err(unwritten_rows)?;
    if summary.requests == 0 {
        let more = context.command("approvals list --state all");
        context
            .ui
            .note(t!("no requests; for those that were decided: {more}"));
    } else if args.state == Wanted::Pending {
        let show = context.command("approvals show RUN");
        context.ui.note(t!("see what is asked for with: {show}"));
    }
    Ok(exit::OK)
}
