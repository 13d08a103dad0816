//! What SDKs do to a user's own conversations: pins, marks, deletion. `?resource=` names the acting device.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::realtime::annotated;
use crate::rules::App;
use crate::rules::conversations::{Acting, Channel};
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

/// Lists a user's conversations, the one with the newest message first.
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let flag = |name: &str| request.query.get(name).is_some_and(|text| text == "true");
    let (pinned, empty) = (flag("is_top"), flag("needEmptySession"));
    let mark = request.query.get("mark").filter(|mark| !mark.is_empty());
    let rows = request.app.channels(&user).into_iter().filter(|channel| {
        (!pinned || channel.state.pinned_ms.is_some())
            && (empty || channel.has_messages() || channel.state.pinned_ms.is_some())
            && mark.is_none_or(|mark| channel.state.marks.contains(mark))
    });
    let rows: Vec<Channel> = rows.collect();
    let (from, size) = if request.query.contains_key("pageNum") {
        let size = request.number("pageSize", 20, 1..=100);
        let page = request.number("pageNum", 1, 1..=usize::MAX);
        ((page - 1).saturating_mul(size), size)
    } else {
        let from = request.query.get("cursor").and_then(|text| text.parse().ok());
        (from.unwrap_or(0), request.number("limit", 100, 1..=100))
    };
    let app = &*request.app;
    let page = rows.iter().skip(from).take(size);
    let shown: Vec<Value> = page.map(|channel| shown(app, &user, channel)).collect();
    let next = from.saturating_add(shown.len());
    let cursor = if next < rows.len() {
        next.to_string()
    } else {
        String::new()
    };
    let data = json!({"cursor": cursor, "channel_infos": shown});
    Ok(Envelope::new(request, "get").data(data).finish())
}

/// Writes a conversation as the newer and the older list have it.
fn shown(app: &App, user: &str, channel: &Channel) -> Value {
    let (kind, domain) = if channel.in_group {
        ("groupchat", "conference.easemob.com")
    } else {
        ("chat", "easemob.com")
    };
    let newest = channel.newest(app);
    let newest = newest.and_then(|kept| annotated::json(app, user, &kept));
    let meta = newest.map_or_else(
        || json!({}),
        |mut json| {
            // In these lists, it is text.
            json["payload"] = json!(json["payload"].to_string());
            json
        },
    );
    json!({
        "session_to": channel.other,
        "session_type": kind,
        "channel_id": format!("{}_{}@{domain}", app.key, channel.other),
        "is_top": channel.state.pinned_ms.is_some(),
        "update_top_status_time": channel.state.pinned_ms.unwrap_or(0),
        "unread_num": channel.unread(app, user),
        "marks": channel.state.marks,
        "meta": meta,
    })
}

/// Deletes all conversations and messages of a user.
pub(in crate::server) fn delete_all(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    request.app.history.forget_user(&user);
    request.app.conversations.remove(&user);
    Ok(Envelope::new(request, "post")
        .app()
        .data(json!({"result": "ok"}))
        .finish())
}
