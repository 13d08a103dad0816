//! `sessions unlock`: lift locks.

use std::io;

use clap::Args;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::lock::{LockRow, book_of_session, reconcile};
use crate::acts::perform::{Attempted, perform};
use crate::bulk::action::Action;
use crate::bulk::item::{Item, Task};
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, drive, finish_empty};
use crate::exit::{self, Exit};
use crate::locks::lock::{Locks, due};
use crate::summary::{Summary, Words};

/// Arguments of `sessions unlock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions unlock ann --reason \"it was her after all\" --ticket INC-7
  easemob-admin --profile prod sessions unlock --due --yes

--due lifts the locks whose time has come; its reason is that of each lock. Only locks are lifted: a ban that \
`sessions lock` did not set is left to `users unban`.")]
pub struct UnlockArgs {
    #[command(flatten)]
    users: UserSource,
    /// Lift all locks whose time has come
    #[arg(long, conflicts_with_all = ["users", "from"])]
    due: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Runs the command.
///
/// # Errors
/// When somebody is not locked, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &UnlockArgs) -> Result<Exit, CommandError> {
    let mut acting = args.acting.clone();
    if args.due {
        let reason = || "the time of the lock is over".to_owned();
        acting.reason = acting.reason.or_else(|| Some(reason()));
    }
    acting.require_record(context, session)?;
    let book = book_of_session(context, session)?;
    let locks = reconcile(context, &book)?;
    let items = items(context, args, &locks)?;
    if items.is_empty() {
        context.ui.say("no lock is due");
        let report = context.report::<LockRow>(session, "sessions unlock", None);
        return finish_empty(report, &Summary::of_users(0));
    }
    let count = items.len() as u64;
    acting.confirm(
        context,
        session,
        count,
        &format!("lift the locks of {}", users(count)),
    )?;
    let summary = Summary::of_users(count);
    if acting.dry_run {
        return dry_run(context, session, &acting, items, summary).await;
    }
    let order = begin::Order {
        acting: &acting,
        action: Action::Unlock,
        source: if args.due {
            "locks that are due".into()
        } else {
            args.users.describe()
        },
        allowance: None,
    };
    let open = begin(context, session, order, items.into_iter().map(Ok))?;
    perform(context, session, open, Attempted::first(summary)).await
}

fn items(context: &Context, args: &UnlockArgs, locks: &Locks) -> Result<Vec<Item>, CommandError> {
    let mut items = Vec::new();
    let mut push = |line, user| {
        items.push(Item {
            number: items.len() as u64,
            line,
            user,
            planned: None,
        });
    };
    if args.due {
        for (line, user) in (1..).zip(due(locks, Timestamp::now())) {
            push(line, user);
        }
        return Ok(items);
    }
    let list = args.users.read(context)?;
    let mut strangers = Vec::new();
    for entry in args.users.stream(&list)? {
        let entry = entry.map_err(|error: io::Error| {
            CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
        })?;
        if locks.contains_key(&entry.user.folded()) {
            push(entry.line, entry.user);
        } else {
            strangers.push(entry.user.to_string());
        }
    }
    if strangers.is_empty() {
        return Ok(items);
    }
    strangers.truncate(5);
    let what = format!("not locked, so nothing was done: {}", strangers.join(", "));
    Err(CommandError::new(exit::USAGE, what)
        .hint("see who is: easemob-admin sessions locks")
        .hint("to lift a ban that is no lock: easemob-admin users unban"))
}

async fn dry_run(
    context: &Context,
    session: &Session,
    acting: &Acting,
    items: Vec<Item>,
    mut summary: Summary,
) -> Result<Exit, CommandError> {
    acting.record(&mut summary);
    let run = Run {
        context,
        session,
        command: "sessions unlock",
        verb: "reading",
        words: Words {
            done: "would be unlocked",
            nothing: "nothing to do",
            devices: None,
        },
        acts: false,
        summary,
    };
    let work = async |task: Task| {
        let mut tally = Tally::default();
        tally.count(Settled::Done);
        Done {
            rows: vec![LockRow::new(&task.item, "would_unlock")],
            tally,
            failures: Vec::new(),
            stop: None,
        }
    };
    let tasks = items.into_iter().map(|item| Ok(Task::fresh(item)));
    drive(run, tasks, work, |task| vec![LockRow::new(&task.item, "unknown")]).await
}
