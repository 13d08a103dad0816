//! What the service is, and who is asking.

use axum::extract::State;
use axum::{Extension, Json};
use easemob_admin_remote::api::{self, AppView, Problem, SignIns};
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::access::openid::OpenId;
use crate::apps::App;
use crate::routes::{Routes, Rule, openapi};
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(Rule::Anybody, routes!(document))
        .add(Rule::Anybody, routes!(sign_in))
        .add(Rule::AnyKey, routes!(whoami))
        .add(Rule::AnyKey, routes!(apps))
}

/// The OpenAPI document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "service", responses((status = 200, body = Object)))]
async fn document() -> Json<OpenApi> {
    Json(openapi())
}

/// Where people sign in, for programs that sign them in: `easemob-admin login`, the console.
#[utoipa::path(get, path = "/v1/sign-in", tag = "service", responses((status = 200, body = SignIns)))]
async fn sign_in(State(service): State<Service>) -> Json<SignIns> {
    let issuers = service.openid().map(OpenId::sign_ins).unwrap_or_default();
    Json(SignIns { issuers })
}

/// Who is calling, and what the key may do.
#[utoipa::path(get, path = "/v1/whoami", tag = "service",
    responses((status = 200, body = api::Caller), (status = 401, body = Problem)))]
async fn whoami(Extension(caller): Extension<Caller>) -> Json<api::Caller> {
    Json(caller.into())
}

/// The apps that the key is for.
#[utoipa::path(get, path = "/v1/apps", tag = "service",
    responses((status = 200, body = Vec<AppView>), (status = 401, body = Problem)))]
async fn apps(State(service): State<Service>, Extension(caller): Extension<Caller>) -> Json<Vec<AppView>> {
    let mine = service.apps().iter().filter(|app| caller.is_for(&app.name));
    Json(mine.map(|app| view(app)).collect())
}

fn view(app: &App) -> AppView {
    AppView {
        name: app.name.clone(),
        app: app.target.app.clone(),
        app_root: app.target.app_root.clone(),
        sandbox: app.target.sandbox,
    }
}
