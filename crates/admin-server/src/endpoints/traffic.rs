//! How much the server of an app is called.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_api::PoolUse;
use easemob_admin_remote::api::{PoolView, Problem, TrafficView};
use utoipa_axum::routes;

use super::runs::READ;
use crate::apps::App;
use crate::routes::Routes;
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new().add(READ, routes!(show))
}

fn pool(used: &PoolUse) -> PoolView {
    PoolView {
        pool: used.pool.to_owned(),
        calls: used.permits,
        rate: used.rate,
    }
}

/// What this process has sent to the server of the app, and at which rate it may.
#[utoipa::path(get, path = "/v1/apps/{app}/traffic", tag = "events", params(("app" = String, Path)),
    responses((status = 200, body = TrafficView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Json<TrafficView> {
    let client = app.server.client();
    let traffic = client.traffic();
    Json(TrafficView {
        sent: traffic.sent,
        limited: traffic.limited,
        rate: client.effective_rate(),
        pools: client.pools().iter().map(pool).collect(),
        at: service.now(),
    })
}
