//! What is added to the audit trail, as it happens.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_remote::api::{Problem, Scope};
use futures_util::StreamExt as _;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::runs;
use crate::access::{Caller, while_valid};
use crate::apps::App;
use crate::blocking::blocking;
use crate::events::Reader;
use crate::extract::Asked;
use crate::problem::{Kind, Refusal};
use crate::routes::Routes;
use crate::service::Service;

/// The position that a reader who comes back sends by itself.
const LAST: &str = "last-event-id";

pub(super) fn routes() -> Routes {
    // Whoever may read runs may follow one.
    Routes::new().add(runs::READ, routes!(follow))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichEvents {
    /// The number of the first entry: the next one that is added, if it is missing. `Last-Event-ID` comes first.
    from: Option<u64>,
    /// Only events of this run. Without it, the key needs `audit:read`.
    run: Option<String>,
}

/// What is added to the audit trail, as server-sent events: the id is the number of the entry, the data is the entry. A reader goes
/// on after its last event at any process of the service, with the header `Last-Event-ID`. Who does not read for a while is
/// disconnected, and so is everybody when the key or the token ends; who comes back misses nothing.
#[utoipa::path(get, path = "/v1/apps/{app}/events", tag = "events",
    params(("app" = String, Path), WhichEvents, ("Last-Event-ID" = Option<u64>, Header)),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn follow(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    headers: HeaderMap,
    Asked(WhichEvents { from, run }): Asked<WhichEvents>,
) -> Result<Response, Refusal> {
    match &run {
        None => caller.require_any(&[Scope::AuditRead])?,
        Some(run) if RunId::parse(run).is_none() => {
            return Err(Refusal::of(Kind::BadRequest).detail(format!("`{run}` is no id of a run")));
        }
        Some(_) => {}
    }
    let from = last_event(&headers)?.or(from);
    let counted = service.metrics().reader();
    let (this, reading) = (service.clone(), caller.clone());
    let reader = blocking(move || {
        let feed = service.feeds().of(service.trails(), &app.target.name())?;
        Reader::begin(feed, from, run)
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies must not gather events.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let events = while_valid(this, reading, reader.await?.into_stream()).map(move |piece| {
        let _ = &counted;
        piece
    });
    Ok((headers, Body::from_stream(events)).into_response())
}

fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(last) = headers.get(LAST) else {
        return Ok(None);
    };
    let number = last
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    let next = number.and_then(|number| number.checked_add(1));
    next.map(Some)
        .ok_or_else(|| Refusal::of(Kind::BadRequest).detail("`Last-Event-ID` is no id of an event"))
}
