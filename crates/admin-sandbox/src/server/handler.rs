use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use serde_json::{Value, json};

use super::auth::{Caller, authenticate, authorize};
use super::call_names;
use super::calls::Call;
use super::chatfiles;
use super::connection::Peer;
use super::discovery;
use super::errors::ApiError;
use super::faults::{FaultKind, MadeUp};
use super::files;
use super::path;
use super::request::Request;
use super::route::{self, Found};
use crate::control;
use crate::rules::habits::BatchStatus;
use crate::rules::live_event::LiveEvent;
use crate::rules::tokens::TokenError;
use crate::service::{Service, lock};

/// Answers every request of the sandbox.
///
/// There is one handler and no router: routers decode, split or normalize paths, and user ids such as
/// `..` or `a/b` must arrive as they were sent.
pub(crate) async fn handle(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: HttpRequest,
) -> Response {
    let (parts, body) = request.into_parts();
    peer.connection.begin();
    // A body that is too large or broke off is told apart only later, once the call is known.
    let body = to_bytes(body, service.settings.max_body.max(control::MAX_BODY)).await;
    let work = peer.connection.work();
    let response = answer_any(&service, &peer, &parts, body.ok()).await;
    work.done(response.status().is_success());
    response
}

/// Refuses what names two hosts, also where a socket is asked for: one proxy may take the first for the host, another the
/// second (RFC 9112, 3.2).
pub(crate) async fn with_one_host(
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: HttpRequest,
    next: Next,
) -> Response {
    if request.headers().get_all(HOST).iter().nth(1).is_some() {
        peer.connection.begin();
        peer.connection.work().done(false);
        return StatusCode::BAD_REQUEST.into_response();
    }
    next.run(request).await
}

async fn answer_any(service: &Service, peer: &Peer, parts: &Parts, body: Option<Bytes>) -> Response {
    if files::owns(parts.uri.path()) {
        return files::answer(service, parts);
    }
    if let Some(wanted) = chatfiles::wanted(parts) {
        let response = chatfiles::answer(service, &wanted);
        record(
            service,
            chatfiles::DOWNLOAD,
            parts,
            response.status().as_u16(),
            service.clock.now_ms(),
        );
        return response;
    }
    if control::owns(parts.uri.path()) {
        return control::handle(service, peer, parts, body.as_deref());
    }
    answer(service, peer, parts, body).await
}

async fn answer(service: &Service, peer: &Peer, parts: &Parts, body: Option<Bytes>) -> Response {
    let at_ms = service.clock.now_ms();
    let raw_path = parts.uri.path();
    let segments = path::segments(raw_path).unwrap_or_default();
    let found = route::find(&parts.method, segments.get(2..).unwrap_or_default());
    let endpoint = match &found {
        _ if discovery::owns(raw_path) => discovery::NAME,
        Found::Route(route, _) => call_names::of_call(route.name, &parts.headers, body.as_deref()),
        Found::OtherMethod | Found::Nothing => call_names::UNKNOWN,
    };
    let below_root = raw_path
        .splitn(4, '/')
        .nth(3)
        .map_or_else(String::new, |path| format!("/{path}"));

    let plan = lock(&service.faults).plan(endpoint, parts.method.as_str(), &below_root);
    if !plan.delay.is_zero() {
        service.held.wait(plan.delay).await;
    }
    let perform = || {
        if discovery::owns(raw_path) {
            let (status, body) = discovery::answer(service, parts);
            return Reply {
                status,
                body,
                retry_after: None,
            };
        }
        reply(service, parts, &segments, found, body)
    };
    let cut = matches!(plan.kind, Some(FaultKind::CutBefore | FaultKind::CutAfter));
    let mut before_answer = Duration::ZERO;
    let response = match plan.kind {
        None | Some(FaultKind::Delay { .. } | FaultKind::CutAfter) => perform().into_response(),
        Some(FaultKind::DelayAnswer { millis }) => {
            before_answer = Duration::from_millis(millis);
            perform().into_response()
        }
        Some(FaultKind::CutBefore) => StatusCode::OK.into_response(),
        Some(FaultKind::Status(answer)) => made_up(&answer, at_ms),
        Some(FaultKind::ExpiredToken) => refuse(&TokenError::Expired.into(), at_ms).into_response(),
        Some(FaultKind::ResultFalse) => not_done(at_ms).into_response(),
        Some(FaultKind::Truncated) => {
            let reply = perform();
            peer.cutter.withhold(reply.body.to_string().len() / 2);
            reply.into_response()
        }
    };
    if cut {
        peer.cutter.cut();
    }
    let status = if cut { 0 } else { response.status().as_u16() };
    record(service, endpoint, parts, status, at_ms);
    if !before_answer.is_zero() {
        service.held.wait(before_answer).await;
    }
    response
}

/// Writes down a call, and shows it to whoever watches if it was refused or is unknown.
fn record(service: &Service, endpoint: &'static str, parts: &Parts, status: u16, at_ms: u64) {
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    tracing::debug!(endpoint, method, path, status, "answered");
    if status >= 400 {
        service.announce(LiveEvent::Refused {
            call: endpoint,
            method: method.clone(),
            path: path.clone(),
            status,
        });
    }
    lock(&service.calls).record(Call {
        endpoint,
        method,
        path,
        status,
        at_ms,
    });
}

/// Returns the status of the answer to a call.
#[cfg(fuzzing)]
pub(crate) fn status_of(service: &Service, parts: &Parts, body: Bytes) -> u16 {
    let segments = path::segments(parts.uri.path()).unwrap_or_default();
    let found = route::find(&parts.method, segments.get(2..).unwrap_or_default());
    reply(service, parts, &segments, found, Some(body))
        .status
        .as_u16()
}

/// An answer before it is written.
struct Reply {
    status: StatusCode,
    body: Value,
    /// The seconds of a `Retry-After` header.
    retry_after: Option<u64>,
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        let mut response = (self.status, [(CONTENT_TYPE, json)], self.body.to_string()).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn reply(service: &Service, parts: &Parts, segments: &[String], found: Found, body: Option<Bytes>) -> Reply {
    match call(service, parts, segments, found, body) {
        Ok(body) => Reply {
            status: StatusCode::OK,
            body,
            retry_after: None,
        },
        Err(error) => {
            let habits = &service.settings.habits;
            let too_many = error.status == StatusCode::TOO_MANY_REQUESTS && error.is(&habits.rate_error);
            Reply {
                retry_after: habits.retry_after.filter(|_| too_many),
                ..refuse(&error, service.clock.now_ms())
            }
        }
    }
}

fn not_done(now_ms: u64) -> Reply {
    let body = json!({"action": "get", "data": {"result": false}, "timestamp": now_ms, "duration": 0});
    Reply {
        status: StatusCode::OK,
        body,
        retry_after: None,
    }
}

fn refuse(error: &ApiError, now_ms: u64) -> Reply {
    Reply {
        status: error.status,
        body: error.body(now_ms),
        retry_after: None,
    }
}

fn call(
    service: &Service,
    parts: &Parts,
    segments: &[String],
    found: Found,
    body: Option<Bytes>,
) -> Result<Value, ApiError> {
    let started = Instant::now();
    let rest_url = service.rest_url();
    let app_root = check_app(service, segments, parts.uri.path())?;
    let (route, args) = match found {
        Found::Route(route, args) => (route, args),
        Found::OtherMethod => return Err(ApiError::wrong_method(parts.method.as_str())),
        Found::Nothing => return Err(ApiError::no_resource()),
    };
    if route.name.starts_with("limits.") && !service.settings.server_managed_limits {
        return Err(ApiError::no_resource());
    }
    let habits = &service.settings.habits;
    if route.name == "sessions.logout_device" && !habits.knows_logout_by(&parts.method) {
        return Err(ApiError::wrong_method(parts.method.as_str()));
    }
    if route.name == "status.batch" && habits.batch_status == BatchStatus::Missing {
        return Err(ApiError::no_resource());
    }
    if !lock(&service.rates).admit(route.pool, started) {
        return Err(ApiError::rate(&habits.rate_error));
    }
    service.act(route.changes_state(), |app, now_ms| {
        let caller = authenticate(&parts.headers, app, &lock(&service.jwt_keys), now_ms);
        let open = service.settings.open_registration && route.name == "users.register";
        if !open || caller != Caller::Nobody {
            authorize(&caller, route, &args, app)?;
        }
        let most = if route.takes_file() {
            usize::MAX
        } else {
            service.settings.max_body
        };
        let body = body.filter(|body| body.len() <= most);
        let body = body.ok_or_else(ApiError::too_large)?;
        (route.endpoint)(&mut Request {
            app,
            hub: &service.hub,
            settings: &service.settings,
            caller,
            kind: route.kind(),
            args,
            query: path::query(parts.uri.query()),
            headers: &parts.headers,
            body: &body,
            app_root: &app_root,
            rest_url: &rest_url,
            now_ms,
            started,
        })
    })
}

/// Returns the root that a call is below, which may be of either form.
fn check_app(service: &Service, segments: &[String], raw_path: &str) -> Result<String, ApiError> {
    let part = |index: usize| segments.get(index).map_or("", String::as_str);
    let named = (part(0), part(1));
    if service.read(|app| app.names() == named) {
        Ok(service.app_root())
    } else if service.read(|app| ("app-id", app.agora_id.as_str()) == named) {
        Ok(service.app_id_root())
    } else {
        Err(ApiError::no_app(part(0), part(1), raw_path))
    }
}

fn made_up(answer: &MadeUp, now_ms: u64) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match &answer.body {
        None => refuse(&ApiError::of_status(status), now_ms).into_response(),
        Some(text) => (status, Body::from(text.clone())).into_response(),
    };
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            // How long the body is, the server knows itself; another word breaks the connection.
            if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}
