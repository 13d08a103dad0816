//! `sessions locks`: lists who is locked, and until when.

use clap::Args;
use easemob_admin_ops::locks::lock::{Lock, unattended};
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::locks::store::Listing;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use super::lock::lifting;
use crate::acts::locks_elsewhere::warn_of_others;
use crate::acts::open_locks::open_locks;
use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `sessions locks`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions locks
  easemob-admin sessions locks --overdue -o json

--overdue exits with 11 if there are overdue locks, for use in scripts. A `pending` lock belongs to a run that was not \
finished: `runs resume` finishes it, and `sessions unlock --due` settles it once it has expired. \
In JSON, `unlock_due_last_ran` is when `sessions unlock --due` last completed here; null if never.")]
pub struct LocksArgs {
    /// Only locks that should have been lifted by now
    #[arg(long)]
    overdue: bool,
}

#[derive(Debug, Serialize)]
struct LockedRow {
    user: String,
    state: &'static str,
    until: String,
    since: String,
    operator: String,
    reason: Option<String>,
    ticket: Option<String>,
    run: String,
}

impl LockedRow {
    fn new(lock: &Lock, now: Timestamp) -> Self {
        Self {
            user: lock.user.to_string(),
            state: state(lock, now),
            until: format!("{:.0}", lock.until),
            since: format!("{:.0}", lock.since),
            operator: lock.operator.clone(),
            reason: lock.reason.clone(),
            ticket: lock.ticket.clone(),
            run: lock.run.clone(),
        }
    }
}

fn state(lock: &Lock, now: Timestamp) -> &'static str {
    if lock.is_pending() {
        "pending"
    } else if lock.is_due(now) {
        "overdue"
    } else {
        "locked"
    }
}

impl Row for LockedRow {
    const COLUMNS: &'static [&'static str] = &[
        "user", "state", "until", "since", "operator", "reason", "ticket", "run",
    ];
    const TABLE: &'static [&'static str] = &["user", "state", "until", "operator", "reason", "ticket"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.user.clone(),
            self.state.into(),
            self.until.clone(),
            self.since.clone(),
            self.operator.clone(),
            text(&self.reason),
            text(&self.ticket),
            self.run.clone(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.user.clone(),
            self.state.into(),
            self.until.clone(),
            self.operator.clone(),
            text(&self.reason),
            text(&self.ticket),
        ]
    }
}

#[derive(Debug, Serialize)]
struct LocksSummary {
    locks: u64,
    overdue: u64,
    pending: u64,
    unlock_due_last_ran: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the locks cannot be read.
pub fn run(context: &Context, session: &Session, args: &LocksArgs) -> Result<Exit, CommandError> {
    let now = Timestamp::now();
    let locks = open_locks(context, &session.target())?;
    reconcile(context.stores()?.runs(), &*locks)?;
    warn_of_others(context, session, &*locks)?;
    let mut report = context.report::<LockedRow>(session, "sessions locks", None)?;
    let lifted_last = locks.lifted_last()?;
    let mut summary = LocksSummary {
        locks: 0,
        overdue: 0,
        pending: 0,
        unlock_due_last_ran: lifted_last.map(|last| format!("{last:.0}")),
    };
    let listing = if args.overdue {
        Listing::Due(now)
    } else {
        Listing::All
    };
    for lock in &locks.list(listing)? {
        summary.locks += 1;
        summary.overdue += u64::from(lock.is_due(now));
        summary.pending += u64::from(lock.is_pending());
        report.row(&LockedRow::new(lock, now)).map_err(unwritten_rows)?;
    }
    report.finish(&summary).map_err(unwritten_rows)?;
    if summary.locks == 0 {
        context.ui.note(if args.overdue {
            t!("no locks are overdue")
        } else {
            t!("no users are locked")
        });
    } else if let Some(note) = unattended(lifted_last, now) {
        context.ui.note(note);
        context.ui.note(lifting(session));
    }
    Ok(if args.overdue && summary.overdue > 0 {
        exit::FINDINGS
    } else {
        exit::OK
    })
}

/// Warns about locks that should have been lifted by now.
pub fn warn_of_overdue(context: &Context, session: &Session) {
    let now = Timestamp::now();
    let overdue = || -> Result<Vec<Lock>, CommandError> {
        let locks = open_locks(context, &session.target())?;
        Ok(locks.list(Listing::Due(now))?)
    };
    let overdue = match overdue() {
        Ok(overdue) => overdue,
        Err(error) => {
            context.ui.warn(t!("cannot check for overdue locks: {error}"));
            return;
        }
    };
    if let Some(oldest) = overdue.iter().map(|lock| lock.until).min() {
        context.ui.warn(t!(
            "{} should have been unlocked by now, the first on {oldest:.0}: {}",
            users(overdue.len() as u64),
            context.command("sessions unlock --due")
        ));
    }
}
