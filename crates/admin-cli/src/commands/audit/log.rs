//! `audit log`: shows the trail.

use std::time::Duration;

use clap::{Args, value_parser};
use easemob_admin_audit::export::SETTLED_BY_READING;
use easemob_admin_audit::{Entry, Kind, Outcome};
use easemob_admin_ops::trails::Found;
use easemob_admin_words::t;
use serde::Serialize;

use super::trail::{FilterArgs, TrailArgs, say_where};
use crate::absence::Absence;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::interrupt;
use crate::present::trail_place::in_words;
use crate::render::Format;
use crate::render::report::{Reader, Report, Row, unwritten_rows};

/// How many entries a terminal shows.
const ON_SCREEN: u64 = 50;
/// How often `--follow` looks for new entries.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Arguments of `audit log`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit log --since 24h
  easemob-admin audit log --user ann -o json
  easemob-admin audit log -n 20
  easemob-admin audit log --run 20261123 --outcome failed
  easemob-admin audit log --follow -o jsonl

Oldest entries first. This command does not verify the trail; `audit verify` does.")]
pub struct LogArgs {
    #[command(flatten)]
    trail: TrailArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Also show what is neither the outcome of an act nor a decision about one: intents, the start and end of runs, keys
    #[arg(long)]
    all: bool,
    /// Only the newest N of these entries; 50 in a table on a terminal, or else all of them
    #[arg(short = 'n', long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    newest: Option<u64>,
    /// Keep printing new entries until Ctrl-C
    #[arg(long)]
    follow: bool,
}

#[derive(Debug, Serialize)]
struct EventRow {
    seq: u64,
    time: String,
    kind: String,
    operator: Option<String>,
    host: Option<String>,
    app: Option<String>,
    run: Option<String>,
    line: Option<u64>,
    call: Option<String>,
    user: Option<String>,
    devices: String,
    outcome: Option<String>,
    status: Option<u16>,
    error: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    server_time: Option<String>,
    /// Why somebody approved, refused or went without approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<Entry> for EventRow {
    fn from(Entry { seq, event, .. }: Entry) -> Self {
        let why = event.details.get("why").filter(|_| event.kind.is_decision());
        Self {
            why: why.and_then(|why| why.as_str()).map(str::to_owned),
            seq,
            time: event.time.to_string(),
            kind: event.kind.to_string(),
            operator: event
                .operator
                .as_ref()
                .and_then(easemob_admin_audit::Operator::name),
            host: event.host,
            app: event.app,
            run: event.run,
            line: event.line,
            call: event.call,
            user: event.user,
            devices: event.devices.join(" "),
            outcome: event.outcome.as_ref().map(ToString::to_string),
            status: event.status,
            error: event.error,
            reason: event.reason,
            ticket: event.ticket,
            server_time: event.server_time.map(|time| time.to_string()),
        }
    }
}

impl Row for EventRow {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "time",
        "kind",
        "operator",
        "host",
        "app",
        "run",
        "line",
        "call",
        "user",
        "devices",
        "outcome",
        "status",
        "error",
        "reason",
        "ticket",
        "server_time",
    ];
    const TABLE: &'static [&'static str] = &[
        "time", "operator", "call", "user", "outcome", "reason", "ticket", "note",
    ];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.seq.to_string(),
            self.time.clone(),
            self.kind.clone(),
            text(&self.operator),
            text(&self.host),
            text(&self.app),
            text(&self.run),
            number(self.line),
            text(&self.call),
            text(&self.user),
            self.devices.clone(),
            text(&self.outcome),
            number(self.status.map(u64::from)),
            text(&self.error),
            text(&self.reason),
            text(&self.ticket),
            text(&self.server_time),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        // Another outcome without a call belongs to a user for whom nothing was sent.
        let what = match &self.call {
            Some(call) => call.clone(),
            None if self.outcome.as_deref() == Some(Outcome::Ended.as_str()) => SETTLED_BY_READING.to_owned(),
            None if self.outcome.is_some() => String::new(),
            None => self.kind.clone(),
        };
        vec![
            self.time.clone(),
            text(&self.operator),
            what,
            text(&self.user),
            text(&self.outcome),
            text(&self.reason),
            text(&self.ticket),
            if self.error.is_some() {
                text(&self.error)
            } else if self.kind.starts_with("approval.") {
                let about = [Some(text(&self.run)), self.why.clone()];
                about.into_iter().flatten().collect::<Vec<_>>().join(": ")
            } else {
                self.devices.clone()
            },
        ]
    }
}

#[derive(Debug, Default, Serialize)]
struct LogSummary {
    entries: u64,
    ended: u64,
    done: u64,
    failed: u64,
}

/// Runs the command.
///
/// # Errors
/// When there is no trail, or if it cannot be read.
pub async fn run(context: &Context, args: &LogArgs) -> Result<Exit, CommandError> {
    let trail = args.trail.trail(context)?;
    let mut filter = args.filter.filter();
    filter.acts_only = !args.all;
    filter.decisions = true;
    let on_screen = context.screen.width.is_some() && context.globals.output == Format::Table;
    let newest = args.newest.or(on_screen.then_some(ON_SCREEN));
    let mut entries = trail.search(filter, newest)?;
    let mut report = context.local_report::<EventRow>("audit log", context.globals.sandbox)?;
    let mut summary = LogSummary::default();
    let mut stop = std::pin::pin!(interrupt::until_told(context.deadline()));
    let mut absence = Absence::none(context);
    loop {
        let shown = show(&mut *entries, &mut report, &mut summary);
        let reader = if args.follow {
            absence.outlasted(shown)?.unwrap_or(Reader::Listening)
        } else {
            shown?
        };
        if !args.follow
            || reader == Reader::Gone
            || report.catch_up().map_err(unwritten_rows)? == Reader::Gone
        {
            break;
        }
        tokio::select! {
            _ = &mut stop => break,
            () = tokio::time::sleep(LOOK_AGAIN) => entries.read_on()?,
        }
    }
    report.finish(&summary).map_err(unwritten_rows)?;
    say_where(context, &*trail)?;
    if entries.is_torn() {
        context.ui.note(
            t!("the last entry is incomplete and was left out: another process is writing it, or was killed while writing"),
        );
    }
    if args.newest.is_none() && newest == Some(summary.entries) {
        context.ui.note(t!(
            "the newest {ON_SCREEN} entries; for more, add -n N, or --since TIME with -o csv"
        ));
    }
    if summary.entries == 0 {
        context
            .ui
            .note(t!("no entries in {} match", in_words(&trail.place())));
    }
    Ok(exit::OK)
}

fn show(
    entries: &mut dyn Found,
    report: &mut Report,
    summary: &mut LogSummary,
) -> Result<Reader, CommandError> {
    for entry in entries {
        let entry = entry?;
        summary.entries += 1;
        if entry.event.kind == Kind::Outcome {
            match entry.event.outcome {
                Some(Outcome::Ended) => summary.ended += 1,
                Some(Outcome::Done) => summary.done += 1,
                Some(Outcome::Failed | Outcome::Refused | Outcome::Unknown) => summary.failed += 1,
                _ => {}
            }
        }
        if report.row(&EventRow::from(entry)).map_err(unwritten_rows)? == Reader::Gone {
            return Ok(Reader::Gone);
        }
    }
    Ok(Reader::Listening)
}
