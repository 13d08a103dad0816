//! What SDKs do to a user's own conversations: pins, marks, deletion. `?resource=` names the acting device.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::conversations::Acting;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Target {
    to: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Mark {
    mark: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Deletion {
    channel: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    delete_roam: bool,
}

/// The acting user and device.
pub(super) fn actor(request: &Request<'_>) -> Result<(String, String), ApiError> {
    let user = request.user()?.name.clone();
    Ok((user, request.query.get("resource").cloned().unwrap_or_default()))
}

pub(in crate::server) fn pin(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let target: Target = request.form()?;
    set_pin(request, &target, true, "post")
}

pub(in crate::server) fn unpin(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let named = |name: &str| request.query.get(name).cloned().unwrap_or_default();
    let target = Target {
        to: named("to"),
        kind: named("type"),
    };
    set_pin(request, &target, false, "delete")
}

fn set_pin(request: &mut Request<'_>, target: &Target, pin: bool, verb: &str) -> Result<Value, ApiError> {
    let (user, device) = actor(request)?;
    let now_ms = request.now_ms;
    let acting = Acting {
        user: &user,
        device: &device,
        id: &target.to,
        kind: &target.kind,
    };
    request.app.pin_conversation(acting, pin, now_ms);
    let data = json!({"is_top": pin, "update_top_status_time": now_ms});
    Ok(Envelope::new(request, verb).app().data(data).finish())
}

pub(in crate::server) fn mark(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set_mark(request, true, "post")
}

pub(in crate::server) fn unmark(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set_mark(request, false, "delete")
}

fn set_mark(request: &mut Request<'_>, set: bool, verb: &str) -> Result<Value, ApiError> {
    let Mark { mark, targets } = request.form()?;
    let (user, device) = actor(request)?;
    let now_ms = request.now_ms;
    for target in &targets {
        let acting = Acting {
            user: &user,
            device: &device,
            id: &target.to,
            kind: &target.kind,
        };
        request.app.mark_conversation(acting, &mark, set, now_ms);
    }
    Ok(Envelope::new(request, verb)
        .app()
        .data(json!({"ignore": []}))
        .finish())
}

pub(in crate::server) fn delete(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Deletion {
        channel,
        kind,
        delete_roam,
    } = request.form()?;
    let (user, device) = actor(request)?;
    let now_ms = request.now_ms;
    let acting = Acting {
        user: &user,
        device: &device,
        id: &channel,
        kind: &kind,
    };
    request.app.delete_conversation(acting, delete_roam, now_ms);
    Ok(Envelope::new(request, "delete")
        .app()
        .data(json!({"result": "ok"}))
        .finish())
}
