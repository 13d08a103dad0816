//! Works on the runs that replicas share: each takes ranges, and none is special.

use std::collections::BTreeMap;
use std::mem;
use std::time::Instant;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::operations::{Operations, Options, RunReport, Stopped};
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::{Header, Operator};
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::{Direction, ListedRun, RunError};
use easemob_admin_ops::target::Target;
use easemob_admin_ops::worker::{LEAVE_ALONE, LOOK, Next, Taken, Turns, after, report_between, take};
use tokio::task::JoinSet;

use super::Work;
use crate::approvals::gate::may_go_on;
use crate::operation::run_ended;
use crate::service::Service;

/// How many runs of one app a replica works on at a time.
const AT_ONCE: usize = 8;

/// Returns true if a run is left to all replicas. The limits of an app itself are set by one call, and the sandbox is the
/// process's own.
pub(crate) fn is_shared(service: &Service, header: &Header) -> bool {
    !service.is_in_files() && !header.sandbox && !header.is_about_the_app()
}

/// Works on shared runs until the service stops, and gives back then what is left.
pub(crate) async fn share(service: Service) {
    let mut sharing = Sharing {
        service,
        turns: Turns::default(),
        parts: JoinSet::new(),
        taken: BTreeMap::new(),
    };
    while !sharing.service.runner().is_draining() {
        sharing.take_all().await;
        sharing.conclude_followed().await;
        let service = sharing.service.clone();
        tokio::select! {
            Some(part) = sharing.parts.join_next() => {
                // A part that panicked has left its items to others.
                if let Ok(part) = part {
                    sharing.concluded(part).await;
                }
            }
            () = service.runner().woken() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while let Some(part) = sharing.parts.join_next().await {
        if let Ok(part) = part {
            sharing.concluded(part).await;
        }
    }
}

struct Sharing {
    service: Service,
    turns: Turns,
    parts: JoinSet<Part>,
    /// The runs that this process works on, each with its app.
    taken: BTreeMap<String, String>,
}

/// A part of a run that has ended.
struct Part {
    id: RunId,
    header: Header,
    /// Nothing if it was not begun.
    ended: Option<Result<RunReport, String>>,
}

impl Sharing {
    /// Takes a part of every run for which there is room.
    async fn take_all(&mut self) {
        while !self.service.runner().is_draining() {
            match self.take().await {
                Ok(Taken {
                    open: Some((id, open)),
                    ..
                }) => {
                    let header = open.header.clone();
                    self.taken.insert(header.run.clone(), header.app_root.clone());
                    let service = self.service.clone();
                    self.parts.spawn(async move {
                        let ended = match operations(&service, &header) {
                            Some(operations) => {
                                let options = Options::default();
                                let work = Work {
                                    operations,
                                    open,
                                    options,
                                };
                                service.runner().work_on_part(work).await
                            }
                            None => None,
                        };
                        Part { id, header, ended }
                    });
                }
                Ok(Taken { .. }) => return,
                Err(error) => {
                    // It may be back in a moment, and nothing is sent meanwhile.
                    tracing::warn!(error = with_causes(&error), "cannot look for runs");
                    return;
                }
            }
        }
    }

    async fn take(&mut self) -> Result<Taken, RunError> {
        let (service, taken, mut turns) = (
            self.service.clone(),
            self.taken.clone(),
            mem::take(&mut self.turns),
        );
        let looking = tokio::task::spawn_blocking(move || {
            let may = |header: &Header| {
                let of_app = taken.values().filter(|root| **root == header.app_root).count();
                !taken.contains_key(&header.run)
                    && of_app < AT_ONCE
                    && is_shared(&service, header)
                    && service.apps().at(&header.app_root).is_some()
                    // All processes may have been away until the time of its approval was over.
                    && may_go_on(&service, &header.run).unwrap_or(false)
            };
            let found = take(service.stores().runs(), &mut turns, Instant::now(), may);
            (found, turns)
        });
        // It ends early only if the process does.
        let Ok((found, turns)) = looking.await else {
            return Ok(Taken::default());
        };
        self.turns = turns;
        for error in found.iter().flat_map(|taken| &taken.unusable) {
            tracing::warn!(error = with_causes(error), "a run cannot be used");
        }
        found
    }

    async fn concluded(&mut self, part: Part) {
        let Part { id, header, ended } = part;
        self.taken.remove(&header.run);
        let next = match ended {
            None => Next::GoOn,
            Some(Ok(report)) => after(&report),
            Some(Err(why)) => Next::LeaveAlone(why),
        };
        match next {
            Next::GoOn => {}
            Next::Pause(why) => {
                tracing::warn!(run = header.run, app = header.app, why, "a run pauses");
                self.pause(id.clone(), why).await;
            }
            Next::LeaveAlone(why) => {
                tracing::warn!(
                    run = header.run,
                    app = header.app,
                    why,
                    seconds = LEAVE_ALONE.as_secs(),
                    "the app is left alone"
                );
                self.turns.leave_alone(&header.app_root, Instant::now());
            }
        }
        self.tell_of_the_end(id).await;
    }

    /// Tells that a run has ended, if this process did the last of it.
    async fn tell_of_the_end(&self, id: RunId) {
        let service = self.service.clone();
        let looking = tokio::task::spawn_blocking(move || {
            // If it cannot be read, the records are away, which is told of elsewhere.
            if let Ok(listed) = service.stores().runs().glance(&id)
                && let Some(report) = ended(&listed)
            {
                run_ended(&service, &listed.header, &report);
            }
        });
        let _ = looking.await;
    }

    async fn pause(&self, id: RunId, why: String) {
        let service = self.service.clone();
        let paused = tokio::task::spawn_blocking(move || {
            let direction = Direction {
                state: RunState::Paused,
                operator: service.account().clone(),
                at: service.now().as_millisecond(),
                reason: Some(why),
            };
            service.stores().runs().direct(&id, direction)
        });
        if let Ok(Err(error)) = paused.await {
            tracing::error!(error = with_causes(&error), "a run cannot be paused");
        }
    }

    /// Ends the reports of runs that have ended, wherever that was.
    async fn conclude_followed(&self) {
        let followed = self.service.runner().followed();
        if followed.is_empty() {
            return;
        }
        let service = self.service.clone();
        let concluding = tokio::task::spawn_blocking(move || {
            for run in followed {
                let Some(id) = RunId::parse(&run) else { continue };
                // If it cannot be read now, it can be later.
                if let Ok(listed) = service.stores().runs().glance(&id)
                    && let Some(report) = ended(&listed)
                {
                    service.runner().end(&run, report);
                }
            }
        });
        let _ = concluding.await;
    }
}

/// Returns the engine for a run, in the name of whoever made it.
fn operations(
    service: &Service,
    header: &Header,
) -> Option<Operations<easemob_admin_ops::server::client::Server>> {
    let app = service.apps().at(&header.app_root)?;
    let operator = Operator {
        subject: header.operator.subject.clone(),
        ..service.account().clone()
    };
    Some(Operations::new(
        app.server.clone(),
        service.stores().clone(),
        Target::from(header),
        operator,
    ))
}

/// Returns the report of a shared run, over all processes that worked on it, once nobody will go on with it unasked.
fn ended(listed: &ListedRun) -> Option<RunReport> {
    let ListedRun {
        header,
        counts,
        state,
        ..
    } = listed;
    let left = counts.unfinished();
    let stopped = match state {
        _ if left == 0 => None,
        RunState::Open | RunState::Alone => return None,
        RunState::Paused | RunState::Stopped => Some(Stopped {
            reason: state.word().to_owned(),
            error: None,
            kind: None,
        }),
    };
    // All of the run, whoever did what of it, and in however many attempts.
    let begun = Counts {
        items: counts.items,
        open: counts.items,
        ..Counts::default()
    };
    Some(report_between(
        &header.run,
        &begun,
        counts,
        Which::Unfinished,
        stopped,
    ))
}
