//! Benchmarks of easemob-admin, on loopback only. Run with `cargo run --profile bench -p easemob-admin-bench -- rate`,
//! `-- tenants`, `-- trail`, `-- team` or `-- devices`; and `-- latency`, `-- record`, `-- throughput`,
//! `-- scan`, `-- collect` and `-- service` after `cargo build --release -p easemob-admin-cli`.
#![allow(clippy::print_stdout, reason = "the tables are what it is for")]

mod child;
mod collect;
mod devices;
mod latency;
mod limited_server;
mod measure;
mod million;
mod rate;
mod record;
mod sender;
mod service;
mod team;
mod tenants;
mod throughput;
mod trail;

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
    /// How much of the rate budget is used at a distance
    Latency(latency::LatencyArgs),
    /// What it costs that every logout is on record
    Record(record::RecordArgs),
    /// How many devices the sandbox holds, and whether their messages arrive whole and in order
    Devices(devices::DevicesArgs),
    /// What a million users cost of whom few are online
    Million(million::MillionArgs),
    /// How many posts a second a collector takes
    Collect(collect::CollectArgs),
    /// What it costs to search and to verify a large trail
    Trail(trail::TrailArgs),
    /// How fast many users are worked through, and at what cost
    Throughput(throughput::ThroughputArgs),
    /// What clients of many apps cost that share their connections
    Tenants(tenants::TenantsArgs),
    /// How much of a rate several machines use that share it in PostgreSQL
    Team(team::TeamArgs),
    /// What a service costs beside a run: memory, reads, and clients that follow events
    Service(service::ServiceArgs),
    /// The plain client of `throughput`
    #[command(hide = true)]
    Plain(throughput::plain::PlainArgs),
    /// The server of `throughput`
    #[command(hide = true)]
    Serve(throughput::server::ServeArgs),
    /// A sandbox of the other benchmarks
    #[command(hide = true)]
    Sandbox,
    /// A client process of the other benchmarks
    #[command(hide = true)]
    Send(sender::SendArgs),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bench = match Cli::parse().bench {
        Bench::Tenants(args) => return tenants::run(&args),
        Bench::Throughput(args) => return throughput::run(&args),
        Bench::Plain(args) => return throughput::plain::run(&args),
        Bench::Serve(args) => return Ok(throughput::server::run(&args)?),
        Bench::Trail(args) => return trail::run(&args),
        bench => bench,
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        match bench {
            Bench::Rate(args) => rate::run(&args).await,
            Bench::Latency(args) => latency::run(&args).await,
            Bench::Record(args) => record::run(&args).await,
            Bench::Devices(args) => devices::run(&args).await.map_err(|failure| failure as _),
            Bench::Million(args) => million::run(&args).await.map_err(|failure| failure as _),
            Bench::Collect(args) => collect::run(&args).await.map_err(|failure| failure as _),
            Bench::Team(args) => team::run(&args).await,
            Bench::Service(args) => service::run(&args).await.map_err(|failure| failure as _),
            Bench::Sandbox => devices::serve().await.map_err(|failure| failure as _),
            Bench::Send(args) => sender::run(&args).await,
            Bench::Tenants(_)
            | Bench::Throughput(_)
            | Bench::Trail(_)
            | Bench::Plain(_)
            | Bench::Serve(_) => Ok(()),
        }
    })
}
