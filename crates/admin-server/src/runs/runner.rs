//! The runs that this process works on.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::operations::{Event, Operations, Options, RunReport, StopHandle, Stopped};
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::store::OpenRun;
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::server::client::Server;
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::Reports;
use crate::problem::Refusal;

/// How many ended runs keep their reports, for readers that are behind or come back.
const KEPT: usize = 50;

/// The runs that this process works on, and the last ones that it worked on.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    runs: Mutex<BTreeMap<String, Running>>,
    working: watch::Sender<usize>,
}

#[derive(Debug)]
struct Running {
    stop: StopHandle,
    reports: Arc<Reports>,
    /// In which order the runs were begun.
    turn: usize,
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

impl Runner {
    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to work on a run, which goes on when nobody reads its reports.
    pub(crate) fn begin(self: &Arc<Self>, work: Work) -> Result<Arc<Reports>, Refusal> {
        let Work {
            operations,
            open,
            options,
        } = work;
        let id = open.header.run.clone();
        let before = open.progress.counts();
        let reports = Arc::new(Reports::new()?);
        let (events, stop) = operations.execute(open, options);
        let mut runs = self.runs();
        let turn = runs
            .values()
            .map(|running| running.turn + 1)
            .max()
            .unwrap_or_default();
        let running = Running {
            stop,
            reports: Arc::clone(&reports),
            turn,
        };
        runs.insert(id.clone(), running);
        forget_oldest(&mut runs);
        drop(runs);
        self.working.send_modify(|working| *working += 1);
        let (this, told) = (Arc::clone(self), Arc::clone(&reports));
        tokio::spawn(async move {
            let mut events = pin!(events);
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => told.push(&event),
                    Err(error) => {
                        let causes = with_causes(&error);
                        tracing::error!(run = id, error = causes, "a run cannot be worked on");
                        told.push(&Event::Ended(not_worked_on(&id, &before, causes)));
                    }
                }
            }
            told.end();
            this.working.send_modify(|working| *working -= 1);
        });
        Ok(reports)
    }

    /// Returns the reports of a run that this process works on, or worked on a while ago.
    pub(crate) fn reports(&self, id: &str) -> Option<Arc<Reports>> {
        self.runs().get(id).map(|running| Arc::clone(&running.reports))
    }

    /// Returns true if this process is working on a run.
    pub(crate) fn is_working_on(&self, id: &str) -> bool {
        self.runs()
            .get(id)
            .is_some_and(|running| !running.reports.has_ended())
    }

    /// Stops a run cleanly; returns false if this process does not work on it.
    pub(crate) fn stop(&self, id: &str) -> bool {
        let runs = self.runs();
        let working = runs.get(id).filter(|running| !running.reports.has_ended());
        working.inspect(|running| running.stop.drain()).is_some()
    }

    /// Stops all runs cleanly.
    pub(crate) fn drain(&self) {
        self.runs().values().for_each(|running| running.stop.drain());
    }

    /// Waits until no run is worked on.
    pub(crate) async fn ended(&self) {
        let mut working = self.working.subscribe();
        // The sender lives as long as this.
        let _ = working.wait_for(|working| *working == 0).await;
    }
}

fn forget_oldest(runs: &mut BTreeMap<String, Running>) {
    while runs.len() > KEPT {
        let ended = runs.iter().filter(|(_, running)| running.reports.has_ended());
        let Some(oldest) = ended
            .min_by_key(|(_, running)| running.turn)
            .map(|(id, _)| id.clone())
        else {
            return;
        };
        runs.remove(&oldest);
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
