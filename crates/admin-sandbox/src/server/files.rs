//! Files of past messages, at the addresses that `GET /chatmessages/{hour}` gives out: good for an hour, and for whoever
//! has them.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use md5::{Digest, Md5};

use super::path;
use crate::hex::hex;
use crate::realtime::export;
use crate::rules::{App, civil};
use crate::service::Service;

/// Where they are.
const FOLDER: &str = "/sandbox/chatmessages/";
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Returns true for addresses of files.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// Returns the lines of an hour that begins at `from_ms`.
pub(crate) fn lines(app: &App, from_ms: u64) -> Vec<String> {
    let kept = app.history.between(from_ms, from_ms.saturating_add(HOUR_MS));
    kept.iter().filter_map(export::line).collect()
}

/// Returns the path and query of an hour's file.
pub(crate) fn address(app: &App, hour: &str, now_ms: u64) -> String {
    let expires = (now_ms + HOUR_MS) / 1_000;
    let signature = signature(app, hour, expires);
    format!("{FOLDER}{hour}?Expires={expires}&OSSAccessKeyId=sandbox&Signature={signature}")
}

fn signature(app: &App, hour: &str, expires: u64) -> String {
    let digest = Md5::digest(format!("{hour}{expires}{}", app.client_secret));
    hex(&digest)
}

/// Answers with a file, one message a line.
pub(crate) fn answer(service: &Service, parts: &Parts) -> Response {
    let hour = parts.uri.path().strip_prefix(FOLDER).unwrap_or_default();
    let query = path::query(parts.uri.query());
    let expires = query
        .get("Expires")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let now_ms = service.clock.now_ms();
    service.read(|app| {
        let signed = query.get("Signature") == Some(&signature(app, hour, expires));
        match civil::hour(hour) {
            Some(from_ms) if signed && expires * 1_000 > now_ms => {
                let text = lines(app, from_ms).join("\n") + "\n";
                (StatusCode::OK, [(CONTENT_TYPE, "application/json")], text).into_response()
            }
            _ => StatusCode::FORBIDDEN.into_response(),
        }
    })
}
