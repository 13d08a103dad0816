//! `approvals`: shows and decides what others ask for.

pub mod approve;
mod decide;
pub mod list;
pub mod refuse;
mod row;
pub mod show;

use clap::Subcommand;
use easemob_admin_remote::client::ServiceApp;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Commands about requests for approval.
#[derive(Debug, Subcommand)]
pub enum ApprovalsCommand {
    /// List the requests for approval
    List(list::ListArgs),
    /// Show one request, and who decided
    Show(show::ShowArgs),
    /// Agree to a request of somebody else
    Approve(approve::ApproveArgs),
    /// Refuse a request, for good
    Refuse(refuse::RefuseArgs),
}

impl ApprovalsCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::List(args) => list::run(context, args),
            Self::Show(args) => show::run(context, args),
            Self::Approve(args) => approve::run(context, args),
            Self::Refuse(args) => refuse::run(context, args),
        }
    }
}

/// Returns the app of the service, which alone has requests.
fn app(context: &Context) -> Result<ServiceApp, CommandError> {
    let remote = context.service()?.ok_or_else(|| {
        CommandError::new(
            exit::CONFIG,
            t!("only a service has requests for approval, and none is configured"),
        )
        .hint(t!(
            "add `service = \"https://ops.example.com\"` to the profile, or set EASEMOB_SERVICE"
        ))
        .hint(t!("see: easemob-admin help environment"))
    })?;
    Ok(remote.app)
}
