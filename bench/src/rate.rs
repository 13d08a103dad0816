//! The promise of the rate budget: at least 99 % used, no refusal, never above N in any rolling second, for one
//! process and for two that share; and back to 97 % soon after the server limited more than usual.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::process::Command;

use crate::limited_server::{self, Limit};
use crate::measure::{figures, recovery};

/// Arguments of `rate`.
#[derive(Debug, Args)]
pub(crate) struct RateArgs {
    /// How long each run takes
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Runs all combinations, one after the other.
pub(crate) async fn run(args: &RateArgs) -> Result<(), Box<dyn std::error::Error>> {
    let mut table = Builder::default();
    table.push_record(["server", "N", "processes", "used", "429", "most in a second"]);
    for limit in [Limit::Bucket, Limit::Window] {
        for rate in [100, 1000] {
            for processes in [1, 2] {
                let (address, seen) = limited_server::start(limit, rate, Duration::ZERO).await?;
                let shared = tempfile::tempdir()?;
                let root = format!("http://{address}/acme/chat");
                // A second more, so that the last second measured is whole.
                send(&root, rate, args.seconds + 1, processes, shared.path()).await?;
                let figures = figures(&seen.arrivals(), rate, args.seconds);
                table.push_record([
                    format!("{limit:?}").to_lowercase(),
                    rate.to_string(),
                    processes.to_string(),
                    format!("{:.2} %", figures.used * 100.0),
                    figures.refused.to_string(),
                    figures.most.to_string(),
                ]);
            }
        }
    }
    println!("{}\n", table.build().with(Style::markdown()));
    recover().await
}

async fn send(
    root: &str,
    rate: u32,
    seconds: u64,
    processes: usize,
    shared: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = || {
        Command::new(std::env::current_exe()?)
            .args(["send", "--root", root, "--rate", &rate.to_string()])
            .args(["--seconds", &seconds.to_string(), "--shared"])
            .arg(shared)
            .stdin(Stdio::null())
            .spawn()
    };
    let mut children = Vec::new();
    for _ in 0..processes {
        children.push(start()?);
    }
    for mut child in children {
        let status = child.wait().await?;
        if !status.success() {
            return Err(format!("a client process failed: {status}").into());
        }
    }
    Ok(())
}

/// Lets the server take half of N for five seconds, and looks how long the client stays slow after that.
async fn recover() -> Result<(), Box<dyn std::error::Error>> {
    let mut table = Builder::default();
    table.push_record(["N", "processes", "429 while N/2", "seconds until 97 % of N"]);
    for rate in [100, 1000] {
        for processes in [1, 2] {
            let (address, seen) = limited_server::start(Limit::Bucket, rate, Duration::ZERO).await?;
            let shared = tempfile::tempdir()?;
            let root = format!("http://{address}/acme/chat");
            let trouble = async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                seen.set_rate(f64::from(rate) / 2.0);
                tokio::time::sleep(Duration::from_secs(5)).await;
                seen.set_rate(f64::from(rate));
                Instant::now()
            };
            let sending = send(&root, rate, 18, processes, shared.path());
            let (sent, over) = tokio::join!(sending, trouble);
            sent?;
            let arrivals = seen.arrivals();
            let refused = arrivals.iter().filter(|(_, within)| !within).count();
            let back = recovery(&arrivals, over, rate, 0.97);
            table.push_record([
                rate.to_string(),
                processes.to_string(),
                refused.to_string(),
                back.map_or_else(|| "never".into(), |back| format!("{:.1}", back.as_secs_f64())),
            ]);
        }
    }
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}
