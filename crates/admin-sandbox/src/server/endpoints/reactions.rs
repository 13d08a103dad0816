//! Reactions to messages, and pinned messages, with the calls of the vendor's SDKs.

use serde::Deserialize;
use serde_json::{Value, json};

use super::conversations::actor;
use crate::realtime::annotated;
use crate::rules::reactions::NoteError;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reaction {
    msg_id: String,
    message: String,
}

#[derive(Deserialize)]
struct Target {
    to: String,
    #[serde(rename = "type")]
    kind: String,
    pin_msg_id: String,
}

fn refused(error: NoteError) -> ApiError {
    match error {
        NoteError::NoMessage => ApiError::no_resource(),
        NoteError::NothingToDo => ApiError::illegal_argument("there is nothing to add or to take away"),
    }
}

fn named(request: &Request<'_>, name: &str) -> String {
    request.query.get(name).cloned().unwrap_or_default()
}

pub(in crate::server) fn add(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let reaction: Reaction = request.form()?;
    change(request, &reaction, true, "post")
}

pub(in crate::server) fn remove(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let reaction = Reaction {
        msg_id: named(request, "msgId"),
        message: named(request, "message"),
    };
    change(request, &reaction, false, "delete")
}

fn change(request: &mut Request<'_>, reaction: &Reaction, add: bool, verb: &str) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let id = reaction.msg_id.parse().map_err(|_| ApiError::no_resource())?;
    let now_ms = request.now_ms;
    let groups: Vec<String> = request.app.groups.all.keys().cloned().collect();
    let sides = request.app.history.sides_of(id);
    let (from, other) = sides
        .into_iter()
        .find(|(owner, _)| *owner == user || owner.is_empty())
        .unwrap_or_default();
    let in_group = from.is_empty() || groups.contains(&other);
    let about = |kept: &crate::rules::history::Kept, viewer: &str| {
        let op = json!([{"operator": user, "reactionType": if add { "create" } else { "delete" }}]);
        let mut reactions = annotated::reactions(kept, viewer);
        if let Some(all) = reactions.as_array_mut() {
            all.retain(|one| one["reaction"] == reaction.message);
            if all.is_empty() {
                all.push(json!({"reaction": reaction.message, "count": 0, "userList": [], "state": false}));
            }
            for one in all {
                one["op"] = op.clone();
            }
        }
        json!({
            "from": user,
            "to": other,
            "channel_type": if in_group { "groupchat" } else { "chat" },
            "messageId": kept.id.to_string(),
            "reactions": reactions,
            "ts": now_ms,
        })
    };
    request
        .app
        .react(&user, id, &reaction.message, add, about)
        .map_err(refused)?;
    Ok(Envelope::new(request, verb)
        .data(json!({"result": "ok"}))
        .finish())
}

/// Returns the reactions to several messages.
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let listed = named(request, "msgIdList");
    let ids = listed.split(',').filter_map(|id| id.parse::<u64>().ok()).take(20);
    let rows: Vec<Value> = ids
        .filter_map(|id| request.app.message_of(&user, id))
        .map(|(kept, _)| {
            json!({"msgId": kept.id.to_string(), "reactionList": annotated::reactions(&kept, &user)})
        })
        .collect();
    Ok(Envelope::new(request, "get").data(rows).finish())
}

/// Returns who reacted in one way to a message, by pages.
pub(in crate::server) fn detail(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let id = named(request, "msgId")
        .parse()
        .map_err(|_| ApiError::no_resource())?;
    let (kept, _) = request
        .app
        .message_of(&user, id)
        .ok_or_else(ApiError::no_resource)?;
    let reaction = named(request, "message");
    let users = kept.notes.reactions.get(&reaction).cloned().unwrap_or_default();
    let from: usize = named(request, "currentPage").parse().unwrap_or(0);
    let size = request.number("pageSize", 20, 1..=100);
    let page: Vec<&String> = users.iter().skip(from).take(size).collect();
    let next = from.saturating_add(page.len());
    let data = json!({
        "reaction": reaction,
        "count": users.len(),
        "state": users.contains(&user),
        "userList": page,
        "cursor": if next < users.len() { json!(next.to_string()) } else { Value::Null },
    });
    Ok(Envelope::new(request, "get").data(data).finish())
}

pub(in crate::server) fn pin(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set_pin(request, true, "post")
}

pub(in crate::server) fn unpin(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set_pin(request, false, "delete")
}

fn set_pin(request: &mut Request<'_>, pin: bool, verb: &str) -> Result<Value, ApiError> {
    let target: Target = request.form()?;
    let (user, device) = actor(request)?;
    let id = target.pin_msg_id.parse().map_err(|_| ApiError::no_resource())?;
    let now_ms = request.now_ms;
    request
        .app
        .pin_message((&user, &device), (&target.to, &target.kind), id, pin, now_ms)
        .map_err(refused)?;
    Ok(Envelope::new(request, verb)
        .data(json!({"result": "ok"}))
        .finish())
}

pub(in crate::server) fn pinned(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let (other, kind) = (named(request, "to"), named(request, "type"));
    let app = &*request.app;
    let rows: Vec<Value> = app
        .pinned(&user, &other, &kind)
        .iter()
        .filter_map(|pin| {
            let (kept, _) = app.message_of(&user, pin.message)?;
            let mut message = annotated::json(app, &user, &kept)?;
            message["payload"] = json!(message["payload"].to_string());
            Some(json!({"message": message, "pin_opt_at": pin.at_ms, "pin_operator": pin.operator}))
        })
        .collect();
    let data = json!({"msg_infos": rows, "cursor": ""});
    Ok(Envelope::new(request, "get").data(data).finish())
}
