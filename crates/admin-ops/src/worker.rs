//! Workers: any number of processes that take ranges of the runs that are open for them, none of them special.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::operations::{RunReport, Stopped};
use crate::run::direction::Priority;
use crate::run::id::RunId;
use crate::run::journal::header::Header;
use crate::run::journal::progress::Counts;
use crate::run::resume::Which;
use crate::run::store::{OpenRun, RunError, RunStore};
use crate::schedule::tally::Tally;

/// How often a worker looks for runs when there is nothing to do.
pub const LOOK: Duration = Duration::from_secs(1);

/// How long a worker leaves an app alone whose server is away, or refuses everything.
pub const LEAVE_ALONE: Duration = Duration::from_secs(30);

/// What a worker remembers from one range to the next: whose turn it is, and whom it leaves alone.
#[derive(Debug, Default)]
pub struct Turns {
    /// Apps that are left alone, by their roots, and until when.
    left_alone: BTreeMap<String, Instant>,
    /// The run that was served last.
    served: Option<String>,
}

impl Turns {
    /// Leaves an app alone for [`LEAVE_ALONE`].
    pub fn leave_alone(&mut self, app_root: &str, now: Instant) {
        self.left_alone.insert(app_root.to_owned(), now + LEAVE_ALONE);
    }

    /// Notes which run was served.
    pub fn served(&mut self, run: &str) {
        self.served = Some(run.to_owned());
    }

    /// Puts runs in the order in which they are served: the most urgent first, and those of one urgency in turns. Runs of apps
    /// that are left alone are not among them.
    #[must_use]
    pub fn order(&mut self, mut open: Vec<Header>, now: Instant) -> Vec<Header> {
        self.left_alone.retain(|_, until| *until > now);
        open.retain(|header| !self.left_alone.contains_key(&header.app_root));
        open.sort_by_key(|header| turn(header.priority, &header.run, self.served.as_deref()));
        open
    }
}

/// Returns the place of a run among others that are in the order of their ids: after the one that was served last come the
/// others of its urgency, and then itself.
fn turn(priority: Priority, run: &str, served: Option<&str>) -> (Priority, bool) {
    (priority, served.is_some_and(|served| run <= served))
}

/// What came of looking for something to do.
#[derive(Debug, Default)]
pub struct Taken {
    /// Some users of a run, whom nobody else works on.
    pub open: Option<(RunId, OpenRun)>,
    /// Whether there were users to take. If none was taken, other workers were faster.
    pub is_contended: bool,
    /// Runs that cannot be used. Their apps are left alone.
    pub unusable: Vec<RunError>,
}

/// Takes some users of the most urgent run among those that `may` admits; of runs of the same urgency, each has its turn.
///
/// # Errors
/// When the store cannot be used.
pub fn take(
    runs: &dyn RunStore,
    turns: &mut Turns,
    now: Instant,
    may: impl Fn(&Header) -> bool,
) -> Result<Taken, RunError> {
    let mut open = runs.open_for_workers()?;
    open.retain(may);
    let open = turns.order(open, now);
    let mut taken = Taken {
        is_contended: !open.is_empty(),
        ..Taken::default()
    };
    for header in open {
        let Some(id) = RunId::parse(&header.run) else {
            continue;
        };
        match runs.open_range(&id) {
            Ok(Some(open)) => {
                turns.served(&header.run);
                taken.open = Some((id, open));
                break;
            }
            Ok(None) => {}
            Err(error @ RunError::Store { .. }) => return Err(error),
            Err(error) => {
                turns.leave_alone(&header.app_root, now);
                taken.unusable.push(error);
            }
        }
    }
    Ok(taken)
}

/// What follows from how a range ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The next range.
    GoOn,
    /// The run is paused for everybody, for this reason: what it forbids itself is forbidden to every worker.
    Pause(String),
    /// This worker leaves the app alone for a while, for this reason.
    LeaveAlone(String),
}

/// Says what follows from how a range ended.
#[must_use]
pub fn after(report: &RunReport) -> Next {
    let Some(stopped) = &report.stopped else {
        return Next::GoOn;
    };
    match stopped.reason.as_str() {
        "interrupted" | "paused" | "stopped" | "taken_over" => Next::GoOn,
        "max_logouts" | "drift" | "list_failed" => Next::Pause(stopped.reason.clone()),
        reason => Next::LeaveAlone(stopped.error.clone().unwrap_or_else(|| reason.to_owned())),
    }
}

/// Returns what was done between two counts of a run, by whoever worked on these users of it. Users whose calls were in vain were
/// reported as failures: they are no users that were not started, although they have to be done again.
#[must_use]
pub fn done_between(before: &Counts, after: &Counts, which: Which) -> Tally {
    let left = which.leaves(before);
    Tally {
        done: after.done.saturating_sub(before.done),
        nothing_to_do: (after.nothing + after.skipped).saturating_sub(before.nothing + before.skipped),
        failed_retry: after.failed_retry.saturating_sub(left.retry_may_help) + after.in_vain,
        failed_final: after.failed_final.saturating_sub(left.last),
        devices: after.devices_ended.saturating_sub(before.devices_ended),
        ..Tally::default()
    }
}

/// Makes the report of an attempt of two counts of the run, for an attempt whose own report is elsewhere or lost.
#[must_use]
pub fn report_between(
    run: &str,
    before: &Counts,
    after: &Counts,
    which: Which,
    stopped: Option<Stopped>,
) -> RunReport {
    let (users, left) = (which.count(before), which.leaves(before));
    let tally = done_between(before, after, which);
    RunReport {
        run: run.to_owned(),
        users,
        tally,
        not_started: users.saturating_sub(tally.settled()),
        first_line_not_started: None,
        failed_earlier_retry_may_help: left.retry_may_help,
        failed_earlier_final: left.last,
        drifted: after.skipped.saturating_sub(before.skipped),
        status_first: None,
        requests: 0,
        stopped,
    }
}

#[cfg(test)]
mod tests;
