//! Messages waiting for a user (pages "offline messages"): those that no device has received, and those of the seed.

use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

pub(in crate::server) fn count(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let waiting = request.hub.waiting_messages(&user.name, request.now_ms);
    let count = user.offline_messages.saturating_add(waiting.len() as u64);
    let data = json!({&user.name: count});
    let path = format!("/users/{}/offline_msg_count", user.name);
    Ok(Envelope::new(request, "get")
        .uri(&path)
        .data(data)
        .field("count", 0)
        .finish())
}

/// Of an id that waits nowhere, the seed decides: it counts as delivered unless messages are said to wait for the user.
pub(in crate::server) fn message_status(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let waiting = request.hub.waiting_messages(&user.name, request.now_ms);
    let waits = request.arg(1).parse().is_ok_and(|id: u64| waiting.contains(&id));
    let status = if waits || user.offline_messages > 0 {
        "undelivered"
    } else {
        "delivered"
    };
    let data = json!({request.arg(1): status});
    let path = format!("/users/{}/offline_msg_status", user.name);
    Ok(Envelope::new(request, "get")
        .uri(&path)
        .data(data)
        .field("count", 0)
        .finish())
}
