//! `sessions`: signs users out, and locks them out.

pub mod apply;
pub mod lock;
pub mod locks;
pub mod logout;
pub mod plan;
pub mod unlock;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::commands::online::{about_locks, online};
use crate::context::Context;
use crate::exit::Exit;

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Sign users' devices out
    Logout(logout::LogoutArgs),
    /// Ban users and sign them out for some time
    Lock(lock::LockArgs),
    /// Lift locks, or only those that have expired
    Unlock(unlock::UnlockArgs),
    /// Show who is locked, and until when
    Locks(locks::LocksArgs),
    /// Write what a logout would do to a file, for review
    Plan(plan::PlanArgs),
    /// Carry out a plan
    Apply(apply::ApplyArgs),
}

impl SessionsCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            // What is overdue is what these two are about.
            Self::Unlock(args) => {
                about_locks(context, async |session| unlock::run(context, session, args).await).await
            }
            Self::Locks(args) => {
                about_locks(context, async |session| locks::run(context, session, args)).await
            }
            Self::Logout(args) => {
                online(context, async |session| logout::run(context, session, args).await).await
            }
            Self::Lock(args) => {
                online(context, async |session| lock::run(context, session, args).await).await
            }
            Self::Plan(args) => {
                online(context, async |session| plan::run(context, session, args).await).await
            }
            Self::Apply(args) => {
                online(context, async |session| apply::run(context, session, args).await).await
            }
        }
    }
}
