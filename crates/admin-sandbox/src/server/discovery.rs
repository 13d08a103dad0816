//! Which servers an app is on: `/easemob/server.json`, as the vendor's SDKs ask before they call anything.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use super::calls::Call;
use super::path;
use crate::service::{Service, lock};

/// The name in recorded calls.
const NAME: &str = "discovery.servers";

/// Returns true for the path of the call, which is below no app root.
pub(crate) fn owns(path: &str) -> bool {
    path == "/easemob/server.json"
}

/// Names this sandbox as the only server, in the form that the Java library reads.
pub(crate) fn answer(service: &Service, parts: &Parts) -> Response {
    let asked = path::query(parts.uri.query())
        .remove("app_key")
        .unwrap_or_default();
    let ours = parts.method == Method::GET && service.read(|app| app.key == asked);
    let (host, port) = (service.address.ip().to_string(), service.address.port());
    let (status, body) = if ours {
        let rest = json!({"hosts": [{"protocol": "http", "ip": host, "port": port}]});
        let body = json!({"deploy_name": "sandbox", "file_version": "1", "rest": rest});
        (StatusCode::OK, body)
    } else {
        (StatusCode::NOT_FOUND, json!({"error": "no such app"}))
    };
    lock(&service.calls).record(Call {
        endpoint: NAME,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        status: status.as_u16(),
        at_ms: service.clock.now_ms(),
    });
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
