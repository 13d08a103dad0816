//! Does what is due, one process at a time for each schedule and each job.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
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

/// The work that this process has begun, by lease.
#[derive(Default)]
struct Working {
    tasks: JoinSet<()>,
    leases: BTreeMap<tokio::task::Id, String>,
}

impl Working {
    /// Begins work, unless it is under way.
    fn begin<F>(&mut self, lease: String, work: impl FnOnce(String) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.leases.values().all(|begun| *begun != lease) {
            let task = self.tasks.spawn(work(lease.clone()));
            self.leases.insert(task.id(), lease);
        }
    }

    /// Waits until it is time to look again. The end of work is no reason to: if another process has it, or if it fails, it would
    /// be begun and end again at once, for as long as that lasts.
    async fn until_next_look(&mut self, something_is_due: impl Future<Output = ()>) {
        let (mut pause, mut due) = (pin!(sleep(LOOK)), pin!(something_is_due));
        loop {
            tokio::select! {
                () = &mut pause => return,
                () = &mut due => return,
                Some(ended) = self.tasks.join_next_with_id() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => error.id(),
                    };
                    self.leases.remove(&id);
                }
            }
        }
    }

    /// Waits until all work has ended.
    async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Does what is due until the service stops.
pub(crate) async fn keep(service: Service) {
    let mut working = Working::default();
    while !service.runner().is_draining() {
        let this = service.clone();
        match tokio::task::spawn_blocking(move || due(&this)).await {
            Ok(Ok(found)) => {
                for due in found {
                    let this = service.clone();
                    working.begin(due.lease(), |lease| {
                        leased(this.clone(), lease, |wish| due.work(this, wish))
                    });
                }
            }
            Ok(Err(error)) => tracing::warn!(error = with_causes(&error), "cannot look for what is due"),
            Err(_) => {}
        }
        working.until_next_look(service.something_is_due()).await;
    }
    working.ended().await;
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_at_once_is_begun_again_at_the_next_look() {
        let mut working = Working::default();
        let start = Instant::now();
        for look in 1..=3 {
            for lease in ["scan/a/1", "watch/a/1"] {
                working.begin(lease.into(), |_| ready(()));
            }
            working.until_next_look(pending()).await;
            assert_eq!(start.elapsed().as_secs(), LOOK.as_secs() * look);
            assert!(working.leases.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_under_way_is_not_begun_twice_and_what_is_due_is_looked_for_at_once() {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut working = Working::default();
        let start = Instant::now();
        for _ in 0..3 {
            let begun = Arc::clone(&begun);
            working.begin("scan/a/1".into(), |_| async move {
                begun.fetch_add(1, Ordering::Relaxed);
                sleep(LOOK / 2).await;
            });
            working.until_next_look(ready(())).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        working.ended().await;
        assert_eq!((begun.load(Ordering::Relaxed), start.elapsed()), (1, LOOK / 2));
    }
}
