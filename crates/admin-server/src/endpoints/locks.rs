//! The locks of the app: bans with an end.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::store::Listing;
use easemob_admin_remote::api::{Page, Problem, Scope};
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::routes;

use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Asked;
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new().add(
        Rule::HasForApp(&[Scope::DevicesRead, Scope::SessionsApply]),
        routes!(list),
    )
}

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
