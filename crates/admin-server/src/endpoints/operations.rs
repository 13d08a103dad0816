//! What became of a call of the vendor, for whoever lost the answer.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_remote::api::{Operation, Problem, Scope};
use utoipa_axum::routes;

use crate::access::Caller;
use crate::apps::App;
use crate::blocking::blocking;
use crate::problem::{Kind, Refusal};
use crate::proxy::operations::find;
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// Whoever can send such a call, and whoever reads the trail.
const READ: Rule = Rule::HasForApp(&[
    Scope::SessionsApply,
    Scope::LimitsWrite,
    Scope::UsersWrite,
    Scope::AccountsWrite,
    Scope::AccountsDelete,
    Scope::SettingsWrite,
    Scope::AuditRead,
]);

pub(super) fn routes() -> Routes {
    Routes::new().add(READ, routes!(show))
}

/// A call of the vendor that was passed on and changes something: one's own, or anybody's with `audit:read`. It can be asked for
/// within seven days.
#[utoipa::path(get, path = "/v1/apps/{app}/operations/{operation}", tag = "vendor",
    params(("app" = String, Path), ("operation" = String, Path)),
    responses((status = 200, body = Operation), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Operation>, Refusal> {
    let may_see_all = caller.may(Scope::AuditRead, &app.name);
    let unknown = Refusal::of(Kind::NoSuchOperation)
        .detail(format!("there is no operation {id} of yours"))
        .hint("the audit trail has what was done: GET /v1/apps/APP/audit?user=USER");
    let found = blocking(move || find(&service, &app.name, &id)).await?;
    let found = found.filter(|found| may_see_all || found.by == caller.owner);
    found.map(Json).ok_or(unknown)
}
