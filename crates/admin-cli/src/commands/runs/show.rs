//! `runs show`: shows one run, or its failures as a list of users.

use std::io::{self, BufWriter, Write};

use clap::Args;
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::store::{ListedRun, RunStore};
use easemob_admin_words::{Language, t, translated, within};
use jiff::Timestamp;
use serde::Serialize;

use super::follow::follow;
use super::history::{AttemptView, History, history, unreadable};
use super::list::RunRow;
use super::series::Named;
use super::ticket::{Ticket, steps_of, total};
use super::unsettled::{ItemRow, NOT_STARTED};
use crate::command_error::CommandError;
use crate::commands::acting::{counted, devices, users};
use crate::completion;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::Format;
use crate::render::report::unwritten_rows;

/// Arguments of `runs show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs show last
  easemob-admin runs show last --output failures > failed.txt
  easemob-admin sessions logout --from failed.txt --dry-run
  easemob-admin runs show last -o json
  easemob-admin runs show last --follow
  easemob-admin runs show last --markdown > ticket.md

Rows are the users that failed or are not finished. `--output failures` writes the failed users one per line, each \
below a comment line with the error: a list that other commands accept with --from.")]
pub struct ShowArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN", add = completion::runs())]
    run: String,
    /// First say on stderr how the run goes on, until nobody works on it any more; for a watch, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Write a report for a ticket, in Markdown: facts, counts, the first failures, and the commands to go on
    #[arg(long)]
    markdown: bool,
}

#[derive(Debug, Serialize)]
struct ShowSummary {
    #[serde(flatten)]
    run: Option<RunRow>,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_sha256: Option<String>,
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
    let mut named = Named::find(runs, &args.run)?;
    if args.follow {
        let id = named.id.clone();
        if !follow(context, runs, named).await? {
            return Ok(exit::INTERRUPTED);
        }
        named = Named::find(runs, &id)?;
    }
    if args.markdown {
        return markdown(context, &named);
    }
    let parts = Part::all(runs, &named.runs)?;
    if context.globals.output == Format::Failures {
        let mut out = BufWriter::new((context.stdout)());
        for part in &parts {
            for row in part.rows(runs)? {
                let row = row?;
                if row.state != NOT_STARTED {
                    write_failure(&mut out, &row).map_err(unwritten_rows)?;
                }
            }
        }
        out.flush().map_err(unwritten_rows)?;
        return Ok(exit::OK);
    }
    let first = &parts[0].listed;
    let mut report = context.local_report::<ItemRow>("runs show", first.header.sandbox)?;
    for part in &parts {
        for row in part.rows(runs)? {
            report.row(&row?).map_err(unwritten_rows)?;
        }
    }
    let (listed, now) = (&parts[parts.len() - 1].listed, Timestamp::now());
    let mut rows = parts.iter().map(|part| RunRow::new(&part.id, &part.listed, now));
    let run = if named.is_watch {
        RunRow::of_watch(&named.id, rows)
    } else {
        rows.next_back()
    };
    let attempts = parts
        .iter()
        .flat_map(|part| part.history.attempts.iter().cloned());
    let summary = ShowSummary {
        run,
        source: listed.header.source.clone(),
        input_sha256: (!named.is_watch).then(|| listed.header.input_sha256.clone()),
        workers: listed.workers.clone(),
        attempts: attempts.collect(),
    };
    report.finish(&summary).map_err(unwritten_rows)?;
    if named.is_watch {
        tell_watch(context, &named, &parts);
        return Ok(exit::OK);
    }
    let History {
        failures, stopped, ..
    } = &parts[0].history;
    tell(context, listed, &summary, stopped.as_deref());
    if let Some(failures) = failures.get(&0).filter(|_| listed.header.is_about_the_app()) {
        for failure in failures {
            context
                .ui
                .say(format_args!("{}: {}", failure.call, harmless(&failure.error)));
        }
    }
    Ok(exit::OK)
}

/// A run with what its records say.
struct Part {
    id: RunId,
    listed: ListedRun,
    history: History,
}

impl Part {
    fn all(runs: &dyn RunStore, ids: &[RunId]) -> Result<Vec<Self>, CommandError> {
        let part = |id: &RunId| {
            let listed = runs.glance(id)?;
            Ok(Self {
                history: history(runs, id, &listed)?,
                id: id.clone(),
                listed,
            })
        };
        ids.iter().map(part).collect()
    }

    /// Returns the users that failed or are not finished.
    fn rows(
        &self,
        runs: &dyn RunStore,
    ) -> Result<impl Iterator<Item = Result<ItemRow, CommandError>>, CommandError> {
        let History {
            failures, progress, ..
        } = &self.history;
        let rows = runs.unsettled_items(&self.id)?;
        Ok(rows.filter_map(move |item: io::Result<Item>| match item {
            Ok(item) => ItemRow::new(&item, progress, failures).map(Ok),
            Err(error) => Some(Err(unreadable(&self.id)(error))),
        }))
    }
}

/// Writes the run as Markdown.
fn markdown(context: &Context, named: &Named) -> Result<Exit, CommandError> {
    if context.globals.output != Format::Table {
        return Err(CommandError::new(
            exit::USAGE,
            t!("--markdown is a format of its own, so it takes no --output"),
        ));
    }
    // Tickets are read by whoever comes later, in one language.
    let text = within(Language::English, || {
        Ok::<_, CommandError>(Ticket::read(context, &named.id, &named.runs, None)?.markdown())
    })?;
    let mut out = (context.stdout)();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot write the report to stdout")).because(error)
        })?;
    Ok(exit::OK)
}

/// Writes a failed user for a user list, with the error as a comment above it.
fn write_failure(out: &mut impl Write, row: &ItemRow) -> io::Result<()> {
    let error = row.error.as_deref().unwrap_or(row.state);
    writeln!(out, "# line {}: {}\n{}", row.line, harmless(error), row.user)
}

/// Describes a watch on stderr, for people.
fn tell_watch(context: &Context, named: &Named, parts: &[Part]) {
    let say = |text: String| context.ui.say(text);
    let header = &parts[0].listed.header;
    let place = if header.sandbox { t!(" (sandbox)") } else { "" };
    say(t!(
        "run {}: {} on {}{place}, a watch of {}",
        named.id,
        header.action.command(),
        header.app,
        counted(parts.len() as u64, "run")
    ));
    if let Some(reason) = &header.reason {
        let ticket = header
            .ticket
            .as_deref()
            .map(|ticket| format!(" ({ticket})"))
            .unwrap_or_default();
        say(t!("reason: {reason}{ticket}"));
    }
    say(in_words(&total(parts.iter().map(|part| &part.listed))));
    for part in parts {
        for step in steps_of(&part.listed, part.history.stopped.as_deref()) {
            step.say(context);
        }
    }
}

fn in_words(counts: &Counts) -> String {
    t!(
        "{} done ({} signed out), {} nothing to do, {} failed, {} unfinished",
        counts.done,
        devices(counts.devices_ended),
        counts.nothing + counts.skipped,
        counts.failed() + counts.in_vain,
        counts.unfinished() - counts.in_vain
    )
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
    say(in_words(counts));
    if !header.action.can_be_gone_on_with() && counts.unfinished() + counts.failed() > 0 && !listed.running {
        say(t!(
            "to do the rest, run the same `{}` again",
            header.action.command()
        ));
    }
    for step in steps_of(listed, stopped) {
        step.say(context);
    }
}
