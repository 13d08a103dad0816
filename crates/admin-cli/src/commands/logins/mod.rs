//! `logins`: who is signed in where, over time.

pub mod backfill;
pub mod collect;
pub mod count;
pub mod diff;
pub mod export;
pub mod import;
pub mod prune;
pub mod report;
pub mod scan;
mod scan_through;
pub mod show;
pub(crate) mod snapshot;
pub mod snapshots;
pub mod top;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::commands::online::online;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about login counts.
#[derive(Debug, Subcommand)]
pub enum LoginsCommand {
    /// Read who is online with which devices, and store it as a snapshot
    Scan(scan::ScanArgs),
    /// List the snapshots
    Snapshots(snapshots::SnapshotsArgs),
    /// Count the devices of a snapshot by platform, by number, or by label
    Count(count::CountArgs),
    /// Show the users with the most devices, sign-ins or evictions
    Top(top::TopArgs),
    /// Show what differs between two snapshots
    Diff(diff::DiffArgs),
    /// Show the known history of one user, in order of time
    Show(show::ShowArgs),
    /// Write an HTML page with charts, or Markdown for a ticket
    Report(report::ReportArgs),
    /// Receive the events that the service posts when devices sign in and out
    Collect(collect::CollectArgs),
    /// Ask the service again for the events that no collector received, and close gaps
    Backfill(backfill::BackfillArgs),
    /// Read posts of the service from a file
    Import(import::ImportArgs),
    /// Write the devices of a snapshot, for analysis elsewhere
    Export(export::ExportArgs),
    /// Delete old data
    Prune(prune::PruneArgs),
}

impl LoginsCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::Scan(args) => {
                online(context, async |session| scan::run(context, session, args).await).await
            }
            Self::Snapshots(args) => snapshots::run(context, args),
            Self::Count(args) => count::run(context, args),
            Self::Top(args) => top::run(context, args),
            Self::Diff(args) => diff::run(context, args),
            Self::Show(args) => show::run(context, args),
            Self::Report(args) => report::run(context, args),
            Self::Collect(args) => collect::run(context, args).await,
            Self::Backfill(args) => {
                online(context, async |session| {
                    backfill::run(context, session, args).await
                })
                .await
            }
            Self::Import(args) => import::run(context, args).await,
            Self::Export(args) => export::run(context, args),
            Self::Prune(args) => prune::run(context, args),
        }
    }
}
