//! A client process: reads device lists as fast as its budget allows, for some time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_api::{AppRoot, Client, Credentials, RateLimit, UserId};

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
}

/// Sends until the time is over.
pub(crate) async fn run(args: &SendArgs) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Client::builder(AppRoot::parse(&args.root)?)
        .credentials(Credentials::fixed_token("YWMtbench"))
        .rate(RateLimit::per_second(args.rate));
    if let Some(directory) = &args.shared {
        builder = builder.shared_budget(directory);
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
