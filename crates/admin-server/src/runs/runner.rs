//! The runs that this process works on.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::operations::{Event, Operations, Options, RunReport, StopHandle, Stopped};
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::store::OpenRun;
use easemob_admin_ops::schedule::pipeline::Cause;
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::server::client::Server;
use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};

use super::Reports;
use crate::operation::run_ended;
use crate::problem::Refusal;
use crate::service::Service;

/// How many ended runs keep their reports, for readers that are behind or come back.
const KEPT: usize = 50;

/// The runs that this process works on, and the last ones that it worked on.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    known: Mutex<Known>,
    working: watch::Sender<usize>,
    /// Told when there may be something to do for workers.
    wake: Notify,
}

#[derive(Debug, Default)]
struct Known {
    runs: BTreeMap<String, Running>,
    /// Whether nothing new is begun.
    is_draining: bool,
}

#[derive(Debug)]
struct Running {
    /// Stops what this process does of it; nothing if others have all of it at the moment.
    stop: Option<StopHandle>,
    reports: Arc<Reports>,
    /// In which order the runs were begun.
    turn: usize,
    /// Whether other processes may work on it, too.
    is_shared: bool,
}

/// What to work on, and how.
pub(crate) struct Work {
    /// The engine, in the name of whoever asked for it.
    pub(crate) operations: Operations<Server>,
    /// The run.
    pub(crate) open: OpenRun,
    /// Which users to work on.
    pub(crate) options: Options,
}

impl Known {
    /// Keeps the reports of a run that is begun.
    fn insert(&mut self, id: &str, stop: Option<StopHandle>, is_shared: bool) -> io::Result<Arc<Reports>> {
        let reports = Arc::new(Reports::new()?);
        let turn = self.runs.values().map(|running| running.turn + 1).max();
        let running = Running {
            stop,
            reports: Arc::clone(&reports),
            turn: turn.unwrap_or_default(),
            is_shared,
        };
        self.runs.insert(id.to_owned(), running);
        self.forget_oldest();
        Ok(reports)
    }

    /// Returns the reports of a run that is shared, from now on if there are none.
    fn follow(&mut self, id: &str) -> io::Result<Arc<Reports>> {
        match self.runs.get(id) {
            Some(running) if running.is_shared && !running.reports.has_ended() => {
                Ok(Arc::clone(&running.reports))
            }
            _ => self.insert(id, None, true),
        }
    }

    fn forget_oldest(&mut self) {
        while self.runs.len() > KEPT {
            let ended = self
                .runs
                .iter()
                .filter(|(_, running)| running.reports.has_ended());
            let Some(oldest) = ended
                .min_by_key(|(_, running)| running.turn)
                .map(|(id, _)| id.clone())
            else {
                return;
            };
            self.runs.remove(&oldest);
        }
    }
}

impl Runner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to work on all of a run, which goes on when nobody reads its reports.
    pub(crate) fn begin(self: &Arc<Self>, service: &Service, work: Work) -> Result<Arc<Reports>, Refusal> {
        let header = work.open.header.clone();
        let id = header.run.clone();
        let before = work.open.progress.counts();
        let (events, reports) = {
            let mut known = self.known();
            if known.is_draining {
                return Err(Refusal::stopping());
            }
            let (events, stop) = work.operations.execute(work.open, work.options);
            let reports = known.insert(&id, Some(stop), false)?;
            self.working.send_modify(|working| *working += 1);
            (events, reports)
        };
        let (this, told, service) = (Arc::clone(self), Arc::clone(&reports), service.clone());
        tokio::spawn(async move {
            let mut ended = None;
            {
                let mut events = pin!(events);
                while let Some(event) = events.next().await {
                    match event {
                        Ok(Event::Ended(report)) => {
                            run_ended(&service, &header, &report);
                            ended = Some(report);
                        }
                        Ok(event) => told.push(&event),
                        Err(error) => {
                            let causes = with_causes(&error);
                            tracing::error!(run = id, error = causes, "a run cannot be worked on");
                            ended = Some(not_worked_on(&id, &before, causes));
                        }
                    }
                }
            }
            // Whoever hears of the end may go on with the run, which others may have from now on.
            told.end_with(ended);
            this.working.send_modify(|working| *working -= 1);
        });
        Ok(reports)
    }

    /// Works on a part of a run that other processes may work on, too, and returns how the part ended; `None` if this process
    /// is ending, so that nothing was begun.
    pub(super) async fn work_on_part(&self, work: Work) -> Option<Result<RunReport, String>> {
        let id = work.open.header.run.clone();
        let (events, reports) = {
            let mut known = self.known();
            if known.is_draining {
                return None;
            }
            let reports = match known.follow(&id) {
                Ok(reports) => reports,
                Err(error) => return Some(Err(with_causes(&error))),
            };
            let (events, stop) = work.operations.execute(work.open, work.options);
            if let Some(running) = known.runs.get_mut(&id) {
                running.stop = Some(stop);
            }
            self.working.send_modify(|working| *working += 1);
            (events, reports)
        };
        let mut events = pin!(events);
        let mut ended = None;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Ended(report)) => ended = Some(Ok(report)),
                Ok(event) => reports.push(&event),
                Err(error) => ended = Some(Err(with_causes(&error))),
            }
        }
        if let Some(running) = self.known().runs.get_mut(&id) {
            running.stop = None;
        }
        self.working.send_modify(|working| *working -= 1);
        ended
    }

    /// Returns the reports of a run that is shared: what this process does of it, and how it ends.
    pub(crate) fn follow(&self, id: &str) -> Result<Arc<Reports>, Refusal> {
        let mut known = self.known();
        if known.is_draining {
            return Err(Refusal::stopping());
        }
        Ok(known.follow(id)?)
    }

    /// Returns the shared runs whose reports have not ended, and of which this process does nothing at the moment.
    pub(super) fn followed(&self) -> Vec<String> {
        let known = self.known();
        let followed = known.runs.iter().filter(|(_, running)| {
            running.is_shared && running.stop.is_none() && !running.reports.has_ended()
        });
        followed.map(|(id, _)| id.clone()).collect()
    }

    /// Ends the reports of a shared run.
    pub(super) fn end(&self, id: &str, report: RunReport) {
        if let Some(running) = self.known().runs.get(id) {
            running.reports.end_with(Some(report));
        }
    }

    /// Returns the reports of a run that this process works on, or worked on a while ago.
    pub(crate) fn reports(&self, id: &str) -> Option<Arc<Reports>> {
        self.known()
            .runs
            .get(id)
            .map(|running| Arc::clone(&running.reports))
    }

    /// Returns true if this process is working on a run.
    pub(crate) fn is_working_on(&self, id: &str) -> bool {
        let known = self.known();
        let working = known.runs.get(id);
        working.is_some_and(|running| running.stop.is_some() && !running.reports.has_ended())
    }

    /// Stops what this process does of a run cleanly, and says why.
    pub(crate) fn stop(&self, id: &str, cause: Cause) {
        if let Some(stop) = self
            .known()
            .runs
            .get(id)
            .and_then(|running| running.stop.as_ref())
        {
            stop.drain_because(cause);
        }
    }

    /// Stops all runs cleanly, and begins no more.
    pub(crate) fn drain(&self) {
        let mut known = self.known();
        known.is_draining = true;
        known
            .runs
            .values()
            .filter_map(|running| running.stop.as_ref())
            .for_each(StopHandle::drain);
        self.wake.notify_one();
    }

    /// Returns how many runs, or parts of them, are worked on.
    pub(crate) fn working(&self) -> usize {
        *self.working.borrow()
    }

    /// Returns true if nothing new is begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.known().is_draining
    }

    /// Says that there may be something to do for workers.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be something to do.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits until no run is worked on, and ends the reports that others would go on with.
    pub(crate) async fn ended(&self) {
        let mut working = self.working.subscribe();
        // The sender lives as long as this.
        let _ = working.wait_for(|working| *working == 0).await;
        let known = self.known();
        known.runs.values().for_each(|running| running.reports.end());
    }
}

/// Returns the report of a run that could not be worked on.
fn not_worked_on(id: &str, before: &Counts, error: String) -> RunReport {
    RunReport {
        run: id.to_owned(),
        users: before.unfinished(),
        tally: Tally::default(),
        not_started: before.unfinished(),
        first_line_not_started: None,
        failed_earlier_retry_may_help: before.failed_retry,
        failed_earlier_final: before.failed_final,
        drifted: 0,
        status_first: None,
        requests: 0,
        stopped: Some(Stopped {
            reason: "record".into(),
            error: Some(error),
            kind: None,
        }),
    }
}
