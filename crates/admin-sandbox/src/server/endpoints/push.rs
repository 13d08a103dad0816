//! Push tokens of a user's devices, and what push notifications look like (pages `push_*`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::push::{PushBinding, PushSettings};
use crate::rules::users::UpdateError;
use crate::server::envelope::{Envelope, entity};
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Binding {
    device_id: String,
    #[serde(default)]
    device_token: String,
    #[serde(default)]
    notifier_name: String,
}

#[derive(Deserialize)]
struct Settings {
    nickname: Option<String>,
    notification_display_style: Option<u8>,
    notification_no_disturbing: Option<bool>,
    notification_no_disturbing_start: Option<u8>,
    notification_no_disturbing_end: Option<u8>,
}

/// Binds or unbinds a device; answers with what is left of that device.
pub(in crate::server) fn bind(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Binding = request.form()?;
    if form.device_id.is_empty() {
        return Err(ApiError::illegal_argument("device_id is empty"));
    }
    let device = form.device_id.clone();
    let user = request.user_mut()?;
    user.push_bindings.bind(PushBinding {
        device_id: form.device_id,
        device_token: form.device_token,
        notifier_name: form.notifier_name,
    });
    let left = json!(user.push_bindings.of(&device));
    Ok(Envelope::new(request, "put").field("entities", left).finish())
}

pub(in crate::server) fn bindings(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let all = json!(request.user()?.push_bindings.all());
    Ok(Envelope::new(request, "get").field("entities", all).finish())
}

/// Changes the nickname and what push notifications look like.
pub(in crate::server) fn update(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Settings = request.form()?;
    let name = request.arg(0).to_owned();
    let settings = PushSettings {
        display_style: form.notification_display_style,
        no_disturbing: form.notification_no_disturbing,
        no_disturbing_start: form.notification_no_disturbing_start,
        no_disturbing_end: form.notification_no_disturbing_end,
    };
    let updated = request
        .app
        .update_user(&name, form.nickname, settings, request.now_ms);
    let user = updated
        .ok_or_else(ApiError::no_resource)?
        .map_err(|error| match error {
            UpdateError::NicknameTooLong => ApiError::illegal_argument("NICKNAME_TOO_LONG"),
            UpdateError::OutOfRange(text) => ApiError::illegal_argument(text),
        })?;
    let entity = entity(user);
    Ok(Envelope::new(request, "put")
        .app()
        .path("/users")
        .field("entities", vec![entity])
        .finish())
}
