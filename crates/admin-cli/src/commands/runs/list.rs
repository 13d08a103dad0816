//! `runs list`: lists the recorded runs.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::store::ListedRun;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use super::series::series;
use crate::amounts::about;
use crate::command_error::CommandError;
use crate::commands::times::in_utc;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::Format;
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `runs list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs list
  easemob-admin runs list --unfinished
  easemob-admin runs list -o json

Oldest first. A run is `running`, `waiting` (for workers), `done`, `failed` (done, with failures), or `unfinished`, \
`paused` or `stopped` (`runs resume` can continue it). `failed` counts users as the summary of the run did; `left` counts users whose result is not known. On a terminal, the batches \
of one `limits enforce --watch` that are done are one row, with the id of the watch; --each shows all.")]
pub struct ListArgs {
    /// Only runs that are not finished
    #[arg(long)]
    unfinished: bool,
    /// Only the newest N
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Show each batch of `limits enforce --watch`
    #[arg(long)]
    each: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct RunRow {
    pub(super) run: String,
    state: &'static str,
    command: Option<&'static str>,
    app: Option<String>,
    sandbox: Option<bool>,
    operator: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    users: Option<u64>,
    done: Option<u64>,
    nothing_to_do: Option<u64>,
    failed: Option<u64>,
    unfinished: Option<u64>,
    devices_ended: Option<u64>,
    created: Option<String>,
    error: Option<String>,
    server: Option<String>,
    /// From the beginning to the end of the last attempt.
    duration_seconds: Option<u64>,
    /// The watch that it is a batch of.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<String>,
    /// How many batches of a watch it stands for.
    #[serde(skip_serializing_if = "is_one")]
    batches: u64,
    #[serde(skip)]
    age: String,
}

impl RunRow {
    /// Describes a run as it looks at `now`.
    pub(super) fn new(id: &RunId, listed: &ListedRun, now: Timestamp) -> Self {
        let (header, counts) = (&listed.header, listed.counts);
        Self {
            run: id.to_string(),
            state: state(listed),
            command: Some(header.action.command()),
            app: Some(header.app.clone()),
            sandbox: Some(header.sandbox),
            operator: Some(header.operator.person().to_owned()),
            reason: header.reason.clone(),
            ticket: header.ticket.clone(),
            users: (!header.is_about_the_app()).then_some(counts.items),
            done: Some(counts.done),
            nothing_to_do: Some(counts.nothing + counts.skipped),
            failed: Some(counts.failed() + counts.in_vain),
            unfinished: Some(counts.unfinished() - counts.in_vain),
            devices_ended: Some(counts.devices_ended),
            created: Some(in_utc(header.created)),
            error: None,
            server: Some(server(&header.app_root).to_owned()),
            duration_seconds: listed.ended.and_then(|ended| seconds(header.created, ended)),
            series: series(header).map(str::to_owned),
            batches: 1,
            age: age(header.created, now),
        }
    }

    /// Lists an unreadable run too: it may be the one that matters.
    fn unreadable(id: &RunId, error: &dyn std::error::Error) -> Self {
        let cause = error
            .source()
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        Self {
            run: id.to_string(),
            state: "unreadable",
            command: None,
            app: None,
            sandbox: None,
            operator: None,
            reason: None,
            ticket: None,
            users: None,
            done: None,
            nothing_to_do: None,
            failed: None,
            unfinished: None,
            devices_ended: None,
            created: None,
            error: Some(format!("{error}{cause}")),
            server: None,
            duration_seconds: None,
            series: None,
            batches: 1,
            age: String::new(),
        }
    }

    /// Says what became of the users; nothing that did not occur.
    fn result(&self) -> String {
        let counts = [
            (self.done, "done"),
            (self.nothing_to_do, t!("nothing to do")),
            (self.failed, "failed"),
            (self.unfinished, "left"),
        ];
        let occurred = counts
            .into_iter()
            .filter_map(|(count, word)| Some((count?, word)));
        let occurred = occurred.filter(|(count, _)| *count > 0);
        let mut result = occurred
            .map(|(count, word)| format!("{count} {word}"))
            .collect::<Vec<_>>()
            .join(", ");
        if self.batches > 1 {
            let _ = write!(result, " in {} batches", self.batches);
        }
        result
    }

    /// Adds a later batch of the same watch.
    fn add(&mut self, batch: &Self) {
        let urgency = |state| ["done", "failed"].iter().position(|calm| *calm == state);
        if urgency(self.state).is_some_and(|own| urgency(batch.state).is_none_or(|its| its > own)) {
            self.state = batch.state;
        }
        let sum = |one: Option<u64>, other: Option<u64>| Some(one.unwrap_or(0) + other.unwrap_or(0));
        self.users = sum(self.users, batch.users);
        self.done = sum(self.done, batch.done);
        self.nothing_to_do = sum(self.nothing_to_do, batch.nothing_to_do);
        self.failed = sum(self.failed, batch.failed);
        self.unfinished = sum(self.unfinished, batch.unfinished);
        self.devices_ended = sum(self.devices_ended, batch.devices_ended);
        self.duration_seconds = sum(self.duration_seconds, batch.duration_seconds);
        self.batches += batch.batches;
    }

    /// Makes one row of the batches of the watch `id`, of which there is at least one.
    pub(super) fn of_watch(id: &str, mut batches: impl Iterator<Item = Self>) -> Option<Self> {
        let mut row = batches.next()?;
        for batch in batches {
            row.add(&batch);
        }
        id.clone_into(&mut row.run);
        row.series = Some(id.to_owned());
        Some(row)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields like this")]
fn is_one(batches: &u64) -> bool {
    *batches == 1
}

/// Makes one row of the batches of a watch that are done; one that needs somebody keeps a row of its own.
fn grouped(rows: Vec<RunRow>) -> Vec<RunRow> {
    let ids: HashSet<String> = rows.iter().map(|row| row.run.clone()).collect();
    let mut grouped: Vec<RunRow> = Vec::new();
    let mut first: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let of = row.series.clone().unwrap_or_else(|| row.run.clone());
        match first.get(&of) {
            Some(place) if row.state == "done" => grouped[*place].add(&row),
            _ => {
                let mut row = row;
                if row.state == "done" {
                    // By which the other commands find it. Earlier versions named a watch by its first batch.
                    if !ids.contains(&of) {
                        row.run.clone_from(&of);
                    }
                    first.insert(of, grouped.len());
                }
                grouped.push(row);
            }
        }
    }
    grouped
}

/// Returns the host of an app root.
fn server(app_root: &str) -> &str {
    let host = app_root.split_once("://").map_or(app_root, |(_, rest)| rest);
    host.split('/').next().unwrap_or(host)
}

/// Returns how many seconds, rounded up, lie between a time and one in milliseconds since 1970.
fn seconds(from: Timestamp, until_ms: i64) -> Option<u64> {
    let millis = u64::try_from(until_ms - from.as_millisecond()).ok()?;
    Some(millis.div_ceil(1000))
}

/// Returns how long ago a time was.
fn age(time: Timestamp, now: Timestamp) -> String {
    let ago = Duration::try_from(now.duration_since(time)).unwrap_or_default();
    match ago.as_secs() / (24 * 60 * 60) {
        0 | 1 => about(ago),
        days => format!("{days} d"),
    }
}

/// Returns the state of a run.
fn state(listed: &ListedRun) -> &'static str {
    let counts = &listed.counts;
    if listed.running {
        "running"
    } else if counts.unfinished() > 0 {
        match listed.state {
            RunState::Alone => "unfinished",
            RunState::Open => "waiting",
            RunState::Paused => "paused",
            RunState::Stopped => "stopped",
        }
    } else if counts.failed() > 0 {
        "failed"
    } else {
        "done"
    }
}

impl Row for RunRow {
    const COLUMNS: &'static [&'static str] = &[
        "run",
        "state",
        "command",
        "app",
        "sandbox",
        "operator",
        "reason",
        "ticket",
        "users",
        "done",
        "nothing_to_do",
        "failed",
        "unfinished",
        "devices_ended",
        "created",
        "error",
        "server",
        "duration_seconds",
        "series",
    ];
    const TABLE: &'static [&'static str] = &[
        "run", "state", "command", "app", "age", "duration", "operator", "result", "reason",
    ];
    const LEAST: &'static [&'static str] = &["operator", "app", "reason", "duration"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.run.clone(),
            self.state.into(),
            self.command.unwrap_or_default().into(),
            text(&self.app),
            self.sandbox
                .map(|sandbox| sandbox.to_string())
                .unwrap_or_default(),
            text(&self.operator),
            text(&self.reason),
            text(&self.ticket),
            number(self.users),
            number(self.done),
            number(self.nothing_to_do),
            number(self.failed),
            number(self.unfinished),
            number(self.devices_ended),
            text(&self.created),
            text(&self.error),
            text(&self.server),
            number(self.duration_seconds),
            text(&self.series),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut app = text(&self.app);
        if self.sandbox == Some(true) {
            app.push_str(t!(" (sandbox)"));
        } else if let Some(server) = &self.server {
            app.push_str(t!(" at "));
            app.push_str(server);
        }
        vec![
            self.run.clone(),
            self.state.into(),
            self.command.unwrap_or_default().into(),
            app,
            self.age.clone(),
            self.duration_seconds
                .map(|seconds| about(Duration::from_secs(seconds)))
                .unwrap_or_default(),
            text(&self.operator),
            self.result(),
            text(if self.error.is_some() {
                &self.error
            } else {
                &self.reason
            }),
        ]
    }
}

#[derive(Debug, Serialize)]
struct ListSummary {
    runs: usize,
    unfinished: usize,
}

/// Runs the command.
///
/// # Errors
/// When the directory of runs cannot be read.
pub fn run(context: &Context, args: &ListArgs) -> Result<Exit, CommandError> {
    let stores = context.stores()?;
    let runs = stores.runs();
    let (listed, now) = (runs.overview()?, Timestamp::now());
    let mut rows: Vec<RunRow> = listed
        .iter()
        .map(|(id, listed)| match listed {
            Ok(listed) => RunRow::new(id, listed, now),
            Err(error) => RunRow::unreadable(id, error),
        })
        .filter(|row| {
            !args.unfinished || matches!(row.state, "unfinished" | "waiting" | "paused" | "unreadable")
        })
        .collect();
    if !args.each && context.screen.width.is_some() && context.globals.output == Format::Table {
        rows = grouped(rows);
    }
    if let Some(limit) = args.limit {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    let mut report = context.local_report::<RunRow>("runs list", false)?;
    for row in &rows {
        report.row(row).map_err(unwritten_rows)?;
    }
    let unfinished = rows.iter().filter(|row| row.state == "unfinished").count();
    report
        .finish(&ListSummary {
            runs: rows.len(),
            unfinished,
        })
        .map_err(unwritten_rows)?;
    if listed.is_empty() {
        context.ui.note(t!("no runs are recorded"));
    } else if rows.is_empty() && args.unfinished {
        context.ui.note(t!("no run is unfinished"));
    }
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(run: &str, series: Option<&str>, state: &'static str, done: u64) -> RunRow {
        let error = std::io::Error::other("test");
        RunRow {
            run: run.into(),
            state,
            series: series.map(str::to_owned),
            done: Some(done),
            duration_seconds: Some(2),
            ..RunRow::unreadable(&RunId::parse("20260101-000000-ffffff").unwrap(), &error)
        }
    }

    #[test]
    fn the_batches_of_a_watch_are_one_row_unless_one_needs_somebody() {
        let rows = vec![
            row("a", None, "done", 1),
            row("b", None, "done", 5),
            row("c", Some("a"), "done", 2),
            row("d", Some("a"), "unfinished", 0),
            row("e", Some("a"), "done", 4),
            // The first of this watch has failures, and the second begins the group.
            row("f", None, "failed", 0),
            row("g", Some("f"), "done", 1),
            row("h", Some("f"), "done", 1),
            // A watch has an id of its own.
            row("i", Some("w"), "done", 1),
            row("j", Some("w"), "done", 1),
        ];
        let grouped = grouped(rows);
        let told = |row: &RunRow| format!("{} {} {}", row.run, row.state, row.result());
        let told: Vec<String> = grouped.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "a done 7 done in 3 batches",
                "b done 5 done",
                "d unfinished ",
                "f failed ",
                "g done 2 done in 2 batches",
                "w done 2 done in 2 batches",
            ]
        );
        assert_eq!(grouped[0].duration_seconds, Some(6));
    }

    #[test]
    fn a_run_took_at_least_a_second() {
        let from = Timestamp::from_second(10).unwrap();
        for (until_ms, expected) in [
            (10_000, Some(0)),
            (10_001, Some(1)),
            (12_000, Some(2)),
            (9_999, None),
        ] {
            assert_eq!(seconds(from, until_ms), expected, "{until_ms}");
        }
    }
}
