//! Messages waiting for a user (pages "offline messages"); seeds say how many.

use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

pub(in crate::server) fn count(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let data = json!({&user.name: user.offline_messages});
    let path = format!("/users/{}/offline_msg_count", user.name);
    Ok(Envelope::new(request, "get")
        .uri(&path)
        .data(data)
        .field("count", 0)
        .finish())
}

/// Like the count, this is what the seed says, not what waits for connections: any id counts as delivered unless
/// messages are said to wait for the user.
pub(in crate::server) fn message_status(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let status = if user.offline_messages == 0 {
        "delivered"
    } else {
        "undelivered"
    };
    let data = json!({request.arg(1): status});
    let path = format!("/users/{}/offline_msg_status", user.name);
    Ok(Envelope::new(request, "get")
        .uri(&path)
        .data(data)
        .field("count", 0)
        .finish())
}
