//! Online status of one user or a hundred (pages "online status").

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::habits::BatchStatus;
use crate::rules::sign_in::SandboxDevice;
use crate::rules::users::User;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// The most users one call may ask for.
const BATCH: usize = 100;

#[derive(Deserialize)]
struct Form {
    usernames: Vec<String>,
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let data = json!({&user.name: word(request, Some(user))});
    Ok(Envelope::new(request, "get")
        .uri(&format!("/users/{}/status", user.name))
        .data(data)
        .field("count", 0)
        .finish())
}

/// By default, users that do not exist are offline: the service does not check.
pub(in crate::server) fn batch(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    if form.usernames.len() > BATCH {
        return Err(ApiError::illegal_argument(format!(
            "request body exceeds maximum limit, maximum limit is {BATCH}"
        )));
    }
    let mut data = Vec::new();
    for name in &form.usernames {
        let user = request.app.users.find(name);
        match &request.settings.habits.batch_status {
            BatchStatus::LeftOut if user.is_none() => {}
            BatchStatus::Refused(refusal) if user.is_none() => return Err(ApiError::chosen(refusal)),
            _ => data.push(json!({name.to_lowercase(): word(request, user)})),
        }
    }
    Ok(Envelope::new(request, "get batch user status")
        .data(data)
        .field("count", 0)
        .finish())
}

fn word(request: &Request<'_>, user: Option<&User>) -> &'static str {
    let millis = |lag: Duration| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
    let lag = millis(request.settings.status_lag);
    let is_known = |device: &SandboxDevice| device.signed_in_ms.saturating_add(lag) <= request.now_ms;
    let lag_out = millis(request.settings.sign_out_lag);
    let online = user.is_some_and(|user| {
        let departed = request.app.departures.get(&user.name);
        user.devices.iter().any(is_known)
            || departed.is_some_and(|departed| departed.saturating_add(lag_out) > request.now_ms)
    });
    if online { "online" } else { "offline" }
}
