//! `limits`: how many devices may be online. `show` and `set` need a server that manages limits over its REST
//! API; `check` and `enforce` use a policy of the operator's own and work with any server.

pub mod check;
pub mod enforce;
mod policy_file;
mod reading;
pub mod set;
pub mod show;
mod watch;
mod watch_through;
mod whom;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::commands::online::online;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about device limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Show the limits of the app, or of users
    Show(show::ShowArgs),
    /// Change the limits of the app, or of users
    Set(set::SetArgs),
    /// See who has more devices online than a policy allows
    Check(check::CheckArgs),
    /// Sign out the devices that exceed the limits of a policy
    Enforce(enforce::EnforceArgs),
}

impl LimitsCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        online(context, async |session| match self {
            Self::Show(args) => show::run(context, session, args).await,
            Self::Set(args) => set::run(context, session, args).await,
            Self::Check(args) => check::run(context, session, args).await,
            Self::Enforce(args) => enforce::run(context, session, args).await,
        })
        .await
    }
}
