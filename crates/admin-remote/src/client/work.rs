//! Starts a run at a service, and follows what it reports.

use std::time::Duration;

use easemob_admin_ops::operations::{Event, RunReport, Stopped};
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::resume;
use easemob_admin_ops::run::store::ListedRun;
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::worker::{done_between, report_between};
use http::HeaderMap;
use tokio::time::{Instant, sleep, timeout};

use super::app::ServiceApp;
use super::error::ServiceError;
use super::lines::Lines;
use super::service::{Asking, part};
use crate::api::{ATTEMPT, RunView, Start, Stop};

/// How long reports may be silent before the run itself is looked at: a connection may be dead without a sign.
const SILENT: Duration = Duration::from_secs(15);

/// How often to look at a run whose reports are elsewhere.
const LOOK: Duration = Duration::from_secs(1);

/// How long whoever leaves waits to hear how far the run is.
const TO_LEAVE: Duration = Duration::from_secs(2);

/// The longest wait before a service that is away is asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a run at a service says of itself.
#[derive(Debug)]
pub enum Said {
    /// It reports something.
    Event(Box<Event>),
    /// The service is away since then, and is asked again and again.
    Away(ServiceError),
    /// The service is back, and the run is followed again.
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
    /// The attempt whose reports are read, once that is known.
    attempt: Option<String>,
    /// How many reports were read.
    read: u64,
    /// A report that was read, and is still to be told.
    kept: Option<Event>,
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
        let asking = asking.map_err(|error| self.service.unusable(error))?.patient();
        let (_, headers) = self.service.read_with_headers::<RunView>(&asking).await?;
        let followed = self.follow(id, how.which.into(), before, patience);
        Ok(RemoteWork {
            attempt: attempt_of(&headers),
            ..followed
        })
    }

    /// Returns what follows a run that the service began by itself. The run goes on when that is dropped.
    #[must_use]
    pub fn follow(&self, id: &RunId, which: resume::Which, before: Counts, patience: Duration) -> RemoteWork {
        RemoteWork {
            app: self.clone(),
            id: id.clone(),
            before,
            which,
            attempt: None,
            read: 0,
            kept: None,
            lines: None,
            away: None,
            patience,
            wait: Duration::ZERO,
            has_reports: true,
            ended: false,
        }
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
    /// The run is at work, and silent.
    Quiet,
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
            if let Some(event) = self.kept.take() {
                self.read += 1;
                self.ended = matches!(event, Event::Ended(_));
                return Ok(Some(Said::Event(Box::new(event))));
            }
            if !self.has_reports {
                return self.told_by_the_run().await;
            }
            sleep(self.wait).await;
            let cut = match self.tried().await {
                Tried::Event(event) => {
                    self.kept = Some(event);
                    if self.is_back() {
                        return Ok(Some(Said::Back));
                    }
                    continue;
                }
                Tried::Quiet => {
                    if self.is_back() {
                        return Ok(Some(Said::Back));
                    }
                    continue;
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

    /// Notes that the service told something of the run, and returns true if it was away before. An answer that only begins is
    /// not enough, or one that breaks off each time would be waited for without end.
    fn is_back(&mut self) -> bool {
        self.wait = Duration::ZERO;
        self.away.take().is_some()
    }

    async fn tried(&mut self) -> Tried {
        if self.lines.is_none() {
            let attempt = self.attempt.as_deref();
            let attempt = attempt.map(|attempt| format!("&attempt={}", part(attempt)));
            let path = self.app.path(&format!(
                "runs/{}/reports?from={}{}",
                self.id,
                self.read,
                attempt.unwrap_or_default()
            ));
            match self.app.service.send(&Asking::get(path)).await {
                Ok(answer) => {
                    self.attempt = attempt_of(answer.headers()).or(self.attempt.take());
                    self.lines = Some(Lines::of(answer.into_body()));
                }
                Err(error) if error.kind() == Some("not-here") => return Tried::NoReports,
                Err(error) => return Tried::Cut(Some(error)),
            }
        }
        let Some(lines) = &mut self.lines else {
            return Tried::Cut(None);
        };
        match timeout(SILENT, lines.next()).await {
            Ok(Ok(Some(line))) => match serde_json::from_slice(&line) {
                Ok(event) => Tried::Event(event),
                Err(error) => Tried::Cut(Some(self.app.service.unusable(error))),
            },
            // Reports without an end: the process that made them ended.
            Ok(Ok(None)) => Tried::NoReports,
            Ok(Err(error)) => Tried::Cut(Some(self.app.service.unusable(error))),
            Err(_) => match self.look().await {
                Ok(listed) if listed.running => Tried::Quiet,
                Ok(_) => Tried::Cut(None),
                Err(error) => Tried::Cut(Some(error)),
            },
        }
    }

    /// Returns what this attempt has done so far, for whoever leaves it; nothing if the service does not answer at once.
    pub async fn so_far(&self) -> Option<Tally> {
        let listed = timeout(TO_LEAVE, self.look()).await.ok()?.ok()?;
        Some(done_between(&self.before, &listed.counts, self.which))
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
                Ok(_) if self.is_back() => return Ok(Some(Said::Back)),
                // Between two ranges, nobody may be at work on a run that is shared.
                Ok(listed) if listed.running || is_shared(&listed) => sleep(LOOK).await,
                Ok(listed) => {
                    self.ended = true;
                    return Ok(Some(self.end_of(&listed)));
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
    fn end_of(&self, listed: &ListedRun) -> Said {
        let stopped = |reason: &str| {
            Some(Stopped {
                reason: reason.to_owned(),
                error: None,
                kind: None,
            })
        };
        let (stopped, is_cut_off) = match listed.state {
            _ if listed.counts.unfinished() == 0 => (None, false),
            state @ (RunState::Paused | RunState::Stopped) => (stopped(state.word()), false),
            RunState::Alone | RunState::Open => (stopped("interrupted"), true),
        };
        let report = report_between(
            self.id.as_str(),
            &self.before,
            &listed.counts,
            self.which,
            stopped,
        );
        if is_cut_off {
            Said::CutOff(Box::new(report))
        } else {
            Said::Event(Box::new(Event::Ended(report)))
        }
    }
}

/// Returns true if other processes of the service go on with a run.
fn is_shared(listed: &ListedRun) -> bool {
    listed.state == RunState::Open && listed.counts.unfinished() > 0
}

/// Returns the attempt that an answer is about.
fn attempt_of(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(ATTEMPT)?.to_str().ok()?.to_owned())
}
