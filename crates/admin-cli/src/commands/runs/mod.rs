//! `runs`: what was done to servers from this machine, and going on with it.

pub mod again;
pub mod list;
pub mod resume;
pub mod retry_failed;
pub mod show;

use clap::Subcommand;

/// Commands about runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List the runs on record
    List(list::ListArgs),
    /// See one run, or its failures as a list of users
    Show(show::ShowArgs),
    /// Go on with a run that was interrupted
    Resume(resume::ResumeArgs),
    /// Try again what failed in a run
    RetryFailed(retry_failed::RetryFailedArgs),
}
