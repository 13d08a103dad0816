//! Errors in the form of the vendor's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use easemob_admin_api::Error;
use serde_json::json;

use crate::problem::{Kind, Refusal};

/// The word for a call that does not exist.
pub(crate) const NO_SUCH_CALL: &str = "service_resource_not_found";
/// The word for a request that makes no sense.
pub(crate) const BAD_CALL: &str = "illegal_argument";
/// The word for too many requests.
pub(crate) const TOO_MANY: &str = "reach_limit";
/// The word for what happened between the service and the server of the app.
pub(crate) const UPSTREAM: &str = "service_upstream";
/// The word for what is not allowed.
pub(crate) const NOT_ALLOWED: &str = "forbidden_op";

/// Writes an error in the form of the vendor's.
pub(crate) fn envelope(status: u16, kind: &str, description: &str) -> Response {
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
    not_kept((status, Json(body)).into_response())
}

/// Says that nobody may answer the next request with this answer: some calls that change something are a GET.
pub(super) fn not_kept(mut response: Response) -> Response {
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

/// Says after how long to send a request again.
pub(super) fn after(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_secs().max(1);
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// Answers why a call was refused, in the form of the vendor's.
pub(crate) fn vendor_answer(refusal: &Refusal) -> Response {
    let problem = refusal.problem();
    // The vendor answers 401 for a missing right, too.
    let (status, kind) = match refusal.kind() {
        Kind::NotSignedIn | Kind::MissingScope => (401, "unauthorized"),
        Kind::NoSuchApp | Kind::OtherApp => (404, "organization_application_not_found"),
        Kind::NeedsApproval | Kind::NeedsPlan => (403, NOT_ALLOWED),
        Kind::TooMany => (429, TOO_MANY),
        Kind::TooLarge => (413, "Request Entity Too Large"),
        Kind::WrongMethod => (405, "web_application"),
        _ if problem.status < 500 => (problem.status, BAD_CALL),
        _ => (problem.status, "service_unavailable"),
    };
    let hint = problem
        .hint
        .as_ref()
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default();
    let answer = envelope(status, kind, &format!("{problem}{hint}"));
    match refusal.wait() {
        Some(wait) => after(answer, wait),
        None => answer,
    }
}

/// Answers what the vendor answered. What happened to the service itself, such as a refused secret, is not the caller's fault,
/// and must not look like it.
pub(super) fn failed(error: &Error) -> Response {
    let by_the_vendor = error.api_error().filter(|_| !error.is_foreign_answer());
    let (status, kind, description) = match (error.token_error(), by_the_vendor, error.status()) {
        (None, Some(said), Some(status)) if !error.is_unauthorized() => {
            (status, said.error.clone(), said.description.clone())
        }
        _ => {
            let status = error.suggested_status().as_u16();
            (status, UPSTREAM.to_owned(), error.to_string())
        }
    };
    let response = envelope(status, &kind, &description);
    match error.retry_after() {
        Some(wait) => after(response, wait),
        None => response,
    }
}
