//! Says what a run would do, without a record, because nothing changes.

use std::future::ready;
use std::io;

use easemob_admin_api::UserId;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};

use super::spool::spooled;
use super::told::{Told, ToldObserver};
use super::{Event, OperationError, Operations, RunReport, StopHandle};
use crate::jobs::ban;
use crate::jobs::execute::{CannotExecute, Executed, Job};
use crate::jobs::on_user::on_user;
use crate::jobs::set_limits::Whose;
use crate::jobs::{end_devices, lock, logout_unread};
use crate::report::ban::BanReport;
use crate::report::device::DeviceReport;
use crate::report::limits::LimitsReport;
use crate::report::lock::LockReport;
use crate::report::{Outcome, Report, one};
use crate::run::item::Task;
use crate::run::new::NewRun;
use crate::schedule::cap::Cap;
use crate::schedule::concurrency::Concurrency;
use crate::schedule::run_loop::{Done, RunLoop};
use crate::schedule::tally::Settled;
use crate::server::calls::{CallError, Calls};
use crate::status_first::{Reading, StatusFirst};

impl<S: Calls> Operations<S> {
    /// Reads what a run would read, and reports what it would do, while the stream is polled. Nothing is recorded or changed.
    ///
    /// # Errors
    /// When there is no preview of the action, or a user of the stream cannot be read.
    pub async fn preview(
        &self,
        new: NewRun,
        users: impl Stream<Item = io::Result<UserId>>,
    ) -> Result<(BoxStream<'static, Result<Event, OperationError>>, StopHandle), OperationError> {
        let job = Job::of(new.action).ok_or(OperationError::NotResumable)?;
        if matches!(job, Job::Unlock { .. }) {
            return Err(OperationError::NoPreview);
        }
        let (items, count) = spooled(users).await?;
        let server = self.server.apart();
        let (stop, wish) = StopHandle::new(server.clone());
        let told = Told::default();
        let observer = ToldObserver::new(server.clone(), Some(told.clone()));
        let run_loop = RunLoop::new(wish, Concurrency::Auto);
        let tasks = items.map(|item| item.map(Task::fresh));
        let (this, how) = (self.clone(), (new.allowance, new.reading));
        let work = this.look(server, job, how, (tasks, count), run_loop, observer);
        Ok((told.and_then(work).boxed(), stop))
    }

    async fn look(
        self,
        server: S,
        job: Job,
        (allowance, reading): (Option<u64>, Reading),
        (tasks, users): (impl Iterator<Item = io::Result<Task>> + Send, u64),
        mut run_loop: RunLoop,
        mut observer: ToldObserver<S>,
    ) -> Result<RunReport, OperationError> {
        let locks = || self.stores.locks(&self.target).map_err(CannotExecute::Locks);
        let seed = (self.clock)().unsigned_abs();
        let status_first = |reading| StatusFirst::new(&server, reading, users, seed);
        let mut executed = Executed::default();
        match &job {
            Job::EndDevices(order) => {
                let cap = Cap::new(allowance);
                let work = on_user(
                    |task| end_devices::preview(&server, task, order, &cap),
                    DeviceReport::cut_off,
                );
                let looked = status_first(reading);
                executed.status = looked.on_users(&mut run_loop, tasks, work, &mut observer).await;
            }
            Job::EndUnread => {
                let work = on_user(|task| ready(logout_unread::preview(&task)), DeviceReport::cut_off);
                let looked = status_first(reading);
                executed.status = looked.on_users(&mut run_loop, tasks, work, &mut observer).await;
            }
            Job::Change(change) => {
                let server = &server;
                let work = on_user(
                    |task| async move { ban::preview(server, &task.item, *change).await },
                    BanReport::cut_off,
                );
                let looked = status_first(Reading::EVERY_USER);
                looked.on_users(&mut run_loop, tasks, work, &mut observer).await;
            }
            Job::Lock(until) => {
                let (server, locks) = (&server, &*locks()?);
                let work = on_user(
                    |task| async move { lock::preview(server, &task, locks, *until).await },
                    LockReport::cut_off,
                );
                let reading = Reading {
                    again: true,
                    ..reading
                };
                let looked = status_first(reading).whose_act_finds_unknown_names();
                executed.status = looked.on_users(&mut run_loop, tasks, work, &mut observer).await;
            }
            Job::Unlock { .. } => return Err(OperationError::NoPreview),
            Job::SetLimits(change) => {
                let app = (users == 0).then_some(Ok(Whose::App));
                let whose = tasks.map(|task| task.map(|task| Whose::User(task.item)));
                let work = async |whose: Whose| -> Done<Report> {
                    match server.limits(whose.user()).await {
                        Ok(before) if change.changes(&before) => {
                            one(change.preview(whose.user(), &before), Settled::Done).into_reports()
                        }
                        Ok(before) => {
                            one(change.preview(whose.user(), &before), Settled::NothingToDo).into_reports()
                        }
                        Err(error) => unread(&whose, error).into_reports(),
                    }
                };
                let cut_off = |whose: &Whose| vec![LimitsReport::cut_off(whose.user()).into()];
                let all = app.into_iter().chain(whose);
                run_loop.phase(all, work, cut_off, &mut observer).await;
            }
        }
        let mut report = RunReport::of_preview(users);
        report.end(run_loop.finish(), executed);
        Ok(report)
    }
}

fn unread(whose: &Whose, error: CallError) -> Done<LimitsReport> {
    let report = LimitsReport::new(whose.user(), Outcome::Failed).failed(&error);
    let settled = Settled::of_error(&error);
    Done {
        failures: vec![error],
        ..one(report, settled)
    }
}
