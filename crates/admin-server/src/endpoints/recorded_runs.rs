//! Runs as they are on record, for front ends that show and continue them as if the records were theirs.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::store::{ListedRun, RunError, SeenRun};
use easemob_admin_remote::api::{Page, Problem, RecordedRun};
use serde::Deserialize;
use utoipa_axum::routes;

use super::PageOf;
use super::runs::{READ, glance, id_of, is_of};
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Asked;
use crate::pieces::{LINES, json_line, streamed};
use crate::problem::Refusal;
use crate::routes::Routes;
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(READ, routes!(listed))
        .add(READ, routes!(seen))
        .add(READ, routes!(items))
        .add(READ, routes!(records))
}

/// A process that works on a run may not have taken it yet.
fn with_its_work(service: &Service, listed: ListedRun) -> ListedRun {
    let running = listed.running || service.runner().is_working_on(&listed.header.run);
    ListedRun { running, ..listed }
}

/// The runs of the app with their headers and counts, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/listed-runs", tag = "records",
    params(("app" = String, Path), ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<RecordedRun>>, Refusal> {
    let shown = |service: &Service, listed| RecordedRun::Listed(Box::new(with_its_work(service, listed)));
    // Why it cannot be read names files of the machine, and the run may be of another app.
    let unreadable = |id: &RunId| {
        Some(RecordedRun::Unreadable {
            run: id.to_string(),
            unreadable: "it cannot be read; `easemob-admin runs list` on the machine of the service says why"
                .into(),
        })
    };
    let page = blocking(move || newest(&service, &app, &page, shown, unreadable));
    Ok(Json(page.await?))
}

/// Reads a page of the runs of an app. One that cannot be read must not hide the others. Blocks.
pub(super) fn newest<T>(
    service: &Service,
    app: &App,
    page: &PageOf,
    view: impl Fn(&Service, ListedRun) -> T,
    unreadable: impl Fn(&RunId) -> Option<T>,
) -> Result<Page<T>, Refusal> {
    let most = page.most()? as usize;
    let after = page.after.as_deref().map(id_of).transpose()?;
    let runs = service.stores().runs();
    let mut ids = runs.list()?;
    if let Some(after) = after {
        ids.retain(|id| *id < after);
    }
    let (mut items, mut last, mut next) = (Vec::new(), None, None);
    for id in ids.into_iter().rev() {
        if items.len() == most {
            next = last;
            break;
        }
        let item = match runs.glance(&id) {
            Ok(listed) => is_of(app, &listed).then(|| view(service, listed)),
            // Removed meanwhile.
            Err(RunError::NoSuchRun(_)) => None,
            // Nothing can be read now, which says nothing about this run.
            Err(error @ RunError::Store { .. }) => return Err(error.into()),
            Err(_) => unreadable(&id),
        };
        if let Some(item) = item {
            last = Some(id.to_string());
            items.push(item);
        }
    }
    Ok(Page { items, next })
}

/// The header and counts of one run.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}/listed", tag = "records",
    params(("app" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn listed(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
) -> Result<Json<ListedRun>, Refusal> {
    let id = id_of(&run)?;
    let listed = blocking(move || {
        let listed = glance(&service, &app, &id)?;
        Ok::<_, Refusal>(with_its_work(&service, listed))
    });
    Ok(Json(listed.await?))
}

/// The header of one run, and the state of each of its users.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}/seen", tag = "records",
    params(("app" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn seen(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
) -> Result<Json<SeenRun>, Refusal> {
    let id = id_of(&run)?;
    let seen = blocking(move || {
        let seen = service.stores().runs().see(&id)?;
        if !is_of(&app, &seen.listed()) {
            return Err(RunError::NoSuchRun(id.to_string()).into());
        }
        let running = seen.running || service.runner().is_working_on(&run);
        Ok::<_, Refusal>(SeenRun { running, ..seen })
    });
    Ok(Json(seen.await?))
}

/// The users of one run, and what a plan says about them: one line of JSON each, in their order.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}/items", tag = "records",
    params(("app" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = Object, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn items(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let id = of_the_app(&service, &app, &run).await?;
    let items = blocking(move || service.stores().runs().items(&id)).await?;
    Ok(streamed(LINES, items.map(|item| json_line(&item?))))
}

/// Which records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    /// Only those about the run itself, and about users who are not settled; others may be among them.
    #[serde(default)]
    unsettled: bool,
}

/// What was recorded of one run: one line of JSON each, in their order.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}/records", tag = "records",
    params(("app" = String, Path), ("run" = String, Path), ("unsettled" = Option<bool>, Query)),
    responses((status = 200, body = Object, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn records(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
    Asked(Of { unsettled }): Asked<Of>,
) -> Result<Response, Refusal> {
    let id = of_the_app(&service, &app, &run).await?;
    let records = blocking(move || {
        let runs = service.stores().runs();
        if unsettled {
            runs.unsettled_records(&id)
        } else {
            runs.records(&id)
        }
    });
    Ok(streamed(LINES, records.await?.map(|record| json_line(&record?))))
}

/// Runs of other apps do not exist for whoever asks.
async fn of_the_app(service: &Service, app: &Arc<App>, run: &str) -> Result<RunId, Refusal> {
    let id = id_of(run)?;
    let (service, app, of) = (service.clone(), Arc::clone(app), id.clone());
    blocking(move || glance(&service, &app, &of).map(drop)).await?;
    Ok(id)
}
