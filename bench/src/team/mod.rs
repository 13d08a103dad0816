//! What several machines promise that share their records in PostgreSQL.

mod budget;
mod records;

use clap::{Args, Subcommand};

type Failure = Box<dyn std::error::Error>;

/// Arguments of `team`.
#[derive(Debug, Args)]
pub(crate) struct TeamArgs {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// How much of the rate several workers use together
    Budget(budget::BudgetArgs),
    /// How fast users are filed and outcomes recorded, and what it costs to find them among many
    Records(records::RecordsArgs),
}

pub(crate) async fn run(args: &TeamArgs) -> Result<(), Failure> {
    match &args.part {
        Part::Budget(args) => budget::run(args).await,
        Part::Records(args) => {
            let args = args.clone();
            // The store blocks its thread.
            let measured =
                tokio::task::spawn_blocking(move || records::run(&args).map_err(|error| error.to_string()));
            Ok(measured.await??)
        }
    }
}
