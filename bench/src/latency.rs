//! How much of the rate budget the tool uses at a distance, with the concurrency that it finds, and whether a strict
//! server refuses anything, also while both cores are busy.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::process::{Child, Command};

use crate::limited_server::{self, Limit};
use crate::measure::figures;

/// Arguments of `latency`.
#[derive(Debug, Args)]
pub(crate) struct LatencyArgs {
    /// How long each run takes, besides the two seconds that are not counted
    #[arg(long, default_value_t = 15)]
    seconds: u64,
}

/// The first seconds, in which the tool finds out how far away the server is.
const BEGINNING: Duration = Duration::from_secs(2);

/// Runs all combinations, one after the other.
pub(crate) async fn run(args: &LatencyArgs) -> Result<(), Box<dyn std::error::Error>> {
    let mut table = Builder::default();
    table.push_record(["latency", "N", "cores", "used", "429", "most in a second"]);
    for busy in [false, true] {
        for rate in [100, 1000] {
            for delay in [20, 300, 1000] {
                let delay = Duration::from_millis(delay);
                let (address, seen) = limited_server::start(Limit::Bucket, rate, delay).await?;
                let load = if busy { Some(Load::start()?) } else { None };
                send(&format!("http://{address}/acme/chat"), rate, args.seconds + 3).await?;
                if let Some(load) = load {
                    load.stop().await?;
                }
                let arrivals = seen.arrivals();
                let all = figures(&arrivals, rate, args.seconds);
                let begin = arrivals.iter().map(|(time, _)| *time).min();
                let later: Vec<_> = arrivals
                    .into_iter()
                    .filter(|(time, _)| begin.is_some_and(|begin| *time >= begin + BEGINNING))
                    .collect();
                let used = figures(&later, rate, args.seconds).used;
                table.push_record([
                    format!("{} ms", delay.as_millis()),
                    rate.to_string(),
                    if busy { "busy" } else { "idle" }.into(),
                    format!("{:.1} %", used * 100.0),
                    all.refused.to_string(),
                    all.most.to_string(),
                ]);
            }
        }
    }
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

/// Lists the devices of more users than the time is enough for.
async fn send(root: &str, rate: u32, seconds: u64) -> Result<(), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    let users = (0..u64::from(rate) * (seconds + 5)).map(|number| format!("user{number:08}\n"));
    let list = home.path().join("users.txt");
    std::fs::write(&list, users.collect::<String>())?;
    let binary = std::env::current_exe()?.with_file_name("easemob-admin");
    let output = nicely(binary)
        .env_clear()
        .env("EASEMOB_CONFIG_DIR", home.path().join("config"))
        .env("EASEMOB_DATA_DIR", home.path().join("data"))
        .env("EASEMOB_APP_ROOT", root)
        .env("EASEMOB_TOKEN", "YWMtbenchbenchbench")
        .args(["devices", "list", "--read-every-user", "-o", "csv", "--from"])
        .arg(&list)
        .args(["--rate", &rate.to_string()])
        .args(["--max-duration", &format!("{seconds}s")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .await?;
    // The time is over before the list is.
    match output.status.code() {
        Some(10) => Ok(()),
        code => Err(format!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// Processes that compute all the time, one for each core, with the priority of the tool.
struct Load(Vec<Child>);

impl Load {
    fn start() -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let children = (0..cores).map(|_| {
            nicely("sh")
                .args(["-c", "while :; do :; done"])
                .kill_on_drop(true)
                .spawn()
        });
        children.collect::<Result<_, _>>().map(Self)
    }

    async fn stop(self) -> std::io::Result<()> {
        for mut child in self.0 {
            child.kill().await?;
        }
        Ok(())
    }
}

/// A program on a lower priority than the server, which stands for one on another machine.
fn nicely(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10"]).arg(program);
    command
}
