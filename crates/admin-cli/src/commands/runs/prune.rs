//! `runs prune`: removes the records of finished runs.

use std::collections::{BTreeMap, HashSet};

use clap::Args;
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::locks::store::Listing;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::store::{ListedRun, Pruning, RunStore};
use easemob_admin_ops::target::Target;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use crate::acts::open_locks::open_locks;
use crate::acts::operator::operator;
use crate::amounts::grouped;
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::commands::times::{in_utc, moment, now_ms, short};
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::ownership::require_data;
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `runs prune`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs prune --older-than 90d --dry-run
  easemob-admin runs prune --older-than 365d

Removes the users and the journal of each run that ended before this time, and writes that into the audit trail, which is \
kept. A run stays if it is unfinished, in progress or unreadable, or if a lock that it set is still in force. A run that was \
removed can be neither shown nor retried nor undone. In a database, only the account that owns \
the tables can do so: give it with --store.")]
pub struct PruneArgs {
    /// Remove runs that ended before this time: 90d, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    older_than: Timestamp,
    /// Only show which runs would be removed
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct PruneRow {
    run: String,
    command: &'static str,
    app: String,
    users: u64,
    created: String,
    bytes: u64,
}

impl Row for PruneRow {
    const COLUMNS: &'static [&'static str] = &["run", "command", "app", "users", "created", "bytes"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.run.clone(),
            self.command.to_owned(),
            self.app.clone(),
            self.users.to_string(),
            self.created.clone(),
            self.bytes.to_string(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let mut cells = self.cells();
        cells[4] = short(Some(&self.created));
        cells
    }
}

/// Why old runs stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Kept {
    /// Not finished, or in progress.
    unfinished: u64,
    /// With locks that are still in force.
    locks: u64,
    /// Which a run that is not finished undoes.
    undone: u64,
    /// Which cannot be read.
    unreadable: u64,
}

#[derive(Debug, Serialize)]
struct Summary {
    runs: u64,
    bytes: u64,
    kept: Kept,
    dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// When the runs cannot be read or removed, or that cannot be recorded.
pub fn run(context: &Context, args: &PruneArgs) -> Result<Exit, CommandError> {
    require_data(context)?;
    let stores = context.stores()?;
    let runs = stores.runs();
    runs.can_prune()?;
    let (old, kept) = choose(context, runs, args.older_than)?;
    let mut rows = Vec::new();
    let mut targets: BTreeMap<String, (Target, Vec<RunId>)> = BTreeMap::new();
    for (id, run) in &old {
        let header = &run.header;
        rows.push(PruneRow {
            run: id.to_string(),
            command: header.action.command(),
            app: header.app.clone(),
            users: header.items,
            created: in_utc(header.created),
            bytes: runs.size(id)?,
        });
        let target = Target::from(header);
        let runs_of = targets
            .entry(target.name())
            .or_insert_with(|| (target, Vec::new()));
        runs_of.1.push(id.clone());
    }
    if !args.dry_run {
        runs.remove_rest()?;
        for (target, ids) in targets.into_values() {
            let pruning = Pruning {
                operator: operator(None, context.environment.get("SUDO_USER")),
                at: now_ms(),
                older_than: args.older_than,
            };
            runs.prune(&target, &ids, &pruning)?;
        }
    }
    let summary = Summary {
        runs: rows.len() as u64,
        bytes: rows.iter().map(|row| row.bytes).sum(),
        kept,
        dry_run: args.dry_run,
    };
    let mut report = context.local_report::<PruneRow>("runs prune", false)?;
    for row in &rows {
        report.row(row).map_err(unwritten_rows)?;
    }
    report.finish(&summary).map_err(unwritten_rows)?;
    tell(context, &summary);
    Ok(exit::OK)
}

/// Returns the runs to remove, oldest first, and how many old ones stay.
fn choose(
    context: &Context,
    runs: &dyn RunStore,
    older_than: Timestamp,
) -> Result<(Vec<(RunId, ListedRun)>, Kept), CommandError> {
    let (mut old, mut kept) = (Vec::new(), Kept::default());
    let mut undone = HashSet::new();
    for id in runs.list()? {
        let listed = match runs.glance(&id) {
            Ok(listed) => listed,
            Err(error) => {
                context.ui.warn(t!(
                    "run {id} stays, because it cannot be read: {}",
                    with_causes(&error)
                ));
                kept.unreadable += 1;
                continue;
            }
        };
        let finished = !listed.running && listed.counts.unfinished() == 0;
        if !finished {
            undone.extend(undoes(&listed.header.action));
        }
        if ended(&listed) >= older_than.as_millisecond() {
            continue;
        }
        if finished {
            old.push((id, listed));
        } else {
            kept.unfinished += 1;
        }
    }
    let locking = locking(context, &old)?;
    old.retain(|(id, _)| {
        let (locks, undone) = (locking.contains(id.as_str()), undone.contains(id.as_str()));
        kept.locks += u64::from(locks);
        kept.undone += u64::from(undone && !locks);
        !locks && !undone
    });
    Ok((old, kept))
}

/// Returns the run that an action undoes.
fn undoes(action: &Action) -> Option<String> {
    match action {
        Action::Unban { undoes } | Action::Unlock { undoes, .. } => undoes.clone(),
        _ => None,
    }
}

/// Returns when the last attempt on a run ended, in milliseconds since 1970.
fn ended(run: &ListedRun) -> i64 {
    let created = run.header.created.as_millisecond();
    run.ended.map_or(created, |at| at.max(created))
}

/// Returns the ids of all runs whose locks are still on record, for the targets of `old`.
fn locking(context: &Context, old: &[(RunId, ListedRun)]) -> Result<HashSet<String>, CommandError> {
    let (mut locking, mut looked_at) = (HashSet::new(), HashSet::new());
    for (_, run) in old {
        let target = Target::from(&run.header);
        let sets_locks = matches!(run.header.action, Action::Lock { .. });
        if !sets_locks || !looked_at.insert((target.name(), target.app_root.clone())) {
            continue;
        }
        for lock in open_locks(context, &target)?.list(Listing::All)? {
            locking.extend(lock.runs().map(str::to_owned));
        }
    }
    Ok(locking)
}

fn tell(context: &Context, summary: &Summary) {
    let what = if summary.dry_run {
        t!("would be removed")
    } else {
        t!("removed")
    };
    let Kept {
        unfinished,
        locks,
        undone,
        unreadable: _,
    } = summary.kept;
    context.ui.say(t!(
        "{} {what}, {} bytes",
        counted(summary.runs, "run"),
        grouped(summary.bytes)
    ));
    for (count, why) in [
        (unfinished, t!("not finished")),
        (locks, t!("with locks that are still in force")),
        (undone, t!("which an unfinished run undoes")),
    ] {
        if count > 0 {
            context.ui.say(t!("kept: {} {why}", counted(count, "run")));
        }
    }
}
