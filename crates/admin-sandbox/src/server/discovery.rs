//! Which servers an app is on: `/easemob/server.json`, as the vendor's SDKs ask before they call anything.

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::path;
use crate::service::Service;

/// The call's name.
pub(super) const NAME: &str = "discovery.servers";

/// Returns true for the path of the call, which is below no app root.
pub(super) fn owns(path: &str) -> bool {
    path == "/easemob/server.json"
}

/// Names this sandbox as the only server, in the form that the Java library reads.
pub(super) fn answer(service: &Service, parts: &Parts) -> (StatusCode, Value) {
    let asked = path::query(parts.uri.query())
        .remove("app_key")
        .unwrap_or_default();
    if parts.method != Method::GET || service.read(|app| app.key != asked) {
        return (StatusCode::NOT_FOUND, json!({"error": "no such app"}));
    }
    let (host, port) = (service.address.ip().to_string(), service.address.port());
    let rest = json!({"hosts": [{"protocol": "http", "ip": host, "port": port}]});
    let body = json!({"deploy_name": "sandbox", "file_version": "1", "rest": rest});
    (StatusCode::OK, body)
}
