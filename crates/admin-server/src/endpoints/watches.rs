//! Watches: a policy is enforced while users sign in.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::store::Direction;
use easemob_admin_remote::api::{NewWatch, Page, Problem, Scope, Stop, Watch};
use serde_json::json;
use utoipa_axum::routes;

use super::policies::policy;
use super::runs::{stop_unfinished, with_reason};
use crate::access::Caller;
use crate::approvals::gate::Beginning;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Sent;
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;
use crate::watches::{self, find, of_app, put, remove};

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead, Scope::LimitsWrite]);
const CHANGE: Rule = Rule::HasForApp(&[Scope::LimitsWrite]);

/// The longest delay, in seconds.
const LATEST: u32 = 3_600;

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(READ, routes!(show))
        .add(CHANGE, routes!(make))
        .add(CHANGE, routes!(delete))
        .add(CHANGE, routes!(stop))
}

/// The watches of the app.
#[utoipa::path(get, path = "/v1/apps/{app}/watches", tag = "limits", params(("app" = String, Path)),
    responses((status = 200, body = Page<Watch>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<Page<Watch>>, Refusal> {
    let items = blocking(move || of_app(&service, &app.name)).await?;
    Ok(Json(Page { items, next: None }))
}

/// A watch, and what it has done last.
#[utoipa::path(get, path = "/v1/apps/{app}/watches/{watch}", tag = "limits",
    params(("app" = String, Path), ("watch" = String, Path)),
    responses((status = 200, body = Watch), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Watch>, Refusal> {
    Ok(Json(blocking(move || find(&service, &app.name, &id)).await?))
}

/// Enforces a policy from now on, on whoever signs in, or changes how. It learns of sign-ins from the posts that are received at
/// `/callbacks`. One process at a time works on it; the newest sign-in stays, and what is signed out is a run in the name of the
/// caller. A watch that is changed continues at its position.
#[utoipa::path(put, path = "/v1/apps/{app}/watches/{watch}", tag = "limits",
    params(("app" = String, Path), ("watch" = String, Path)), request_body = NewWatch,
    responses((status = 200, body = Watch), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    Sent(new): Sent<NewWatch>,
) -> Result<Json<Watch>, Refusal> {
    let bad = |why: &str| Refusal::of(Kind::BadRequest).detail(why);
    if new.max_logouts_per_hour == 0 {
        return Err(bad("`max_logouts_per_hour` is 1 or more"));
    }
    if new.delay_seconds > LATEST {
        return Err(bad("`delay_seconds` is 3600 at most"));
    }
    let has_reason = new
        .reason
        .as_ref()
        .is_some_and(|reason| !reason.trim().is_empty());
    if !has_reason && !app.target.sandbox {
        return Err(Refusal::of(Kind::NoReason)
            .detail("a reason is required to change anything on a server")
            .hint("add `reason`, and `ticket` if there is one"));
    }
    let read = policy(&new.policy, &id)?;
    let this = service.clone();
    let made = blocking(move || {
        // What it may sign out within a day counts as one act of whoever keeps it.
        let beginning = Beginning {
            service: &this,
            app: &app,
            caller: &caller,
            break_glass: false,
            starts_itself: true,
        };
        let action = Action::Enforce {
            policy: id.clone(),
            policy_sha256: read.sha256.clone(),
            selection: read.policy.selection(),
            series: None,
        };
        action.check_names()?;
        beginning.can_be_asked(&action, new.max_logouts_per_hour.saturating_mul(24))?;
        let made = put(&this, &app.name, &id, (new, read.sha256), &caller.owner)?;
        recorded(&this, &app, &caller, "watch.made", &made)?;
        Ok::<_, Refusal>(made)
    });
    let made = made.await?;
    service.is_due();
    Ok(Json(made))
}

/// Stops a watch, with the batch that it works on, and keeps it for whoever follows it. Put it again to go on at its position.
#[utoipa::path(post, path = "/v1/apps/{app}/watches/{watch}/stop", tag = "limits",
    params(("app" = String, Path), ("watch" = String, Path)), request_body = Stop,
    responses((status = 200, body = Watch), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn stop(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    Sent(stop): Sent<Stop>,
) -> Result<Json<Watch>, Refusal> {
    let reason = with_reason(&stop)?.to_owned();
    let stopped = blocking(move || {
        let why = format!("{} has stopped it: {reason}", caller.owner);
        let stopped = watches::stop(&service, &app.name, &id, &why)?;
        let details = [("watch", json!(stopped.id)), ("reason", json!(reason))];
        super::recorded(&service, &app, &caller, "watch.stopped", details)?;
        if let Some(run) = stopped.last_run.as_deref().and_then(RunId::parse) {
            let direction = Direction {
                state: RunState::Stopped,
                operator: caller.operator(&service),
                at: service.now().as_millisecond(),
                reason: Some(reason),
            };
            match stop_unfinished(&service, &app, &run, direction) {
                // Old batches may have been removed.
                Err(refusal) if refusal.kind() == Kind::NoSuchRun => {}
                done => done?,
            }
        }
        Ok::<_, Refusal>(stopped)
    });
    Ok(Json(stopped.await?))
}

/// Removes a watch. A run that it has made goes on.
#[utoipa::path(delete, path = "/v1/apps/{app}/watches/{watch}", tag = "limits",
    params(("app" = String, Path), ("watch" = String, Path)),
    responses((status = 200, body = Watch), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn delete(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Watch>, Refusal> {
    let removed = blocking(move || {
        let removed = remove(&service, &app.name, &id)?;
        recorded(&service, &app, &caller, "watch.removed", &removed)?;
        Ok::<_, Refusal>(removed)
    });
    Ok(Json(removed.await?))
}

/// Enters in the trail of the app what was done with a watch.
fn recorded(service: &Service, app: &App, caller: &Caller, kind: &str, watch: &Watch) -> Result<(), Refusal> {
    let details = [
        ("watch", json!(watch.id)),
        ("policy_sha256", json!(watch.policy_sha256)),
        ("max_logouts_per_hour", json!(watch.max_logouts_per_hour)),
        ("reason", json!(watch.reason)),
    ];
    super::recorded(service, app, caller, kind, details)
}
