//! What many users cost of whom few are online: calls, time, CPU and memory of a scan, a list and a logout.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::{delete, get, post};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;

use crate::child::{Cost, Output, run as run_child};
use crate::throughput::ways::tool;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Arguments of the benchmark.
#[derive(Debug, Args)]
pub(crate) struct MillionArgs {
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
    logouts: AtomicU64,
}

impl Scripted {
    /// Returns pages, statuses, device lists and logouts since the last call.
    fn take(&self) -> [u64; 4] {
        [&self.pages, &self.statuses, &self.devices, &self.logouts]
            .map(|count| count.swap(0, Ordering::Relaxed))
    }
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
    let devices = if is_online(&user) {
        vec![device("ios"), device("android")]
    } else {
        Vec::new()
    };
    Json(json!({"data": devices}))
}

async fn token() -> Json<Value> {
    Json(json!({"access_token": "YWMtbench", "expires_in": 5_184_000}))
}

async fn serve(users: u64) -> Result<(SocketAddr, Arc<Scripted>), Failure> {
    let server = Arc::new(Scripted {
        users,
        ..Scripted::default()
    });
    let routes = Router::new()
        .route("/o/a/users", get(list))
        .route("/o/a/users/batch/status", post(status))
        .route("/o/a/token", post(token))
        .route("/o/a/users/{user}/resources", get(resources))
        .route("/o/a/users/{user}/disconnect", get(logout))
        .route("/o/a/users/{user}/disconnect/{device}", delete(logout))
        .with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((address, server))
}

async fn logout(State(server): State<Arc<Scripted>>) -> Json<Value> {
    server.logouts.fetch_add(1, Ordering::Relaxed);
    Json(json!({"data": {"result": true}}))
}

/// Runs the benchmark with the release build of the tool.
pub(crate) async fn run(args: &MillionArgs) -> Result<(), Failure> {
    let (address, server) = serve(args.users).await?;
    let home = tempfile::tempdir()?;
    let list = home.path().join("users.txt");
    write_list(&list, args.users)?;
    let online = args.users.div_ceil(20);
    let looked = args.users.div_ceil(100) + (args.users - online).div_ceil(200);
    let read = looked + online;
    let pages = args.users.div_ceil(100);
    let mut table = Builder::default();
    table.push_record([
        "command",
        "pages",
        "statuses",
        "device lists",
        "logouts",
        "calls",
        "allowed",
        "at 100/s",
        "seconds",
        "CPU s",
        "peak MiB",
    ]);
    let logout = ["sessions", "logout", "--reason", "benchmark", "--yes"];
    let unread = [&logout[..], &["--unread"]].concat();
    for (name, words, allowed) in [
        ("logins scan", &["logins", "scan"][..], pages + read),
        ("devices list", &["devices", "list"], read),
        ("sessions logout", &logout, read + online),
        ("sessions logout --unread", &unread, looked + online),
    ] {
        let cost = work(words, &args.rate, address, home.path(), &list).await?;
        let parts = server.take();
        let calls: u64 = parts.iter().sum();
        if calls > allowed {
            return Err(format!("{name}: {calls} calls, but {allowed} are allowed").into());
        }
        let mut row = vec![name.to_owned()];
        row.extend(parts.map(|part| part.to_string()));
        row.extend([
            calls.to_string(),
            allowed.to_string(),
            format!("{} min", calls.div_ceil(6_000)),
            format!("{:.1}", cost.wall.as_secs_f64()),
            format!("{:.1}", cost.cpu.as_secs_f64()),
            format!("{}", cost.peak / 1024 / 1024),
        ]);
        table.push_record(row);
    }
    println!(
        "{} users, of whom {online} are online on two devices\n",
        args.users
    );
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

fn write_list(path: &FilePath, users: u64) -> Result<(), Failure> {
    let mut list = BufWriter::new(File::create(path)?);
    for user in 0..users {
        writeln!(list, "user{user:07}")?;
    }
    Ok(list.flush()?)
}

/// Runs one command to its end.
async fn work(
    words: &[&str],
    rate: &str,
    address: SocketAddr,
    home: &FilePath,
    list: &FilePath,
) -> Result<Cost, Failure> {
    let mut command = tool(home, &format!("http://{address}/o/a")).map_err(|error| error.to_string())?;
    command.args(words).args([
        "--no-progress",
        "-o",
        "csv",
        "--concurrency",
        "32",
        "--rate",
        rate,
    ]);
    if words != ["logins", "scan"] {
        command.arg("--from").arg(list);
    }
    let rows = home.join("rows.csv");
    Ok(tokio::task::spawn_blocking(move || run_child(&mut command, Output::File(&rows))).await??)
}
