//! What a service costs that works on a run while people read its records and follow its events.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_sandbox::{Rates, Sandbox};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const KEY: &str = "ea_bench_0123456789abcdef0123456789abcdef";

const APP: &str = "/v1/apps/default";

/// No reader of events that takes nothing may stay longer than this.
const DROPPED_WITHIN: Duration = Duration::from_mins(3);

/// Arguments of the benchmark of the service.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The program that serves; the one beside this one, unless given
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The database of the records; files, unless given
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// How many users a second the run signs out
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// How many records a second are read
    #[arg(long, default_value_t = 200)]
    reads: u32,
    /// How many clients follow the events
    #[arg(long, default_value_t = 100)]
    watchers: usize,
    /// For how many seconds each part is measured
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// Runs the benchmark.
pub(crate) async fn run(args: &ServiceArgs) -> Result<(), Failure> {
    let users = args.rate * args.seconds * 8;
    let sandbox = Sandbox::builder().rates(Rates::unlimited()).start().await?;
    for number in 0..users {
        let user = format!("user{number:06}");
        sandbox.register(&user);
        sandbox.sign_in_as(&user, "ios_1")?;
    }
    let home = tempfile::tempdir()?;
    let service = Service::start(args, &sandbox, home.path()).await?;
    let mut figures = vec![("memory without work", megabytes(service.memory("VmRSS")?))];
    let run = service.begin(users).await?;

    let (alone, ()) = service.cost_of(sleep(args.lasting())).await?;
    figures.push(("core for the run alone", percent(alone)));
    let (reading, times) = service.cost_of(service.read(args, &run)).await?;
    let mut times = times?;
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 1000).min(times.len() - 1)];
    figures.push((
        "records read",
        format!("{}, {} a second", times.len(), args.reads),
    ));
    for (name, part) in [("time to read, p50", 500), ("p99", 990), ("longest", 1000)] {
        figures.push((name, format!("{:.1} ms", at(part).as_secs_f64() * 1000.0)));
    }
    figures.push(("core for the reads", percent(reading - alone)));

    let heard = Arc::new(AtomicU64::new(0));
    let mut watchers = JoinSet::new();
    for _ in 0..args.watchers {
        let (stream, heard) = (service.follow(None).await?, Arc::clone(&heard));
        watchers.spawn(async move { count(stream, &heard).await });
    }
    let before = heard.load(Ordering::Relaxed);
    let (watching, ()) = service.cost_of(sleep(args.lasting())).await?;
    let events = heard.load(Ordering::Relaxed) - before;
    figures.push((
        "events heard, by all who follow",
        format!("{} by {}", events, args.watchers),
    ));
    figures.push(("core for those who follow", percent(watching - alone)));
    watchers.shutdown().await;
    figures.push(("memory at most", megabytes(service.memory("VmHWM")?)));

    figures.push(("a reader that takes nothing", service.drop_slow_reader().await?));
    figures.push(("memory at the end", megabytes(service.memory("VmRSS")?)));
    let mut table = Builder::default();
    table.push_record(["what", "figure"]);
    for (what, figure) in figures {
        table.push_record([what.to_owned(), figure]);
    }
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

impl ServiceArgs {
    fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn megabytes(kilobytes: u64) -> String {
    format!("{} MiB", kilobytes / 1024)
}

/// A service that runs.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    async fn start(args: &ServiceArgs, sandbox: &Sandbox, home: &Path) -> Result<Self, Failure> {
        let beside = || std::env::current_exe().map(|this| this.with_file_name("easemob-admin"));
        let program = args.program.clone().map_or_else(beside, Ok)?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command
                .args(arguments)
                .env_clear()
                .env("HOME", home)
                .env("EASEMOB_DATA_DIR", home.join("data"))
                .env("EASEMOB_CONFIG_DIR", home.join("config"))
                .env("EASEMOB_APP_ROOT", sandbox.app_root())
                .env("EASEMOB_CLIENT_ID", sandbox.client_id())
                .env("EASEMOB_CLIENT_SECRET", sandbox.client_secret())
                .env("EASEMOB_FIRST_KEY", KEY)
                .stderr(Stdio::null())
                .kill_on_drop(true);
            if let Some(store) = &args.store {
                command.env("EASEMOB_STORE", store);
            }
            command
        };
        if args.store.is_some() && !command(&["store", "init"]).status().await?.success() {
            return Err("the tables cannot be made in the database".into());
        }
        let rate = args.rate.to_string();
        let mut process = command(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--key-rate",
            "0",
            "--rate",
            &rate,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}; build it first", program.display()))?;
        let stdout = process.stdout.take().ok_or("the service has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        let ready: Value = serde_json::from_str(&line)?;
        let url = ready["url"].as_str().ok_or("no address")?;
        Ok(Self {
            process,
            address: url.trim_start_matches("http://").to_owned(),
        })
    }

    /// Returns a figure of the memory, in KiB.
    fn memory(&self, name: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let mut lines = status.lines().filter_map(|line| line.strip_prefix(name));
        let line = lines.next().ok_or("no such figure")?;
        let figure = line.split_whitespace().nth(1).ok_or("no figure")?;
        Ok(figure.parse()?)
    }

    fn id(&self) -> Result<u32, Failure> {
        self.process.id().ok_or_else(|| "the service has ended".into())
    }

    /// Returns how many hundredths of a second it has worked.
    fn worked(&self) -> Result<u64, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()?))?;
        // After the name, which may have blanks.
        let (_, fields) = stat.rsplit_once(") ").ok_or("no fields")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        Ok(ticks.sum::<Result<u64, _>>()?)
    }

    /// Returns how much of a core it uses during some work, and what that brings.
    async fn cost_of<T>(&self, work: impl Future<Output = T>) -> Result<(f64, T), Failure> {
        let (before, began) = (self.worked()?, Instant::now());
        let brought = work.await;
        let hundredths = u32::try_from(self.worked()? - before)?;
        let cost = f64::from(hundredths) / 100.0 / began.elapsed().as_secs_f64();
        Ok((cost, brought))
    }

    /// Begins to sign everybody out, and returns the id of the run.
    async fn begin(&self, users: u32) -> Result<String, Failure> {
        let action = json!({"kind": "logout", "selection": {}});
        let mut body = json!({"action": action, "reason": "bench", "reading": {"when": "never"}}).to_string();
        for number in 0..users {
            write!(body, "\n\"user{number:06}\"")?;
        }
        let client = reqwest::Client::new();
        let made = client
            .post(format!("http://{}{APP}/runs", self.address))
            .bearer_auth(KEY)
            .header("content-type", "application/x-ndjson")
            .body(body)
            .send()
            .await?;
        let made: Value = serde_json::from_str(&made.text().await?)?;
        Ok(made["id"].as_str().ok_or_else(|| made.to_string())?.to_owned())
    }

    /// Reads records on a schedule, and returns how long after its time each answer was there.
    async fn read(&self, args: &ServiceArgs, run: &str) -> Result<Vec<Duration>, Failure> {
        let client = reqwest::Client::new();
        let paths = [
            format!("{APP}/runs?limit=20"),
            format!("{APP}/runs/{run}"),
            format!("{APP}/audit?limit=20&order=newest"),
            format!("{APP}/locks?limit=20"),
            format!("{APP}/audit?limit=20&user=user000001"),
        ];
        let began = Instant::now();
        let reads = (0..args.reads * args.seconds).map(|number| {
            let due = began + Duration::from_secs(1) * number / args.reads;
            let path = &paths[number as usize % paths.len()];
            let request = client
                .get(format!("http://{}{path}", self.address))
                .bearer_auth(KEY);
            async move {
                sleep_until(due.into()).await;
                let answer = request.send().await?.error_for_status()?;
                answer.bytes().await?;
                Ok::<_, Failure>(due.elapsed())
            }
        });
        join_all(reads).await.into_iter().collect()
    }

    /// Begins to follow the events, from after one of them, with a window that holds little.
    async fn follow(&self, last: Option<u64>) -> Result<TcpStream, Failure> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(64 * 1024)?;
        let mut stream = socket.connect(self.address.parse()?).await?;
        let last = last
            .map(|last| format!("last-event-id: {last}\r\n"))
            .unwrap_or_default();
        let head =
            format!("GET {APP}/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\n{last}\r\n");
        stream.write_all(head.as_bytes()).await?;
        Ok(stream)
    }

    /// Lets a reader take nothing until it is dropped, and reads on from where it was.
    async fn drop_slow_reader(&self) -> Result<String, Failure> {
        let mut slow = self.follow(Some(0)).await?;
        let began = Instant::now();
        // Nothing is read: that the service gave it up shows on its side of the connection.
        let port = slow.local_addr()?.port();
        while is_established(port)? {
            if began.elapsed() > DROPPED_WITHIN {
                return Err("a reader that takes nothing is not dropped".into());
            }
            sleep(Duration::from_millis(500)).await;
        }
        let dropped = began.elapsed();
        let mut taken = Vec::new();
        // The connection was reset, or ended.
        let _ = timeout(Duration::from_secs(10), slow.read_to_end(&mut taken)).await;
        let taken = String::from_utf8_lossy(&taken);
        let ids = |text: &str| -> Vec<u64> {
            let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
            ids.filter_map(|id| id.trim().parse().ok()).collect()
        };
        let Some(last) = ids(&taken).last().copied() else {
            return Ok(format!("dropped after {:.0} s", dropped.as_secs_f64()));
        };
        let mut again = self.follow(Some(last)).await?;
        let mut piece = vec![0; 64 * 1024];
        let mut text = String::new();
        while !ids(&text).iter().any(|id| *id > last) {
            let read = timeout(Duration::from_secs(30), again.read(&mut piece)).await??;
            if read == 0 {
                return Err("the events do not go on".into());
            }
            text.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        let next = ids(&text).into_iter().find(|id| *id > last);
        if next != Some(last + 1) {
            return Err(format!("after event {last} came {next:?}").into());
        }
        Ok(format!(
            "dropped after {:.0} s, {last} events taken, and none missed afterwards",
            dropped.as_secs_f64()
        ))
    }
}

/// Returns true if the other side of a connection of this machine is open.
fn is_established(port: u16) -> Result<bool, Failure> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let to = format!(":{port:04X}");
    let established = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(2).is_some_and(|remote| remote.ends_with(&to)) && fields.get(3) == Some(&"01")
    };
    Ok(table.lines().any(established))
}

/// Counts the events of a stream.
async fn count(stream: TcpStream, heard: &AtomicU64) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("data: ") {
            heard.fetch_add(1, Ordering::Relaxed);
        }
    }
}
