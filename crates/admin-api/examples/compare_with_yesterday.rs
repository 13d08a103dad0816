//! Counts devices by platform, keeps the counts as CSV and as a page, and compares them with those of the day before.
//!
//! `cargo run -p easemob-admin-api --example compare_with_yesterday` tries it on a local sandbox, with two days one after
//! the other. The exit code is 11 if there are more than a fifth more devices than the day before.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;

use easemob_admin_api::{AppRoot, Client, Credentials, OnlineStatus, RateLimit, UserQuery};
use easemob_admin_sandbox::{Rates, Sandbox, Seed};
use futures_util::{StreamExt as _, TryStreamExt as _};

/// More than so many percent more are too many.
const GROWTH: u64 = 20;

type Counts = BTreeMap<String, u64>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder()
        .seed(Seed::demo())
        .rates(Rates::unlimited())
        .start()
        .await?;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        // The sandbox here has no limit; a real server has one of 100 a second, which is the default.
        .rate(RateLimit::unlimited())
        .build()?;
    let folder = tempfile::tempdir()?;
    keep(folder.path(), "yesterday", &count(&client).await?)?;
    for number in 0..50 {
        let user = format!("newcomer{number}");
        sandbox.register(&user);
        sandbox.sign_in(&user, "harmony")?;
    }
    // Nothing keeps a client from a platform of its own making.
    sandbox.sign_in_as("newcomer0", "=1+1,\"<script>_1")?;
    keep(folder.path(), "today", &count(&client).await?)?;

    let (before, after) = (read(folder.path(), "yesterday")?, read(folder.path(), "today")?);
    let sum = |counts: &Counts| counts.values().sum::<u64>();
    println!("yesterday {} devices, today {}", sum(&before), sum(&after));
    for (platform, devices) in &after {
        let then = before.get(platform).copied().unwrap_or(0);
        if then != *devices {
            println!("  {}: {then}, then {devices}", platform.escape_debug());
        }
    }
    if sum(&after) * 100 > sum(&before) * (100 + GROWTH) {
        println!("more than {GROWTH} % more: somebody has to look");
        return Ok(ExitCode::from(11));
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts the devices of everybody who is online: a hundred statuses cost one call.
async fn count(client: &Client) -> Result<Counts, Box<dyn std::error::Error>> {
    let mut counts = Counts::new();
    let users = client.list_users(UserQuery::new());
    let mut users = pin!(users.map_ok(|user| user.username).try_chunks(100));
    while let Some(hundred) = users.next().await {
        let statuses = client.status_batch(&hundred?).await?;
        let online: Vec<_> = statuses
            .into_iter()
            // Whoever is not said to be offline is asked.
            .filter(|(_, status)| *status != OnlineStatus::Offline)
            .map(|(user, _)| user)
            .collect();
        let mut lists = futures_util::stream::iter(&online)
            .map(|user| client.list_devices(user))
            .buffer_unordered(16);
        while let Some(devices) = lists.try_next().await? {
            for device in devices {
                *counts.entry(device.platform().to_string()).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// Writes counts as CSV for programs, and as a page for people.
///
/// A platform is named by its devices, and a device may call itself whatever it likes: neither file takes a name for a
/// part of itself.
fn keep(folder: &Path, day: &str, counts: &Counts) -> std::io::Result<()> {
    let (mut csv, mut rows) = ("platform,devices\n".to_owned(), String::new());
    for (platform, devices) in counts {
        // Writing into a text cannot fail.
        let _ = writeln!(csv, "{},{devices}", in_csv(platform));
        let _ = write!(rows, "<tr><td>{}</td><td>{devices}</td></tr>", in_html(platform));
    }
    fs::write(folder.join(format!("{day}.csv")), csv)?;
    let page =
        format!("<!doctype html><meta charset=utf-8><title>Devices, {day}</title><table>{rows}</table>");
    fs::write(folder.join(format!("{day}.html")), page)
}

/// Keeps a text in its cell: quoted, without line breaks, and never a formula to a spreadsheet.
fn in_csv(text: &str) -> String {
    let line = text.replace(char::is_control, " ").replace('"', "\"\"");
    let harmless = if line.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    format!("\"{harmless}{line}\"")
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn read(folder: &Path, day: &str) -> Result<Counts, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(folder.join(format!("{day}.csv")))?;
    let mut counts = Counts::new();
    for line in text.lines().skip(1) {
        let (platform, devices) = line.rsplit_once(',').ok_or("a line without a comma")?;
        let quoted = platform.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let platform = quoted.ok_or("a platform without quotes")?.replace("\"\"", "\"");
        counts.insert(platform, devices.parse()?);
    }
    Ok(counts)
}
