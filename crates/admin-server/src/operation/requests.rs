//! Follows each request: its id, how long it took, what was answered, and how many a key may send.

use std::time::Instant;

use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::Response;
use easemob_admin_ops::listening::Peer;
use tracing::Instrument as _;

use crate::service::Service;

/// The header with the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that a client chose.
const LONGEST: usize = 64;

/// The largest body that is taken for read when a request is refused, in bytes.
const READ: u64 = 16 * 1024;

/// Whose request it was, for the log.
#[derive(Debug, Clone)]
pub(crate) struct OfKey(String);

/// Notes in an answer whose request it was.
pub(crate) fn of_key(response: &mut Response, key: &str) {
    response.extensions_mut().insert(OfKey(key.to_owned()));
}

/// Gives a request an id, or keeps the one that the client chose, and logs and counts how it was answered.
pub(crate) async fn follow_request(State(service): State<Service>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(chosen)
        .unwrap_or_else(new_id);
    let method = request.method().to_string();
    // Paths name users; routes do not.
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.name()).unwrap_or_default();
    // A connection ends with a body that is not read to its end; a client that is not told sends its next request in vain.
    let is_long = request
        .body()
        .size_hint()
        .upper()
        .is_none_or(|bytes| bytes > READ);
    let may_be_unread = is_long && request.version() <= Version::HTTP_11;
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    service.metrics().answered(&method, &route, status, took);
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let key = response.extensions().get::<OfKey>().map(|key| key.0.clone());
    span.in_scope(|| tracing::info!(method, route, status, ms, peer, key, "answered"));
    if may_be_unread && !response.status().is_success() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Returns the id that a client chose, if it can be repeated anywhere.
fn chosen(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let plain = |sign: u8| sign.is_ascii_alphanumeric() || b"-_.".contains(&sign);
    let good = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain);
    good.then(|| text.to_owned())
}

fn new_id() -> String {
    let mut bytes = [0; 8];
    // An id that is not random only makes the log harder to read.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_that_do_no_harm_are_kept() {
        let kept = |text: &[u8]| chosen(&HeaderValue::from_bytes(text).unwrap());
        assert_eq!(kept(b"Root=1-67-x.y_z"), None, "a sign with a meaning");
        assert_eq!(kept(b"1-67-x.y_z").as_deref(), Some("1-67-x.y_z"));
        for bad in [&b""[..], b"a b", b"\xff", b"{\"id\":1}", &[b'a'; 65]] {
            assert_eq!(kept(bad), None, "{bad:?}");
        }
        assert_ne!(new_id(), new_id());
    }
}
