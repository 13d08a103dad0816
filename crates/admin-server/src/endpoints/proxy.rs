//! The reading calls of the vendor's API, under the app's own address and with a key of the service: whoever knows the
//! vendor's API needs no credentials of the vendor. What changes something is not passed on: a run does that, on record.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use easemob_admin_api::endpoint::{Authority, Bucket, Effect, Endpoint, Method, Path as ApiPath};
use easemob_admin_api::endpoints::devices::ListDevices;
use easemob_admin_api::endpoints::limits::GetLimits;
use easemob_admin_api::endpoints::status::{GetStatus, GetStatusBatch};
use easemob_admin_api::endpoints::users::{GetUser, ListUsers};
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{BuildError, Cursor, DecodeError, Error, Lane, UserId, UserQuery};
use easemob_admin_remote::api::Scope;
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::routes;

use crate::apps::App;
use crate::extract::{Asked, json as read_json, whole};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};

const READ: Rule = Rule::HasForVendorApp(&[Scope::DevicesRead]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(user_page))
        .add(READ, routes!(user))
        .add(READ, routes!(devices))
        .add(READ, routes!(status))
        .add(READ, routes!(statuses))
        .add(READ, routes!(limits_of_app))
        .add(READ, routes!(limits_of_user))
}

/// A call of the vendor whose answer is passed on as it came.
struct PassedOn<E>(E);

impl<E: Endpoint> Endpoint for PassedOn<E> {
    const NAME: &'static str = E::NAME;
    const EFFECT: Effect = E::EFFECT;
    const BUCKET: Bucket = E::BUCKET;
    const AUTHORITY: Authority = E::AUTHORITY;
    const OPTIONAL: bool = E::OPTIONAL;
    const SECRET: bool = E::SECRET;
    type Output = Vec<u8>;

    fn method(&self) -> Method {
        self.0.method()
    }

    fn path(&self) -> ApiPath {
        self.0.path()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        self.0.query()
    }

    fn body(&self) -> Option<serde_json::Value> {
        self.0.body()
    }

    fn check(&self) -> Result<(), BuildError> {
        self.0.check()
    }

    fn target(&self) -> Option<String> {
        self.0.target()
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<u8>, DecodeError> {
        Ok(answer.body().to_vec())
    }
}

/// Makes a call before bulk work in the same rate budget, because somebody waits for it.
async fn pass<E: Endpoint>(app: &App, call: E) -> Response {
    let client = app.server.client().with_lane(Lane::Interactive);
    match client.execute(&PassedOn(call)).await {
        Ok(body) => {
            let form = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, form)], Body::from(body)).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// Answers what the vendor answered. What happened to the service itself, such as a refused secret, is not the caller's fault,
/// and must not look like it.
fn failed(error: &Error) -> Response {
    let by_the_vendor = error.api_error().filter(|_| !error.is_foreign_answer());
    let (status, kind, description) = match (error.token_error(), by_the_vendor, error.status()) {
        (None, Some(said), Some(status)) if !error.is_unauthorized() => {
            (status, said.error.clone(), said.description.clone())
        }
        _ => {
            let status = error.suggested_status().as_u16();
            (status, "service_upstream".to_owned(), error.to_string())
        }
    };
    let mut response = envelope(status, &kind, &description);
    if let Some(wait) = error.retry_after() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    response
}

/// Writes an error in the form of the vendor's.
fn envelope(status: u16, kind: &str, description: &str) -> Response {
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = json!({
        "error": kind,
        "exception": "easemob-admin",
        "error_description": description,
        "timestamp": u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        "duration": 0,
    });
    (status, Json(body)).into_response()
}

/// Answers why a call was refused, in the form of the vendor's.
pub(crate) fn vendor_answer(refusal: &Refusal) -> Response {
    let problem = refusal.problem();
    // The vendor answers 401 for a missing right, too.
    let (status, kind) = match refusal.kind() {
        Kind::NotSignedIn | Kind::MissingScope => (401, "unauthorized"),
        Kind::NoSuchApp | Kind::OtherApp => (404, "organization_application_not_found"),
        _ if problem.status < 500 => (problem.status, "illegal_argument"),
        _ => (problem.status, "service_unavailable"),
    };
    let hint = problem
        .hint
        .as_ref()
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default();
    envelope(status, kind, &format!("{problem}{hint}"))
}

/// Answers a call of the vendor that is not passed on; nothing if the path is none of the vendor's.
pub(super) fn not_passed_on(method: &Method, path: &str) -> Option<Response> {
    let mut parts = path.split('/').skip(1);
    let is_a_call = parts.next() != Some("v1") && parts.next().is_some() && parts.next().is_some();
    if !is_a_call {
        return None;
    }
    let known = "the service passes on the calls that read users, devices, statuses and limits";
    Some(if *method == Method::GET && !path.ends_with("/disconnect") {
        let what = format!("the service does not pass on GET {path}: {known}");
        envelope(404, "service_resource_not_found", &what)
    } else {
        let what = format!(
            "the service does not pass on {method} {path}: what changes something is a run, on record: POST /v1/apps/APP/runs, \\
             or the command line through the service"
        );
        envelope(403, "forbidden_op", &what)
    })
}

fn named(name: &str) -> Result<UserId, Box<Response>> {
    UserId::parse(name).map_err(|error| Box::new(envelope(400, "illegal_argument", &error.to_string())))
}

type OrgAndName = (String, String);
type OfUser = (String, String, String);

/// Which users.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Users {
    limit: Option<usize>,
    cursor: Option<String>,
    activated: Option<String>,
}

/// The vendor's page of users.
#[utoipa::path(get, path = "/{org}/{name}/users", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query),
        ("activated" = Option<String>, Query)),
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn user_page(
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<OrgAndName>,
    asked: Result<Asked<Users>, Refusal>,
) -> Response {
    let Asked(asked) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return vendor_answer(&refusal),
    };
    let mut query = UserQuery::default();
    if let Some(limit) = asked.limit {
        query = query.page_size(limit);
    }
    query = match asked.activated.as_deref() {
        None => query,
        Some("1" | "true") => query.activated(true),
        Some("0" | "false") => query.activated(false),
        Some(_) => return envelope(400, "illegal_argument", "`activated` is 0 or 1"),
    };
    let cursor = asked.cursor.map(Cursor::new);
    pass(&app, ListUsers { query, cursor }).await
}

/// The vendor's account of a user.
#[utoipa::path(get, path = "/{org}/{name}/users/{user}", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn user(Extension(app): Extension<Arc<App>>, Path((_, _, name)): Path<OfUser>) -> Response {
    match named(&name) {
        Ok(user) => pass(&app, GetUser { user }).await,
        Err(refused) => *refused,
    }
}

/// The vendor's list of the devices of a user.
#[utoipa::path(get, path = "/{org}/{name}/users/{user}/resources", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn devices(Extension(app): Extension<Arc<App>>, Path((_, _, name)): Path<OfUser>) -> Response {
    match named(&name) {
        Ok(user) => pass(&app, ListDevices { user }).await,
        Err(refused) => *refused,
    }
}

/// The vendor's status of a user.
#[utoipa::path(get, path = "/{org}/{name}/users/{user}/status", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn status(Extension(app): Extension<Arc<App>>, Path((_, _, name)): Path<OfUser>) -> Response {
    match named(&name) {
        Ok(user) => pass(&app, GetStatus { user }).await,
        Err(refused) => *refused,
    }
}

/// Whose statuses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    usernames: Vec<String>,
}

/// The vendor's statuses of up to a hundred users.
#[utoipa::path(post, path = "/{org}/{name}/users/batch/status", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path)), request_body = Object,
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn statuses(Extension(app): Extension<Arc<App>>, Path(_): Path<OrgAndName>, body: Body) -> Response {
    let names = whole(body).await.and_then(|bytes| read_json::<Names>(&bytes));
    let names = match names {
        Ok(Names { usernames }) => usernames,
        Err(refusal) => return vendor_answer(&refusal),
    };
    let users: Result<Vec<UserId>, Box<Response>> = names.iter().map(|name| named(name)).collect();
    match users {
        Ok(users) => pass(&app, GetStatusBatch { users }).await,
        Err(refused) => *refused,
    }
}

/// The vendor's device limits of the app.
#[utoipa::path(get, path = "/{org}/{name}/devices/limits", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn limits_of_app(Extension(app): Extension<Arc<App>>, Path(_): Path<OrgAndName>) -> Response {
    pass(&app, GetLimits { user: None }).await
}

/// The vendor's device limits of a user.
#[utoipa::path(get, path = "/{org}/{name}/users/{user}/devices/limits", tag = "vendor",
    params(("org" = String, Path), ("name" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Object), (status = "5XX", body = Object)))]
async fn limits_of_user(Extension(app): Extension<Arc<App>>, Path((_, _, name)): Path<OfUser>) -> Response {
    match named(&name) {
        Ok(user) => pass(&app, GetLimits { user: Some(user) }).await,
        Err(refused) => *refused,
    }
}
