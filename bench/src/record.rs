//! What it costs that every logout is on record: the tool against the same calls by the bare client.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_api::{AppRoot, Client, Credentials, RateLimit, UserId};
use easemob_admin_sandbox::{Rates, Sandbox};
use futures_util::StreamExt;
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::process::Command;

const CONCURRENCY: usize = 16;

/// Arguments of `record`.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// How many users are signed out in each round
    #[arg(long, default_value_t = 5_000)]
    users: usize,
    /// How many rounds; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

type Failure = Box<dyn std::error::Error>;

/// Runs the three ways in turn, so that all meet the same disturbances.
pub(crate) async fn run(args: &RecordArgs) -> Result<(), Failure> {
    let sandbox = Sandbox::builder().rates(Rates::unlimited()).start().await?;
    let names: Vec<String> = (0..args.users).map(|number| format!("user{number:06}")).collect();
    for name in &names {
        sandbox.register(name);
    }
    let home = tempfile::tempdir()?;
    let list = home.path().join("list");
    std::fs::write(&list, names.join("\n"))?;
    let online = || {
        for name in &names {
            let _ = sandbox.sign_in_as(name, "ios_1");
        }
    };
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..args.rounds {
        online();
        times[0].push(bare_client(&sandbox, &names).await?);
        for (index, durability) in [(1, "batch"), (2, "each")] {
            online();
            times[index].push(tool(&sandbox, home.path(), &list, durability).await?);
        }
    }
    let bare = median(&mut times[0]);
    let mut table = Builder::default();
    table.push_record(["way", "logouts/s", "of the bare client"]);
    for (way, times) in [
        "bare client",
        "tool, --durability batch",
        "tool, --durability each",
    ]
    .iter()
    .zip(&mut times)
    {
        let time = median(times);
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let rate = args.users as f64 / time.as_secs_f64();
        table.push_record([
            (*way).to_owned(),
            format!("{rate:.0}"),
            format!("{:.2}", bare.as_secs_f64() / time.as_secs_f64()),
        ]);
    }
    println!("{}", table.build().with(Style::markdown()));
    sandbox.shutdown().await?;
    Ok(())
}

/// Returns the time in the middle.
pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Reads the devices and logs out, without any record.
async fn bare_client(sandbox: &Sandbox, names: &[String]) -> Result<Duration, Failure> {
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .rate(RateLimit::unlimited())
        .build()?;
    let users: Vec<UserId> = names.iter().map(UserId::parse).collect::<Result<_, _>>()?;
    let started = Instant::now();
    let logout = |user: UserId| {
        let client = client.clone();
        async move {
            client.list_devices(&user).await?;
            client.logout_all(&user).await
        }
    };
    let mut all = futures_util::stream::iter(users)
        .map(logout)
        .buffer_unordered(CONCURRENCY);
    while let Some(outcome) = all.next().await {
        if !outcome?.is_logged_out() {
            return Err("a user was not logged out".into());
        }
    }
    Ok(started.elapsed())
}

async fn tool(
    sandbox: &Sandbox,
    home: &std::path::Path,
    list: &std::path::Path,
    durability: &str,
) -> Result<Duration, Failure> {
    let binary: PathBuf = std::env::current_exe()?.with_file_name("easemob-admin");
    let started = Instant::now();
    let status = Command::new(binary)
        .args([
            "sessions",
            "logout",
            "--reason",
            "benchmark",
            "--yes",
            "--rate",
            "unlimited",
            "-o",
            "csv",
        ])
        .args([
            "--durability",
            durability,
            "--concurrency",
            &CONCURRENCY.to_string(),
            "--from",
        ])
        .arg(list)
        .env_clear()
        .env("EASEMOB_CONFIG_DIR", home.join("config"))
        .env("EASEMOB_DATA_DIR", home.join("data"))
        .env("EASEMOB_APP_ROOT", sandbox.app_root())
        .env("EASEMOB_CLIENT_ID", sandbox.client_id())
        .env("EASEMOB_CLIENT_SECRET", sandbox.client_secret())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await?;
    if status.success() {
        Ok(started.elapsed())
    } else {
        Err(format!("the tool ended with {status}; was it built with --release?").into())
    }
}
