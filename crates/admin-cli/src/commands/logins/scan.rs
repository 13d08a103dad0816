//! `logins scan`: who is online with which devices, kept as a snapshot.

use std::cell::Cell;

use clap::Args;
use easemob_admin_ops::files::digest::Sha256;
use easemob_admin_ops::logins::scan::{
    self, End, Pace, ScanCalls as _, SourceError, all_users, is_refused_place, known_users, listed_users,
};
use easemob_admin_ops::logins::store::{Counts, LoginStore, Position, Snapshot};
use easemob_admin_ops::schedule::pipeline::{Cause, Wish};
use easemob_admin_ops::server::calls::Calls;
use futures_util::TryStreamExt as _;

use super::snapshot::no_such;
use super::snapshots::SnapshotRow;
use crate::command_error::CommandError;
use crate::commands::listing::broken_off;
use crate::commands::times::now_ms;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt;

/// Arguments of `logins scan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins scan
  easemob-admin logins scan --from users.txt
  easemob-admin logins scan --resume

Without users, all users of the app are read. The status of a hundred users is one request, and devices are read only \
of those who are online. Users that the server does not mention, and reads that failed, are kept as such: they are \
never counted as users without a device. Names on a list that do not exist are: of those the server says offline, too. \
Exit code 6 if a read failed.")]
pub struct ScanArgs {
    #[command(flatten)]
    users: UserSource,
    /// Go on with the last scan of the same users, which was interrupted
    #[arg(long)]
    resume: bool,
    /// Keep the app's device limits beside the snapshot, on servers that tell them; one request more
    #[arg(long)]
    limits: bool,
}

/// Runs the command.
///
/// # Errors
/// When users cannot be listed, the server gives no answers, or what was found cannot be kept.
pub async fn run(context: &Context, session: &Session, args: &ScanArgs) -> Result<Exit, CommandError> {
    let list = (!args.users.is_empty())
        .then(|| args.users.read(context))
        .transpose()?;
    let source = match &list {
        None => "all".to_owned(),
        Some(list) => {
            let mut digest = Sha256::default();
            for entry in args.users.stream(list)? {
                let user = entry.map_err(unreadable)?.user;
                digest.add(user.to_string().as_bytes());
                digest.add(b"\n");
            }
            format!("list:{}", &digest.hex()[..16])
        }
    };
    let mut store = context.logins()?;
    let begun = begin(context, &mut *store, &source, args.resume)?;
    let (id, from) = (begun.id, begun.from);
    if args.limits {
        let limits = session.server.client().app_limits().await?;
        let text = serde_json::to_string(&limits).unwrap_or_default();
        store.set_limits(id, &text)?;
    }
    let pace = Pace {
        concurrency: context.globals.concurrency,
        wish: interrupt::listen(&context.ui, context.deadline(), session.server.client()),
    };
    let bar = match &list {
        Some(list) => context.bar(list.users, "scanning"),
        // The server does not say how many there are.
        None => context.counter("scanning"),
    };
    let shown = Cell::new(0);
    let seen = |counts: Counts| {
        let users = begun.users + counts.users;
        if let Some(bar) = &bar {
            bar.advance(users.saturating_sub(shown.get()));
        }
        shown.set(users);
    };
    seen(Counts::default());
    let server = &session.server;
    let ended = match &list {
        None => {
            let known = known_users(&*store, id)?;
            let may_be_refused = args.resume && from.cursor.is_some();
            let batches = all_users(server, from.clone()).map_ok(|batch| batch.without(&known));
            let ended = scan::scan(server, &mut *store, id, batches, pace.clone(), now_ms, &seen).await?;
            let nothing_was_read = shown.get() == begun.users;
            match &ended {
                End::Source(error) if may_be_refused && nothing_was_read && is_refused_place(error) => {
                    // A server that cannot list from the beginning either has not refused the place.
                    if server.users(None).await.is_ok() {
                        context.ui.warn(
                            "the server no longer accepts the place where the scan stopped, so the users are listed \
                             from the beginning; nobody is counted twice",
                        );
                        store.restart(id)?;
                        let known = known_users(&*store, id)?;
                        let all = all_users(server, Position::default());
                        let batches = all.map_ok(|batch| batch.without(&known));
                        scan::scan(server, &mut *store, id, batches, pace, now_ms, &seen).await
                    } else {
                        Ok(ended)
                    }
                }
                _ => Ok(ended),
            }
        }
        Some(list) => {
            let users = args.users.stream(list)?;
            let users = users.map(|entry| entry.map(|entry| entry.user));
            let batches = listed_users(users, from.done);
            scan::scan(server, &mut *store, id, batches, pace, now_ms, &seen).await
        }
    };
    context.ui.lower();
    conclude(context, session, &*store, id, ended?)
}

fn unreadable(error: std::io::Error) -> CommandError {
    CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
}

/// A snapshot that is being made.
struct Begun {
    id: i64,
    from: Position,
    /// How many users are in it already.
    users: u64,
}

/// Begins a snapshot, or finds the one to go on with.
fn begin(
    context: &Context,
    store: &mut dyn LoginStore,
    source: &str,
    resume: bool,
) -> Result<Begun, CommandError> {
    let unfinished = store.unfinished(source)?;
    if let (Some((snapshot, _)), true) = (&unfinished, resume) {
        let mut odd = 0_u64;
        store.each_not_known(snapshot.id, &mut |known| {
            odd += u64::from(scan::is_odd(&known.user));
        })?;
        if odd > 0 {
            context.ui.note(format_args!(
                "snapshot {} cannot be completed, because the server listed entries that are no users; a new one begins",
                snapshot.id
            ));
            return Ok(Begun {
                id: store.begin(source, now_ms())?,
                from: Position::default(),
                users: 0,
            });
        }
    }
    match (unfinished, resume) {
        (Some((snapshot, position)), true) => {
            context.ui.note(format_args!(
                "going on with snapshot {}, of which {} users are done",
                snapshot.id, snapshot.counts.users
            ));
            return Ok(Begun {
                id: snapshot.id,
                from: position,
                users: snapshot.counts.users,
            });
        }
        (None, true) => {
            return Err(CommandError::new(
                exit::USAGE,
                "the last scan of these users is complete, or there was none",
            )
            .hint("leave out --resume to begin a new one"));
        }
        (Some((snapshot, _)), false) => context.ui.note(format_args!(
            "snapshot {} was not completed and is left so; --resume would have gone on with it",
            snapshot.id
        )),
        (None, false) => {}
    }
    Ok(Begun {
        id: store.begin(source, now_ms())?,
        from: Position::default(),
        users: 0,
    })
}

fn conclude(
    context: &Context,
    session: &Session,
    store: &dyn LoginStore,
    id: i64,
    end: End,
) -> Result<Exit, CommandError> {
    let snapshot = store.snapshots()?.into_iter().find(|snapshot| snapshot.id == id);
    let snapshot = snapshot.ok_or_else(|| no_such(id))?;
    let output =
        |error| CommandError::new(exit::INTERNAL, "the row cannot be written to stdout").because(error);
    let mut report = context.report::<SnapshotRow>(session, "logins scan", None);
    report.row(&SnapshotRow::new(&snapshot)).map_err(output)?;
    report.finish(&snapshot.counts).map_err(output)?;
    say(context, session, &snapshot);
    let go_on = "go on with: easemob-admin logins scan --resume, and the same users";
    match end {
        End::Complete if snapshot.counts.failed > 0 => Ok(exit::FAILED_RETRY),
        End::Complete => Ok(exit::OK),
        End::Odd { entries, places } => {
            context.ui.say(format_args!(
                "the server listed {entries} entries that are no users who can be named, so the snapshot is not complete: {}",
                places.join(", ")
            ));
            let others = snapshot.counts.failed > entries;
            Ok(if others {
                exit::FAILED_RETRY
            } else {
                exit::FAILED_FINAL
            })
        }
        End::Wished(Wish::Abort) => Ok(exit::ABORTED),
        End::Wished(Wish::Run | Wish::Drain(Cause::Signal | Cause::Deadline)) => {
            context.ui.say(go_on);
            Ok(exit::INTERRUPTED)
        }
        End::Fatal(fatal) => Err(CommandError::from(fatal).hint(go_on)),
        End::Source(SourceError::Call(error)) => {
            let what = "the users of the app cannot be listed";
            let therefore = ", and the snapshot is not complete";
            let error = match error.origin {
                Some(origin) => broken_off(origin, snapshot.counts.users, therefore),
                None => CommandError::new(exit::UNREACHABLE, what).because(error.to_string()),
            };
            Err(error.hint(go_on))
        }
        End::Source(SourceError::Endless(error)) => {
            let what = "the users of the app cannot all be listed";
            Err(CommandError::new(exit::UNREACHABLE, what)
                .because(error)
                .hint("the snapshot is not complete; begin a new one with: easemob-admin logins scan"))
        }
        End::Source(SourceError::List(error)) => Err(unreadable(error).hint(go_on)),
    }
}

fn say(context: &Context, session: &Session, snapshot: &Snapshot) {
    let Counts {
        users,
        online,
        offline,
        changed,
        unknown,
        failed,
        devices,
    } = snapshot.counts;
    let prefix = if session.is_sandbox() { "sandbox: " } else { "" };
    let end = if snapshot.finished_ms.is_some() {
        ""
    } else {
        ", and the snapshot is not complete"
    };
    context.ui.say(format_args!(
        "{prefix}snapshot {}: {users} users: {online} online ({devices} devices), {offline} offline, {changed} changed \
         meanwhile, {unknown} unknown, {failed} failed; {} requests{end}",
        snapshot.id,
        session.server.requests()
    ));
}
