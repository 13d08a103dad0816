//! Benchmarks of easemob-admin, on loopback only. Run with `cargo run --release -p easemob-admin-bench -- rate`,
//! or or `-- devices`; and `-- record`,
//! `-- scan` and `-- collect` after `cargo build --release -p easemob-admin-cli`.
#![allow(clippy::print_stdout, reason = "the tables are what it is for")]

mod collect;
mod devices;
mod limited_server;
mod measure;
mod rate;
mod record;
mod scan;
mod sender;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// How much of the rate budget is used, and that it is never exceeded
    Rate(rate::RateArgs),
    /// What it costs that every logout is on record
    Record(record::RecordArgs),
    /// How many devices the sandbox holds, and whether their messages arrive whole and in order
    Devices(devices::DevicesArgs),
    /// What a scan of a million users costs
    Scan(scan::ScanArgs),
    /// How many posts a second a collector takes
    Collect(collect::CollectArgs),
    /// A sandbox of the other benchmarks
    #[command(hide = true)]
    Sandbox,
    /// A client process of the other benchmarks
    #[command(hide = true)]
    Send(sender::SendArgs),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Cli::parse().bench {
        Bench::Rate(args) => rate::run(&args).await,
        Bench::Record(args) => record::run(&args).await,
        Bench::Devices(args) => devices::run(&args).await.map_err(|failure| failure as _),
        Bench::Scan(args) => scan::run(&args).await.map_err(|failure| failure as _),
        Bench::Collect(args) => collect::run(&args).await.map_err(|failure| failure as _),
        Bench::Sandbox => devices::serve().await.map_err(|failure| failure as _),
        Bench::Send(args) => sender::run(&args).await,
    }
}
