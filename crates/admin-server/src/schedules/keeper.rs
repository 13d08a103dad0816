//! Does what is due, one process at a time for each schedule and each job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::schedule::pipeline::Wish;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Schedule, ScheduledJob, Turn, Watch};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::due::{Now, Pattern};
use super::jobs::{Done, check_policy, lift_due_locks, scan};
use super::kept::{all, note, shared_now};
use crate::apps::App;
use crate::leased::leased;
use crate::problem::Refusal;
use crate::proxy::orphans;
use crate::scans::{self, ScanJob};
use crate::service::Service;
use crate::watches;

/// How often to look for what is due.
const LOOK: Duration = Duration::from_secs(5);

/// What this process may do.
enum Due {
    /// The turn of a schedule.
    Turn(Box<Schedule>, Now),
    /// A scan that somebody asked for.
    Scan(Box<ScanJob>),
    /// A policy that is enforced while users sign in.
    Watch(Box<Watch>),
}

impl Due {
    fn lease(&self) -> String {
        match self {
            Self::Turn(schedule, _) => format!("schedule/{}/{}", schedule.app, schedule.id),
            Self::Scan(job) => format!("scan/{}/{}", job.app, job.id),
            Self::Watch(watch) => format!("watch/{}/{}", watch.app, watch.id),
        }
    }

    async fn work(self, service: Service, wish: watch::Receiver<Wish>) {
        match self {
            Self::Turn(schedule, now) => take_turn(service, *schedule, now, wish).await,
            Self::Scan(job) => scans::work(service, *job, wish).await,
            Self::Watch(watch) => watches::work(service, *watch, wish).await,
        }
    }
}

/// Does what is due until the service stops.
pub(crate) async fn keep(service: Service) {
    let mut working = JoinSet::new();
    let mut busy: BTreeMap<tokio::task::Id, String> = BTreeMap::new();
    while !service.runner().is_draining() {
        let this = service.clone();
        match tokio::task::spawn_blocking(move || due(&this)).await {
            Ok(Ok(found)) => {
                for due in found {
                    let lease = due.lease();
                    if busy.values().all(|busy| *busy != lease) {
                        let this = service.clone();
                        let work = leased(service.clone(), lease.clone(), |wish| due.work(this, wish));
                        busy.insert(working.spawn(work).id(), lease);
                    }
                }
            }
            Ok(Err(error)) => tracing::warn!(error = with_causes(&error), "cannot look for what is due"),
            Err(_) => {}
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = service.something_is_due() => {}
            Some(ended) = working.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                busy.remove(&id);
            }
        }
    }
    while working.join_next().await.is_some() {}
}

/// Says that this process is alive, and records what those left behind that are not.
fn look_after_calls(service: &Service) {
    let settled = orphans::sign_of_life(service)
        .map_err(Refusal::from)
        .and_then(|()| orphans::settle(service));
    if let Err(refusal) = settled {
        let why = refusal.problem().to_string();
        tracing::warn!(why, "cannot record what became of calls whose process was killed");
    }
}

/// Finds what is due, by the clock that all processes share. Blocks.
fn due(service: &Service) -> Result<Vec<Due>, StoreError> {
    look_after_calls(service);
    let scans = scans::open(service)?.into_iter();
    let watches = watches::open(service)?.into_iter();
    let mut found: Vec<Due> = scans.map(|job| Due::Scan(Box::new(job))).collect();
    found.extend(watches.map(|watch| Due::Watch(Box::new(watch))));
    let schedules = all(service)?;
    if schedules.is_empty() {
        return Ok(found);
    }
    let now = shared_now(service)?;
    for schedule in schedules {
        let Ok(pattern) = Pattern::parse(&schedule.cron, &schedule.time_zone) else {
            tracing::warn!(schedule = schedule.id, "a schedule cannot be understood");
            continue;
        };
        let done = schedule.last.as_ref().map_or(schedule.since, |last| last.due);
        match pattern.turn(done, schedule.missed, now) {
            Now::Wait => {}
            turn => found.push(Due::Turn(Box::new(schedule), turn)),
        }
    }
    Ok(found)
}

/// Takes one turn, and notes what became of it.
async fn take_turn(service: Service, schedule: Schedule, now: Now, wish: watch::Receiver<Wish>) {
    let Some(turn) = work(service.clone(), schedule.clone(), now, wish).await else {
        return;
    };
    let noting = tokio::task::spawn_blocking(move || {
        tracing::info!(
            schedule = schedule.id,
            app = schedule.app,
            outcome = turn.outcome,
            "a turn has ended"
        );
        note(&service, &schedule, &turn)
    });
    if let Ok(Err(error)) = noting.await {
        tracing::warn!(
            error = with_causes(&error),
            "what became of a turn cannot be noted"
        );
    }
}

/// Does what is due, and returns what became of it; nothing if it is to be tried again.
async fn work(service: Service, schedule: Schedule, now: Now, wish: watch::Receiver<Wish>) -> Option<Turn> {
    let turn = |due: Timestamp, outcome: &str| Turn {
        due,
        outcome: outcome.to_owned(),
        run: None,
    };
    let due = match now {
        Now::Wait => return None,
        Now::LeaveOut(due) => return Some(turn(due, "missed")),
        Now::Work(due) => due,
    };
    let Some(app) = service.apps().get(&schedule.app).cloned() else {
        // Another process may have the app.
        return None;
    };
    let done = job(&service, &app, &schedule, due, wish).await;
    match done {
        Ok(Done::Nothing) => Some(turn(due, "nothing to do")),
        Ok(Done::Run(run)) => Some(Turn {
            run: Some(run),
            ..turn(due, "a run")
        }),
        Ok(Done::Scanned(users)) => Some(turn(due, &format!("{users} users read"))),
        Ok(Done::Checked(totals, snapshot)) => Some(turn(
            due,
            &format!(
                "{} users over the limits by {} devices in snapshot {snapshot}",
                totals.users_over, totals.over
            ),
        )),
        Ok(Done::CutShort) => None,
        Err(why) => {
            tracing::warn!(
                schedule = schedule.id,
                app = schedule.app,
                why,
                "a turn has failed"
            );
            // It is tried again as long as it is not late.
            None
        }
    }
}

async fn job(
    service: &Service,
    app: &Arc<App>,
    schedule: &Schedule,
    due: Timestamp,
    wish: watch::Receiver<Wish>,
) -> Result<Done, String> {
    match schedule.job {
        ScheduledJob::DueUnlocks => lift_due_locks(service, app, schedule, due).await,
        ScheduledJob::Scan => scan(service, app, wish).await,
        ScheduledJob::PolicyCheck => check_policy(service, app, schedule).await,
    }
}
