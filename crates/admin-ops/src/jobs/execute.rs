//! Executes the action in the journal of a run.

use std::io;

use jiff::Timestamp;

use crate::jobs::ban::{Banning, Change};
use crate::jobs::end_devices::Ending;
use crate::jobs::lock::{CannotLock, Locking};
use crate::jobs::logout_unread::EndingUnread;
use crate::jobs::on_user::on_user;
use crate::jobs::set_limits::{LimitChange, Setting, Whose};
use crate::jobs::unlock::Unlocking;
use crate::locks::reconcile::reconcile;
use crate::locks::store::LockStoreError;
use crate::report::Report;
use crate::report::ban::BanReport;
use crate::report::device::DeviceReport;
use crate::report::limits::LimitsReport;
use crate::report::lock::LockReport;
use crate::run::attempt::Attempt;
use crate::run::item::Task;
use crate::run::job::{Action, OnDrift};
use crate::schedule::cap::Cap;
use crate::schedule::run_loop::{Observer, RunLoop};
use crate::select::decide::Order;
use crate::server::calls::{AccountCalls, LimitCalls, ListingCalls, SessionCalls};
use crate::status_first::{Reading, StatusFirst, StatusReport};
use crate::stores::Stores;
use crate::target::Target;

/// What to do to each item of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Sign out devices.
    EndDevices(Box<Order>),
    /// Sign out everything without reading the devices.
    EndUnread,
    /// Ban or unban the user.
    Change(Change),
    /// Lock the user until this time.
    Lock(Timestamp),
    /// Lift the lock.
    Unlock {
        /// If it existed at this time, or else when the run was created.
        as_of: Option<Timestamp>,
        /// Only if this run set it.
        undoes: Option<String>,
    },
    /// Set device limits: of users, or of the app if the run has no users.
    SetLimits(LimitChange),
}

impl Job {
    /// Returns the job for `action`, or `None` for a change of limits that an older version recorded only as
    /// text.
    #[must_use]
    pub fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::Logout { selection } => Self::EndDevices(Box::new(Order {
                selection,
                ..Order::default()
            })),
            Action::LogoutUnread => Self::EndUnread,
            Action::Apply {
                selection, on_drift, ..
            } => Self::EndDevices(Box::new(Order { selection, on_drift })),
            Action::Enforce { selection, .. } => Self::EndDevices(Box::new(Order {
                selection,
                on_drift: OnDrift::StillMeant,
            })),
            Action::Ban { .. } => Self::Change(Change::Ban),
            Action::Unban { undoes: None } => Self::Change(Change::Unban),
            Action::Unban { undoes: Some(_) } => Self::Change(Change::Lift),
            Action::Lock { until } => Self::Lock(until),
            Action::Unlock { as_of, undoes } => Self::Unlock { as_of, undoes },
            Action::SetLimits { change, .. } => Self::SetLimits(change?),
        })
    }
}

/// Why a job cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum CannotExecute {
    /// The users of the run cannot be read.
    #[error("cannot read the users of the run")]
    Items(#[source] io::Error),
    /// The locks cannot be read or written.
    #[error(transparent)]
    Locks(#[from] LockStoreError),
    /// A run that locks users cannot be started.
    #[error(transparent)]
    Lock(#[from] CannotLock),
}

/// Results of a job besides its reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executed {
    /// The number of users whose devices differ from the plan.
    pub drifted: u64,
    /// What came of asking for the status first, if it was asked for.
    pub status: Option<StatusReport>,
}

/// Works on the tasks of an attempt until they are done or `run_loop` stops.
///
/// # Errors
/// When the job cannot be started. Nothing was sent then.
pub async fn execute<S: SessionCalls + AccountCalls + LimitCalls + ListingCalls + Sync>(
    server: &S,
    stores: &Stores,
    attempt: &Attempt,
    tasks: impl Iterator<Item = io::Result<Task>> + Send,
    job: &Job,
    run_loop: &mut RunLoop,
    observer: &mut impl Observer<Report>,
) -> Result<Executed, CannotExecute> {
    let (header, recorder) = (&attempt.header, &attempt.recorder);
    let locks = || stores.locks(&Target::from(header));
    let status_first = |reading| {
        let users = attempt.which.count(&attempt.before);
        let seed = recorder.now().unsigned_abs();
        StatusFirst::new(server, reading, users, seed)
    };
    let mut executed = Executed::default();
    match job {
        Job::EndDevices(order) => {
            let cap = Cap::new(attempt.allowance());
            let ending = Ending::new(server, recorder, order, cap);
            let work = on_user(|task| ending.work_on(task), DeviceReport::cut_off);
            let phase = status_first(header.reading);
            executed.status = phase.on_users(run_loop, tasks, work, observer).await;
            executed.drifted = ending.drifted();
        }
        Job::EndUnread => {
            let ending = EndingUnread::new(server, recorder);
            let work = on_user(|task| ending.work_on(task), DeviceReport::cut_off);
            let phase = status_first(header.reading);
            executed.status = phase.on_users(run_loop, tasks, work, observer).await;
        }
        Job::Change(change) => {
            let locks = locks()?;
            let banning = Banning::new(server, recorder, &*locks, *change);
            let work = on_user(|task| banning.work_on(task), BanReport::cut_off);
            let phase = status_first(Reading::EVERY_USER);
            phase.on_users(run_loop, tasks, work, observer).await;
        }
        Job::Lock(until) => {
            let tasks: Vec<Task> = tasks.collect::<io::Result<_>>().map_err(CannotExecute::Items)?;
            let (runs, locks) = (stores.runs(), locks()?);
            let locking = Locking::begin(server, recorder, header, runs, &*locks, *until, &tasks)?;
            let work = on_user(|task| locking.work_on(task), LockReport::cut_off);
            // A user may sign in while the others are locked, and nobody reads the devices of those who are offline.
            let reading = Reading {
                again: true,
                ..header.reading
            };
            let phase = status_first(reading).whose_act_finds_unknown_names();
            let tasks = tasks.into_iter().map(Ok);
            executed.status = phase.on_users(run_loop, tasks, work, observer).await;
        }
        Job::Unlock { as_of, undoes } => {
            let as_of = as_of.unwrap_or(header.created);
            let locks = locks()?;
            let unlocking = Unlocking::begin(server, recorder, stores.runs(), &*locks, as_of)?;
            let unlocking = match undoes {
                Some(run) => unlocking.only_of(run),
                None => unlocking,
            };
            let work = on_user(|task| unlocking.work_on(task), LockReport::cut_off);
            let phase = status_first(Reading::EVERY_USER);
            phase.on_users(run_loop, tasks, work, observer).await;
        }
        Job::SetLimits(change) => {
            let setting = Setting::new(server, recorder, change);
            let app = (attempt.works_on_the_app()).then_some(Ok(Whose::App));
            let users = tasks.map(|task| task.map(|task| Whose::User(task.item)));
            let work = async |whose| setting.work_on(whose).await.into_reports();
            let cut_off = |whose: &Whose| vec![LimitsReport::cut_off(whose.user()).into()];
            run_loop
                .phase(app.into_iter().chain(users), work, cut_off, observer)
                .await;
        }
    }
    Ok(executed)
}

/// Settles what a job left pending, once its attempt is closed: the locks of a run that locks users.
///
/// # Errors
/// When the locks cannot be read or written. They stay pending then, and the next listing or lifting of locks
/// settles them.
pub fn settle(job: &Job, stores: &Stores, target: &Target) -> Result<(), LockStoreError> {
    match job {
        Job::Lock(_) => reconcile(stores.runs(), &*stores.locks(target)?),
        _ => Ok(()),
    }
}
