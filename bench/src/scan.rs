//! What a scan of many users costs: calls, time, and memory.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Arguments of the benchmark of scans.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// How many users the app has; every twentieth is online on two devices
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// The rate of the tool: a number, or `unlimited`
    #[arg(long, default_value = "unlimited")]
    rate: String,
}

/// A server with numbered users, which answers without looking anything up.
#[derive(Debug, Default)]
struct Scripted {
    users: u64,
    pages: AtomicU64,
    statuses: AtomicU64,
    devices: AtomicU64,
}

#[derive(Deserialize)]
struct Page {
    limit: u64,
    #[serde(default)]
    cursor: Option<u64>,
}

async fn list(State(server): State<Arc<Scripted>>, Query(page): Query<Page>) -> Json<Value> {
    server.pages.fetch_add(1, Ordering::Relaxed);
    let first = page.cursor.unwrap_or(0);
    let last = (first + page.limit).min(server.users);
    let entities: Vec<Value> = (first..last)
        .map(|user| json!({"username": format!("user{user:07}"), "activated": true}))
        .collect();
    let mut answer = json!({"entities": entities, "count": last - first});
    if last < server.users {
        answer["cursor"] = json!(last.to_string());
    }
    Json(answer)
}

fn is_online(user: &str) -> bool {
    user.trim_start_matches("user")
        .parse::<u64>()
        .is_ok_and(|number| number.is_multiple_of(20))
}

#[derive(Deserialize)]
struct Names {
    usernames: Vec<String>,
}

async fn status(State(server): State<Arc<Scripted>>, Json(names): Json<Names>) -> Json<Value> {
    server.statuses.fetch_add(1, Ordering::Relaxed);
    let data: Vec<Value> = names
        .usernames
        .iter()
        .map(|user| json!({user: if is_online(user) { "online" } else { "offline" }}))
        .collect();
    Json(json!({"data": data}))
}

async fn resources(State(server): State<Arc<Scripted>>, Path(user): Path<String>) -> Json<Value> {
    server.devices.fetch_add(1, Ordering::Relaxed);
    let device = |platform: &str| json!({"res": format!("{platform}_{user}"), "device_uuid": user, "device_name": platform});
    Json(json!({"data": [device("ios"), device("android")]}))
}

async fn serve(users: u64) -> Result<(SocketAddr, Arc<Scripted>), Failure> {
    let server = Arc::new(Scripted {
        users,
        ..Scripted::default()
    });
    let routes = Router::new()
        .route("/o/a/users", get(list))
        .route("/o/a/users/batch/status", post(status))
        .route("/o/a/users/{user}/resources", get(resources))
        .with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((address, server))
}

/// Runs the benchmark with the release build of the tool.
pub(crate) async fn run(args: &ScanArgs) -> Result<(), Failure> {
    let (address, server) = serve(args.users).await?;
    let tool = std::env::current_exe()?.with_file_name("easemob-admin");
    let home = tempfile::tempdir()?;
    let started = Instant::now();
    let mut child = Command::new(&tool)
        .args([
            "logins",
            "scan",
            "--no-progress",
            "-o",
            "json",
            "--concurrency",
            "32",
        ])
        .args([
            "--rate",
            &args.rate,
            "--app-root",
            &format!("http://{address}/o/a"),
        ])
        .env("EASEMOB_TOKEN", "YWMtbench")
        .env("EASEMOB_DATA_DIR", home.path().join("data"))
        .env("EASEMOB_CONFIG_DIR", home.path().join("config"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{}: {error}; build it first", tool.display()))?;
    let id = child.id().ok_or("the tool has ended")?;
    let mut peak = 0;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            () = tokio::time::sleep(std::time::Duration::from_millis(100)) => {
                peak = peak.max(memory(id).unwrap_or(0));
            }
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("the scan ended with {status}").into());
    }
    let calls = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (pages, statuses, devices) = (
        calls(&server.pages),
        calls(&server.statuses),
        calls(&server.devices),
    );
    let online = args.users.div_ceil(20);
    let allowed = args.users.div_ceil(100) + online + pages;
    let all = pages + statuses + devices;
    let mut table = Builder::default();
    table.push_record(["what", "figure"]);
    for (what, figure) in [
        ("users, of whom online", format!("{}, {online}", args.users)),
        (
            "pages + statuses + device lists",
            format!("{pages} + {statuses} + {devices} = {all}"),
        ),
        ("allowed: users/100 + online + pages", allowed.to_string()),
        ("seconds", format!("{seconds:.1}")),
        ("requests a second", format!("{:.0}", to_float(all) / seconds)),
        ("peak memory of the tool", format!("{} MiB", peak / 1024)),
    ] {
        table.push_record([what.to_owned(), figure]);
    }
    println!("{}", table.build().with(Style::markdown()));
    if all > allowed {
        return Err("more calls than allowed".into());
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn to_float(count: u64) -> f64 {
    count as f64
}

/// The peak of the memory of a process so far, in KiB.
fn memory(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
