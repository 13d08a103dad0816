//! Health and metrics, on a listener of their own: whoever checks them needs no key, and is no client.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use easemob_admin_listener::Limits;
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::listening::{Door, Server, serve};

use super::sampled::sample;
use crate::service::Service;

/// The most connections: probes and scrapers need a few.
const MOST: usize = 16;

/// How long a check of the records may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The listener.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
}

/// Listens for whoever looks after the service.
///
/// # Errors
/// When the address cannot be used.
pub(crate) fn observe(service: &Service, address: SocketAddr) -> std::io::Result<Observed> {
    let door = Door::open(address, Limits::of_process().at_most(MOST))?;
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(service.clone());
    Ok(Observed {
        address: door.address()?,
        server: serve(door, routes, None)?,
    })
}

/// Answers 200 if requests can be answered: the service is not stopping, the records can be read, and what is done can be
/// recorded.
async fn ready(State(service): State<Service>) -> Response {
    if service.runner().is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let checking = tokio::task::spawn_blocking(move || unready(&service));
    let why = match tokio::time::timeout(PATIENCE, checking).await {
        Ok(Ok(None)) => return "ready\n".into_response(),
        Ok(Ok(Some(why))) => why,
        Ok(Err(_)) => "the check failed".to_owned(),
        Err(_) => "the records are not read in time".to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

/// Returns why the service is not ready. Blocks.
fn unready(service: &Service) -> Option<String> {
    if let Err(error) = service.documents().now_ms().and_then(|_| {
        let page = service.documents().page("key", None, 1);
        page.map(drop)
    }) {
        return Some(with_causes(&error));
    }
    for app in service.apps().iter() {
        if let Err(error) = service.stores().runs().can_record(&app.target) {
            return Some(format!("{}: {}", app.name, with_causes(&error)));
        }
    }
    None
}

async fn metrics(State(service): State<Service>) -> Response {
    let this = service.clone();
    // If the records cannot be read in time, the counters of this process are shown all the same.
    let sampling = tokio::task::spawn_blocking(move || sample(&this));
    let _ = tokio::time::timeout(PATIENCE, sampling).await;
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let form = [(header::CONTENT_TYPE, HeaderValue::from_static(form))];
    (form, service.metrics().text()).into_response()
}
