//! How many posts a second a collector takes, each on disk before it is acknowledged.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Arguments of the benchmark of the collector.
#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    /// How many posts a second are tried
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// For how many seconds
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Over how many connections
    #[arg(long, default_value_t = 64)]
    connections: u64,
}

/// Runs the benchmark with the release build of the tool.
pub(crate) async fn run(args: &CollectArgs) -> Result<(), Failure> {
    let tool = std::env::current_exe()?.with_file_name("easemob-admin");
    let home = tempfile::tempdir()?;
    let command = || {
        let mut command = Command::new(&tool);
        command
            .args(["--app-root", "http://127.0.0.1:1/o/a"])
            .env("EASEMOB_DATA_DIR", home.path().join("data"))
            .env("EASEMOB_CONFIG_DIR", home.path().join("config"))
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    };
    let mut child = command()
        .args(["logins", "collect", "--listen", "127.0.0.1:0", "--unsigned"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}; build it first", tool.display()))?;
    let stdout = child.stdout.take().ok_or("the collector has no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    let ready: Value = serde_json::from_str(&line)?;
    let url = ready["url"].as_str().ok_or("no address")?;
    let address: Arc<str> = url.trim_start_matches("http://").trim_end_matches('/').into();

    let kept = Arc::new(AtomicU64::new(0));
    let (started, total) = (Instant::now(), args.rate * args.seconds);
    let mut senders = JoinSet::new();
    for connection in 0..args.connections {
        let (address, kept) = (Arc::clone(&address), Arc::clone(&kept));
        let numbers = (connection..total).step_by(usize::try_from(args.connections)?);
        let rate = args.rate;
        senders.spawn(async move { send(&address, numbers, rate, started, &kept).await });
    }
    let mut late = Duration::ZERO;
    while let Some(sent) = senders.join_next().await {
        late = late.max(sent??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let kept = kept.load(Ordering::Relaxed);
    child.kill().await?;

    let counted = command()
        .args(["logins", "top", "--by", "sign-ins", "--limit", "10", "-o", "json"])
        .output()
        .await?;
    let counted: Value = serde_json::from_slice(&counted.stdout)?;
    let on_disk: u64 = counted["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["count"].as_u64())
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let reached = kept as f64 / seconds;
    let mut table = Builder::default();
    table.push_record(["what", "figure"]);
    for (what, figure) in [
        ("posts tried", format!("{total}, {} a second", args.rate)),
        ("acknowledged", format!("{kept}, {reached:.0} a second")),
        ("on disk after kill -9", on_disk.to_string()),
        (
            "longest time behind the schedule",
            format!("{:.2} s", late.as_secs_f64()),
        ),
    ] {
        table.push_record([what.to_owned(), figure]);
    }
    println!("{}", table.build().with(Style::markdown()));
    if on_disk < kept {
        return Err("an acknowledged event was lost".into());
    }
    Ok(())
}

/// Posts events on their schedule, and returns how late the latest was.
async fn send(
    address: &str,
    numbers: impl Iterator<Item = u64>,
    rate: u64,
    started: Instant,
    kept: &AtomicU64,
) -> Result<Duration, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut late = Duration::ZERO;
    for number in numbers {
        let due = started + Duration::from_micros(number * 1_000_000 / rate);
        tokio::time::sleep_until(due.into()).await;
        late = late.max(due.elapsed());
        // Ten users, so that all of them can be counted afterwards.
        let body = json!({
            "callId": format!("o#a_{number}"), "security": "", "reason": "login", "status": "online", "os": "ios",
            "appkey": "o#a", "user": format!("o#a_user{}@easemob.com/ios_{number}", number % 10),
            "timestamp": 1_712_000_000_000 + number, "version": "4.1.0",
        })
        .to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(request.as_bytes()).await?;
        if answer(&mut stream).await? == 200 {
            kept.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(late)
}

async fn answer(stream: &mut BufReader<TcpStream>) -> Result<u16, Failure> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(status)
}
