//! The sandbox's own calls, under `/sandbox/…`: what a test or a person at a terminal does to the service
//! from outside. They are documented in the crate's `README.md` and imitate nothing.

mod calls;
mod origin;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::server::connection::Peer;
use crate::service::Service;

/// The largest body of a control call: seeds can be long.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;

/// Why a control call failed.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: &(impl ToString + ?Sized)) -> Self {
        Self {
            status,
            message: message.to_string(),
        }
    }

    fn bad(message: &(impl ToString + ?Sized)) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// Returns true for the paths that are ours.
pub(crate) fn owns(path: &str) -> bool {
    path == "/sandbox" || path.starts_with("/sandbox/")
}

/// Answers a control call; it has no `body` if that was too large or broke off.
pub(crate) fn handle(service: &Service, peer: &Peer, parts: &Parts, body: Option<&[u8]>) -> Response {
    let local = peer.address.ip().to_canonical().is_loopback() && origin::is_local(&parts.headers);
    let result = if local || service.settings.control_from_anywhere {
        body.ok_or_else(|| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body is larger than 16 MiB"))
            .and_then(|body| dispatch(service, &parts.method, parts.uri.path(), body))
    } else {
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "control calls are for this machine only, and not for web pages of others",
        ))
    };
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => (refusal.status, json!({"error": refusal.message})),
    };
    let json = HeaderValue::from_static("application/json");
    (status, [(CONTENT_TYPE, json)], body.to_string()).into_response()
}

fn dispatch(service: &Service, method: &Method, path: &str, body: &[u8]) -> Result<Value, Refusal> {
    let name = path.strip_prefix("/sandbox/").unwrap_or_default();
    match (method.as_str(), name) {
        ("GET", "health") => Ok(calls::health(service)),
        ("GET", "clock") => Ok(calls::clock(service)),
        ("POST", "clock/advance") => calls::advance(service, body),
        ("POST", "sign-in") => calls::sign_in(service, body),
        ("POST", "sign-out") => calls::sign_out(service, body),
        ("PUT", "policy") => calls::set_policy(service, body),
        ("GET", "faults") => Ok(calls::faults(service)),
        ("POST", "faults") => calls::add_fault(service, body),
        ("DELETE", "faults") => Ok(calls::clear_faults(service)),
        ("GET", "calls") => Ok(calls::recorded(service)),
        ("GET", "calls/counted") => Ok(calls::counted(service)),
        ("DELETE", "calls") => Ok(calls::clear_recorded(service)),
        ("POST", "jwt-keys") => calls::trust_jwt_key(service, body),
        ("POST", "seed") => calls::seed(service, body),
        ("POST", "reset") => Ok(calls::reset(service)),
        _ => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            &format!("unknown control call {method} {path}"),
        )),
    }
}
