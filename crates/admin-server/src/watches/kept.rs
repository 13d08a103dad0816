//! Watches, as they are kept.

use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{NewWatch, Watch};

use crate::problem::{Kind, Refusal};
use crate::schedules::{check_name, shared_now};
use crate::service::Service;

/// The most watches of an app.
const MOST: usize = 20;

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "watch")
}

fn key(app: &str, id: &str) -> String {
    format!("{app}/{id}")
}

/// Reads all watches that work.
pub(crate) fn open(service: &Service) -> Result<Vec<Watch>, StoreError> {
    let all = kept(service).all::<Watch>()?.into_iter();
    Ok(all
        .map(|(_, watch)| watch)
        .filter(|watch| watch.ended.is_none())
        .collect())
}

/// Reads the watches of an app.
pub(crate) fn of_app(service: &Service, app: &str) -> Result<Vec<Watch>, StoreError> {
    let all = kept(service).all::<Watch>()?.into_iter();
    Ok(all
        .map(|(_, watch)| watch)
        .filter(|watch| watch.app == app)
        .collect())
}

fn no_such(id: &str) -> Refusal {
    Refusal::of(Kind::NoSuchWatch).detail(format!("the app has no watch `{}`", id.escape_debug()))
}

/// Reads a watch.
pub(crate) fn find(service: &Service, app: &str, id: &str) -> Result<Watch, Refusal> {
    let found = kept(service).get::<Watch>(&key(app, id))?;
    found.map(|(watch, _)| watch).ok_or_else(|| no_such(id))
}

/// Keeps a watch, or puts it in the place of the one with this name. It continues at the position of that one.
pub(crate) fn put(
    service: &Service,
    app: &str,
    id: &str,
    (new, policy_sha256): (NewWatch, String),
    owner: &str,
) -> Result<Watch, Refusal> {
    check_name(id)?;
    let older = kept(service).get::<Watch>(&key(app, id))?;
    if older.is_none() && of_app(service, app)?.len() >= MOST {
        return Err(Refusal::of(Kind::BadRequest).detail(format!("an app has at most {MOST} watches")));
    }
    let watch = Watch {
        id: id.to_owned(),
        app: app.to_owned(),
        owner: owner.to_owned(),
        policy: new.policy,
        max_logouts_per_hour: new.max_logouts_per_hour,
        delay_seconds: new.delay_seconds,
        reason: new.reason,
        ticket: new.ticket,
        policy_sha256,
        since: shared_now(service)?,
        until: new.until,
        first_run: None,
        last_run: None,
        looked_at: None,
        waiting: 0,
        ended: None,
        trouble: None,
    };
    match kept(service).put(&key(app, id), &watch, older.map(|(_, revision)| revision))? {
        Put::Done(_) => Ok(watch),
        Put::Changed => Err(Refusal::of(Kind::Busy).detail("somebody else changed it at the same moment")),
    }
}

/// Ends a watch, and says why; one that has ended already stays as it is.
pub(crate) fn stop(service: &Service, app: &str, id: &str, why: &str) -> Result<Watch, Refusal> {
    let stopped = kept(service).change(&key(app, id), |watch: Watch| Watch {
        ended: watch.ended.clone().or_else(|| Some(why.to_owned())),
        ..watch
    })?;
    stopped.ok_or_else(|| no_such(id))
}

/// Removes a watch.
pub(crate) fn remove(service: &Service, app: &str, id: &str) -> Result<Watch, Refusal> {
    // Whoever works on it notes something every few seconds, so it may have changed since it was read.
    let removed = kept(service).remove_if(&key(app, id), |_: &Watch| true)?;
    removed.ok_or_else(|| no_such(id))
}

/// Notes something about a watch, unless it was changed or removed meanwhile; then it returns none.
pub(super) fn note(
    service: &Service,
    of: &Watch,
    change: impl Fn(Watch) -> Watch,
) -> Result<Option<Watch>, StoreError> {
    let changed = kept(service).change(&key(&of.app, &of.id), |watch: Watch| {
        if watch.since == of.since {
            change(watch)
        } else {
            watch
        }
    })?;
    Ok(changed.filter(|watch| watch.since == of.since))
}
