//! What it costs to search and to verify a large trail.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use clap::Args;
use easemob_admin_audit::{
    Against, AuditError, AuditTrail, Entries, Event, EventTime, Filter, Kind, Outcome, RunContext, Search,
    verify,
};
use tabled::builder::Builder;
use tabled::settings::Style;

use crate::throughput::ways::user;

type Failure = Box<dyn std::error::Error>;

/// How many entries a run has, and how many are written at a time.
const RUN: u64 = 100_000;
const BLOCK: usize = 1_000;

/// Arguments of `trail`.
#[derive(Debug, Args)]
pub(crate) struct TrailArgs {
    /// How many entries the trail has; a million need about 270 MB on disk
    #[arg(long, default_value_t = 10_000_000)]
    entries: u64,
    /// The directory in which to write the trail; by default that of temporary files
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes a trail and reads it in several ways.
pub(crate) fn run(args: &TrailArgs) -> Result<(), Failure> {
    let home = match &args.dir {
        Some(directory) => tempfile::tempdir_in(directory)?,
        None => tempfile::tempdir()?,
    };
    let directory = home.path().join("trail");
    let size = write(&directory, args.entries)?;
    let of_user = Filter {
        user: Some(user(size / 4)),
        ..Filter::default()
    };
    let recent = Filter {
        since: Some(time(size - size / 100)),
        ..Filter::default()
    };
    let mut table = Builder::default();
    table.push_record([
        "what",
        "found",
        "MB read",
        "seconds",
        "of reading all",
        "peak MiB",
    ]);
    let mut all = None;
    let mut row = |what: &str, act: &mut dyn FnMut() -> Result<(u64, Option<u64>), AuditError>| {
        reset_peak();
        let started = Instant::now();
        let (found, bytes) = act()?;
        let seconds = started.elapsed().as_secs_f64();
        let all = *all.get_or_insert(seconds);
        table.push_record([
            what.to_owned(),
            found.to_string(),
            bytes.map_or_else(String::new, |bytes| (bytes / 1_000_000).to_string()),
            format!("{seconds:.2}"),
            format!("{:.4}", seconds / all),
            peak().map_or_else(String::new, |kib| (kib / 1024).to_string()),
        ]);
        Ok::<(), AuditError>(())
    };
    row("one user, reading all", &mut || read_all(&directory, &of_user))?;
    row("one user, making the indexes", &mut || {
        search(&directory, &of_user, None)
    })?;
    row("one user", &mut || search(&directory, &of_user, None))?;
    row("the newest entry of one user", &mut || {
        search(&directory, &of_user, Some(1))
    })?;
    row("the newest 20 entries", &mut || {
        search(&directory, &Filter::default(), Some(20))
    })?;
    row("the newest 1 % by time", &mut || {
        search(&directory, &recent, None)
    })?;
    row("verify", &mut || {
        let found = verify(&directory, &Against::default())?;
        assert!(found.holds(), "{:?}", found.problems);
        Ok((found.size, None))
    })?;
    println!("{size} entries\n{}", table.build().with(Style::markdown()));
    Ok(())
}

/// Writes runs on many users, each with an intent and an outcome, and returns the number of entries.
fn write(directory: &Path, entries: u64) -> Result<u64, AuditError> {
    let mut trail = AuditTrail::open(directory, "bench")?;
    for first in (0..entries).step_by(BLOCK) {
        let mut events = Vec::new();
        let event = |kind| {
            let mut event = Event::new(time(first), kind);
            event.run = Some(format!("20260101-{:06}-abcdef", first / RUN));
            event
        };
        if first.is_multiple_of(RUN) {
            let mut started = event(Kind::RunStarted);
            started.reason = Some("leak".to_owned());
            events.push(started);
        }
        for number in (first..first + BLOCK as u64).step_by(2) {
            let mut event = event(Kind::Intent);
            event.user = Some(user(number / 2));
            event.line = Some(number);
            event.call = Some("disconnect".to_owned());
            event.devices = vec![format!("android_{number:016x}")];
            events.push(event.clone());
            event.kind = Kind::Outcome;
            event.outcome = Some(Outcome::Ended);
            event.status = Some(200);
            events.push(event);
        }
        trail.append_buffered(&events)?;
    }
    trail.checkpoint(UNIX_EPOCH + Duration::from_secs(2_000_000_000))?;
    Ok(trail.size())
}

/// The time of an entry: 200 a second.
fn time(entry: u64) -> EventTime {
    (UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(5 * entry)).into()
}

fn read_all(directory: &Path, filter: &Filter) -> Result<(u64, Option<u64>), AuditError> {
    let mut runs = RunContext::default();
    let mut found = 0;
    for entry in Entries::open(directory)? {
        let mut event = entry?.event;
        runs.fill(&mut event);
        found += u64::from(filter.matches(&event));
    }
    Ok((found, None))
}

fn search(directory: &Path, filter: &Filter, newest: Option<u64>) -> Result<(u64, Option<u64>), AuditError> {
    let mut search = Search::open(directory, filter.clone())?;
    if let Some(most) = newest {
        search = search.newest(most)?;
    }
    let mut found = 0;
    for entry in search.by_ref() {
        entry?;
        found += 1;
    }
    Ok((found, Some(search.bytes_read())))
}

/// Lets the system count the peak of this process from now on.
fn reset_peak() {
    // Without it, the peak is that of all rows so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The peak of the memory of this process, in KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
