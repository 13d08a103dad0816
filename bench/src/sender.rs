//! A client process: reads device lists as fast as its budget allows, for some time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_api::{AppRoot, Client, Credentials, Lane, RateLimit, Rates, UserId};
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::budget::PgBudget;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;

const TASKS: usize = 32;

/// Arguments of a client process.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[arg(long)]
    root: String,
    #[arg(long)]
    rate: u32,
    #[arg(long)]
    seconds: u64,
    #[arg(long)]
    shared: Option<PathBuf>,
    /// The database that has the budget; then the rate is that of the database
    #[arg(long)]
    database: Option<String>,
}

/// Sends until the time is over.
pub(crate) async fn run(args: &SendArgs) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Client::builder(AppRoot::parse(&args.root)?)
        .credentials(Credentials::fixed_token("YWMtbench"))
        .rate(RateLimit::per_second(args.rate));
    if let Some(directory) = &args.shared {
        builder = builder.shared_budget(directory);
    }
    if let Some(database) = &args.database {
        let address = DatabaseAddress::parse(database)?;
        // Opening it blocks.
        let opened = tokio::task::spawn_blocking(move || Database::open(&address, &PasswordSource::Nothing));
        let budget = PgBudget::in_database(opened.await??);
        builder = builder
            .rates(Rates::unlimited())
            .budget(Arc::new(budget))
            .lane(Lane::Bulk);
    }
    let client = builder.build()?;
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let user = UserId::parse("ann")?;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (client, user) = (client.clone(), user.clone());
            tokio::spawn(async move {
                while Instant::now() < end {
                    // A refusal is what the server counts.
                    let _ = client.list_devices(&user).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}
