//! Lets a service work on a run, and reports it as if it was worked on here.

use std::ops::ControlFlow;
use std::pin::{Pin, pin};

use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::operations::{Event, FatalKind, RunReport};
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::OpenRun;
use easemob_admin_ops::schedule::concurrency::Concurrency;
use easemob_admin_ops::schedule::pipeline::{REST, Stop, Wish};
use easemob_admin_remote::api::Start;
use easemob_admin_remote::client::work::{RemoteWork, Said};
use easemob_admin_remote::client::{ServiceApp, ServiceError};
use easemob_admin_words::{t, translated};
use tokio::sync::watch;
use tokio::time::sleep;

use super::attempt::summary_of_attempt;
use super::parts::id_of;
use super::perform::{Attempted, job_of, warn_of_its_end};
use super::rest::tell_rest;
use super::verify;
use crate::command_error::{CONSOLE, CommandError};
use crate::commands::runs::ticket;
use crate::context::{Context, Session};
use crate::drive::{Driven, Run, RunRow, finish_empty};
use crate::exit::{self, Exit};
use crate::interrupt::{Ended, listen_into, until_told};
use crate::present::words::{verb, words};
use crate::summary::Summary;

/// Refuses a rate of this command: the service sends the requests, at the rate of its own settings.
///
/// # Errors
/// When the command line sets one.
pub(super) fn refuse_own_rate(context: &Context) -> Result<(), CommandError> {
    let globals = &context.globals;
    let flag = match (&globals.rate, &globals.share) {
        (Some(_), _) => "--rate",
        (None, Some(_)) => "--share",
        (None, None) => return Ok(()),
    };
    let what = t!("{flag} has no effect on a run at a service, which has its own rate; nothing was done");
    Err(CommandError::new(exit::USAGE, what).hint(t!(
        "leave it out, or limit how many users are worked on at once with --concurrency"
    )))
}

/// Starts a run at a service, and follows it to its end.
///
/// # Errors
/// When the service refuses or is away, or if something other than the operator stopped the run.
pub(super) async fn perform(
    context: &Context,
    session: &Session,
    app: &ServiceApp,
    open: OpenRun,
    attempted: Attempted,
) -> Result<Exit, CommandError> {
    let header = open.header.clone();
    let job = job_of(header.action.clone())?;
    let before = open.progress.counts();
    let id = id_of(&header)?;
    let summary = summary_of_attempt(attempted.summary, &header, &before, attempted.which);
    let how = Start {
        which: attempted.which.into(),
        max_logouts: attempted.allowance,
        concurrency: match context.globals.concurrency {
            Concurrency::Auto => None,
            Concurrency::Fixed(jobs) => Some(u32::try_from(jobs).unwrap_or(u32::MAX)),
        },
        break_glass: false,
    };
    // From now on, so that a signal does not end the command between the start and the first report.
    let told = until_told(context.deadline());
    let started = app
        .start(&id, &how, before, context.globals.wait_for_server)
        .await;
    let work = started.map_err(|error| not_started(context, &header, error))?;
    if attempted.detach {
        context.ui.say(t!(
            "run {id} is left to the service; follow it with: {}",
            context.command(&format!("runs show {id} --follow"))
        ));
        let report = context.report::<DeviceReport>(session, header.action.command(), None)?;
        return finish_empty(report, &summary);
    }
    let wishes = watch::channel(Wish::Run).0;
    let following = Following {
        context,
        session,
        app,
        header: &header,
        job: &job,
        summary,
        which: attempted.which,
        work,
        wishes: &wishes,
    };
    // Once the run has ended, this command reads the users again, and is stopped as any other that reads.
    let read_again = || {
        listen_into(
            wishes.clone(),
            &context.ui,
            context.deadline(),
            session.server.client(),
        );
    };
    match &job {
        Job::EndDevices(_) => {
            let (mut driven, failed) = following.report::<DeviceReport>(told).await?;
            if attempted.verify && failed.is_none() && driven.stop().is_none() {
                read_again();
                verify::run(context, session, &mut driven, &header.run).await?;
            }
            let verified = driven.verified();
            finished(driven, failed).map(|exit| verify::worse(verified, exit))
        }
        Job::EndUnread => {
            let (driven, failed) = following.report::<DeviceReport>(told).await?;
            finished(driven, failed)
        }
        Job::Change(_) => {
            let (driven, failed) = following.report::<BanReport>(told).await?;
            finished(driven, failed)
        }
        Job::Lock(until) => {
            warn_of_its_end(context, *until);
            let (mut driven, failed) = following.report::<LockReport>(told).await?;
            if attempted.verify && failed.is_none() && driven.stop().is_none() {
                read_again();
                verify::run_locks(context, session, &mut driven, &header).await?;
            }
            let verified = driven.verified();
            let exit = finished(driven, failed);
            if attempted.verify {
                ticket::tell(context, &id, verified)?;
            }
            exit.map(|exit| verify::worse(verified, exit))
        }
        Job::Unlock { .. } => {
            let (driven, failed) = following.report::<LockReport>(told).await?;
            finished(driven, failed)
        }
        Job::SetLimits(_) => {
            let (driven, failed) = following.report::<LimitsReport>(told).await?;
            finished(driven, failed)
        }
    }
}

/// Reports a batch of a watch that a service keeps, as if it was worked on here.
///
/// # Errors
/// When the service refuses or is away.
pub async fn follow_batch(
    context: &Context,
    session: &Session,
    app: &ServiceApp,
    id: &RunId,
) -> Result<Exit, CommandError> {
    let stores = context.stores()?;
    let header = stores.runs().glance(id)?.header;
    let job = job_of(header.action.clone())?;
    let before = Progress::new(header.jobs()).counts();
    let which = Which::Unfinished;
    let wishes = watch::channel(Wish::Run).0;
    let following = Following {
        context,
        session,
        app,
        header: &header,
        job: &job,
        summary: summary_of_attempt(Summary::of_users(header.items), &header, &before, which),
        which,
        work: app.follow(id, which, before, context.globals.wait_for_server),
        wishes: &wishes,
    };
    let told = until_told(context.deadline());
    let (driven, failed) = following.report::<DeviceReport>(told).await?;
    finished(driven, failed)
}

/// Says that the run is on record, whatever became of its start.
fn not_started(context: &Context, header: &Header, error: ServiceError) -> CommandError {
    let run = &header.run;
    let unknown = !error.is_refusal();
    let this = CommandError::from(error);
    let look = context.command(&format!("runs show {run}"));
    let resume = context.command(&format!("runs resume {run}"));
    if unknown {
        this.hint(t!(
            "run {run} is on record, and may have been started; see: {look}"
        ))
        .hint(t!("to resume: {resume}"))
    } else {
        this.hint(t!(
            "run {run} is on record, and nothing was sent; to start it: {resume}"
        ))
    }
}

/// Ends the report; an error about the service or the server takes precedence over the exit code of the rows.
fn finished<R: RunRow>(driven: Driven<'_, R>, failed: Option<CommandError>) -> Result<Exit, CommandError> {
    let finished = driven.finish();
    match failed {
        Some(failed) => Err(failed),
        None => finished,
    }
}

/// A run at a service that is followed.
struct Following<'a, 'r> {
    context: &'a Context,
    session: &'a Session,
    app: &'r ServiceApp,
    header: &'r Header,
    job: &'r Job,
    summary: Summary,
    which: Which,
    work: RemoteWork,
    /// What stops the reading after the run.
    wishes: &'r watch::Sender<Wish>,
}

/// What happens next.
enum Next {
    Said(Result<Option<Said>, ServiceError>),
    Told(Ended),
}

impl<'a> Following<'a, '_> {
    /// Follows the run, and reports it as rows of one kind. An error with it is what ended it, apart from its stop.
    async fn report<R: RunRow>(
        mut self,
        told: impl Future<Output = Ended>,
    ) -> Result<(Driven<'a, R>, Option<CommandError>), CommandError> {
        let run = Run {
            context: self.context,
            session: self.session,
            command: self.header.action.command(),
            verb: verb(self.job),
            words: words(self.job, false),
            acts: true,
            summary: self.summary.clone(),
        };
        let mut driven = Driven::<R>::begin_with(run, self.wishes)?;
        let mut told: Pin<Box<dyn Future<Output = Ended> + '_>> = Box::pin(told);
        let mut by_deadline = false;
        driven.remember_told();
        let failed = loop {
            let (next, stopped) = next(&mut self.work, &mut told, &mut driven).await;
            let mut stop = stopped;
            match next {
                Next::Told(Ended::BySignal) => {
                    driven.leave(self.work.so_far().await);
                    break None;
                }
                Next::Told(Ended::ByDeadline) => {
                    by_deadline = true;
                    self.pause(t!("--max-duration has ended")).await;
                    told = Box::pin(until_told(None));
                }
                Next::Said(Ok(Some(said))) => match said {
                    Said::Event(event) => match *event {
                        Event::Item(report) => {
                            if let ControlFlow::Break(reason) = driven.told(report) {
                                stop = Some(reason);
                            }
                        }
                        Event::Ended(report) => {
                            self.tell_rest(&mut driven, &report, &mut told).await?;
                            if let Some(stop) = stop {
                                driven.stop_because(stop);
                            }
                            break self.ended(&mut driven, &report, by_deadline);
                        }
                    },
                    Said::CutOff(report) => {
                        self.tell_rest(&mut driven, &report, &mut told).await?;
                        driven.ended(&report, by_deadline);
                        break (!by_deadline).then(|| self.cut_off());
                    }
                    Said::Away(error) => self.context.ui.say(t!(
                        "{error}; the run goes on there, and is followed again when the service answers"
                    )),
                    Said::Back => self.context.ui.say(t!("the service is back; following the run again")),
                    Said::NoReports => self.context.ui.say(t!(
                        "the service has no reports of the run any more; its rows follow at the end, from what was recorded"
                    )),
                },
                Next::Said(Ok(None)) => break None,
                Next::Said(Err(error)) => {
                    driven.leave(None);
                    break Some(CommandError::from(error));
                }
            }
            if let Some(stop) = stop {
                self.pause(stop.word()).await;
                driven.stop_because(stop);
            }
        };
        Ok((driven, failed))
    }

    async fn tell_rest<R: RunRow>(
        &self,
        driven: &mut Driven<'a, R>,
        report: &RunReport,
        told: impl Future<Output = Ended>,
    ) -> Result<(), CommandError> {
        let settled = report.tally.settled();
        tell_rest(self.context, self.header, self.which, driven, settled, told).await
    }

    /// Takes over the end of the run; returns the error that is more than its stop.
    fn ended<R: RunRow>(
        &self,
        driven: &mut Driven<'a, R>,
        report: &RunReport,
        by_deadline: bool,
    ) -> Option<CommandError> {
        if report
            .stopped
            .as_ref()
            .is_some_and(|stopped| stopped.reason == "interrupted")
        {
            self.context.ui.say(t!(
                "the service is stopping, and has finished the users in progress"
            ));
        }
        driven.ended(report, by_deadline);
        if self.header.action.is_planned() {
            *driven.summary().drifted.get_or_insert(0) += report.drifted;
        }
        let stopped = report.stopped.as_ref()?;
        (stopped.kind == Some(FatalKind::Unsupported)).then(|| {
            let what = t!("the run was stopped because the server would refuse every further request");
            CommandError::new(exit::UNSUPPORTED, what)
                .because(stopped.error.clone().unwrap_or_default())
                .hint(translated(CONSOLE))
        })
    }

    fn cut_off(&self) -> CommandError {
        let run = &self.header.run;
        let what = t!("the service ended before the run did, which can be resumed");
        CommandError::new(exit::UNREACHABLE, what).hint(t!(
            "what the service had sent is looked up first, so nobody is acted on twice: {}",
            self.context.command(&format!("runs resume {run}"))
        ))
    }

    /// Asks the service to stop, and says so if that fails: the run goes on then.
    async fn pause(&self, reason: &str) {
        let Ok(id) = id_of(self.header) else { return };
        self.context
            .ui
            .say(t!("stopping: the service finishes the users in progress"));
        if let Err(error) = self.app.pause(&id, reason).await {
            let command = self.context.command(&format!("runs stop {id} --reason TEXT"));
            self.context.ui.warn(t!(
                "cannot stop the run: {error}; it goes on at the service; stop it with: {command}"
            ));
        }
    }
}

/// Waits for what happens next, and shows the gathered rows if that takes a while.
async fn next<R: RunRow>(
    work: &mut RemoteWork,
    told: &mut (impl Future<Output = Ended> + Unpin),
    driven: &mut Driven<'_, R>,
) -> (Next, Option<Stop>) {
    let mut said = pin!(work.next());
    let (mut stop, mut flushed) = (None, false);
    loop {
        tokio::select! {
            ended = &mut *told => return (Next::Told(ended), stop),
            said = &mut said => return (Next::Said(said), stop),
            () = sleep(REST), if !flushed => {
                flushed = true;
                if let ControlFlow::Break(reason) = driven.rest() {
                    stop = Some(reason);
                }
            }
        }
    }
}
