//! What schedules do.

use std::sync::Arc;

use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::locks::store::Listing;
use easemob_admin_ops::logins::questions::which::{SnapshotName, pick};
use easemob_admin_ops::logins::store::SnapshotId;
use easemob_admin_ops::operations::Options;
use easemob_admin_ops::policy::compared::{compare, each_stored};
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::run::new::{Mandate, NewRun};
use easemob_admin_ops::run::store::{OpenRun, RunError};
use easemob_admin_ops::schedule::pipeline::Wish;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_remote::api::Schedule;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::apps::App;
use crate::endpoints::{Made, begin, open_if_not_begun, policy};
use crate::operation::policy_exceeded;
use crate::problem::Refusal;
use crate::scans::{self, Order, Scanned, Start};
use crate::service::Service;

/// How many ids of runs are tried that others may have.
const TRIES: u32 = 8;

/// What was done.
pub(super) enum Done {
    /// There was nothing to do.
    Nothing,
    /// A run was made.
    Run(String),
    /// So many users were read.
    Scanned(u64),
    /// A snapshot was compared with a policy.
    Checked(Totals, SnapshotId),
    /// The process is ending, or another one took over.
    CutShort,
}

/// Lifts the locks whose end has passed, in a run whose id follows from schedule and time: a second attempt finds the run of the
/// first one.
pub(super) async fn lift_due_locks(
    service: &Service,
    app: &App,
    schedule: &Schedule,
    due: Timestamp,
) -> Result<Done, String> {
    let operator = Operator {
        subject: Some(schedule.owner.clone()),
        ..service.account().clone()
    };
    let (this, at, of, by) = (service.clone(), app.clone(), schedule.clone(), operator.clone());
    let made = tokio::task::spawn_blocking(move || make(&this, &at, &of, due, by));
    let made = made.await.map_err(|error| error.to_string())?;
    match made.map_err(|refusal| refusal.problem().to_string())? {
        None => Ok(Done::Nothing),
        Some(Made::Before(header)) => Ok(Done::Run(header.run)),
        Some(Made::New(open) | Made::NotBegun(open)) => {
            let run = open.header.run.clone();
            let begun = begin(service, app, operator, *open, Options::default()).await;
            begun.map_err(|refusal| refusal.problem().to_string())?;
            Ok(Done::Run(run))
        }
    }
}

fn make(
    service: &Service,
    app: &App,
    schedule: &Schedule,
    due: Timestamp,
    by: Operator,
) -> Result<Option<Made>, Refusal> {
    let runs = service.stores().runs();
    let source = format!("schedule {} of {}", schedule.id, schedule.app);
    for attempt in 0..TRIES {
        let id = run_id(schedule, due, attempt);
        match runs.glance(&id) {
            // Somebody else's run happens to have the id.
            Ok(listed) if listed.header.source != source => {}
            Ok(listed) => return open_if_not_begun(service, Box::new(listed.header)).map(Some),
            Err(RunError::NoSuchRun(_)) => return enter(service, app, (schedule, id, source), by),
            Err(error) => return Err(error.into()),
        }
    }
    Err(RunError::Exists(run_id(schedule, due, TRIES)).into())
}

fn enter(
    service: &Service,
    app: &App,
    (schedule, id, source): (&Schedule, RunId, String),
    by: Operator,
) -> Result<Option<Made>, Refusal> {
    let (runs, locks) = (service.stores().runs(), service.stores().locks(&app.target)?);
    reconcile(runs, &*locks)?;
    // From now on, every new lock is either visible in the store or newer than this time.
    let mut as_of = service.now();
    locks.at_rest(&mut || as_of = service.now())?;
    let mut due = locks.list(Listing::Due(as_of))?;
    let before = due.len();
    // Whose ban it is that such a lock is about, only its run can tell: an operator decides with `sessions unlock --due`.
    due.retain(|lock| !lock.is_pending());
    if due.is_empty() {
        if before == 0 {
            locks.note_lifted(as_of)?;
        }
        return Ok(None);
    }
    let run = NewRun {
        action: Action::Unlock {
            as_of: Some(as_of),
            undoes: None,
        },
        mandate: Mandate {
            reason: Some(format!("the time of the lock is over (schedule {})", schedule.id)),
            ..Mandate::default()
        },
        source,
        allowance: None,
        reading: Reading::EVERY_USER,
        id: Some(id.clone()),
    };
    let items = (0..)
        .zip(due)
        .map(|(number, lock)| Ok(Item::new(number, number + 1, lock.user)));
    match run.create(runs, &app.target, by, service.now(), 0, items) {
        Ok(open) => Ok(Some(Made::New(Box::<OpenRun>::new(open)))),
        // Another process was faster by a moment.
        Err(RunError::Exists(_)) => {
            let header = runs.glance(&id)?.header;
            open_if_not_begun(service, Box::new(header)).map(Some)
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns the id of the run of a turn: the time that it was due, and a digest.
fn run_id(schedule: &Schedule, due: Timestamp, attempt: u32) -> RunId {
    let named = format!("{}\n{}\n{due}\n{attempt}", schedule.app, schedule.id);
    let digest = Sha256::digest(named.as_bytes());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let micros = SignedDuration::from_micros(i64::from(number % 1_000_000));
    RunId::new(due + micros, u32::from(digest[4]))
}

/// Reads all users into a snapshot; goes on with one that another process left behind.
pub(super) async fn scan(
    service: &Service,
    app: &Arc<App>,
    wish: watch::Receiver<Wish>,
) -> Result<Done, String> {
    let order = Order::everybody(Start::LeftBehind);
    match scans::read(service, app, order, wish, |_| {}).await? {
        Scanned::Complete(users) => Ok(Done::Scanned(users)),
        Scanned::Odd(entries, places) => Err(format!(
            "the server listed {entries} entries that are no users: {}",
            places.join(", ")
        )),
        Scanned::CutShort => Ok(Done::CutShort),
        Scanned::Failed(why) => Err(why),
    }
}

/// Compares the newest complete snapshot with the policy of a schedule.
pub(super) async fn check_policy(
    service: &Service,
    app: &Arc<App>,
    schedule: &Schedule,
) -> Result<Done, String> {
    let (this, at, of) = (service.clone(), Arc::clone(app), schedule.clone());
    let checked = tokio::task::spawn_blocking(move || {
        let selection = policy(of.policy.as_deref().unwrap_or_default(), &of.id)?
            .policy
            .selection();
        let Some(kept) = this.stores().logins().kept(&at.target.name())? else {
            return Ok(None);
        };
        let Some(snapshot) = pick(kept.snapshots()?, SnapshotName::Latest) else {
            return Ok(None);
        };
        let mut totals = Totals::default();
        each_stored(&*kept, snapshot.id, &mut |item, stored| {
            if let Ok(devices) = stored {
                let _ = compare(item, &devices, &selection, &mut totals);
            }
        })?;
        Ok::<_, Refusal>(Some((totals, snapshot.id)))
    });
    let checked = checked.await.map_err(|error| error.to_string())?;
    let Some((totals, snapshot)) = checked.map_err(|refusal| refusal.problem().to_string())? else {
        return Err("no complete scan is kept".into());
    };
    if totals.users_over > 0 {
        policy_exceeded(service, app, &schedule.id, &totals, snapshot);
    }
    Ok(Done::Checked(totals, snapshot))
}

#[cfg(test)]
mod tests {
    use easemob_admin_remote::api::{Missed, ScheduledJob};

    use super::*;

    #[test]
    fn the_run_of_a_turn_has_one_id_and_others_have_others() {
        let schedule = |id: &str| Schedule {
            id: id.into(),
            app: "prod".into(),
            owner: "ann".into(),
            cron: "* * * * *".into(),
            time_zone: "UTC".into(),
            job: ScheduledJob::DueUnlocks,
            missed: Missed::Skip,
            policy: None,
            since: Timestamp::UNIX_EPOCH,
            last: None,
            next: None,
        };
        let due: Timestamp = "2026-11-23T03:30:00Z".parse().unwrap();
        let id = run_id(&schedule("night"), due, 0);
        assert_eq!(id, run_id(&schedule("night"), due, 0));
        assert!(id.as_str().starts_with("20261123-033000-"), "{id}");
        for other in [
            run_id(&schedule("day"), due, 0),
            run_id(&schedule("night"), due + SignedDuration::from_mins(1), 0),
            run_id(&schedule("night"), due, 1),
        ] {
            assert_ne!(other, id);
        }
    }
}
