//! Does what the journal of a run says is to be done.

use std::io;
use std::ops::ControlFlow;

use jiff::Timestamp;

use crate::jobs::ban::{Banning, Change};
use crate::jobs::end_devices::Ending;
use crate::jobs::lock::{CannotLock, Locking};
use crate::jobs::unlock::Unlocking;
use crate::locks::book::LockBookError;
use crate::locks::reconcile::reconcile;
use crate::report::Report;
use crate::report::ban::BanReport;
use crate::report::device::DeviceReport;
use crate::report::lock::LockReport;
use crate::run::attempt::Attempt;
use crate::run::item::Task;
use crate::run::job::{Action, OnDrift};
use crate::schedule::cap::Cap;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::{Observer, RunLoop};
use crate::select::decide::Order;
use crate::server::calls::{AccountCalls, SessionCalls};
use crate::stores::Stores;
use crate::target::Target;

/// What is done to each item of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Devices are ended.
    EndDevices(Box<Order>),
    /// The user is banned or unbanned.
    Change(Change),
    /// The user is locked until then.
    Lock(Timestamp),
    /// The lock is lifted, if it was there already at that time; else at the time when the run was made.
    Unlock(Option<Timestamp>),
}

impl Job {
    /// Returns what is done for `action`; nothing for a change of limits, which the command itself does.
    #[must_use]
    pub fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::Logout { selection } => Self::EndDevices(Box::new(Order {
                selection,
                ..Order::default()
            })),
            Action::Apply {
                selection, on_drift, ..
            } => Self::EndDevices(Box::new(Order { selection, on_drift })),
            Action::Enforce { selection, .. } => Self::EndDevices(Box::new(Order {
                selection,
                on_drift: OnDrift::StillMeant,
            })),
            Action::Ban => Self::Change(Change::Ban),
            Action::Unban => Self::Change(Change::Unban),
            Action::Lock { until } => Self::Lock(until),
            Action::Unlock { as_of } => Self::Unlock(as_of),
            Action::SetLimits { .. } => return None,
        })
    }
}

/// Why a job cannot be begun, or what it did cannot be settled.
#[derive(Debug, thiserror::Error)]
pub enum CannotExecute {
    /// The users of the run cannot be read.
    #[error("the users of the run cannot be read")]
    Items(#[source] io::Error),
    /// The lock book cannot be read or written.
    #[error(transparent)]
    Book(#[from] LockBookError),
    /// A run that locks cannot be begun.
    #[error(transparent)]
    Lock(#[from] CannotLock),
}

/// What a job tells beside its reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Executed {
    /// Of how many users the devices differ from their plan.
    pub drifted: u64,
}

/// Works on the tasks of an attempt until they are done or the run stops, which `run_loop` tells.
///
/// # Errors
/// When the job cannot be begun; nothing was sent then.
pub async fn execute<S: SessionCalls + AccountCalls>(
    server: &S,
    stores: &Stores,
    attempt: &Attempt,
    tasks: impl Iterator<Item = io::Result<Task>>,
    job: &Job,
    run_loop: &mut RunLoop,
    observer: &mut impl Observer<Report>,
) -> Result<Executed, CannotExecute> {
    let (header, recorder) = (&attempt.header, &attempt.recorder);
    let book = stores.lock_book(&Target::from(header));
    match job {
        Job::EndDevices(order) => {
            let cap = Cap::new(attempt.allowance());
            let ending = Ending::new(server, recorder, order, cap);
            let cut_off = |task: &Task| vec![DeviceReport::cut_off(&task.item)];
            let observer = &mut As(observer);
            run_loop
                .phase(tasks, |task| ending.work_on(task), cut_off, observer)
                .await;
            return Ok(Executed {
                drifted: ending.drifted(),
            });
        }
        Job::Change(change) => {
            let banning = Banning::new(server, recorder, &book, *change);
            let cut_off = |task: &Task| vec![BanReport::cut_off(&task.item)];
            let observer = &mut As(observer);
            run_loop
                .phase(tasks, |task| banning.work_on(task), cut_off, observer)
                .await;
        }
        Job::Lock(until) => {
            let tasks: Vec<Task> = tasks.collect::<io::Result<_>>().map_err(CannotExecute::Items)?;
            let runs = stores.runs();
            let locking = Locking::begin(server, recorder, header, runs, &book, *until, &tasks)?;
            let cut_off = |task: &Task| vec![LockReport::cut_off(&task.item)];
            let (tasks, observer) = (tasks.into_iter().map(Ok), &mut As(observer));
            run_loop
                .phase(tasks, |task| locking.work_on(task), cut_off, observer)
                .await;
        }
        Job::Unlock(as_of) => {
            let as_of = as_of.unwrap_or(header.created);
            let unlocking = Unlocking::begin(server, recorder, &stores.runs(), &book, as_of)?;
            let cut_off = |task: &Task| vec![LockReport::cut_off(&task.item)];
            let observer = &mut As(observer);
            run_loop
                .phase(tasks, |task| unlocking.work_on(task), cut_off, observer)
                .await;
        }
    }
    Ok(Executed::default())
}

/// Settles what an ended attempt has left in the lock book.
///
/// # Errors
/// When the book cannot be read or written.
pub fn settle(stores: &Stores, target: &Target, job: &Job) -> Result<(), LockBookError> {
    if matches!(job, Job::Lock(_)) {
        reconcile(&stores.runs(), &stores.lock_book(target))?;
    }
    Ok(())
}

/// An observer of all reports as that of one kind.
struct As<'a, O>(&'a mut O);

impl<R: Into<Report>, O: Observer<Report>> Observer<R> for As<'_, O> {
    fn requests(&self) -> u64 {
        self.0.requests()
    }

    fn report(&mut self, reports: Vec<R>) -> ControlFlow<Stop> {
        self.0.report(reports.into_iter().map(Into::into).collect())
    }

    fn advance(&mut self, users: u64) {
        self.0.advance(users);
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        self.0.rest()
    }

    fn phase_ended(&mut self) {
        self.0.phase_ended();
    }
}
