//! How fast many users are worked through, and at what cost: the tool against wrk, curl and plain reqwest.

pub(crate) mod plain;
pub(crate) mod server;
mod start;
pub(crate) mod ways;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use clap::Args;
use tabled::builder::Builder;
use tabled::settings::Style;

use self::ways::{Field, Sent, Way};

type Failure = Box<dyn std::error::Error>;

/// Arguments of `throughput`.
#[derive(Debug, Args)]
pub(crate) struct ThroughputArgs {
    /// How many rounds; the median of each figure counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many users are in the list
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// Work through a million users once, too, to see whether memory grows
    #[arg(long)]
    million: bool,
    /// How many connections each client uses
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long wrk sends in each round, in seconds
    #[arg(long, default_value_t = 3)]
    wrk_seconds: u64,
    /// How many times each program is started to measure the start
    #[arg(long, default_value_t = 100)]
    starts: usize,
    /// Measure only the ways whose name contains this, beside wrk
    #[arg(long, default_value = "")]
    only: String,
}

/// Runs all parts, each against a fresh server.
pub(crate) fn run(args: &ThroughputArgs) -> Result<(), Failure> {
    if Command::new("wrk").arg("--version").output().is_err() {
        return Err("wrk is needed as the ceiling of all ratios, and cannot be started".into());
    }
    let ways = [
        Way::Wrk,
        Way::Plain,
        Way::PlainOneThread,
        Way::List,
        Way::Logout,
        Way::Curl(64),
        Way::Curl(300),
    ];
    let part = Part {
        users: args.users,
        rounds: args.rounds,
        connections: args.connections,
        concurrency: args.connections.to_string(),
        delay_ms: 0,
    };
    println!("{} users, {} rounds\n", part.users, part.rounds);
    part.run(args, &ways)?;
    println!("every answer held back for {DELAY_MS} ms, {HIGHEST} connections\n");
    let slow = Part {
        connections: HIGHEST,
        concurrency: "auto".into(),
        delay_ms: DELAY_MS,
        ..part.clone()
    };
    slow.run(args, &[Way::Wrk, Way::Plain, Way::List])?;
    if args.million {
        println!("1000000 users, once\n");
        let long = Part {
            users: 1_000_000,
            rounds: 1,
            ..part
        };
        long.run(args, &[Way::Wrk, Way::List, Way::Logout])?;
    }
    start::run(args.starts)
}

/// How long answers are held back where the concurrency is found by the tool.
const DELAY_MS: u64 = 20;

/// The highest level that `--concurrency auto` reaches.
const HIGHEST: usize = 256;

/// One table.
#[derive(Debug, Clone)]
struct Part {
    users: u64,
    rounds: usize,
    connections: usize,
    concurrency: String,
    delay_ms: u64,
}

impl Part {
    fn run(&self, args: &ThroughputArgs, ways: &[Way]) -> Result<(), Failure> {
        let server = Server::start(self.delay_ms)?;
        let home = tempfile::tempdir()?;
        let field = Field {
            root: server.root.clone(),
            home: home.path().to_owned(),
            users: self.users,
            connections: self.connections,
            concurrency: self.concurrency.clone(),
            wrk_seconds: args.wrk_seconds,
            curl_urls: 10_000,
        };
        field.prepare()?;
        let name = |way: Way| way.name(&field.concurrency);
        let chosen = |way: &Way| *way == Way::Wrk || name(*way).contains(&args.only);
        let ways: Vec<Way> = ways.iter().copied().filter(chosen).collect();
        let mut sent: Vec<Vec<Sent>> = vec![Vec::new(); ways.len()];
        // In turn, so that all meet the same disturbances.
        for _ in 0..self.rounds {
            for (way, sent) in ways.iter().zip(&mut sent) {
                sent.push(field.send(*way)?);
            }
        }
        let figures: Vec<Figures> = sent.iter().map(|sent| Figures::median_of(sent)).collect();
        let plain = ways.iter().position(|way| *way == Way::Plain);
        let mut table = Builder::default();
        table.push_record([
            "way",
            "requests/s",
            "of wrk",
            "CPU s per 100k",
            "of plain reqwest",
            "peak MiB",
        ]);
        for (way, own) in ways.iter().zip(&figures) {
            table.push_record([
                name(*way),
                format!("{:.0}", own.rate),
                format!("{:.2}", own.rate / figures[0].rate),
                format!("{:.2}", own.cpu),
                plain.map_or_else(String::new, |plain| {
                    format!("{:.2}", own.cpu / figures[plain].cpu)
                }),
                format!("{:.1}", own.peak),
            ]);
        }
        println!("{}\n", table.build().with(Style::markdown()));
        Ok(())
    }
}

/// What a way came to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Figures {
    /// Requests a second.
    rate: f64,
    /// CPU seconds per 100,000 requests.
    cpu: f64,
    /// Peak memory in MiB.
    peak: f64,
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn of(sent: &Sent) -> Self {
        let requests = sent.requests as f64;
        Self {
            rate: requests / sent.cost.wall.as_secs_f64(),
            cpu: sent.cost.cpu.as_secs_f64() / requests * 100_000.0,
            peak: sent.cost.peak as f64 / (1024.0 * 1024.0),
        }
    }

    fn median_of(sent: &[Sent]) -> Self {
        let all: Vec<Self> = sent.iter().map(Self::of).collect();
        let middle = |figure: fn(&Self) -> f64| median(all.iter().map(figure).collect());
        Self {
            rate: middle(|own| own.rate),
            cpu: middle(|own| own.cpu),
            peak: middle(|own| own.peak),
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The reference server in a process of its own, which ends with this value.
pub(crate) struct Server {
    process: Child,
    /// `http://…/acme/chat`.
    pub(crate) root: String,
}

impl Server {
    /// Starts one that holds each answer back for so long.
    pub(crate) fn start(delay_ms: u64) -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--delay-ms", &delay_ms.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut address)?;
        }
        let root = format!("http://{}/acme/chat", address.trim());
        Ok(Self { process, root })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a server that has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::child::Cost;

    #[test]
    fn figures_are_medians_per_request() {
        let sent = |seconds| Sent {
            requests: 50_000,
            cost: Cost {
                wall: Duration::from_secs(seconds),
                cpu: Duration::from_secs(1),
                peak: 2 * 1024 * 1024,
                output: String::new(),
            },
        };
        let figures = Figures::median_of(&[sent(9), sent(1), sent(2)]);
        assert_eq!(
            figures,
            Figures {
                rate: 25_000.0,
                cpu: 2.0,
                peak: 2.0
            }
        );
    }
}
