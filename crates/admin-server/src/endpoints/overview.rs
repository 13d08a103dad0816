//! Figures about an app: each says from when it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_api::DeviceLimits;
use easemob_admin_ops::locks::store::Listing;
use easemob_admin_ops::logins::store::{
    Gap, HOUR_MS, LoginKind, LoginStore, Range, Shape, Snapshot, StoreError,
};
use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::store::ListedRun;
use easemob_admin_remote::api::{
    AppliedLimits, Approval, ApprovalState, GapView, HourFigures, KnownAsOf, LastDay, LimitsFrom,
    OnlineBefore, OnlineCount, OnlineFigures, OpenWork, Overview, Problem, RunState, Scope,
};
use jiff::{SignedDuration, Timestamp};
use utoipa_axum::routes;

use super::directory::{as_of, too_many};
use super::runs::{is_of, state_of};
use crate::approvals::gate::approvals;
use crate::approvals::standing;
use crate::apps::App;
use crate::blocking::blocking;
use crate::problem::Refusal;
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// Hours that are shown.
const HOURS: i64 = 24;

/// How far from a day ago a scan may be that today is compared with, in milliseconds.
const NEAR: i64 = 3 * HOUR_MS;

/// Runs that are older than this are not counted.
const RUNS_OF: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The most runs in files that are counted: the journal of each is read.
const IN_FILES: usize = 200;

pub(super) fn routes() -> Routes {
    Routes::new().add(Rule::HasForApp(&[Scope::DevicesRead]), routes!(overview))
}

fn at(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}

/// Counts who is online by what the users who are known have.
fn online(
    shapes: &[Shape],
    limits: &DeviceLimits,
    from: LimitsFrom,
    as_of: KnownAsOf,
    day_before: Option<OnlineBefore>,
) -> OnlineFigures {
    let mut all = OnlineCount::default();
    let mut platforms = BTreeMap::<String, OnlineCount>::new();
    let (mut known_users, mut over_limit, mut devices_over) = (0, 0, 0);
    for shape in shapes {
        known_users += shape.users;
        if shape.devices() > 0 {
            all.users += shape.users;
            all.devices += shape.users * shape.devices();
        }
        let too_many = too_many(shape.platforms.iter(), limits);
        if too_many > 0 {
            over_limit += shape.users;
            devices_over += shape.users * too_many;
        }
        for (platform, devices) in &shape.platforms {
            let on_platform = platforms.entry(platform.clone()).or_default();
            on_platform.users += shape.users;
            on_platform.devices += shape.users * devices;
        }
    }
    OnlineFigures {
        known_users,
        online: all,
        platforms,
        over_limit,
        devices_over,
        day_before,
        limits: AppliedLimits {
            limits: LimitsView::from(limits),
            from,
        },
        as_of,
    }
}

/// Returns a row for each of the last hours, also for those without an event.
fn hours(counted: &[(i64, LoginKind, u64)], now_ms: i64) -> Vec<HourFigures> {
    let this_hour = now_ms - now_ms.rem_euclid(HOUR_MS);
    (0..HOURS)
        .rev()
        .filter_map(|back| {
            let hour = this_hour - back * HOUR_MS;
            let of = |wanted: LoginKind| {
                let found = counted
                    .iter()
                    .find(|(at, kind, _)| (*at, *kind) == (hour, wanted));
                found.map_or(0, |(_, _, count)| *count)
            };
            Some(HourFigures {
                hour: at(hour)?,
                sign_ins: of(LoginKind::Login),
                sign_outs: of(LoginKind::Logout),
                evictions: of(LoginKind::Replaced),
            })
        })
        .collect()
}

pub(super) fn gap(gap: Gap) -> GapView {
    GapView {
        since: at(gap.since_ms),
        until: at(gap.until_ms),
        why: gap.why,
    }
}

fn of_logins(kept: Option<&dyn LoginStore>, now: Timestamp) -> Result<(OnlineFigures, LastDay), StoreError> {
    let now_ms = now.as_millisecond();
    let day = Range {
        since_ms: now_ms - now_ms.rem_euclid(HOUR_MS) - (HOURS - 1) * HOUR_MS,
        until_ms: now_ms.saturating_add(1),
    };
    let Some(kept) = kept else {
        let usual = DeviceLimits::multi(super::directory::USUAL_LIMIT);
        let nobody = online(&[], &usual, LimitsFrom::Default, KnownAsOf::default(), None);
        let nothing = LastDay {
            hours: hours(&[], now_ms),
            gaps: Vec::new(),
            as_of: None,
        };
        return Ok((nobody, nothing));
    };
    let (as_of, limits, from) = as_of(kept)?;
    let last_day = LastDay {
        hours: hours(&kept.events_by_hour(day)?, now_ms),
        gaps: kept.gaps(day)?.into_iter().map(gap).collect(),
        as_of: as_of.collected,
    };
    let before = day_before(&kept.snapshots()?, now_ms);
    Ok((online(&kept.shapes()?, &limits, from, as_of, before), last_day))
}

/// Returns what the scan of all users found that ended about a day ago: the one that is nearest to it.
fn day_before(snapshots: &[Snapshot], now_ms: i64) -> Option<OnlineBefore> {
    let wanted = now_ms - HOURS * HOUR_MS;
    let ended = snapshots
        .iter()
        .filter(|snapshot| snapshot.source == "all")
        .filter_map(|snapshot| Some((snapshot, snapshot.finished_ms?)));
    let near = ended.filter(|(_, ended)| (ended - wanted).abs() <= NEAR);
    let (snapshot, ended) = near.min_by_key(|(_, ended)| (ended - wanted).abs())?;
    Some(OnlineBefore {
        snapshot: snapshot.id,
        at: at(ended)?,
        online: OnlineCount {
            users: snapshot.counts.online,
            devices: snapshot.counts.devices,
        },
    })
}

/// Returns the runs that are counted. One that cannot be read must not hide the others.
fn recent(service: &Service, now: Timestamp) -> Result<Vec<ListedRun>, Refusal> {
    let runs = service.stores().runs();
    let first = RunId::new(now - RUNS_OF, 0);
    if service.is_in_files() {
        let ids = runs.list()?.into_iter().rev().filter(|id| *id >= first);
        return Ok(ids
            .take(IN_FILES)
            .filter_map(|id| runs.glance(&id).ok())
            .collect());
    }
    let all = runs.overview()?.into_iter();
    let recent = all.filter(|(id, _)| *id >= first);
    Ok(recent.filter_map(|(_, listed)| listed.ok()).collect())
}

fn of_work(service: &Service, app: &App, now: Timestamp) -> Result<OpenWork, Refusal> {
    let mut states = BTreeMap::new();
    for listed in recent(service, now)? {
        let state = state_of(service, &listed);
        if is_of(app, &listed) && state != RunState::Done {
            let word = serde_json::to_value(state).unwrap_or_default();
            *states
                .entry(word.as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
        }
    }
    let waiting = approvals(service).all::<Approval>()?;
    let waiting = waiting.into_iter().filter(|(_, approval)| {
        approval.app == app.name && standing::state(approval, now) == ApprovalState::Pending
    });
    let locks = service.stores().locks(&app.target)?;
    Ok(OpenWork {
        runs: states,
        waiting_approvals: waiting.count() as u64,
        locks: locks.count()?,
        locks_due: locks.list(Listing::Due(now))?.len() as u64,
        as_of: now,
    })
}

/// Figures about the app: who is online by platform, what happened in the last 24 hours, and what is to be done.
#[utoipa::path(get, path = "/v1/apps/{app}/overview", tag = "users", params(("app" = String, Path)),
    responses((status = 200, body = Overview), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn overview(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<Overview>, Refusal> {
    let overview = blocking(move || {
        let now = service.now();
        let kept = service.stores().logins().kept(&app.target.name())?;
        let (online, last_day) = of_logins(kept.as_deref(), now)?;
        Ok::<_, Refusal>(Overview {
            now: online,
            last_day,
            work: of_work(&service, &app, now)?,
        })
    });
    Ok(Json(overview.await?))
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::logins::store::Counts;

    use super::*;

    #[test]
    fn each_of_the_last_hours_has_a_row() {
        let now_ms = 100 * HOUR_MS + 5;
        let counted = [
            (77 * HOUR_MS, LoginKind::Login, 3),
            (100 * HOUR_MS, LoginKind::Replaced, 2),
            (76 * HOUR_MS, LoginKind::Login, 9),
        ];
        let rows = hours(&counted, now_ms);
        assert_eq!(rows.len(), 24);
        assert_eq!((rows[0].sign_ins, rows[23].evictions), (3, 2));
        assert_eq!(rows.iter().map(|row| row.sign_ins).sum::<u64>(), 3);
        assert_eq!(rows[23].hour, at(100 * HOUR_MS).unwrap());
    }

    #[test]
    fn today_is_compared_with_the_scan_of_all_users_nearest_to_a_day_ago() {
        let scan = |id, source: &str, finished_ms| Snapshot {
            id,
            started_ms: 0,
            finished_ms,
            source: source.into(),
            counts: Counts {
                devices: 7,
                online: 3,
                ..Counts::default()
            },
            limits: None,
            program: None,
        };
        let now_ms = 100 * HOUR_MS;
        let snapshots = [
            scan(1, "all", Some(72 * HOUR_MS)),
            scan(2, "all", Some(75 * HOUR_MS)),
            scan(3, "sha256:1", Some(76 * HOUR_MS)),
            scan(4, "all", None),
            scan(5, "all", Some(99 * HOUR_MS)),
        ];
        let before = day_before(&snapshots, now_ms).unwrap();
        assert_eq!((before.snapshot, before.online.devices), (2, 7));
        assert_eq!(day_before(&snapshots[2..], now_ms), None);
    }

    #[test]
    fn online_users_are_counted_once_and_on_each_platform() {
        let shape = |platforms: &[(&str, u64)], users| Shape {
            platforms: platforms
                .iter()
                .map(|(name, count)| ((*name).into(), *count))
                .collect(),
            users,
        };
        let shapes = [
            shape(&[], 7),
            shape(&[("ios", 2), ("web", 1)], 3),
            shape(&[("web", 5)], 1),
        ];
        let figures = online(
            &shapes,
            &DeviceLimits::multi(4),
            LimitsFrom::Default,
            KnownAsOf::default(),
            None,
        );
        assert_eq!((figures.known_users, figures.over_limit), (11, 1));
        assert_eq!(figures.devices_over, 1);
        assert_eq!(
            figures.online,
            OnlineCount {
                users: 4,
                devices: 14
            }
        );
        assert_eq!(figures.platforms["web"], OnlineCount { users: 4, devices: 8 });
        assert_eq!(figures.platforms["ios"], OnlineCount { users: 3, devices: 6 });
    }
}
