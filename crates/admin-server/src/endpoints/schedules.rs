//! Schedules: what the service does by itself, and when.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_remote::api::{NewSchedule, Page, Problem, Schedule, ScheduledJob, Scope};
use serde_json::json;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Sent;
use crate::problem::Refusal;
use crate::routes::{Routes, Rule};
use crate::schedules::{find, of_app, put, remove};
use crate::service::Service;

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead, Scope::SessionsPlan, Scope::SessionsApply]);

/// Changing schedules. What one does decides which of these scopes is needed.
const CHANGE: Rule = Rule::HasForApp(&[Scope::DevicesRead, Scope::SessionsApply]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(READ, routes!(show))
        .add(CHANGE, routes!(make))
        .add(CHANGE, routes!(delete))
}

fn scope_of(job: ScheduledJob) -> Scope {
    match job {
        ScheduledJob::DueUnlocks => Scope::SessionsApply,
        ScheduledJob::Scan | ScheduledJob::PolicyCheck => Scope::DevicesRead,
    }
}

/// The schedules of the app.
#[utoipa::path(get, path = "/v1/apps/{app}/schedules", tag = "schedules", params(("app" = String, Path)),
    responses((status = 200, body = Page<Schedule>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<Page<Schedule>>, Refusal> {
    let items = blocking(move || of_app(&service, &app.name)).await?;
    Ok(Json(Page { items, next: None }))
}

/// A schedule, and what became of its last turn.
#[utoipa::path(get, path = "/v1/apps/{app}/schedules/{schedule}", tag = "schedules",
    params(("app" = String, Path), ("schedule" = String, Path)),
    responses((status = 200, body = Schedule), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Schedule>, Refusal> {
    Ok(Json(blocking(move || find(&service, &app.name, &id)).await?))
}

/// Makes a schedule, or changes the one with this name. What it does is done in the name of the caller.
#[utoipa::path(put, path = "/v1/apps/{app}/schedules/{schedule}", tag = "schedules",
    params(("app" = String, Path), ("schedule" = String, Path)), request_body = NewSchedule,
    responses((status = 200, body = Schedule), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    Sent(new): Sent<NewSchedule>,
) -> Result<Json<Schedule>, Refusal> {
    caller.require_any(&[scope_of(new.job)])?;
    let made = blocking(move || {
        let made = put(&service, &app.name, &id, new, &caller.owner)?;
        recorded(&service, &app, &caller, "schedule.made", &made)?;
        Ok::<_, Refusal>(made)
    });
    Ok(Json(made.await?))
}

/// Removes a schedule. A run that it has made goes on.
#[utoipa::path(delete, path = "/v1/apps/{app}/schedules/{schedule}", tag = "schedules",
    params(("app" = String, Path), ("schedule" = String, Path)),
    responses((status = 200, body = Schedule), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn delete(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Schedule>, Refusal> {
    let removed = blocking(move || {
        caller.require_any(&[scope_of(find(&service, &app.name, &id)?.job)])?;
        let removed = remove(&service, &app.name, &id)?;
        recorded(&service, &app, &caller, "schedule.removed", &removed)?;
        Ok::<_, Refusal>(removed)
    });
    Ok(Json(removed.await?))
}

/// Enters in the trail of the app what was done with a schedule.
fn recorded(
    service: &Service,
    app: &App,
    caller: &Caller,
    kind: &str,
    schedule: &Schedule,
) -> Result<(), Refusal> {
    let details = [
        ("schedule", json!(schedule.id)),
        ("job", json!(schedule.job)),
        ("cron", json!(schedule.cron)),
        ("time_zone", json!(schedule.time_zone)),
    ];
    super::recorded(service, app, caller, kind, details)
}
