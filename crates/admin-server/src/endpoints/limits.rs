//! Device limits, where the server of the app manages them.

use std::sync::Arc;

use axum::extract::Path;
use axum::{Extension, Json};
use easemob_admin_api::DeviceLimits;
use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_ops::server::calls::LimitCalls as _;
use easemob_admin_remote::api::{Problem, Scope};
use utoipa_axum::routes;

use super::users::user;
use crate::apps::App;
use crate::problem::Refusal;
use crate::routes::{Routes, Rule};

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(of_app))
        .add(READ, routes!(of_user))
}

fn view(limits: &DeviceLimits) -> Json<LimitsView> {
    Json(LimitsView::from(limits))
}

/// The limits of users without limits of their own.
#[utoipa::path(get, path = "/v1/apps/{app}/limits", tag = "limits", params(("app" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn of_app(
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<LimitsView>, Refusal> {
    Ok(view(&app.server.limits(None).await?))
}

/// The limits of one user.
#[utoipa::path(get, path = "/v1/apps/{app}/users/{user}/limits", tag = "limits",
    params(("app" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn of_user(
    Extension(app): Extension<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<LimitsView>, Refusal> {
    Ok(view(&app.server.limits(Some(&user(&name)?)).await?))
}
