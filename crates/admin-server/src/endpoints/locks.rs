//! The locks of the app: bans with an end.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::locks::store::{Listing, LockStoreError};
use easemob_admin_remote::api::{Lifted, LocksState, Page, Problem, Scope};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::routes;

use super::users::user;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{Asked, Sent};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(READ, routes!(state))
        .add(READ, routes!(of_user))
        .add(Rule::HasForApp(&[Scope::SessionsApply]), routes!(lifted))
}

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead, Scope::SessionsApply]);

/// Which locks, in which order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only those that should have been lifted by now.
    #[serde(default)]
    due: bool,
    #[serde(default)]
    sort: Sort,
    after: Option<String>,
    limit: Option<usize>,
}

/// The order of locks.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    User,
    /// By their ends, so that those come first that should have been lifted.
    Until,
}

impl Sort {
    /// Returns the place of a lock in this order.
    fn place(self, lock: &Lock) -> (Option<Timestamp>, String) {
        let until = match self {
            Self::User => None,
            Self::Until => Some(lock.until),
        };
        (until, lock.user.folded())
    }

    /// Writes a place for `next`.
    fn written((until, user): &(Option<Timestamp>, String)) -> String {
        match until {
            // No user has this sign in its name.
            Some(until) => format!("{until}/{user}"),
            None => user.clone(),
        }
    }

    /// Reads a place as `next` of the page before has it.
    fn read(self, after: &str) -> Result<(Option<Timestamp>, String), Refusal> {
        match self {
            Self::User => Ok((None, after.to_owned())),
            Self::Until => {
                let read = after
                    .split_once('/')
                    .and_then(|(until, user)| Some((Some(until.parse().ok()?), user.to_owned())));
                read.ok_or_else(|| {
                    Refusal::of(Kind::BadRequest).detail("`after` is not the `next` of such a page")
                })
            }
        }
    }
}

/// The locks, by user, or with `sort` `until` by their ends: those that should have been lifted come first.
#[utoipa::path(get, path = "/v1/apps/{app}/locks", tag = "locks",
    params(("app" = String, Path), ("due" = Option<bool>, Query), ("sort" = Option<String>, Query),
        ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000)),
    responses((status = 200, body = Page<Value>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Value>>, Refusal> {
    let most = which.limit.unwrap_or(1_000);
    if !(1..=10_000).contains(&most) {
        return Err(Refusal::of(Kind::BadRequest).detail("`limit` is 1 to 10000"));
    }
    let listing = if which.due {
        Listing::Due(service.now())
    } else {
        Listing::All
    };
    let sort = which.sort;
    let after = which.after.map(|after| sort.read(&after)).transpose()?;
    let mut locks = blocking(move || service.stores().locks(&app.target)?.list(listing)).await?;
    if let Some(after) = &after {
        locks.retain(|lock| sort.place(lock) > *after);
    }
    locks.sort_by_cached_key(|lock| sort.place(lock));
    let next = locks.get(most).and_then(|_| locks.get(most - 1));
    let next = next.map(|last| Sort::written(&sort.place(last)));
    let page = locks.iter().take(most).map(serde_json::to_value);
    Ok(Json(Page {
        items: page.collect::<Result<_, _>>().map_err(std::io::Error::from)?,
        next,
    }))
}

/// Settles the locks of runs that ended early, and describes the locks as a whole while nobody changes one. Blocks.
fn read_state(service: &Service, app: &App) -> Result<LocksState, LockStoreError> {
    let stores = service.stores();
    let locks = stores.locks(&app.target)?;
    reconcile(stores.runs(), &*locks)?;
    let mut at = service.now();
    locks.at_rest(&mut || at = service.now())?;
    Ok(LocksState {
        at,
        count: locks.count()?,
        lifted_last: locks.lifted_last()?,
        elsewhere: locks.elsewhere()?,
    })
}

/// The locks as a whole. What runs left open that ended early is settled first.
#[utoipa::path(get, path = "/v1/apps/{app}/locks/state", tag = "locks", params(("app" = String, Path)),
    responses((status = 200, body = LocksState), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn state(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<LocksState>, Refusal> {
    let state = blocking(move || read_state(&service, &app));
    Ok(Json(state.await?))
}

/// The lock of one user.
#[utoipa::path(get, path = "/v1/apps/{app}/users/{user}/lock", tag = "locks",
    params(("app" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn of_user(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<Lock>, Refusal> {
    let user = user(&name)?;
    let lock = blocking(move || service.stores().locks(&app.target)?.lock_of(&user)).await?;
    let lock = lock.ok_or_else(|| Refusal::of(Kind::NoSuchLock).detail(format!("{name} is not locked")))?;
    Ok(Json(lock))
}

/// Records that all locks that were due at a time have been lifted.
#[utoipa::path(post, path = "/v1/apps/{app}/locks/lifted", tag = "locks", params(("app" = String, Path)), request_body = Lifted,
    responses((status = 200, body = LocksState), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn lifted(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Sent(Lifted { at }): Sent<Lifted>,
) -> Result<Json<LocksState>, Refusal> {
    if at > service.now() {
        return Err(Refusal::of(Kind::BadRequest).detail("the time is in the future"));
    }
    let state = blocking(move || {
        service.stores().locks(&app.target)?.note_lifted(at)?;
        read_state(&service, &app)
    });
    Ok(Json(state.await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let at: Timestamp = "2026-11-28T01:42:18.5Z".parse().unwrap();
        for (sort, place) in [
            (Sort::User, (None, "ann".to_owned())),
            (Sort::Until, (Some(at), "store:12".to_owned())),
        ] {
            assert_eq!(sort.read(&Sort::written(&place)).unwrap(), place);
        }
        assert!(Sort::Until.read("ann").is_err());
    }
}
