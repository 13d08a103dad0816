//! Figures of logins: the numbers that `easemob-admin logins` shows.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_ops::logins::questions::changes::Changed;
use easemob_admin_ops::logins::questions::count::{By, Label, of_snapshot};
use easemob_admin_ops::logins::questions::timeline::{Moment, timeline};
use easemob_admin_ops::logins::questions::top::{by_devices, by_events};
use easemob_admin_ops::logins::questions::which::{SnapshotName, pick};
use easemob_admin_ops::logins::store::{Change, LoginKind, LoginStore, Range, Snapshot, StoreError};
use easemob_admin_remote::api::{
    CountBy, CountedGroup, LoginCounts, LoginDiff, Page, Problem, Scope, SnapshotView, Timeline,
    TimelineMoment, TopBy, TopUser, TopUsers,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as ValueError;
use utoipa_axum::routes;

use super::overview::gap;
use super::users::user;
use super::{PageOf, most_of};
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{Asked, not_understood};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(snapshots))
        .add(READ, routes!(count))
        .add(READ, routes!(top))
        .add(READ, routes!(diff))
        .add(READ, routes!(history))
}

/// Opens what is kept about the logins of an app. Blocks.
pub(super) fn kept(service: &Service, app: &App) -> Result<Box<dyn LoginStore>, Refusal> {
    let kept = service.stores().logins().kept(&app.target.name())?;
    kept.ok_or_else(|| {
        Refusal::of(Kind::NothingKept)
            .detail("nothing is kept about the logins of this app")
            .hint("begin with a scan: POST /v1/apps/APP/logins/scans")
    })
}

fn named(name: Option<&String>, usual: SnapshotName) -> Result<SnapshotName, Refusal> {
    let Some(text) = name else { return Ok(usual) };
    text.parse()
        .map_err(|why: String| Refusal::of(Kind::BadRequest).detail(why))
}

/// Finds a snapshot. Blocks.
pub(super) fn find(kept: &dyn LoginStore, name: SnapshotName) -> Result<Snapshot, Refusal> {
    pick(kept.snapshots()?, name).ok_or_else(|| {
        Refusal::of(Kind::NoSuchSnapshot)
            .detail(match name {
                SnapshotName::Latest => "no complete scan is kept".to_owned(),
                SnapshotName::Previous => "no two complete scans of the same users are kept".to_owned(),
                SnapshotName::Number(number) => format!("there is no snapshot {number}"),
            })
            .hint("list the snapshots: GET /v1/apps/APP/logins/snapshots")
    })
}

fn range(since: Option<Timestamp>, until: Option<Timestamp>) -> Range {
    Range {
        since_ms: since.map_or(Range::ALL.since_ms, Timestamp::as_millisecond),
        until_ms: until.map_or(Range::ALL.until_ms, Timestamp::as_millisecond),
    }
}

/// The scans that are kept, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/logins/snapshots", tag = "logins",
    params(("app" = String, Path), ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Page<SnapshotView>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn snapshots(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<SnapshotView>>, Refusal> {
    let most = page.most()? as usize;
    let after = page.after.as_deref().map(str::parse::<i64>).transpose();
    let after =
        after.map_err(|_| Refusal::of(Kind::BadRequest).detail("`after` is the number of a snapshot"))?;
    let all = blocking(
        move || match service.stores().logins().kept(&app.target.name())? {
            Some(kept) => kept.snapshots(),
            None => Ok(Vec::new()),
        },
    );
    let newest_first = all.await?.into_iter().rev();
    let mut rest = newest_first
        .filter(|snapshot| after.is_none_or(|after| snapshot.id < after))
        .peekable();
    let items: Vec<_> = rest
        .by_ref()
        .take(most)
        .map(|one| SnapshotView::from(&one))
        .collect();
    let last = items.last().map(|last| last.snapshot.to_string());
    Ok(Json(Page {
        next: last.filter(|_| rest.peek().is_some()),
        items,
    }))
}

/// What to count.
#[derive(Debug, Default)]
struct Counted {
    snapshot: Option<String>,
    by: Option<CountBy>,
    labels: Vec<Label>,
    over: Option<u64>,
}

impl Counted {
    /// Reads a query in which a label may be repeated, and nothing else.
    fn of(query: Vec<(String, String)>) -> Result<Self, Refusal> {
        let bad = |why: String| Refusal::of(Kind::BadRequest).detail(why);
        let (mut counted, mut seen) = (Self::default(), BTreeSet::new());
        for (name, value) in query {
            match name.as_str() {
                "snapshot" => counted.snapshot = Some(value),
                "by" => {
                    let by = CountBy::deserialize(value.into_deserializer());
                    counted.by = Some(by.map_err(|error: ValueError| not_understood(&error.to_string()))?);
                }
                "over" => {
                    let over = value.parse().map_err(|error| bad(format!("`over`: {error}")))?;
                    counted.over = Some(over);
                }
                "label" => {
                    let label = Label::parse(&value).map_err(|error| bad(format!("`label`: {error}")))?;
                    counted.labels.push(label);
                    continue;
                }
                _ => {
                    return Err(not_understood(&format!(
                        "unknown field `{}`",
                        name.escape_debug()
                    )));
                }
            }
            if !seen.insert(name.clone()) {
                return Err(bad(format!("`{name}` is there twice")));
            }
        }
        let is_by_other = counted.by.is_some_and(|by| by != CountBy::Label);
        if is_by_other && !counted.labels.is_empty() {
            return Err(bad(
                "devices are counted either `by` something or by `label`".into()
            ));
        }
        Ok(counted)
    }
}

/// Counts the devices of a snapshot by platform or by the number of their user's devices, and the users with more than `over`
/// devices on one platform. `snapshot` is a number, `latest` or `previous`. `label=NAME=PATTERN`, which may be repeated, counts by label
/// instead: devices whose name matches the pattern; the first match counts.
#[utoipa::path(get, path = "/v1/apps/{app}/logins/count", tag = "logins",
    params(("app" = String, Path), ("snapshot" = Option<String>, Query), ("by" = Option<CountBy>, Query),
        ("label" = Option<Vec<String>>, Query), ("over" = Option<u64>, Query)),
    responses((status = 200, body = LoginCounts), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn count(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(query): Asked<Vec<(String, String)>>,
) -> Result<Json<LoginCounts>, Refusal> {
    let Counted {
        snapshot,
        by,
        labels,
        over,
    } = Counted::of(query)?;
    let name = named(snapshot.as_ref(), SnapshotName::Latest)?;
    let counted = blocking(move || {
        let kept = kept(&service, &app)?;
        let snapshot = find(&*kept, name)?;
        let (by, groups) = match by.unwrap_or_default() {
            _ if !labels.is_empty() => (CountBy::Label, By::Label(labels)),
            CountBy::Label => {
                return Err(Refusal::of(Kind::BadRequest).detail("`by=label` needs a `label`"));
            }
            by @ CountBy::Platform => (by, By::Platform),
            by @ CountBy::Devices => (by, By::Devices),
        };
        let (groups, exceeding) = of_snapshot(&*kept, &snapshot, groups, over)?;
        let groups = groups.into_iter().map(|(group, counted)| CountedGroup {
            group,
            users: counted.users,
            devices: counted.devices,
        });
        Ok::<_, Refusal>(LoginCounts {
            snapshot: SnapshotView::from(&snapshot),
            by,
            groups: groups.collect(),
            over,
            exceeding: over.map(|_| exceeding),
        })
    });
    Ok(Json(counted.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ranked {
    #[serde(default)]
    by: TopBy,
    snapshot: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<u32>,
    over: Option<u64>,
}

/// The users with the most devices in a snapshot, or with the most sign-ins or evictions in a time.
#[utoipa::path(get, path = "/v1/apps/{app}/logins/top", tag = "logins",
    params(("app" = String, Path), ("by" = Option<TopBy>, Query), ("snapshot" = Option<String>, Query),
        ("since" = Option<String>, Query, format = DateTime), ("until" = Option<String>, Query, format = DateTime),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000), ("over" = Option<u64>, Query)),
    responses((status = 200, body = TopUsers), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn top(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(ranked): Asked<Ranked>,
) -> Result<Json<TopUsers>, Refusal> {
    let most = most_of(ranked.limit)? as usize;
    let name = named(ranked.snapshot.as_ref(), SnapshotName::Latest)?;
    let by = ranked.by;
    if by == TopBy::Devices && (ranked.since.is_some() || ranked.until.is_some()) {
        return Err(Refusal::of(Kind::BadRequest)
            .detail("`since` and `until` are about events, and devices are in a snapshot"));
    }
    if by != TopBy::Devices && ranked.snapshot.is_some() {
        return Err(Refusal::of(Kind::BadRequest)
            .detail("`snapshot` is about devices, and events are in no snapshot"));
    }
    let found = blocking(move || {
        let kept = kept(&service, &app)?;
        let (range, over) = (range(ranked.since, ranked.until), ranked.over.unwrap_or(0));
        let of_events = |kind: LoginKind| {
            let users = by_events(&*kept, kind, range, most, over)?.into_iter();
            let items = users.map(|(user, count)| TopUser {
                user,
                by,
                count,
                platforms: std::collections::BTreeMap::new(),
            });
            Ok::<_, Refusal>(TopUsers {
                items: items.collect(),
                snapshot: None,
                gaps: kept.gaps(range)?.into_iter().map(gap).collect(),
            })
        };
        match by {
            TopBy::SignIns => of_events(LoginKind::Login),
            TopBy::Evictions => of_events(LoginKind::Replaced),
            TopBy::Devices => {
                let snapshot = find(&*kept, name)?;
                let holders = by_devices(&*kept, &snapshot, most, over)?.into_iter();
                let items = holders.map(|holder| TopUser {
                    user: holder.user,
                    by,
                    count: holder.devices,
                    platforms: holder.platforms,
                });
                Ok(TopUsers {
                    items: items.collect(),
                    snapshot: Some(SnapshotView::from(&snapshot)),
                    gaps: Vec::new(),
                })
            }
        }
    });
    Ok(Json(found.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compared {
    from: Option<String>,
    to: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// The place of a change: user and device.
fn place_of(change: &Change) -> (&str, &str) {
    (&change.user, &change.resource)
}

/// What differs between two snapshots: the previous one and the latest one, unless others are named. The numbers are about all of
/// it, and `items` is a page of the devices.
#[utoipa::path(get, path = "/v1/apps/{app}/logins/diff", tag = "logins",
    params(("app" = String, Path), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = LoginDiff), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn diff(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(compared): Asked<Compared>,
) -> Result<Json<LoginDiff>, Refusal> {
    let most = most_of(compared.limit)? as usize;
    let from = named(compared.from.as_ref(), SnapshotName::Previous)?;
    let to = named(compared.to.as_ref(), SnapshotName::Latest)?;
    let after: Option<(String, String)> = compared.after.as_deref().map(super::place_in).transpose()?;
    let found = blocking(move || {
        let kept = kept(&service, &app)?;
        let (from, to) = (find(&*kept, from)?, find(&*kept, to)?);
        let mut summary = Changed::between(&from, &to);
        let (mut items, mut has_more) = (Vec::new(), false);
        kept.each_change(&from, &to, &mut |change| {
            summary.count(change.kind);
            let is_behind = after
                .as_ref()
                .is_none_or(|(user, resource)| place_of(&change) > (user, resource));
            if is_behind && items.len() < most {
                items.push(change);
            } else {
                has_more |= is_behind;
            }
        })?;
        let last = items.last().filter(|_| has_more);
        Ok::<_, Refusal>(LoginDiff {
            summary,
            complete: from.finished_ms.is_some() && to.finished_ms.is_some(),
            next: last.and_then(|last| super::place_out(&place_of(last))),
            items,
        })
    });
    Ok(Json(found.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    after: Option<String>,
    limit: Option<u32>,
}

/// The time of the last moment of a page, and how many of that time were on this page and those before.
type Until = (i64, usize);

/// Leaves out what was on earlier pages, and returns a page and the place where it ends.
fn page_of(moments: Vec<Moment>, after: Option<Until>, most: usize) -> (Vec<Moment>, Option<Until>) {
    let (at_ms, shown) = after.unwrap_or((i64::MIN, 0));
    let mut rest = moments.into_iter().filter(|moment| moment.at_ms >= at_ms);
    let mut skipped = 0;
    let mut rest = rest
        .by_ref()
        .filter(|moment| {
            let is_known = moment.at_ms == at_ms && skipped < shown;
            skipped += usize::from(is_known);
            !is_known
        })
        .peekable();
    let page: Vec<Moment> = rest.by_ref().take(most).collect();
    let next = rest.peek().and(page.last()).map(|last| {
        let same = page.iter().filter(|moment| moment.at_ms == last.at_ms).count();
        let before = if last.at_ms == at_ms { shown } else { 0 };
        (last.at_ms, before + same)
    });
    (page, next)
}

/// What is known of a user, oldest first: sign-ins and sign-outs from events, and when scans saw each device first and last.
#[utoipa::path(get, path = "/v1/apps/{app}/users/{user}/timeline", tag = "logins",
    params(("app" = String, Path), ("user" = String, Path), ("since" = Option<String>, Query, format = DateTime),
        ("until" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Timeline), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn history(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Asked(when): Asked<When>,
) -> Result<Json<Timeline>, Refusal> {
    let most = most_of(when.limit)? as usize;
    // Names ignore case, and the service keeps them in lower case.
    let user = user(&name)?.folded();
    let range = range(when.since, when.until);
    let after: Option<Until> = when.after.as_deref().map(super::place_in).transpose()?;
    let found = blocking(move || {
        let Some(kept) = service.stores().logins().kept(&app.target.name())? else {
            return Ok((user, Vec::new(), Vec::new()));
        };
        let moments = timeline(&*kept, &user, range)?;
        Ok::<_, StoreError>((user, moments, kept.gaps(range)?))
    });
    let (user, moments, gaps) = found.await?;
    let (items, next) = page_of(moments, after, most);
    let items = items.into_iter().map(|moment| TimelineMoment {
        at: Timestamp::from_millisecond(moment.at_ms).ok(),
        event: moment.event.to_owned(),
        resource: moment.resource,
        platform: moment.platform,
        detail: moment.detail,
    });
    Ok(Json(Timeline {
        user,
        items: items.collect(),
        next: next.and_then(|next| super::place_out(&next)),
        gaps: gaps.into_iter().map(gap).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_one_time_are_on_one_page_each() {
        let moment = |at_ms, resource: &str| Moment {
            at_ms,
            event: "login",
            resource: resource.into(),
            platform: String::new(),
            detail: String::new(),
        };
        let all = || {
            let times = [1, 5, 5, 5, 5, 7];
            (0..)
                .zip(times)
                .map(|(number, at)| moment(at, &format!("{number}")))
                .collect::<Vec<_>>()
        };
        for most in 1..8 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = page_of(all(), after, most);
                assert!(page.len() <= most);
                seen.extend(page);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all(), "{most}");
        }
    }
}
