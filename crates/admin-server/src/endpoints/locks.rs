//! The locks of the app: bans with an end.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::locks::store::{Listing, LockStoreError};
use easemob_admin_remote::api::{Lifted, LocksState, Page, Problem, Scope};
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

/// Which locks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only those that should have been lifted by now.
    #[serde(default)]
    due: bool,
    after: Option<String>,
    limit: Option<usize>,
}

/// The locks, by user.
#[utoipa::path(get, path = "/v1/apps/{app}/locks", tag = "locks",
    params(("app" = String, Path), ("due" = Option<bool>, Query), ("after" = Option<String>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000)),
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
    let locks = blocking(move || service.stores().locks(&app.target)?.list(listing)).await?;
    let key = |lock: &Lock| lock.user.folded();
    let mut rest = locks
        .into_iter()
        .filter(|lock| which.after.as_ref().is_none_or(|after| key(lock) > *after))
        .peekable();
    let mut page = Vec::new();
    let mut last = None;
    for lock in rest.by_ref().take(most) {
        last = Some(key(&lock));
        page.push(serde_json::to_value(&lock).map_err(std::io::Error::from)?);
    }
    Ok(Json(Page {
        items: page,
        next: last.filter(|_| rest.peek().is_some()),
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
