//! Global mutes (page `user_global_mute`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::mutes::{LONGEST, MuteKind};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Form {
    username: Option<String>,
    chat: Option<i64>,
    groupchat: Option<i64>,
    chatroom: Option<i64>,
}

pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    let wanted = [form.chat, form.groupchat, form.chatroom];
    for (kind, seconds) in MuteKind::ALL.into_iter().zip(wanted) {
        if seconds.is_some_and(|seconds| !(-1..=LONGEST).contains(&seconds)) {
            return Err(ApiError::illegal_argument(format!(
                "{} is out of range",
                kind.name()
            )));
        }
    }
    let now_ms = request.now_ms;
    let user = form.username.and_then(|name| request.app.users.find_mut(&name));
    let user = user.ok_or_else(|| ApiError::property_not_found("username not found"))?;
    for (kind, seconds) in MuteKind::ALL.into_iter().zip(wanted) {
        if let Some(seconds) = seconds {
            user.mutes.set(kind, seconds, now_ms);
        }
    }
    Ok(Envelope::new(request, "post")
        .app()
        .path("/mutes")
        .data(json!({"result": "ok"}))
        .finish())
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let mut data = json!({
        "userid": format!("{}_{}", request.app.key, user.name),
        "unixtime": request.now_ms / 1_000,
    });
    for kind in MuteKind::ALL {
        data[kind.name()] = json!(user.mutes.remaining(kind, request.now_ms).unwrap_or(0));
    }
    Ok(Envelope::new(request, "get")
        .app()
        .path("/mutes")
        .data(data)
        .finish())
}

/// Lists one row per user and kind, those that ran out with 0.
#[expect(clippy::unnecessary_wraps, reason = "endpoints share one signature")]
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let page = request.number("pageNum", 1, 1..=usize::MAX);
    let size = request.number("pageSize", 10, 1..=50);
    let rows: Vec<_> = request
        .app
        .users
        .iter()
        .flat_map(|user| MuteKind::ALL.map(|kind| (user, kind)))
        .filter_map(|(user, kind)| {
            let seconds = user.mutes.remaining(kind, request.now_ms)?;
            Some(json!({"username": user.name, kind.name(): seconds}))
        })
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .collect();
    let data = json!({"data": rows, "unixtime": request.now_ms / 1_000});
    Ok(Envelope::new(request, "get")
        .app()
        .path("/mutes")
        .data(data)
        .finish())
}
