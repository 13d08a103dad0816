//! Device limits managed by the server.
//!
//! The public cloud documents no such calls; private deployments may have them, and a sandbox needs them.

use serde_json::{Value, json};

use crate::rules::limits::{DeviceLimits, UserLimits, effective};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[expect(clippy::unnecessary_wraps, reason = "endpoints share one signature")]
pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    Ok(app_limits(request, "get"))
}

pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let limits: DeviceLimits = request.form()?;
    request.app.set_limits(limits)?;
    Ok(app_limits(request, "put"))
}

pub(in crate::server) fn get_user(request: &mut Request<'_>) -> Result<Value, ApiError> {
    user_limits(request, "get")
}

pub(in crate::server) fn set_user(request: &mut Request<'_>) -> Result<Value, ApiError> {
    request.user()?;
    let limits: UserLimits = request.form()?;
    let name = request.arg(0).to_owned();
    request.app.set_user_limits(&name, limits)?;
    user_limits(request, "put")
}

pub(in crate::server) fn clear_user(request: &mut Request<'_>) -> Result<Value, ApiError> {
    request.user_mut()?.limits = None;
    user_limits(request, "delete")
}

fn app_limits(request: &Request<'_>, action: &str) -> Value {
    let data = written(&request.app.limits, "app");
    Envelope::new(request, action)
        .app()
        .path("/devices/limits")
        .data(data)
        .finish()
}

/// Answers with what holds for the user; `source` says whether it is the user's own or the app's.
fn user_limits(request: &Request<'_>, action: &str) -> Result<Value, ApiError> {
    let user = request.user()?;
    let source = if user.limits.is_some() { "user" } else { "app" };
    let data = written(&effective(&request.app.limits, user.limits.as_ref()), source);
    let path = format!("/users/{}/devices/limits", user.name);
    Ok(Envelope::new(request, action)
        .app()
        .path(&path)
        .data(data)
        .finish())
}

fn written(limits: &DeviceLimits, source: &str) -> Value {
    json!({
        "mode": limits.mode,
        "default": limits.default,
        "platforms": limits.platforms,
        "source": source,
    })
}
