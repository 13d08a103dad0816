//! Scans: asked for, followed and stopped.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use easemob_admin_ops::logins::store::StoreError;
use easemob_admin_remote::api::{NewScan, Page, Problem, Scan, Scope};
use utoipa_axum::routes;

use super::list::{self, Asked, nobody};
use crate::access::Caller;
use crate::apps::App;
use crate::blocking::blocking;
use crate::problem::Refusal;
use crate::routes::{Routes, Rule};
use crate::scans::{self, ScanJob};
use crate::service::Service;

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(ask, list))
        .add(READ, routes!(show))
        .add(READ, routes!(stop))
}

/// Returns scans with what they have counted. Blocks.
fn view(service: &Service, app: &App, jobs: Vec<ScanJob>) -> Result<Vec<Scan>, StoreError> {
    let kept = service.stores().logins().kept(&app.target.name())?;
    jobs.into_iter()
        .map(|job| scans::view(job, kept.as_deref()))
        .collect()
}

fn one(service: &Service, app: &App, job: ScanJob) -> Result<Scan, Refusal> {
    let kept = service.stores().logins().kept(&app.target.name())?;
    Ok(scans::view(job, kept.as_deref())?)
}

/// Asks for a scan: who is online with which devices is read into a snapshot, in the background. If the process that reads dies,
/// another one continues. A body of lines has the request without `users` first, then each user as a string.
#[utoipa::path(post, path = "/v1/apps/{app}/logins/scans", tag = "logins", params(("app" = String, Path)),
    request_body(content((NewScan = "application/json"), (NewScan = "application/x-ndjson"))),
    responses((status = 202, body = Scan), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn ask(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Scan>), Refusal> {
    let (parts, body) = request.into_parts();
    let Asked { new, list, .. } = list::read::<NewScan>(&parts.headers, body).await?;
    if list.as_ref().is_some_and(|list| list.users == 0) {
        return Err(nobody());
    }
    let this = service.clone();
    let asked = blocking(move || {
        let job = scans::ask(&this, &app, &caller.owner, &new, list.as_ref())?;
        one(&this, &app, job)
    });
    let asked = asked.await?;
    service.is_due();
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

/// The scans that somebody asked for, newest first. Those that ended more than 30 days ago may be missing.
#[utoipa::path(get, path = "/v1/apps/{app}/logins/scans", tag = "logins", params(("app" = String, Path)),
    responses((status = 200, body = Page<Scan>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<Page<Scan>>, Refusal> {
    let items = blocking(move || {
        let jobs = scans::of_app(&service, &app.name)?;
        view(&service, &app, jobs)
    });
    Ok(Json(Page {
        items: items.await?,
        next: None,
    }))
}

/// A scan, and what it has counted so far.
#[utoipa::path(get, path = "/v1/apps/{app}/logins/scans/{scan}", tag = "logins",
    params(("app" = String, Path), ("scan" = String, Path)),
    responses((status = 200, body = Scan), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Scan>, Refusal> {
    let found = blocking(move || one(&service, &app, scans::find(&service, &app.name, &id)?));
    Ok(Json(found.await?))
}

/// Stops a scan. What it has read stays, in a snapshot that is incomplete.
#[utoipa::path(post, path = "/v1/apps/{app}/logins/scans/{scan}/stop", tag = "logins",
    params(("app" = String, Path), ("scan" = String, Path)),
    responses((status = 202, body = Scan), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn stop(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, id)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Scan>), Refusal> {
    let this = service.clone();
    let stopped = blocking(move || one(&this, &app, scans::stop(&this, &app.name, &id)?));
    let stopped = stopped.await?;
    service.is_due();
    Ok((StatusCode::ACCEPTED, Json(stopped)))
}
