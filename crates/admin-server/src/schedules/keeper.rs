//! Does what is due, one process at a time for each schedule.

use std::collections::BTreeMap;
use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::documents::lease::{give_up, hold};
use easemob_admin_ops::schedule::pipeline::{Cause, Wish};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Schedule, ScheduledJob, Turn};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::due::{Now, Pattern};
use super::jobs::{Done, lift_due_locks, scan};
use super::kept::{all, note, shared_now};
use crate::apps::App;
use crate::service::Service;

/// How often to look for what is due.
const LOOK: Duration = Duration::from_secs(5);

/// How long a process that was not heard of keeps a schedule to itself.
const LEASE: Duration = Duration::from_secs(30);

/// Does what is due until the service stops.
pub(crate) async fn keep(service: Service) {
    let mut working = JoinSet::new();
    let mut busy: BTreeMap<tokio::task::Id, String> = BTreeMap::new();
    while !service.runner().is_draining() {
        let this = service.clone();
        match tokio::task::spawn_blocking(move || due(&this)).await {
            Ok(Ok(found)) => {
                for (schedule, now) in found {
                    let name = lease_of(&schedule);
                    if busy.values().all(|busy| *busy != name) {
                        let task = working.spawn(take_turn(service.clone(), schedule, now));
                        busy.insert(task.id(), name);
                    }
                }
            }
            Ok(Err(error)) => tracing::warn!(error = with_causes(&error), "cannot look for what is due"),
            Err(_) => {}
        }
        tokio::select! {
            () = sleep(LOOK) => {}
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

fn lease_of(schedule: &Schedule) -> String {
    format!("schedule/{}/{}", schedule.app, schedule.id)
}

/// Finds what is due, by the clock that all processes share. Blocks.
fn due(service: &Service) -> Result<Vec<(Schedule, Now)>, StoreError> {
    let schedules = all(service)?;
    if schedules.is_empty() {
        return Ok(Vec::new());
    }
    let now = shared_now(service)?;
    let mut found = Vec::new();
    for schedule in schedules {
        let Ok(pattern) = Pattern::parse(&schedule.cron, &schedule.time_zone) else {
            tracing::warn!(schedule = schedule.id, "a schedule cannot be understood");
            continue;
        };
        let done = schedule.last.as_ref().map_or(schedule.since, |last| last.due);
        match pattern.turn(done, schedule.missed, now) {
            Now::Wait => {}
            turn => found.push((schedule, turn)),
        }
    }
    Ok(found)
}

/// Takes one turn, if no other process does.
async fn take_turn(service: Service, schedule: Schedule, now: Now) {
    let lease = lease_of(&schedule);
    let held = |service: Service, lease: String| {
        tokio::task::spawn_blocking(move || hold(service.documents(), &lease, service.name(), LEASE))
    };
    if !matches!(held(service.clone(), lease.clone()).await, Ok(Ok(true))) {
        return;
    }
    let (wishes, wish) = watch::channel(Wish::Run);
    let mut work = tokio::spawn(work(service.clone(), schedule.clone(), now, wish));
    let turn = loop {
        tokio::select! {
            turn = &mut work => break turn.ok().flatten(),
            () = sleep(LEASE / 6) => {
                if service.runner().is_draining() {
                    wishes.send_replace(Wish::Drain(Cause::Signal));
                } else if matches!(held(service.clone(), lease.clone()).await, Ok(Ok(false))) {
                    wishes.send_replace(Wish::Drain(Cause::TakenOver));
                }
            }
        }
    };
    let finishing = tokio::task::spawn_blocking(move || {
        if let Some(turn) = turn {
            tracing::info!(
                schedule = schedule.id,
                app = schedule.app,
                outcome = turn.outcome,
                "a turn has ended"
            );
            note(&service, &schedule, &turn)?;
        }
        give_up(service.documents(), &lease, service.name())
    });
    if let Ok(Err(error)) = finishing.await {
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
    app: &App,
    schedule: &Schedule,
    due: Timestamp,
    wish: watch::Receiver<Wish>,
) -> Result<Done, String> {
    match schedule.job {
        ScheduledJob::DueUnlocks => lift_due_locks(service, app, schedule, due).await,
        ScheduledJob::Scan => scan(service, app, wish).await,
    }
}
