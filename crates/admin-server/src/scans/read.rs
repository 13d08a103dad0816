//! Reads users into a snapshot.

use std::sync::Arc;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::logins::scan::{
    self, End, Pace, ScanCalls as _, SourceError, Statuses, all_users, is_refused_place, known_users,
    listed_users,
};
use easemob_admin_ops::logins::store::{LoginStore, Position, SnapshotId, StoreError};
use easemob_admin_ops::schedule::concurrency::Concurrency;
use easemob_admin_ops::schedule::pipeline::Wish;
use futures_util::TryStreamExt as _;
use tokio::sync::watch;

use super::users::Users;
use crate::apps::App;
use crate::service::Service;

/// The users of a scan of all users, as the command line names them.
pub(super) const ALL: &str = "all";

/// What to read.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The users, as the store names them.
    pub(crate) source: String,
    /// The users; all users of the app without a list.
    pub(crate) users: Option<Users>,
    /// Whether the limits of the app are kept with the snapshot.
    pub(crate) limits: bool,
    /// Whether statuses are not asked for.
    pub(crate) every_user: bool,
    /// Where to begin.
    pub(crate) from: Start,
}

/// Where a scan begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With a new snapshot.
    New,
    /// With this one, unless it is finished or there is a newer one.
    This(SnapshotId),
    /// With whatever another process left behind.
    LeftBehind,
}

impl Order {
    /// Reads all users of the app.
    pub(crate) fn everybody(from: Start) -> Self {
        Self {
            source: ALL.into(),
            users: None,
            limits: false,
            every_user: false,
            from,
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// So many users were read.
    Complete(u64),
    /// The server listed entries that are not users, at these places.
    Odd(u64, Vec<String>),
    /// It was told to end, or another process is reading.
    CutShort,
    /// Continuing is pointless.
    Failed(String),
}

/// Reads users into a snapshot; `begun` is told its number. If the statuses of the server turn out to be wrong, every user is read
/// into another one.
pub(crate) async fn read(
    service: &Service,
    app: &Arc<App>,
    order: Order,
    wish: watch::Receiver<Wish>,
    begun: impl Fn(SnapshotId) + Send + Sync + 'static,
) -> Result<Scanned, String> {
    let (service, app) = (service.clone(), Arc::clone(app));
    let runtime = tokio::runtime::Handle::current();
    // What it holds between two requests belongs to one thread.
    let reading = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            let mut order = order;
            loop {
                let read = once(&service, &app, &order, wish.clone(), &begun).await?;
                if matches!(read, Ok((End::StatusWrong(_), _))) && !order.every_user {
                    (order.every_user, order.from) = (true, Start::New);
                } else {
                    return Ok::<_, StoreError>(read);
                }
            }
        })
    });
    let read = reading.await.map_err(|error| error.to_string())?;
    let read = read.map_err(|error| with_causes(&error))?;
    let (end, users) = match read {
        Ok(read) => read,
        Err(scanned) => return Ok(scanned),
    };
    Ok(match end {
        End::Complete => Scanned::Complete(users),
        End::Odd { entries, places } => Scanned::Odd(entries, places),
        End::Wished(_) => Scanned::CutShort,
        End::StatusWrong(user) => {
            Scanned::Failed(format!("the server reports {user} as offline, who has devices"))
        }
        End::Fatal(fatal) => Scanned::Failed(fatal.error().to_string()),
        End::Source(error) => Scanned::Failed(match error {
            SourceError::Call(error) => format!("the users cannot be listed: {error}"),
            SourceError::Endless(error) => format!("the users cannot be listed: {error}"),
            SourceError::List(error) => with_causes(&error),
        }),
    })
}

/// Finds the snapshot to continue, with its position; nothing if a new one is to be begun.
fn begun_before(
    store: &mut dyn LoginStore,
    source: &str,
    from: Start,
) -> Result<Option<(SnapshotId, Position)>, StoreError> {
    if from == Start::New {
        return Ok(None);
    }
    let found = store.resume(source)?;
    let found = found.map(|(snapshot, position)| (snapshot.id, position));
    Ok(found.filter(|(id, _)| from == Start::LeftBehind || from == Start::This(*id)))
}

/// Reads into one snapshot, and returns how that ended, and how many users it has.
async fn once(
    service: &Service,
    app: &App,
    order: &Order,
    wish: watch::Receiver<Wish>,
    begun: &(impl Fn(SnapshotId) + Send + Sync),
) -> Result<Result<(End, u64), Scanned>, StoreError> {
    let mut store = service.stores().logins().of(&app.target.name())?;
    let now_ms = || service.now().as_millisecond();
    let before = match begun_before(&mut *store, &order.source, order.from) {
        // A process that does not work on schedules, such as the command line, is reading for itself.
        Err(StoreError::Taken(_)) if order.from == Start::LeftBehind => None,
        Err(StoreError::Taken(_)) => return Ok(Err(Scanned::CutShort)),
        found => found?,
    };
    let is_resumed = before.as_ref().is_some_and(|(_, from)| from.cursor.is_some());
    let (snapshot, from) = match before {
        Some(before) => before,
        None => (store.begin(&order.source, now_ms())?, Position::default()),
    };
    begun(snapshot);
    if order.limits {
        match app.server.client().app_limits().await {
            Ok(limits) => {
                let text =
                    serde_json::to_string(&limits).map_err(|error| StoreError::Failed(error.into()))?;
                store.set_limits(snapshot, &text)?;
            }
            Err(error) => {
                return Ok(Err(Scanned::Failed(format!(
                    "the limits cannot be read: {error}"
                ))));
            }
        }
    }
    let pace = Pace {
        concurrency: Concurrency::Auto,
        wish,
        statuses: if order.every_user {
            Statuses::NotAsked
        } else {
            Statuses::Checked(now_ms().unsigned_abs())
        },
    };
    let counted = |store: &dyn LoginStore| -> Result<u64, StoreError> {
        let all = store.snapshots()?;
        let this = all.iter().find(|kept| kept.id == snapshot);
        Ok(this.map_or(0, |kept| kept.counts.users))
    };
    let before = counted(&*store)?;
    let server = &app.server;
    let end = if let Some(users) = &order.users {
        let batches = listed_users(users.names(), from.done);
        scan::scan(server, &mut *store, snapshot, batches, pace, now_ms, |_| {}).await?
    } else {
        let known = known_users(&*store, snapshot)?;
        let batches = all_users(server, from).map_ok(|batch| batch.without(&known));
        let end = scan::scan(
            server,
            &mut *store,
            snapshot,
            batches,
            pace.clone(),
            now_ms,
            |_| {},
        )
        .await?;
        let is_refused = matches!(&end, End::Source(error) if is_refused_place(error));
        // If the server cannot list from the beginning either, it did not refuse the position.
        if is_resumed && is_refused && counted(&*store)? == before && server.users(None).await.is_ok() {
            store.restart(snapshot)?;
            let known = known_users(&*store, snapshot)?;
            let batches = all_users(server, Position::default()).map_ok(|batch| batch.without(&known));
            scan::scan(server, &mut *store, snapshot, batches, pace, now_ms, |_| {}).await?
        } else {
            end
        }
    };
    Ok(Ok((end, counted(&*store)?)))
}
