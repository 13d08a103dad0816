//! `logins scan`: stores who is online with which devices as a snapshot.

use std::cell::Cell;

use clap::Args;
use easemob_admin_ops::logins::scan::{
    self, End, ListSource, Pace, ScanCalls as _, SourceError, Statuses, all_users, is_refused_place,
    known_users, listed_users,
};
use easemob_admin_ops::logins::store::{Counts, LoginStore, Position, Snapshot, SnapshotId, StoreError};
use easemob_admin_ops::schedule::pipeline::Wish;
use easemob_admin_words::t;
use futures_util::TryStreamExt as _;

use super::scan_through;
use super::snapshot::no_such;
use super::snapshots::SnapshotRow;
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::commands::listing::broken_off;
use crate::commands::times::now_ms;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::input::user_list::UserList;
use crate::interrupt;
use crate::render::report::Row as _;

/// Arguments of `logins scan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins scan
  easemob-admin logins scan --from users.txt
  easemob-admin logins scan --resume

Without users, all users of the app are read. One request reads the status of a hundred users, and devices are read only \
of users who are online. Users that the server does not mention and reads that failed are stored as such: they never \
count as users without a device. Names that do not exist do, because the server reports them as offline. The exit code \
is 6 if a read failed. Some users reported as offline are read as well: if one of them has devices, every \
user is read.")]
pub struct ScanArgs {
    #[command(flatten)]
    pub(super) users: UserSource,
    /// Resume the last scan of the same users, which was interrupted
    #[arg(long)]
    pub(super) resume: bool,
    /// Store the app's device limits with the snapshot, on servers that report them; costs one more request
    #[arg(long)]
    pub(super) limits: bool,
    /// Read the devices of every user, also of those reported as offline
    #[arg(long)]
    pub(super) read_every_user: bool,
}

fn resume_with(context: &Context) -> String {
    t!(
        "resume with the same users: {}",
        context.command("logins scan --resume")
    )
}

/// Runs the command.
///
/// # Errors
/// When users cannot be listed, the server does not answer, or the results cannot be stored.
pub async fn run(context: &Context, session: &Session, args: &ScanArgs) -> Result<Exit, CommandError> {
    context.shown(SnapshotRow::COLUMNS)?;
    let list = (!args.users.is_empty())
        .then(|| args.users.read(context))
        .transpose()?;
    if let Some(remote) = context.service()? {
        return scan_through::run(context, session, args, &remote, list.as_ref()).await;
    }
    let source = match &list {
        None => "all".to_owned(),
        Some(list) => {
            let mut source = ListSource::default();
            for entry in args.users.stream(list)? {
                source.add(&entry.map_err(unreadable)?.user);
            }
            source.word()
        }
    };
    let scanning = Scanning {
        context,
        session,
        args,
        list: list.as_ref(),
        source,
    };
    let unusable = session.obeyed().every_user;
    if let Some(why) = unusable.filter(|_| !args.read_every_user) {
        context.ui.note(t!("every user is read because {}", why.reason()));
    }
    let statuses = if args.read_every_user || unusable.is_some() {
        Statuses::NotAsked
    } else {
        Statuses::Checked(fastrand::u64(..))
    };
    let (store, id, end) = scanning.scan(args.resume, statuses).await?;
    let End::StatusWrong(user) = end else {
        return conclude(context, session, &*store, id, end);
    };
    context.ui.warn(t!(
        "the server reports {user} as offline, who has devices: its statuses are wrong, so snapshot {id} stays incomplete, \
         and every user is read into a new one"
    ));
    drop(store);
    let (store, id, end) = scanning.scan(false, Statuses::NotAsked).await?;
    conclude(context, session, &*store, id, end)
}

/// A scan of some users.
struct Scanning<'a> {
    context: &'a Context,
    session: &'a Session,
    args: &'a ScanArgs,
    /// The list; all users of the app without one.
    list: Option<&'a UserList>,
    /// The word for the users in the store.
    source: String,
}

impl Scanning<'_> {
    /// Scans into a snapshot, and returns how that ended.
    async fn scan(
        &self,
        resume: bool,
        statuses: Statuses,
    ) -> Result<(Box<dyn LoginStore>, SnapshotId, End), CommandError> {
        let Self {
            context,
            session,
            args,
            list,
            source,
        } = self;
        let mut store = context.logins()?;
        let begun = begin(context, &mut *store, source, resume)?;
        let (id, from) = (begun.id, begun.from);
        if args.limits {
            let limits = session.server.client().app_limits().await?;
            let text = serde_json::to_string(&limits).unwrap_or_default();
            store.set_limits(id, &text)?;
        }
        let pace = Pace {
            statuses,
            concurrency: context.globals.concurrency,
            wish: interrupt::listen(&context.ui, context.deadline(), session.server.client()),
        };
        let bar = match list {
            Some(list) => context.bar(list.users, "scanning"),
            // The server does not report the number of users.
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
        let ended = match list {
            None => {
                let known = known_users(&*store, id)?;
                let may_be_refused = resume && from.cursor.is_some();
                let batches = all_users(server, from.clone()).map_ok(|batch| batch.without(&known));
                let ended = scan::scan(server, &mut *store, id, batches, pace.clone(), now_ms, &seen).await?;
                let nothing_was_read = shown.get() == begun.users;
                match &ended {
                    End::Source(error) if may_be_refused && nothing_was_read && is_refused_place(error) => {
                        // If the server cannot list from the beginning either, it did not refuse the position.
                        if server.users(None).await.is_ok() {
                            context.ui.warn(
                                t!("the server no longer accepts the position where the scan stopped, so the users are \
                                 listed from the beginning; no user is counted twice"),
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
        Ok((store, id, ended?))
    }
}

pub(super) fn unreadable(error: std::io::Error) -> CommandError {
    CommandError::new(exit::INTERNAL, t!("cannot read the temporary copy of the list")).because(error)
}

/// A snapshot in progress.
struct Begun {
    id: i64,
    from: Position,
    /// How many users it already contains.
    users: u64,
}

/// Begins a snapshot, or finds the one to go on with.
fn begin(
    context: &Context,
    store: &mut dyn LoginStore,
    source: &str,
    resume: bool,
) -> Result<Begun, CommandError> {
    let unfinished = match store.resume(source) {
        Err(error @ StoreError::Taken(_)) if resume => {
            return Err(CommandError::from(error).hint(t!("if it does not finish, {}", resume_with(context))));
        }
        Err(StoreError::Taken(id)) => {
            context.ui.note(t!(
                "another process is scanning the same users into snapshot {id}; starting a new one"
            ));
            None
        }
        found => found?,
    };
    match unfinished {
        Some((snapshot, _)) if resume && holds_odd_entries(store, snapshot.id)? => {
            context.ui.note(t!(
                "cannot complete snapshot {}, because the server listed entries that are not users; starting a new one",
                snapshot.id
            ));
        }
        Some((snapshot, from)) if resume => {
            context.ui.note(t!(
                "resuming snapshot {}: {} already done",
                snapshot.id,
                counted(snapshot.counts.users, "user")
            ));
            return Ok(Begun {
                id: snapshot.id,
                from,
                users: snapshot.counts.users,
            });
        }
        None if resume => {
            return Err(CommandError::new(
                exit::USAGE,
                t!("nothing to resume: the last scan of these users is complete, or there was none"),
            )
            .hint(t!("start a new scan: run the command without --resume")));
        }
        Some((snapshot, _)) => context.ui.note(t!(
            "snapshot {} stays incomplete; --resume would have resumed it",
            snapshot.id
        )),
        None => {}
    }
    Ok(Begun {
        id: store.begin(source, now_ms())?,
        from: Position::default(),
        users: 0,
    })
}

/// Returns whether the server listed entries that are not users.
fn holds_odd_entries(store: &dyn LoginStore, snapshot: SnapshotId) -> Result<bool, StoreError> {
    let mut odd = false;
    store.each_not_known(snapshot, &mut |not_known| odd |= scan::is_odd(&not_known.user))?;
    Ok(odd)
}

pub(super) fn conclude(
    context: &Context,
    session: &Session,
    store: &dyn LoginStore,
    id: i64,
    end: End,
) -> Result<Exit, CommandError> {
    let snapshot = store.snapshots()?.into_iter().find(|snapshot| snapshot.id == id);
    let snapshot = snapshot.ok_or_else(|| no_such(context, id))?;
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("cannot write the row to stdout")).because(error);
    let mut report = context.report::<SnapshotRow>(session, "logins scan", None)?;
    report.row(&SnapshotRow::new(&snapshot)).map_err(output)?;
    report.finish(&snapshot.counts).map_err(output)?;
    say(context, session, &snapshot);
    let go_on = resume_with(context);
    match end {
        End::Complete if snapshot.counts.failed > 0 => Ok(exit::FAILED_RETRY),
        End::Complete => Ok(exit::OK),
        End::Odd { entries, places } => {
            context.ui.say(t!(
                "the server listed entries that are not valid user names ({entries}), so the snapshot is incomplete: {}",
                places.join(", ")
            ));
            let others = snapshot.counts.failed > entries;
            Ok(if others {
                exit::FAILED_RETRY
            } else {
                exit::FAILED_FINAL
            })
        }
        // Only a scan that asks for statuses can find them wrong, and that one is not concluded.
        End::StatusWrong(_) => Ok(exit::INTERNAL),
        End::Wished(Wish::Abort) => Ok(exit::ABORTED),
        End::Wished(Wish::Run | Wish::Drain(_)) => {
            context.ui.say(go_on);
            Ok(exit::INTERRUPTED)
        }
        End::Fatal(fatal) => Err(CommandError::from(fatal).hint(go_on)),
        End::Source(SourceError::Call(error)) => {
            let what = t!("cannot list the users of the app");
            let therefore = t!(", and the snapshot is incomplete");
            let error = match error.origin {
                Some(origin) => broken_off(origin, snapshot.counts.users, therefore),
                None => CommandError::new(exit::UNREACHABLE, what).because(error.to_string()),
            };
            Err(error.hint(go_on))
        }
        End::Source(SourceError::Endless(error)) => {
            let what = t!("cannot list all users of the app");
            Err(CommandError::new(exit::UNREACHABLE, what).because(error).hint(t!(
                "the snapshot is incomplete; start a new one with: {}",
                context.command("logins scan")
            )))
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
    let prefix = if session.is_sandbox() { t!("sandbox: ") } else { "" };
    let end = if snapshot.finished_ms.is_some() {
        ""
    } else {
        t!(", and the snapshot is incomplete")
    };
    context.ui.say(t!(
        "{prefix}snapshot {}: {}: {online} online ({}), {offline} offline, {changed} changed meanwhile, {unknown} \
         unknown, {failed} failed; {}{end}",
        snapshot.id,
        counted(users, "user"),
        counted(devices, "device"),
        counted(session.server.client().requests_sent(), "request")
    ));
}
