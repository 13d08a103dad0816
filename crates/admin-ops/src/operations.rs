//! The engine as one object: creates runs, opens them again, and works on them to the end.

mod preview;
mod report;
mod spool;
mod stop;
mod told;

use std::io;

use easemob_admin_api::UserId;
use futures_util::Stream;
use jiff::Timestamp;
use tokio::sync::watch;

pub use self::report::{FatalKind, RunReport, Stopped};
use self::spool::spooled;
pub use self::stop::StopHandle;
use self::told::{Told, ToldObserver};
use crate::jobs::execute::{CannotExecute, Job, execute, settle};
use crate::report::Report;
use crate::run::attempt::{Attempt, CannotBegin};
use crate::run::id::RunId;
use crate::run::journal::header::Operator;
use crate::run::new::NewRun;
use crate::run::recorder::Clock;
use crate::run::resume::Which;
use crate::run::store::{OpenRun, RunError};
use crate::schedule::concurrency::Concurrency;
use crate::schedule::pipeline::{Stop, Wish};
use crate::schedule::run_loop::RunLoop;
use crate::server::calls::Calls;
use crate::stores::Stores;
use crate::target::Target;

/// Recorded, resumable operations on the users of one app.
///
/// This example signs out the users of a stream. The run is recorded before anything is sent, the audit trail
/// contains what is done to each user, and the requests share the rate budget of `client` with everything
/// else that the service sends:
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// use easemob_admin_ops::operations::{Event, Operations, Options};
/// use easemob_admin_ops::run::{job::Action, journal::header::Operator, new::{Mandate, NewRun}};
/// use easemob_admin_ops::select::{ages::IdStamps, selection::Selection};
/// use easemob_admin_ops::{server::client::Server, stores::Stores, target::Target};
/// use futures_util::{StreamExt, stream};
///
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # for user in ["ann", "bob"] { sandbox.register(user); sandbox.sign_in(user, "ios")?; }
/// # let data = tempfile::tempdir()?;
/// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .build()?;
/// let ops = Operations::new(
///     Server::new(client.clone(), Arc::new(IdStamps)),
///     Stores::on_disk(data.path()),
///     Target::of(client.app_root()),
///     Operator::named("session-service", "host-1"),
/// );
///
/// let users = stream::iter(["ann", "bob"]).map(|name| UserId::parse(name).map_err(std::io::Error::other));
/// let logout = Action::Logout { selection: Selection::default() };
/// let why = Mandate { reason: Some("password leak".into()), ..Mandate::default() };
/// let run = ops.new_run(NewRun::new(logout, why), users).await?;
///
/// let (mut events, _stop) = ops.execute(run, Options::default());
/// while let Some(event) = events.next().await {
///     match event? {
///         Event::Item(report) => println!("{}", serde_json::to_string(&report)?),
///         Event::Ended(report) => assert_eq!((report.tally.done, report.not_started), (2, 0)),
///     }
/// }
/// assert!(client.list_devices(&UserId::parse("ann")?).await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Operations<S> {
    server: S,
    stores: Stores,
    target: Target,
    operator: Operator,
    clock: Clock,
}

/// How to work on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Which items to work on; by default, those that are not finished.
    pub which: Which,
    /// How many jobs run at once; by default, as many as the server can handle.
    pub concurrency: Concurrency,
    /// The most devices to sign out in total, including earlier attempts, if different from the run's own
    /// limit.
    pub allowance: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            which: Which::Unfinished,
            concurrency: Concurrency::Auto,
            allowance: None,
        }
    }
}

/// An event of a run in progress.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The report of one user, or of one of the user's devices.
    Item(Report),
    /// The run has ended; this is the last event.
    Ended(RunReport),
}

/// Why a run cannot be worked on. Requests that were sent before are recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// An older version recorded the run only as text.
    #[error("cannot resume this run: an older version recorded it only as text; create a new run")]
    NotResumable,
    /// What an unlock would do is not known before it begins.
    #[error("there is no dry run of lifting locks")]
    NoPreview,
    /// A user of a list cannot be read.
    #[error(transparent)]
    Users(#[from] io::Error),
    /// The attempt cannot start.
    #[error(transparent)]
    Begin(#[from] CannotBegin),
    /// The job cannot start, or what it left cannot be settled.
    #[error(transparent)]
    Execute(#[from] CannotExecute),
}

impl<S: Calls> Operations<S> {
    /// Creates the operations for a server, the stores that record them, and the operator.
    #[must_use]
    pub fn new(server: S, stores: Stores, target: Target, operator: Operator) -> Self {
        Self {
            server,
            stores,
            target,
            operator,
            clock: || Timestamp::now().as_millisecond(),
        }
    }

    /// Uses another clock: milliseconds since 1970.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Acts for another operator, such as the user of a service who requested it.
    #[must_use]
    pub fn on_behalf_of(&self, operator: Operator) -> Self {
        Self {
            operator,
            ..self.clone()
        }
    }

    /// Records a new run with the users of a stream. Sends nothing.
    ///
    /// The users are written to a temporary file as they arrive, so memory does not depend on their number.
    /// Blocks while it writes.
    ///
    /// # Errors
    /// When a user cannot be read or the run cannot be written. Nothing is left behind then.
    pub async fn new_run(
        &self,
        new: NewRun,
        users: impl Stream<Item = io::Result<UserId>>,
    ) -> Result<OpenRun, RunError> {
        let lost = |source| RunError::Io {
            what: "cannot write the users of a run to a file in",
            at: std::env::temp_dir().display().to_string(),
            source,
        };
        let (items, _) = spooled(users).await.map_err(lost)?;
        let now = Timestamp::from_millisecond((self.clock)()).unwrap_or_default();
        let runs = self.stores.runs();
        new.create(runs, &self.target, self.operator.clone(), now, random(), items)
    }

    /// Opens a run to continue it.
    ///
    /// # Errors
    /// When it does not exist, another process works on it, or it cannot be read.
    pub fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        self.stores.runs().open(id)
    }

    /// Works on a run while the stream is polled.
    ///
    /// Dropping the stream early leaves requests with an unknown outcome; resuming the run checks their
    /// effect before it does anything else. [`StopHandle::drain`] is the better way to stop.
    pub fn execute(
        &self,
        open: OpenRun,
        options: Options,
    ) -> (
        impl Stream<Item = Result<Event, OperationError>> + Send + use<S>,
        StopHandle,
    ) {
        let server = self.server.apart();
        let (stop, wish) = StopHandle::new(server.clone());
        let told = Told::default();
        let observer = ToldObserver::new(server.clone(), Some(told.clone()));
        let work = self
            .clone()
            .work(server, open, options, (stop.clone(), wish), observer);
        (told.and_then(work), stop)
    }

    /// Works on a run to its end and returns only the result.
    ///
    /// # Errors
    /// When it cannot be worked on.
    pub async fn work_to_the_end(
        &self,
        open: OpenRun,
        options: Options,
    ) -> Result<RunReport, OperationError> {
        let server = self.server.apart();
        let stopping = StopHandle::new(server.clone());
        let quiet = ToldObserver::new(server.clone(), None);
        self.clone().work(server, open, options, stopping, quiet).await
    }

    async fn work(
        self,
        server: S,
        mut open: OpenRun,
        options: Options,
        (stop, wish): (StopHandle, watch::Receiver<Wish>),
        mut observer: ToldObserver<S>,
    ) -> Result<RunReport, OperationError> {
        let job = Job::of(open.header.action.clone()).ok_or(OperationError::NotResumable)?;
        open.header.allowance = options.allowance.or(open.header.allowance);
        let leave = open.held.begin_work(stop.call_off()).map_err(CannotBegin::from)?;
        let server = server.because(&open.header).with_leave(leave);
        let (attempt, tasks) = Attempt::begin(open, options.which, self.operator, self.clock).await?;
        let mut report = RunReport::begin(&attempt);
        let requests = server.traffic().requests;
        let mut run_loop = RunLoop::new(wish, options.concurrency);
        let executed = execute(
            &server,
            &self.stores,
            &attempt,
            tasks,
            &job,
            &mut run_loop,
            &mut observer,
        );
        let executed = executed.await?;
        if let Err(error) = attempt.close(run_loop.stop().map(Stop::word)).await {
            run_loop.stop_because(Stop::Record(error));
        }
        settle(&job, &self.stores, &self.target).map_err(CannotExecute::Locks)?;
        report.end(run_loop.finish(), executed);
        report.requests = server.traffic().requests.saturating_sub(requests);
        Ok(report)
    }
}

/// Distinguishes runs that are created in the same microsecond.
fn random() -> u32 {
    let mut bytes = [0; 4];
    // Two runs of one microsecond are told apart by their directory, which can be made only once.
    let _ = getrandom::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests;
