//! The users of a run who failed, to be shown and downloaded.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::record::{Outcome, Record, State as Now};
use easemob_admin_ops::run::store::RunStore;
use easemob_admin_remote::api::{Page, Problem, RunFailure};
use utoipa_axum::routes;

use super::PageOf;
use super::runs::{READ, glance, id_of};
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Asked;
use crate::problem::{Kind, Refusal};
use crate::routes::Routes;
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new().add(READ, routes!(failures))
}

/// The users of a run whose last attempt failed or has an unknown outcome, in the order of the list. `after` is the number of an
/// item.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}/failures", tag = "runs",
    params(("app" = String, Path), ("run" = String, Path), ("after" = Option<String>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Page<RunFailure>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn failures(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<RunFailure>>, Refusal> {
    let id = id_of(&run)?;
    let most = page.most()? as usize;
    let after = page.after.as_deref().map(|text| {
        let number = text.parse::<u64>();
        number.map_err(|_| {
            Refusal::of(Kind::BadRequest).detail(format!("`after` is the number of an item, not `{text}`"))
        })
    });
    let after = after.transpose()?;
    let found = blocking(move || {
        glance(&service, &app, &id)?;
        read(service.stores().runs(), &id, after, most)
    });
    Ok(Json(found.await?))
}

/// Reads a page. Memory depends on the number of failures only.
fn read(
    runs: &dyn RunStore,
    id: &RunId,
    after: Option<u64>,
    most: usize,
) -> Result<Page<RunFailure>, Refusal> {
    let mut failed = BTreeMap::new();
    for record in runs.unsettled_records(id)? {
        match record? {
            Record::Outcome(outcome) if is_failure(outcome.state) => {
                failed.insert(outcome.n, outcome);
            }
            Record::Outcome(Outcome { n, .. }) => {
                failed.remove(&n);
            }
            _ => {}
        }
    }
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = failed.range((from, Bound::Unbounded)).peekable();
    let wanted: BTreeMap<u64, &Outcome> = rest
        .by_ref()
        .take(most)
        .map(|(n, outcome)| (*n, outcome))
        .collect();
    let last = wanted.last_key_value().map(|(n, _)| *n);
    let next = last.filter(|_| rest.peek().is_some()).map(|n| n.to_string());
    let mut items = Vec::with_capacity(wanted.len());
    let Some(last) = last else {
        return Ok(Page { items, next });
    };
    for item in runs.unsettled_items(id)? {
        let item = item?;
        if item.number > last {
            break;
        }
        if let Some(outcome) = wanted.get(&item.number) {
            items.push(shown(&item, outcome));
        }
    }
    Ok(Page { items, next })
}

fn is_failure(state: Now) -> bool {
    match state {
        Now::FailedRetry | Now::FailedFinal | Now::Unreached | Now::Unknown => true,
        Now::Done | Now::Nothing | Now::Skipped | Now::NotTried => false,
    }
}

fn shown(item: &Item, outcome: &Outcome) -> RunFailure {
    let first = outcome.failed.first();
    RunFailure {
        item: item.number,
        line: item.line,
        user: item.user.to_string(),
        state: outcome.state,
        at: outcome.at,
        call: first.map(|failure| failure.call.clone()),
        device: first.and_then(|failure| failure.device.as_ref().map(ToString::to_string)),
        status: first.and_then(|failure| failure.status),
        error: first.map(|failure| failure.error.clone()),
        is_unknown: outcome.state == Now::Unknown || outcome.failed.iter().any(|failure| failure.unknown),
    }
}
