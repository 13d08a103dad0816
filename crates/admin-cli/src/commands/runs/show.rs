//! `runs show`: shows one run, or its failures as a list of users.

use easemob_admin_words::{t, translated};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use clap::Args;
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::progress::{Progress, Standing};
use easemob_admin_ops::run::journal::record::{Begin, End, Failure, Record};
use easemob_admin_ops::run::store::{ListedRun, RunStore};
use jiff::Timestamp;
use serde::Serialize;

use super::follow::follow;
use super::list::RunRow;
use crate::command_error::CommandError;
use crate::commands::acting::{counted, devices, users};
use crate::commands::times::rfc3339_signed;
use crate::completion;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::Format;
use crate::render::report::Row;
use crate::summary::{way_back, way_on};

/// The state of an item that was not started; `runs resume` does it, and it is not a failure.
const NOT_STARTED: &str = "not_started";
const FAILED_RETRY: &str = "failed_retry_may_help";

/// Arguments of `runs show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs show last
  easemob-admin runs show last --output failures > failed.txt
  easemob-admin sessions logout --from failed.txt --dry-run
  easemob-admin runs show last -o json
  easemob-admin runs show last --follow

Rows are the users that failed or are not finished. `--output failures` writes the failed users one per line, each \
below a comment line with the error: a list that other commands accept with --from.")]
pub struct ShowArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN", add = completion::runs())]
    run: String,
    /// First say on stderr how the run goes on, until nobody works on it any more
    #[arg(long)]
    follow: bool,
}

/// The failures of items, by their number.
type Failures = BTreeMap<u64, Vec<Failure>>;

/// One user that failed or is not finished.
#[derive(Debug, Serialize)]
struct ItemRow {
    line: u64,
    user: String,
    state: &'static str,
    devices: String,
    call: Option<String>,
    status: Option<u16>,
    error: Option<String>,
}

impl ItemRow {
    /// Returns the row of an item, or `None` if it is finished.
    fn new(item: &Item, progress: &Progress, failures: &Failures) -> Option<Self> {
        let (state, devices) = match progress.standing(item.number) {
            Standing::Settled => return None,
            // The item was not started and yet failed.
            Standing::Untouched if failures.contains_key(&item.number) => (FAILED_RETRY, None),
            Standing::Untouched => (NOT_STARTED, None),
            Standing::Doubtful(devices) => ("unknown", Some(devices)),
            Standing::FailedRetry(devices) => (FAILED_RETRY, devices),
            Standing::FailedFinal(devices) => ("failed", devices),
        };
        let failure = failures.get(&item.number).and_then(|failures| failures.first());
        let devices = devices.unwrap_or_default().iter().map(ToString::to_string);
        Some(Self {
            line: item.line,
            user: item.user.to_string(),
            state,
            devices: devices.collect::<Vec<_>>().join(" "),
            call: failure.map(|failure| failure.call.clone()),
            status: failure.and_then(|failure| failure.status),
            error: failure.map(|failure| failure.error.clone()),
        })
    }
}

impl Row for ItemRow {
    const COLUMNS: &'static [&'static str] = &["line", "user", "state", "devices", "call", "status", "error"];
    const TABLE: &'static [&'static str] = &["line", "user", "state", "devices", "error"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.state.into(),
            self.devices.clone(),
            text(&self.call),
            self.status.map(|status| status.to_string()).unwrap_or_default(),
            text(&self.error),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.state.replace('_', " "),
            self.devices.clone(),
            self.error.clone().unwrap_or_default(),
        ]
    }
}

/// One attempt at the run. A worker makes one for each range of users, which are shown as one.
#[derive(Debug, Serialize)]
struct AttemptView {
    began: Option<String>,
    ended: Option<String>,
    stopped: Option<String>,
    operator: String,
    host: String,
    tool: String,
    #[serde(skip)]
    pid: u32,
    /// How many ranges it had, if others worked on the run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u64>,
    #[serde(skip)]
    is_open: bool,
}

impl AttemptView {
    fn is_of(&self, process: &(u32, String)) -> bool {
        self.pid == process.0 && self.host == process.1
    }
}

#[derive(Debug, Serialize)]
struct ShowSummary {
    #[serde(flatten)]
    run: RunRow,
    source: String,
    input_sha256: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workers: Vec<String>,
    attempts: Vec<AttemptView>,
}

/// Runs the command.
///
/// # Errors
/// When the run does not exist, or it cannot be read.
pub async fn run(context: &Context, args: &ShowArgs) -> Result<Exit, CommandError> {
    let stores = context.stores()?;
    let runs = stores.runs();
    let id = runs.find(&args.run)?;
    if args.follow && !follow(context, runs, &id).await? {
        return Ok(exit::INTERRUPTED);
    }
    let listed = runs.glance(&id)?;
    let History {
        attempts,
        failures,
        progress,
        stopped,
    } = history(runs, &id, &listed)?;
    let unreadable = |error| CommandError::new(exit::INTERNAL, t!("cannot read run {id}")).because(error);
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("cannot write the rows to stdout")).because(error);
    let items = runs.unsettled_items(&id)?;
    let rows = items.filter_map(|item: io::Result<Item>| match item {
        Ok(item) => ItemRow::new(&item, &progress, &failures).map(Ok),
        Err(error) => Some(Err(unreadable(error))),
    });
    if context.globals.output == Format::Failures {
        let mut out = BufWriter::new((context.stdout)());
        for row in rows {
            let row = row?;
            if row.state != NOT_STARTED {
                write_failure(&mut out, &row).map_err(output)?;
            }
        }
        out.flush().map_err(output)?;
        return Ok(exit::OK);
    }
    let mut report = context.local_report::<ItemRow>("runs show", listed.header.sandbox)?;
    for row in rows {
        report.row(&row?).map_err(output)?;
    }
    let summary = ShowSummary {
        run: RunRow::new(&id, &listed, Timestamp::now()),
        source: listed.header.source.clone(),
        input_sha256: listed.header.input_sha256.clone(),
        workers: listed.workers.clone(),
        attempts,
    };
    report.finish(&summary).map_err(output)?;
    tell(context, &listed, &summary, stopped.as_deref());
    if let Some(failures) = failures.get(&0).filter(|_| listed.header.is_about_the_app()) {
        for failure in failures {
            context
                .ui
                .say(format_args!("{}: {}", failure.call, harmless(&failure.error)));
        }
    }
    Ok(exit::OK)
}

/// Writes a failed user for a user list, with the error as a comment above it.
fn write_failure(out: &mut impl Write, row: &ItemRow) -> io::Result<()> {
    let error = row.error.as_deref().unwrap_or(row.state);
    writeln!(out, "# line {}: {}\n{}", row.line, harmless(error), row.user)
}

/// What the records say that a list does not.
struct History {
    attempts: Vec<AttemptView>,
    failures: Failures,
    /// Of the items that are not settled.
    progress: Progress,
    /// Why the last attempt ended, if it ended early.
    stopped: Option<String>,
}

fn history(runs: &dyn RunStore, id: &RunId, listed: &ListedRun) -> Result<History, CommandError> {
    let mut attempts: Vec<AttemptView> = Vec::new();
    let mut failures = Failures::new();
    let mut progress = Progress::new(listed.header.jobs());
    let mut last_stopped = None;
    for record in runs.unsettled_records(id)? {
        let record = record
            .map_err(|error| CommandError::new(exit::INTERNAL, t!("cannot read run {id}")).because(error))?;
        progress.note(record.clone());
        match &record {
            Record::Begin(_) => last_stopped = None,
            Record::End(end) => last_stopped.clone_from(&end.stopped),
            Record::Intent(_) | Record::Outcome(_) | Record::Directed(_) => {}
        }
        match record {
            Record::Begin(Begin {
                at,
                tool,
                operator,
                pid,
            }) => {
                let process = (pid, operator.host.clone());
                let again = |attempt: &&mut AttemptView| {
                    attempt.parts.is_some() && !attempt.is_open && attempt.is_of(&process)
                };
                if let Some(attempt) = attempts.iter_mut().rfind(again) {
                    (attempt.ended, attempt.stopped, attempt.is_open) = (None, None, true);
                    continue;
                }
                attempts.push(AttemptView {
                    began: rfc3339_signed(at),
                    ended: None,
                    stopped: None,
                    operator: operator.os_user,
                    host: operator.host,
                    tool,
                    pid,
                    parts: None,
                    is_open: true,
                });
            }
            Record::End(End { at, stopped, process }) => {
                let of_it = |attempt: &&mut AttemptView| {
                    process
                        .as_ref()
                        .is_none_or(|process| attempt.is_open && attempt.is_of(process))
                };
                if let Some(attempt) = attempts.iter_mut().rfind(of_it) {
                    attempt.ended = rfc3339_signed(at);
                    attempt.stopped = stopped;
                    attempt.is_open = false;
                    if process.is_some() {
                        *attempt.parts.get_or_insert(0) += 1;
                    }
                }
            }
            Record::Intent(_) | Record::Directed(_) => {}
            Record::Outcome(outcome) if outcome.failed.is_empty() => {
                failures.remove(&outcome.n);
            }
            Record::Outcome(outcome) => {
                failures.insert(outcome.n, outcome.failed);
            }
        }
    }
    Ok(History {
        attempts,
        failures,
        progress,
        stopped: last_stopped,
    })
}

/// Describes the run on stderr, for people.
fn tell(context: &Context, listed: &ListedRun, summary: &ShowSummary, stopped: Option<&str>) {
    let (header, counts) = (&listed.header, &listed.counts);
    let place = if header.sandbox { t!(" (sandbox)") } else { "" };
    let say = |text: String| context.ui.say(text);
    say(t!(
        "run {}: {} on {}{place}",
        header.run,
        header.action.command(),
        header.app
    ));
    if let Some(reason) = &header.reason {
        let ticket = header
            .ticket
            .as_deref()
            .map(|ticket| format!(" ({ticket})"))
            .unwrap_or_default();
        say(t!("reason: {reason}{ticket}"));
    }
    say(if header.is_about_the_app() {
        t!("input: the app itself, no users").into()
    } else {
        t!(
            "input: {} from {}",
            users(header.items),
            translated(&header.source)
        )
    });
    for attempt in &summary.attempts {
        let began = attempt.began.as_deref().unwrap_or("?");
        let end = match (&attempt.ended, &attempt.stopped) {
            (None, _) if listed.running => t!("still running").to_owned(),
            (None, _) => t!("ended without a final record: killed, or the machine crashed").to_owned(),
            (Some(ended), None) => t!("ended {ended}"),
            (Some(ended), Some(why)) => t!("stopped {ended}: {}", translated(&why.replace('_', " "))),
        };
        let parts = attempt
            .parts
            .map(|parts| format!(" ({})", counted(parts, "range")))
            .unwrap_or_default();
        say(t!(
            "attempt by {}@{}{parts}: started {began}, {end}",
            attempt.operator,
            attempt.host
        ));
    }
    say(t!(
        "{} done ({} signed out), {} nothing to do, {} failed, {} unfinished",
        counts.done,
        devices(counts.devices_ended),
        counts.nothing + counts.skipped,
        counts.failed() + counts.in_vain,
        counts.unfinished() - counts.in_vain
    ));
    if listed.can_be_gone_on_with() {
        say(way_on(stopped, &header.run));
    } else if !header.action.can_be_gone_on_with() {
        if counts.unfinished() + counts.failed() > 0 && !listed.running {
            say(t!(
                "to do the rest, run the same `{}` again",
                header.action.command()
            ));
        }
    } else if !listed.running
        && let Some(way) = way_back(counts.failed_retry, counts.failed_final, &header.run)
    {
        say(way);
    }
}
