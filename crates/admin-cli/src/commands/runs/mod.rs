//! `runs`: shows and continues what was done to servers from this machine.

pub mod again;
mod direct;
mod follow;
pub mod history;
pub mod list;
pub mod pause;
pub mod prune;
pub mod resume;
pub mod retry_failed;
mod series;
pub mod show;
pub mod stop;
pub mod ticket;
pub mod undo;
pub(crate) mod unsettled;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List the recorded runs
    List(list::ListArgs),
    /// Show one run, or its failures as a list of users
    Show(show::ShowArgs),
    /// Resume a run that was interrupted
    Resume(resume::ResumeArgs),
    /// Retry what failed in a run
    RetryFailed(retry_failed::RetryFailedArgs),
    /// Lift the bans or locks that a run set
    Undo(undo::UndoArgs),
    /// Remove the records of finished runs
    Prune(prune::PruneArgs),
    /// Keep everybody from working on a run until it is resumed
    Pause(pause::PauseArgs),
    /// Give a run up
    Stop(stop::StopArgs),
}

impl RunsCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::List(args) => list::run(context, args),
            Self::Show(args) => show::run(context, args).await,
            Self::Resume(args) => resume::run(context, args).await,
            Self::RetryFailed(args) => retry_failed::run(context, args).await,
            Self::Undo(args) => undo::run(context, args).await,
            Self::Prune(args) => prune::run(context, args),
            Self::Pause(args) => pause::run(context, args),
            Self::Stop(args) => stop::run(context, args),
        }
    }
}
