//! Executes the action in a run's journal and reports it.

use std::io;
use std::sync::Arc;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::jobs::execute::{Job, settle};
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::attempt::Attempt;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::{CallOff, OpenRun};
use easemob_admin_ops::schedule::pipeline::{Cause, Stop, Wish};
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::server::calls::Calls;
use easemob_admin_ops::target::Target;
use easemob_admin_words::t;
use jiff::Timestamp;
use tokio::sync::watch;

use super::at_service;
use super::attempt::summary_of_attempt;
use super::open_locks::open_locks;
use super::operator::operator;
use super::parts::{Parts, direct, id_of};
use super::rest::tell_rest;
use super::verify;
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, require_shared};
use crate::commands::runs::ticket;
use crate::commands::times::now_ms;
use crate::context::{Context, Session};
use crate::drive::{Driven, Run, RunRow, finish_empty};
use crate::exit::{self, Exit};
use crate::interrupt::listen_into;
use crate::present::rows::columns;
use crate::present::words::{verb, words};
use crate::summary::Summary;

/// What an attempt specifies beyond the journal.
pub struct Attempted {
    /// Whether to leave all of the work to workers.
    pub detach: bool,
    /// Which items to work on.
    pub which: Which,
    /// Whether to read the devices again afterwards.
    pub verify: bool,
    /// The summary, as far as it is known.
    pub summary: Summary,
    /// The most devices to sign out in total, if different from the journal.
    pub allowance: Option<u64>,
}

impl Attempted {
    /// The first attempt.
    #[must_use]
    pub fn first(summary: Summary, acting: &Acting) -> Self {
        Self {
            detach: acting.detach,
            which: Which::Unfinished,
            verify: false,
            summary,
            allowance: None,
        }
    }
}

/// Works on a run until it is done or stopped.
///
/// # Errors
/// When nothing can be recorded, or if something other than the operator stopped the run.
pub async fn perform(
    context: &Context,
    session: &Session,
    mut open: OpenRun,
    attempted: Attempted,
) -> Result<Exit, CommandError> {
    context.shown(columns(&open.header.action))?;
    if attempted.allowance.is_some() {
        open.header.allowance = attempted.allowance;
    }
    let job = job_of(open.header.action.clone())?;
    if !matches!(job, Job::EndDevices(_) | Job::EndUnread) {
        // Do not start a run that would stop at its first user.
        open_locks(context, &Target::from(&open.header))?;
    }
    if let Some(app) = &session.service {
        return Box::pin(at_service::perform(context, session, app, open, attempted)).await;
    }
    if attempted.detach {
        return detach(context, session, open, attempted);
    }
    let header = open.header.clone();
    let work = Work {
        context,
        session,
        header: &header,
        job: &job,
        which: attempted.which,
        summary: summary_of_attempt(
            attempted.summary,
            &header,
            &open.progress.counts(),
            attempted.which,
        ),
    };
    match &job {
        Job::EndDevices(_) => {
            let mut driven = work.report::<DeviceReport>(open).await?;
            if attempted.verify && driven.stop().is_none() {
                verify::run(context, session, &mut driven, &header.run).await?;
                return Ok(verify::worse(driven.verified(), driven.finish()?));
            }
            driven.finish()
        }
        Job::EndUnread => work.report::<DeviceReport>(open).await?.finish(),
        Job::Change(_) => work.report::<BanReport>(open).await?.finish(),
        Job::Lock(until) => {
            warn_of_its_end(context, *until);
            let mut driven = work.report::<LockReport>(open).await?;
            let settled = settle(&job, &context.stores()?, &Target::from(&header));
            if attempted.verify && driven.stop().is_none() {
                verify::run_locks(context, session, &mut driven, &header).await?;
            }
            let verified = driven.verified();
            let finished = driven.finish();
            if attempted.verify {
                ticket::tell(context, &id_of(&header)?, verified)?;
            }
            let exit = finished?;
            settled?;
            Ok(verify::worse(verified, exit))
        }
        Job::Unlock { .. } => work.report::<LockReport>(open).await?.finish(),
        Job::SetLimits(_) => work.report::<LimitsReport>(open).await?.finish(),
    }
}

/// The work on a run.
struct Work<'a, 'r> {
    context: &'a Context,
    session: &'a Session,
    header: &'r Header,
    job: &'r Job,
    which: Which,
    summary: Summary,
}

impl<'a> Work<'a, '_> {
    /// Works on what is left of the run, and reports it as rows of one kind.
    async fn report<R: RunRow>(self, open: OpenRun) -> Result<Driven<'a, R>, CommandError> {
        let Self { context, session, .. } = self;
        let stores = context.stores()?;
        let (wishes, mut wish) = watch::channel(Wish::Run);
        // Before workers may take part: a signal that ended the process afterwards would leave the run to them.
        let client = session.server.client();
        listen_into(wishes.clone(), &context.ui, context.deadline(), client);
        let mut parts = Parts::of(context, session, open, self.which)?;
        let mut driven = None;
        loop {
            let open = match (parts.next(context, stores.runs(), &mut wish).await, &mut driven) {
                (Ok(Some(open)), _) => open,
                (Ok(None), _) => break,
                (Err(error), None) => return Err(error.into()),
                // What was done so far is reported.
                (Err(error), Some(driven)) => {
                    let driven: &mut Driven<'a, R> = driven;
                    driven.stop_because(Stop::Record(io::Error::other(error).into()));
                    break;
                }
            };
            let leave = open.held.begin_work(self.call_off(&wishes))?;
            let server = session.server.because(self.header).with_leave(leave);
            let operator = operator(session.subject.clone(), context.environment.get("SUDO_USER"));
            let (attempt, tasks) = Attempt::begin(open, self.which, operator, now_ms).await?;
            let driven = match &mut driven {
                Some(driven) => driven,
                none => none.insert(self.drive(&wishes, parts.is_shared())?),
            };
            let executed = driven.execute(&server, &stores, &attempt, tasks, self.job);
            // It holds the state of every kind of run.
            let executed = Box::pin(executed).await?;
            if self.header.action.is_planned() {
                *driven.summary().drifted.get_or_insert(0) += executed.drifted;
            }
            if let Err(error) = attempt.close(driven.stop().map(Stop::word)).await {
                driven.stop_because(Stop::Record(error));
            }
            if driven.stop().is_some() {
                break;
            }
        }
        // Other workers may have taken everything.
        let mut driven = match driven {
            Some(driven) => driven,
            None => self.drive(&wishes, parts.is_shared())?,
        };
        let mut shared = || -> Result<Option<Tally>, CommandError> {
            if parts.has_more(stores.runs())? {
                driven.stop_if_wished(*wish.borrow());
            }
            parts.pause(context, session, driven.stop())?;
            Ok(parts.done_by_all(stores.runs())?)
        };
        match shared() {
            Ok(Some(tally)) => {
                driven.recount(tally);
                let aborted = wish.wait_for(|wish| *wish == Wish::Abort);
                let settled = tally.settled();
                tell_rest(context, self.header, self.which, &mut driven, settled, aborted).await?;
            }
            Ok(None) => {}
            Err(error) => context.ui.warn(t!(
                "cannot tell what other workers do with the run: {}",
                with_causes(&error)
            )),
        }
        Ok(driven)
    }

    /// Starts the report of work that may be shared with other processes.
    fn drive<R: RunRow>(
        &self,
        wishes: &watch::Sender<Wish>,
        is_shared: bool,
    ) -> Result<Driven<'a, R>, CommandError> {
        let run = Run {
            context: self.context,
            session: self.session,
            command: self.header.action.command(),
            verb: verb(self.job),
            words: words(self.job, false),
            acts: true,
            summary: self.summary.clone(),
        };
        let mut driven = Driven::begin_with(run, wishes)?;
        if is_shared {
            driven.remember_told();
        }
        Ok(driven)
    }

    /// Returns what the store stops this command with.
    fn call_off(&self, wishes: &watch::Sender<Wish>) -> CallOff {
        let (ui, client) = (Arc::clone(&self.context.ui), self.session.server.client().clone());
        let wishes = wishes.clone();
        Arc::new(move |cause| {
            let stops = wishes.send_if_modified(|wish| {
                let stops = *wish == Wish::Run;
                if stops {
                    *wish = Wish::Drain(cause);
                }
                stops
            });
            if stops {
                client.stop_waiting();
                let why = match cause {
                    Cause::Paused => t!("somebody has paused the run"),
                    Cause::Stopped => t!("somebody has stopped the run"),
                    _ => {
                        t!(
                            "another process has taken the run over, because this one was not heard of for too long"
                        )
                    }
                };
                ui.say(t!("{why}: finishing the users in progress"));
            }
        })
    }
}

/// Leaves a run to workers.
fn detach(
    context: &Context,
    session: &Session,
    open: OpenRun,
    attempted: Attempted,
) -> Result<Exit, CommandError> {
    require_shared(context)?;
    let header = open.header.clone();
    if header.is_about_the_app() || attempted.verify {
        let what = t!("--detach is for runs over users, without --verify");
        return Err(CommandError::new(exit::USAGE, what).hint(t!(
            "nothing was sent; the run is recorded, and can be resumed without --detach"
        )));
    }
    let summary = summary_of_attempt(
        attempted.summary,
        &header,
        &open.progress.counts(),
        attempted.which,
    );
    // Given back first, so that workers find it.
    drop(open);
    let id = id_of(&header)?;
    direct(context, session, &id, RunState::Open, None)?;
    context.ui.say(t!(
        "run {id} is left to workers (easemob-admin work); follow it with: {}",
        context.command(&format!("runs show {id} --follow"))
    ));
    let report = context.report::<DeviceReport>(session, header.action.command(), None)?;
    finish_empty(report, &summary)
}

/// Says that a lock has ended before its run did.
pub(super) fn warn_of_its_end(context: &Context, until: Timestamp) {
    if until.as_millisecond() <= now_ms() {
        context.ui.warn(t!(
            "this lock expired on {until:.0}, so no more users are locked; users that an earlier attempt banned \
             are recorded as overdue"
        ));
    }
}

/// Returns the job for `action`.
///
/// # Errors
/// When an older version recorded the action only as text.
pub fn job_of(action: Action) -> Result<Job, CommandError> {
    Job::of(action).ok_or_else(|| {
        CommandError::new(
            exit::USAGE,
            t!("this `limits set` run cannot be resumed: an older version recorded it"),
        )
        .hint(t!(
            "run the same `limits set` again: limits that are already set do not change"
        ))
    })
}
