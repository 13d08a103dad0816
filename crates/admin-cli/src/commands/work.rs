//! `work`: works on the runs of all machines, any number of times on any machine.

mod apps;

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::time::Instant;

use clap::Args;
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::operations::{Event, OperationError, Operations, Options, RunReport, StopHandle};
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::store::{Direction, OpenRun, RunError};
use easemob_admin_ops::schedule::concurrency::Concurrency;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::target::Target;
use easemob_admin_ops::worker::{LEAVE_ALONE, LOOK, Next, Turns, after, take};
use easemob_admin_words::t;
use futures_util::StreamExt;
use serde::Serialize;
use tokio::task::JoinSet;

use self::apps::Apps;
use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::commands::acting::require_shared;
use crate::commands::signing::Signing;
use crate::commands::times::now_ms;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt::{Ended, until_told};
use crate::ownership::require_data;
use crate::render::report::{Report, Row, unwritten_rows};

/// On how many ranges to work at once: while the last users of one wait for slow answers, and while it is closed and another
/// one is opened, the rate is used by the other.
const AT_ONCE: usize = 2;

/// Arguments of `work`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin work
  easemob-admin work --once -o jsonl
  easemob-admin work --name night-1 --profile prod

Takes some hundred users at a time of the runs that are open for workers, the most urgent first: those that were begun with \
--detach, and those that another command is working on. Only runs of apps are taken for which this machine has credentials: \
of the profile that --profile names, or of all profiles and the environment. A signal ends it cleanly: the users in progress \
are finished, and the others are given back. If it dies, others take its users over when its lease has run out. Rows are \
the users that were taken, and what became of them. Needs a database (--store); contrib/systemd has a unit.")]
pub struct WorkArgs {
    /// End when there is nothing to do at the moment, instead of waiting for more
    #[arg(long)]
    once: bool,
    /// The name of this worker in `runs show --follow`; two workers may have the same
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

impl WorkArgs {
    /// Returns the name of this worker, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// What became of one range of users.
#[derive(Debug, Serialize)]
struct PartRow {
    run: String,
    command: &'static str,
    app: String,
    users: u64,
    done: u64,
    nothing_to_do: u64,
    failed: u64,
    devices: u64,
    not_started: u64,
    stopped: Option<String>,
}

impl PartRow {
    fn new(header: &Header, report: &RunReport) -> Self {
        let tally = &report.tally;
        Self {
            run: header.run.clone(),
            command: header.action.command(),
            app: header.app.clone(),
            users: report.users,
            done: tally.done,
            nothing_to_do: tally.nothing_to_do,
            failed: tally.failed_retry + tally.failed_final + tally.unknown,
            devices: tally.devices,
            not_started: report.not_started,
            stopped: report.stopped.as_ref().map(|stopped| stopped.reason.clone()),
        }
    }
}

impl Row for PartRow {
    const COLUMNS: &'static [&'static str] = &[
        "run",
        "command",
        "app",
        "users",
        "done",
        "nothing_to_do",
        "failed",
        "devices",
        "not_started",
        "stopped",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.run.clone(),
            self.command.to_owned(),
            self.app.clone(),
            self.users.to_string(),
            self.done.to_string(),
            self.nothing_to_do.to_string(),
            self.failed.to_string(),
            self.devices.to_string(),
            self.not_started.to_string(),
            self.stopped.clone().unwrap_or_default(),
        ]
    }
}

#[derive(Debug, Default, Serialize)]
struct WorkSummary {
    parts: u64,
    users: u64,
    done: u64,
    nothing_to_do: u64,
    failed: u64,
    devices: u64,
}

/// Runs the command.
///
/// # Errors
/// When there is no database, the runs cannot be read for the first time, or the rows cannot be written.
pub async fn run(context: &Context, args: &WorkArgs) -> Result<Exit, CommandError> {
    require_shared(context)?;
    require_data(context)?;
    let told = pin!(until_told(context.deadline()));
    let mut worker = Worker {
        context,
        apps: Apps::of(context)?,
        report: context.local_report::<PartRow>("work", false)?,
        summary: WorkSummary::default(),
        told,
        is_told: false,
        turns: Turns::default(),
        is_contended: false,
        signing: Signing::default(),
        ranges: JoinSet::new(),
        free: shares(context.globals.concurrency),
        stops: HashMap::new(),
    };
    // A database that cannot be used at the beginning is an error of the configuration.
    context.stores()?.runs().open_for_workers()?;
    worker.work(args.once).await?;
    worker.finish().await
}

struct Worker<'a, T> {
    context: &'a Context,
    apps: Apps,
    report: Report,
    summary: WorkSummary,
    told: Pin<&'a mut T>,
    is_told: bool,
    turns: Turns,
    /// Whether there were users to take, and other workers were faster.
    is_contended: bool,
    signing: Signing,
    /// The ranges that are worked on.
    ranges: JoinSet<Worked>,
    /// How many jobs at once each further range may have.
    free: Vec<Concurrency>,
    /// Ends the work on each of the ranges, by the number of its task.
    stops: HashMap<tokio::task::Id, StopHandle>,
}

/// A range that was worked on.
struct Worked {
    id: RunId,
    header: Header,
    concurrency: Concurrency,
    ended: Result<Option<RunReport>, OperationError>,
}

impl<T: Future<Output = Ended>> Worker<'_, T> {
    async fn work(&mut self, once: bool) -> Result<(), CommandError> {
        let worked = self.work_on_all(once).await;
        if worked.is_err() {
            // What is under way is recorded all the same.
            self.end_all();
            while self.ranges.join_next().await.is_some() {}
        }
        worked
    }

    async fn work_on_all(&mut self, once: bool) -> Result<(), CommandError> {
        loop {
            self.signing.sign(self.context).await;
            let may_come = self.begin_ranges().await?;
            if self.ranges.is_empty() && (self.is_told || (once && !may_come)) {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Begins to work on as many ranges as there are to take, and returns whether there may be more in a moment.
    async fn begin_ranges(&mut self) -> Result<bool, CommandError> {
        while !self.is_told
            && let Some(concurrency) = self.free.last().copied()
        {
            match self.take() {
                Ok(Some((id, open))) => self.begin(id, open, concurrency).await?,
                Ok(None) => return Ok(self.is_contended),
                Err(error) => {
                    // It may be back in a moment, and nothing is sent meanwhile.
                    self.context.ui.warn(with_causes(&error));
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    /// Waits for the end of a range, or until it is time to look for others.
    async fn wait(&mut self) -> Result<(), CommandError> {
        tokio::select! {
            biased;
            Ended::BySignal | Ended::ByDeadline = &mut self.told, if !self.is_told => {
                self.is_told = true;
                self.end_all();
                if !self.stops.is_empty() {
                    self.context.ui.say(t!("stopping: finishing the users in progress"));
                }
                Ok(())
            }
            Some(worked) = self.ranges.join_next_with_id() => match worked {
                Ok((task, worked)) => {
                    self.stops.remove(&task);
                    self.worked(worked)
                }
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            () = tokio::time::sleep(LOOK), if !self.is_told && !self.free.is_empty() => Ok(()),
        }
    }

    /// Finishes the users in progress, and begins with no others.
    fn end_all(&self) {
        for stop in self.stops.values() {
            stop.drain();
        }
    }

    /// Takes some users of the most urgent run.
    fn take(&mut self) -> Result<Option<(RunId, OpenRun)>, RunError> {
        let Ok(stores) = self.context.stores() else {
            return Ok(None);
        };
        let apps = &self.apps;
        let taken = take(stores.runs(), &mut self.turns, Instant::now(), |header| {
            apps.has(header)
        })?;
        self.is_contended = taken.is_contended;
        for error in &taken.unusable {
            self.context.ui.warn(with_causes(error));
        }
        Ok(taken.open)
    }

    async fn begin(
        &mut self,
        id: RunId,
        open: OpenRun,
        concurrency: Concurrency,
    ) -> Result<(), CommandError> {
        let header = open.header.clone();
        let session = match self.apps.session(&header).await {
            Ok(session) => session,
            Err(error) => {
                self.leave_alone(&header, &with_causes(&error));
                return Ok(());
            }
        };
        let operations = operations(self.context, session, &header)?;
        let options = Options {
            concurrency,
            ..Options::default()
        };
        let (events, stop) = operations.execute(open, options);
        let work = async move {
            let mut events = pin!(events);
            let ended = loop {
                match events.next().await {
                    Some(Ok(Event::Item(_))) => {}
                    Some(Ok(Event::Ended(report))) => break Ok(Some(report)),
                    Some(Err(error)) => break Err(error),
                    None => break Ok(None),
                }
            };
            Worked {
                id,
                header,
                concurrency,
                ended,
            }
        };
        self.free.pop();
        self.stops.insert(self.ranges.spawn(work).id(), stop);
        Ok(())
    }

    fn worked(&mut self, worked: Worked) -> Result<(), CommandError> {
        self.free.push(worked.concurrency);
        match worked.ended {
            Ok(Some(report)) => self.ended(&worked.id, &worked.header, &report),
            Ok(None) => Ok(()),
            Err(error) => {
                self.cannot(&worked.header, &error);
                Ok(())
            }
        }
    }

    fn ended(&mut self, id: &RunId, header: &Header, report: &RunReport) -> Result<(), CommandError> {
        let row = PartRow::new(header, report);
        self.report.row(&row).map_err(unwritten_rows)?;
        let summary = &mut self.summary;
        summary.parts += 1;
        summary.users += row.users;
        summary.done += row.done;
        summary.nothing_to_do += row.nothing_to_do;
        summary.failed += row.failed;
        summary.devices += row.devices;
        match after(report) {
            Next::GoOn => {}
            Next::Pause(why) => self.pause(id, header, &why),
            Next::LeaveAlone(why) => self.leave_alone(header, &why),
        }
        Ok(())
    }

    fn cannot(&mut self, header: &Header, error: &OperationError) {
        let causes = with_causes(error);
        self.leave_alone(header, &causes);
    }

    fn leave_alone(&mut self, header: &Header, why: &str) {
        self.turns.leave_alone(&header.app_root, Instant::now());
        self.context.ui.warn(t!(
            "run {} of {}: {why}; this worker leaves the app alone for {} s",
            header.run,
            header.app,
            LEAVE_ALONE.as_secs()
        ));
    }

    fn pause(&self, id: &RunId, header: &Header, why: &str) {
        let direction = Direction {
            state: RunState::Paused,
            operator: operator(None, self.context.environment.get("SUDO_USER")),
            at: now_ms(),
            reason: Some(why.to_owned()),
        };
        let paused = self
            .context
            .stores()
            .map(|stores| stores.runs().direct(id, direction));
        let what = match paused {
            Ok(Ok(())) => t!("paused it"),
            _ => t!("it could not be paused"),
        };
        self.context.ui.warn(t!(
            "run {} of {} ended with `{why}`: {what}",
            header.run,
            header.app
        ));
    }

    async fn finish(self) -> Result<Exit, CommandError> {
        let Self {
            mut report,
            summary,
            apps,
            context,
            ..
        } = self;
        apps.close().await?;
        report.finish(&summary).map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot write the summary to stdout")).because(error)
        })?;
        context.ui.say(t!(
            "worked on {} users in {} parts: {} done, {} nothing to do, {} failed",
            summary.users,
            summary.parts,
            summary.done,
            summary.nothing_to_do,
            summary.failed
        ));
        Ok(exit::OK)
    }
}

/// Divides the jobs of the worker among its ranges.
fn shares(concurrency: Concurrency) -> Vec<Concurrency> {
    match concurrency {
        Concurrency::Auto => vec![Concurrency::Auto; AT_ONCE],
        Concurrency::Fixed(jobs) => {
            let shares = (0..AT_ONCE).map(|place| (jobs + place) / AT_ONCE);
            shares.filter(|jobs| *jobs > 0).map(Concurrency::Fixed).collect()
        }
    }
}

fn operations(
    context: &Context,
    session: &Session,
    header: &Header,
) -> Result<Operations<Server>, CommandError> {
    Ok(Operations::new(
        session.server.clone(),
        context.stores()?,
        Target::from(header),
        operator(session.subject.clone(), context.environment.get("SUDO_USER")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ranges_together_have_as_many_jobs_as_are_allowed() {
        for jobs in 1..20 {
            let shares = shares(Concurrency::Fixed(jobs));
            let all: usize = shares.iter().map(|share| share.highest()).sum();
            assert_eq!(all, jobs, "{shares:?}");
        }
        assert_eq!(shares(Concurrency::Fixed(1)).len(), 1);
    }
}
