//! Starts a run at a service, and follows what it reports.

use std::time::Duration;

use easemob_admin_ops::operations::{Event, RunReport, Stopped};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::resume;
use easemob_admin_ops::run::store::ListedRun;
use easemob_admin_ops::schedule::tally::Tally;
use tokio::time::{Instant, sleep, timeout};

use super::app::ServiceApp;
use super::error::ServiceError;
use super::lines::Lines;
use super::service::Asking;
use crate::api::{RunView, Start, Stop};

/// How long reports may be silent before the run itself is looked at: a connection may be dead without a sign.
const SILENT: Duration = Duration::from_secs(15);

/// How often to look at a run whose reports are elsewhere.
const LOOK: Duration = Duration::from_secs(1);

/// The longest wait before a service that is away is asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a run at a service says of itself.
#[derive(Debug)]
pub enum Said {
    /// It reports something.
    Event(Box<Event>),
    /// The service is away since then, and is asked again and again.
    Away(ServiceError),
    /// The service is back.
    Back,
    /// The rest of the reports is lost, or in another process: what became of the run is read from the run itself.
    NoReports,
    /// Nobody works on it any more, although users are left, and no report says why.
    CutOff(Box<RunReport>),
}

/// A run that a service works on.
#[derive(Debug)]
pub struct RemoteWork {
    app: ServiceApp,
    id: RunId,
    /// The run before this attempt.
    before: Counts,
    which: resume::Which,
    /// How many reports were read.
    read: u64,
    lines: Option<Lines>,
    /// Since when the service is away.
    away: Option<Instant>,
    /// How long it may be away.
    patience: Duration,
    wait: Duration,
    has_reports: bool,
    ended: bool,
}

impl ServiceApp {
    /// Starts to work on a run, or on what is left of it, and returns what follows it. The run goes on when that is dropped.
    ///
    /// `before` is what the run has done before; `patience` is how long the service may be away while it is followed.
    ///
    /// # Errors
    /// When the service cannot be used, refuses, or is at work on the run.
    pub async fn start(
        &self,
        id: &RunId,
        how: &Start,
        before: Counts,
        patience: Duration,
    ) -> Result<RemoteWork, ServiceError> {
        let asking = Asking::post(self.path(&format!("runs/{id}/start")), how);
        let asking = asking.map_err(|error| self.service.unusable(error))?;
        self.service.read::<RunView>(&asking).await?;
        Ok(RemoteWork {
            app: self.clone(),
            id: id.clone(),
            before,
            which: how.which.into(),
            read: 0,
            lines: None,
            away: None,
            patience,
            wait: Duration::ZERO,
            has_reports: true,
            ended: false,
        })
    }

    /// Asks for an end of the work on a run, which can be resumed.
    ///
    /// # Errors
    /// When the service cannot be used, or refuses.
    pub async fn pause(&self, id: &RunId, reason: &str) -> Result<(), ServiceError> {
        let stop = Stop {
            reason: reason.to_owned(),
        };
        let asking = Asking::post(self.path(&format!("runs/{id}/pause")), &stop);
        let asking = asking.map_err(|error| self.service.unusable(error))?;
        self.service.read::<RunView>(&asking).await.map(drop)
    }
}

/// What a try to read on brought.
enum Tried {
    Event(Event),
    /// The connection was cut, or is silent.
    Cut(Option<ServiceError>),
    NoReports,
}

impl RemoteWork {
    /// Returns what the run says next; `None` after its end.
    ///
    /// It can be dropped and called again at any time. A cut connection is made again, from the report that it had.
    ///
    /// # Errors
    /// When the service is away for longer than it may be, or refuses. The run may go on.
    pub async fn next(&mut self) -> Result<Option<Said>, ServiceError> {
        while !self.ended {
            if !self.has_reports {
                return self.told_by_the_run().await;
            }
            sleep(self.wait).await;
            let cut = match self.tried().await {
                Tried::Event(event) => {
                    self.read += 1;
                    self.wait = Duration::ZERO;
                    self.ended = matches!(event, Event::Ended(_));
                    return Ok(Some(Said::Event(Box::new(event))));
                }
                Tried::NoReports => {
                    self.has_reports = false;
                    return Ok(Some(Said::NoReports));
                }
                Tried::Cut(cut) => cut,
            };
            self.lines = None;
            if let Some(said) = self.cut(cut)? {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }

    async fn tried(&mut self) -> Tried {
        if self.lines.is_none() {
            let path = self
                .app
                .path(&format!("runs/{}/reports?from={}", self.id, self.read));
            match self.app.service.send(&Asking::get(path)).await {
                Ok(answer) => self.lines = Some(Lines::of(answer.into_body())),
                Err(error) if error.kind() == Some("not-here") => return Tried::NoReports,
                Err(error) => return Tried::Cut(Some(error)),
            }
        }
        loop {
            let Some(lines) = &mut self.lines else {
                return Tried::Cut(None);
            };
            match timeout(SILENT, lines.next()).await {
                Ok(Ok(Some(line))) => match serde_json::from_slice(&line) {
                    Ok(event) => return Tried::Event(event),
                    Err(error) => return Tried::Cut(Some(self.app.service.unusable(error))),
                },
                // Reports without an end: the process that made them ended.
                Ok(Ok(None)) => return Tried::NoReports,
                Ok(Err(error)) => return Tried::Cut(Some(self.app.service.unusable(error))),
                Err(_) => match self.look().await {
                    Ok(listed) if listed.running => {}
                    Ok(_) => return Tried::Cut(None),
                    Err(error) => return Tried::Cut(Some(error)),
                },
            }
        }
    }

    /// Decides whether to try again.
    fn cut(&mut self, error: Option<ServiceError>) -> Result<Option<Said>, ServiceError> {
        let Some(error) = error else {
            return Ok(None);
        };
        if !error.may_pass() {
            return Err(error);
        }
        self.wait = (self.wait * 2).clamp(Duration::from_millis(100), LONGEST_WAIT);
        match self.away {
            None => {
                self.away = Some(Instant::now());
                Ok(Some(Said::Away(error)))
            }
            Some(since) if since.elapsed() > self.patience => Err(error),
            Some(_) => Ok(None),
        }
    }

    async fn look(&self) -> Result<ListedRun, ServiceError> {
        let path = self.app.path(&format!("runs/{}/listed", self.id));
        self.app.service.read(&Asking::get(path)).await
    }

    /// Waits until nobody works on the run any more, and says what became of it.
    async fn told_by_the_run(&mut self) -> Result<Option<Said>, ServiceError> {
        loop {
            match self.look().await {
                Ok(listed) if listed.running => sleep(LOOK).await,
                Ok(listed) => {
                    self.ended = true;
                    let report = self.report_of(&listed);
                    return Ok(Some(if report.stopped.is_some() {
                        Said::CutOff(Box::new(report))
                    } else {
                        Said::Event(Box::new(Event::Ended(report)))
                    }));
                }
                Err(error) => {
                    if let Some(said) = self.cut(Some(error))? {
                        return Ok(Some(said));
                    }
                    sleep(self.wait).await;
                }
            }
        }
    }

    /// Makes the report of an attempt of what the run has on record.
    fn report_of(&self, listed: &ListedRun) -> RunReport {
        let (before, after) = (&self.before, &listed.counts);
        let users = self.which.count(before);
        let left = self.which.leaves(before);
        let tally = done_between(before, after);
        let not_started = after.unfinished();
        RunReport {
            run: self.id.to_string(),
            users,
            tally,
            not_started,
            first_line_not_started: None,
            failed_earlier_retry_may_help: left.retry_may_help,
            failed_earlier_final: left.last,
            drifted: after.skipped.saturating_sub(before.skipped),
            status_first: None,
            requests: 0,
            stopped: (not_started > 0).then(|| Stopped {
                reason: "interrupted".into(),
                error: None,
                kind: None,
            }),
        }
    }
}

/// Returns what became of the users of a run that were not finished.
fn done_between(before: &Counts, after: &Counts) -> Tally {
    Tally {
        done: after.done.saturating_sub(before.done),
        nothing_to_do: (after.nothing + after.skipped).saturating_sub(before.nothing + before.skipped),
        failed_retry: after.failed_retry.saturating_sub(before.failed_retry),
        failed_final: after.failed_final.saturating_sub(before.failed_final),
        devices: after.devices_ended.saturating_sub(before.devices_ended),
        ..Tally::default()
    }
}
