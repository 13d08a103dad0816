//! Scans that somebody asked for, as they are kept.

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::logins::scan::ListSource;
use easemob_admin_ops::logins::store::{LoginStore, SnapshotId};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{NewScan, Scan, ScanState, SnapshotView};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::read::ALL;
use super::users::{Listed, forget, forget_those_of_the_dead};
use crate::apps::App;
use crate::endpoints::List;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// How long a scan that has ended is shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A scan that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScanJob {
    pub(crate) id: String,
    pub(crate) app: String,
    pub(super) owner: String,
    pub(super) asked_at: Timestamp,
    /// The users, as the store names them.
    pub(super) source: String,
    pub(super) users: Option<Listed>,
    pub(super) limits: bool,
    pub(super) read_every_user: bool,
    pub(super) state: ScanState,
    /// The snapshot that was begun for it last.
    pub(super) snapshot: Option<SnapshotId>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) why: Option<String>,
}

impl ScanJob {
    pub(super) fn key(&self) -> String {
        key(&self.app, &self.id)
    }
}

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "scan")
}

fn key(app: &str, id: &str) -> String {
    format!("{app}/{id}")
}

/// Reads the scan of a key, if there is one.
pub(super) fn find_job(service: &Service, key: &str) -> Result<Option<ScanJob>, StoreError> {
    Ok(kept(service).get(key)?.map(|(job, _)| job))
}

/// Reads all scans with something left to do.
pub(crate) fn open(service: &Service) -> Result<Vec<ScanJob>, StoreError> {
    let all = kept(service).all::<ScanJob>()?.into_iter();
    Ok(all
        .map(|(_, job)| job)
        .filter(|job| job.state.is_open())
        .collect())
}

/// Reads the scans of an app, newest first.
pub(crate) fn of_app(service: &Service, app: &str) -> Result<Vec<ScanJob>, StoreError> {
    let all = kept(service).all::<ScanJob>()?.into_iter().rev();
    Ok(all.map(|(_, job)| job).filter(|job| job.app == app).collect())
}

/// Reads a scan.
pub(crate) fn find(service: &Service, app: &str, id: &str) -> Result<ScanJob, Refusal> {
    let found = kept(service).get::<ScanJob>(&key(app, id))?;
    found.map(|(job, _)| job).ok_or_else(|| {
        Refusal::of(Kind::NoSuchScan)
            .detail(format!("nobody asked for the scan `{}`", id.escape_debug()))
            .hint("list the scans: GET /v1/apps/APP/logins/scans")
    })
}

/// Asks for a scan.
pub(crate) fn ask(
    service: &Service,
    app: &App,
    owner: &str,
    new: &NewScan,
    list: Option<&List>,
) -> Result<ScanJob, Refusal> {
    let source = match list {
        None => ALL.into(),
        Some(list) => {
            let mut source = ListSource::default();
            for user in list.users()? {
                source.add(&user?);
            }
            source.word()
        }
    };
    let now = service.now();
    forget_those_of_the_dead(service)?;
    for earlier in of_app(service, &app.name)? {
        if earlier.state.is_open() && earlier.source == source {
            return Err(Refusal::of(Kind::Busy)
                .detail(format!("the scan {} of the same users has not ended", earlier.id))
                .hint("follow it, or stop it first"));
        }
        let is_old = |job: &ScanJob| {
            job.ended_at
                .is_some_and(|ended| now.duration_since(ended) > SHOWN)
        };
        if is_old(&earlier) {
            kept(service).remove_if(&key(&app.name, &earlier.id), is_old)?;
        }
    }
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let id = RunId::new(now, u32::from_ne_bytes(random)).to_string();
    let at = key(&app.name, &id);
    // Whoever works on the scan finds them all.
    let users = list
        .map(|list| Ok::<_, Refusal>(Listed::keep(service, &at, list.users, list.users()?)?))
        .transpose();
    let job = ScanJob {
        id,
        app: app.name.clone(),
        owner: owner.to_owned(),
        asked_at: now,
        source,
        users: users.inspect_err(|_| forgotten(service, &at))?,
        limits: new.limits,
        read_every_user: new.read_every_user,
        state: ScanState::Waiting,
        snapshot: None,
        ended_at: None,
        why: None,
    };
    match kept(service).put(&at, &job, None) {
        Ok(Put::Done(_)) => Ok(job),
        Ok(Put::Changed) => {
            Err(Refusal::of(Kind::Busy).detail("another scan was asked for at the same moment"))
        }
        Err(error) => {
            forgotten(service, &at);
            Err(error.into())
        }
    }
}

/// Removes the users of a scan that is not recorded, or has ended; what cannot be removed now is removed later.
pub(super) fn forgotten(service: &Service, key: &str) {
    if let Err(error) = forget(service, key) {
        tracing::warn!(
            error = with_causes(&error),
            "the users of a scan cannot be removed"
        );
    }
}

/// Stops a scan; what it has read stays.
pub(crate) fn stop(service: &Service, app: &str, id: &str) -> Result<ScanJob, Refusal> {
    find(service, app, id)?;
    let stopped = kept(service).change(&key(app, id), |job: ScanJob| {
        let state = if job.state.is_open() {
            ScanState::Stopping
        } else {
            job.state
        };
        ScanJob { state, ..job }
    })?;
    stopped.map_or_else(|| find(service, app, id), Ok)
}

/// Changes what is kept of a scan.
pub(super) fn change(
    service: &Service,
    job: &ScanJob,
    change: impl Fn(ScanJob) -> ScanJob,
) -> Result<Option<ScanJob>, StoreError> {
    kept(service).change(&key(&job.app, &job.id), change)
}

/// Returns a scan with what it has counted so far.
pub(crate) fn view(job: ScanJob, logins: Option<&dyn LoginStore>) -> Result<Scan, StoreError> {
    let snapshots = logins.map_or_else(|| Ok(Vec::new()), LoginStore::snapshots)?;
    let snapshot = snapshots
        .iter()
        .find(|snapshot| Some(snapshot.id) == job.snapshot);
    Ok(Scan {
        id: job.id,
        owner: job.owner,
        asked_at: job.asked_at,
        users: job.users.as_ref().map(Listed::count),
        state: job.state,
        snapshot: snapshot.map(SnapshotView::from),
        ended_at: job.ended_at,
        why: job.why,
    })
}
