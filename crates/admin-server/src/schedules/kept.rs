//! Schedules, as they are kept.

use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{NewSchedule, Schedule, ScheduledJob, Turn};
use jiff::Timestamp;

use super::due::Pattern;
use crate::endpoints::policy;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// The most characters of a name.
const LONGEST: usize = 64;

/// The most schedules of an app.
const MOST: usize = 100;

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "schedule")
}

/// Returns the id of the document. Names of apps have no such sign.
fn key(app: &str, id: &str) -> String {
    format!("{app}/{id}")
}

/// Reads all schedules.
pub(super) fn all(service: &Service) -> Result<Vec<Schedule>, StoreError> {
    let all = kept(service).all::<Schedule>()?;
    Ok(all.into_iter().map(|(_, schedule)| schedule).collect())
}

/// Reads the schedules of an app, each with its next time.
pub(crate) fn of_app(service: &Service, app: &str) -> Result<Vec<Schedule>, StoreError> {
    let mut schedules = all(service)?;
    schedules.retain(|schedule| schedule.app == app);
    let now = service.now();
    Ok(schedules
        .into_iter()
        .map(|schedule| with_next(schedule, now))
        .collect())
}

fn with_next(schedule: Schedule, now: Timestamp) -> Schedule {
    let pattern = Pattern::parse(&schedule.cron, &schedule.time_zone);
    Schedule {
        next: pattern.ok().and_then(|pattern| pattern.after(now)),
        ..schedule
    }
}

/// Reads a schedule.
pub(crate) fn find(service: &Service, app: &str, id: &str) -> Result<Schedule, Refusal> {
    let found = kept(service).get::<Schedule>(&key(app, id))?;
    let (schedule, _) = found.ok_or_else(|| no_such(id))?;
    Ok(with_next(schedule, service.now()))
}

fn no_such(id: &str) -> Refusal {
    Refusal::of(Kind::NoSuchSchedule).detail(format!("the app has no schedule `{}`", id.escape_debug()))
}

/// Refuses a name that would not be the same wherever it is written.
pub(crate) fn check_name(id: &str) -> Result<(), Refusal> {
    let plain = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'-';
    if (1..=LONGEST).contains(&id.len()) && id.bytes().all(plain) {
        return Ok(());
    }
    let what = format!("such a name has 1 to {LONGEST} small letters, digits and `-`");
    Err(Refusal::of(Kind::BadRequest).detail(what))
}

/// Makes a schedule, or puts it in the place of the one with this name. Times before now are not its concern.
pub(crate) fn put(
    service: &Service,
    app: &str,
    id: &str,
    new: NewSchedule,
    owner: &str,
) -> Result<Schedule, Refusal> {
    check_name(id)?;
    Pattern::parse(&new.cron, &new.time_zone).map_err(|why| {
        Refusal::of(Kind::BadRequest)
            .detail(why)
            .hint("such as `30 3 * * *`")
    })?;
    match (new.job, &new.policy) {
        (ScheduledJob::PolicyCheck, Some(text)) => drop(policy(text, id)?),
        (ScheduledJob::PolicyCheck, None) => {
            return Err(Refusal::of(Kind::BadRequest).detail("a `policy_check` needs a `policy`"));
        }
        (_, Some(_)) => {
            return Err(Refusal::of(Kind::BadRequest).detail("`policy` is for the job `policy_check`"));
        }
        (_, None) => {}
    }
    let older = kept(service).get::<Schedule>(&key(app, id))?;
    if older.is_none() && of_app(service, app)?.len() >= MOST {
        return Err(Refusal::of(Kind::BadRequest).detail(format!("an app has at most {MOST} schedules")));
    }
    let since = shared_now(service)?;
    let schedule = Schedule {
        id: id.to_owned(),
        app: app.to_owned(),
        owner: owner.to_owned(),
        cron: new.cron,
        time_zone: new.time_zone,
        job: new.job,
        missed: new.missed,
        policy: new.policy,
        since,
        last: None,
        next: None,
    };
    match kept(service).put(&key(app, id), &schedule, older.map(|(_, revision)| revision))? {
        Put::Done(_) => Ok(with_next(schedule, service.now())),
        Put::Changed => Err(Refusal::of(Kind::Busy).detail("somebody else changed it at the same moment")),
    }
}

/// Removes a schedule.
pub(crate) fn remove(service: &Service, app: &str, id: &str) -> Result<Schedule, Refusal> {
    let found = kept(service).get::<Schedule>(&key(app, id))?;
    let (schedule, revision) = found.ok_or_else(|| no_such(id))?;
    match kept(service).remove(&key(app, id), revision)? {
        Put::Done(_) => Ok(schedule),
        Put::Changed => Err(Refusal::of(Kind::Busy).detail("somebody else changed it at the same moment")),
    }
}

/// Notes what became of a turn, unless the schedule was changed or removed meanwhile, or a later turn is noted.
pub(super) fn note(service: &Service, of: &Schedule, turn: &Turn) -> Result<(), StoreError> {
    let kept = kept(service);
    kept.change(&key(&of.app, &of.id), |mut schedule: Schedule| {
        let is_newer = schedule.last.as_ref().is_none_or(|last| last.due < turn.due);
        if schedule.since == of.since && is_newer {
            schedule.last = Some(turn.clone());
        }
        schedule
    })
    .map(drop)
}

/// Returns the time by the clock that all processes share.
pub(crate) fn shared_now(service: &Service) -> Result<Timestamp, StoreError> {
    let now = service.documents().now_ms()?;
    Timestamp::from_millisecond(now).map_err(|error| StoreError::Failed(error.into()))
}
