//! The users who are known by scans and events: found without a call to the server of the app.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_api::{DeviceLimits, Platform};
use easemob_admin_ops::logins::directory::{Page, Question, page};
use easemob_admin_ops::logins::store::{
    KnownUser, LoginStore, Shape, StoreError, UserOrder, UserPlace, WhichUsers,
};
use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_remote::api::{
    AppliedLimits, KnownAsOf, KnownUserView, LimitsFrom, Problem, ScanTimes, Scope, UsersPage, UsersTotal,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa_axum::routes;

use super::{most_of, place_in, place_out};
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Asked;
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// The fewest characters of a part of a name: with less, an index finds nothing.
const SHORTEST_PART: usize = 3;

/// How many devices on each platform the vendor's servers allow at first.
pub(super) const USUAL_LIMIT: u32 = 4;

pub(super) fn routes() -> Routes {
    Routes::new().add(Rule::HasForApp(&[Scope::DevicesRead]), routes!(users))
}

/// Which users, in which order.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    begins_with: Option<String>,
    contains: Option<String>,
    platform: Option<String>,
    devices_at_least: Option<u64>,
    over: Option<u64>,
    #[serde(default)]
    over_limit: bool,
    seen_since: Option<Timestamp>,
    #[serde(default)]
    sort: UserOrder,
    after: Option<String>,
    limit: Option<u32>,
}

impl Wanted {
    /// Returns whether the devices decide.
    fn is_about_devices(&self) -> bool {
        self.platform.is_some() || self.devices_at_least.is_some() || self.over.is_some() || self.over_limit
    }

    fn accepts(&self, shape: &Shape, limits: &DeviceLimits) -> bool {
        let has_platform = |platform: &String| shape.platforms.contains_key(platform);
        let has_more = |most: u64| shape.platforms.values().any(|devices| *devices > most);
        self.platform.as_ref().is_none_or(has_platform)
            && self.devices_at_least.is_none_or(|least| shape.devices() >= least)
            && self.over.is_none_or(has_more)
            && (!self.over_limit || is_over(shape.platforms.iter(), limits))
    }

    fn question(&self) -> Result<Question, Refusal> {
        let bad = |why: String| Refusal::of(Kind::BadRequest).detail(why);
        let most = most_of(self.limit)?;
        let after: Option<UserPlace> = self.after.as_deref().map(place_in).transpose()?;
        // Names are kept in lower case, since servers ignore case.
        let folded = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
        let (begins_with, contains) = (folded(&self.begins_with), folded(&self.contains));
        let texts = [
            begins_with.as_ref(),
            contains.as_ref(),
            after.as_ref().map(|after| &after.user),
        ];
        // A database knows no such character, and neither does a name.
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(Refusal::of(Kind::BadName).detail("a name has no control characters"));
        }
        if begins_with.as_ref().is_some_and(String::is_empty) {
            return Err(bad("`begins_with` is empty".into()));
        }
        if contains
            .as_ref()
            .is_some_and(|text| text.chars().count() < SHORTEST_PART)
        {
            return Err(bad(format!(
                "`contains` has at least {SHORTEST_PART} characters; `begins_with` may have less"
            )));
        }
        Ok(Question {
            which: WhichUsers {
                shapes: None,
                begins_with,
                contains,
                seen_since_ms: self.seen_since.map(Timestamp::as_millisecond),
            },
            order: self.sort,
            after,
            most: most as usize,
        })
    }
}

/// Returns whether devices by platform are more than limits allow.
fn is_over<'a>(platforms: impl Iterator<Item = (&'a String, &'a u64)>, limits: &DeviceLimits) -> bool {
    too_many(platforms, limits) > 0
}

/// Returns by how many devices a user with these, by platform, exceeds limits.
pub(super) fn too_many<'a>(
    platforms: impl Iterator<Item = (&'a String, &'a u64)>,
    limits: &DeviceLimits,
) -> u64 {
    let (mut all, mut over) = (0_u64, 0);
    for (platform, devices) in platforms {
        all += devices;
        let Ok(platform) = platform.parse::<Platform>();
        if let Some(limit) = limits.limit_of(&platform) {
            over += devices.saturating_sub(u64::from(limit));
        }
    }
    if limits.mode == DeviceLimits::single().mode {
        return all.saturating_sub(1);
    }
    over
}

/// From when the knowledge is, and the limits that the newest scan read.
pub(super) fn as_of(kept: &dyn LoginStore) -> Result<(KnownAsOf, DeviceLimits, LimitsFrom), StoreError> {
    let snapshots = kept.snapshots()?;
    let newest_first = || snapshots.iter().rev();
    let complete = newest_first().find(|snapshot| snapshot.finished_ms.is_some());
    let at = |ms: i64| Timestamp::from_millisecond(ms).ok();
    let read = newest_first().find_map(|snapshot| serde_json::from_str(snapshot.limits.as_deref()?).ok());
    let as_of = KnownAsOf {
        scan: complete.map(|snapshot| ScanTimes {
            snapshot: snapshot.id,
            source: snapshot.source.clone(),
            started: at(snapshot.started_ms),
            finished: snapshot.finished_ms.and_then(at),
        }),
        collected: kept.alive()?.and_then(at),
    };
    Ok(match read {
        Some(limits) => (as_of, limits, LimitsFrom::Scan),
        None => (as_of, DeviceLimits::multi(USUAL_LIMIT), LimitsFrom::Default),
    })
}

fn view(user: KnownUser, limits: &DeviceLimits) -> KnownUserView {
    KnownUserView {
        devices: user.devices(),
        over_limit: is_over(user.platforms.iter(), limits),
        last_seen: Timestamp::from_millisecond(user.last_seen_ms).ok(),
        platforms: user.platforms,
        user: user.user,
    }
}

/// The users who are known by scans and events, with what they have online as far as is known. Users who never were online when
/// something was read are not among them: `/accounts` lists all.
///
/// `over` is the number of devices on one platform that a user must exceed, `over_limit` leaves those who exceed the limits of the
/// app. `sort` is `user`, `last_seen` (newest first) or `devices` (most first).
#[utoipa::path(get, path = "/v1/apps/{app}/users", tag = "users",
    params(("app" = String, Path), ("begins_with" = Option<String>, Query), ("contains" = Option<String>, Query),
        ("platform" = Option<String>, Query), ("devices_at_least" = Option<u64>, Query), ("over" = Option<u64>, Query),
        ("over_limit" = Option<bool>, Query), ("seen_since" = Option<String>, Query, format = DateTime),
        ("sort" = Option<String>, Query), ("after" = Option<String>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = UsersPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn users(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<UsersPage>, Refusal> {
    let question = wanted.question()?;
    let found = blocking(move || {
        let Some(kept) = service.stores().logins().kept(&app.target.name())? else {
            return Ok(None);
        };
        let (as_of, limits, from) = as_of(&*kept)?;
        let accepts = |shape: &Shape| wanted.accepts(shape, &limits);
        let about_devices = wanted.is_about_devices();
        let found = page(
            &*kept,
            question,
            about_devices.then_some(&accepts as &dyn Fn(&Shape) -> bool),
        )?;
        Ok::<_, StoreError>(Some((found, as_of, limits, from)))
    });
    let (found, as_of, limits, from) = found.await?.unwrap_or_else(|| {
        let usual = DeviceLimits::multi(USUAL_LIMIT);
        (Page::default(), KnownAsOf::default(), usual, LimitsFrom::Default)
    });
    Ok(Json(UsersPage {
        next: found.next.as_ref().and_then(place_out),
        items: found.users.into_iter().map(|user| view(user, &limits)).collect(),
        total: UsersTotal {
            users: found.total.users,
            at_least: found.total.at_least,
        },
        limits: AppliedLimits {
            limits: LimitsView::from(&limits),
            from,
        },
        as_of,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(platforms: &[(&str, u64)]) -> Shape {
        Shape {
            platforms: platforms
                .iter()
                .map(|(name, count)| ((*name).into(), *count))
                .collect(),
            users: 1,
        }
    }

    #[test]
    fn every_filter_must_fit() {
        let limits = DeviceLimits::multi(4).with(Platform::Web, 1);
        let accepts = |query: &str, platforms: &[(&str, u64)]| {
            let wanted: Wanted = serde_urlencoded(query);
            wanted.accepts(&shape(platforms), &limits)
        };
        assert!(accepts("platform=ios", &[("ios", 1)]) && !accepts("platform=ios", &[("web", 1)]));
        assert!(accepts("devices_at_least=2", &[("ios", 1), ("web", 1)]));
        assert!(!accepts(
            "devices_at_least=2&platform=pc",
            &[("ios", 1), ("web", 1)]
        ));
        // More than N on one platform, as `logins count --over` has it.
        assert!(accepts("over=1", &[("ios", 2)]) && !accepts("over=1", &[("ios", 1), ("pc", 1)]));
        assert!(accepts("over_limit=true", &[("web", 2)]) && !accepts("over_limit=true", &[("ios", 4)]));
        assert!(accepts("", &[]));
    }

    fn serde_urlencoded(query: &str) -> Wanted {
        let uri = format!("/?{query}").parse().unwrap();
        axum::extract::Query::try_from_uri(&uri).unwrap().0
    }

    #[test]
    fn one_device_in_all_is_the_limit_of_single_mode() {
        let single = DeviceLimits::single();
        assert!(is_over(
            shape(&[("ios", 1), ("web", 1)]).platforms.iter(),
            &single
        ));
        assert!(!is_over(shape(&[("ios", 1)]).platforms.iter(), &single));
    }
}
