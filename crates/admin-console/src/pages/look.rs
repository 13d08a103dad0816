//! Changes language, theme, time zone and keys, which the browser keeps.

use axum::Form;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::sign_in::local;

/// A year, in seconds.
const A_YEAR: u32 = 365 * 24 * 60 * 60;

/// What is changed, and the page to go back to.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    language: Option<String>,
    theme: Option<String>,
    zone: Option<String>,
    keys: Option<String>,
    next: Option<String>,
}

pub(crate) async fn change(Form(change): Form<Change>) -> Response {
    let mut headers = HeaderMap::new();
    let cookies = [
        ("language", change.language),
        ("theme", change.theme),
        ("zone", change.zone),
        ("keys", change.keys),
    ];
    for (name, value) in cookies {
        let value = value.filter(|value| is_plain(value));
        let cookie =
            value.map(|value| format!("{name}={value}; Path=/console; SameSite=Lax; Max-Age={A_YEAR}"));
        if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    let next = local(change.next.as_deref());
    (headers, Redirect::to(next)).into_response()
}

/// Returns true if a text can be the value of a cookie, as languages and zones can.
fn is_plain(text: &str) -> bool {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || "/_+-".contains(sign);
    !text.is_empty() && text.len() <= 64 && text.chars().all(fits)
}
