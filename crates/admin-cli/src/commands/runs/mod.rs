//! `runs`: shows and continues what was done to servers from this machine.

pub mod again;
pub mod list;
pub mod resume;
pub mod retry_failed;
pub mod show;

use clap::Subcommand;

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
}
