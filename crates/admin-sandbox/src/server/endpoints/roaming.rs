//! The messages that the service keeps: read again, or deleted, with the calls of the vendor's SDKs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::conversations::actor;
use crate::realtime::annotated;
use crate::rules::conversations::{Acting, Roaming};
use crate::rules::history::{SHARED, Wanted};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// So many messages fit into an answer.
const MOST: usize = 50;

#[derive(Deserialize)]
struct Form {
    /// `name@domain`
    queue: String,
    /// The id of a message as text, or a negative number.
    #[serde(default)]
    start: Value,
    #[serde(default)]
    pull_number: Option<usize>,
    #[serde(default)]
    is_positive: bool,
}

/// Returns kept messages, each as devices get it.
pub(in crate::server) fn read(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    let user = request.user()?.name.clone();
    let other = form
        .queue
        .rsplit_once('@')
        .map_or(form.queue.as_str(), |(name, _)| name);
    let beyond = match &form.start {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let wanted = Wanted {
        beyond,
        most: form.pull_number.unwrap_or(MOST).min(MOST),
        ascending: form.is_positive,
    };
    let app = &*request.app;
    let keeper = app.keeper(&user, other);
    if keeper == SHARED && !app.may_read(&user, other) {
        return Err(ApiError::no_permission("members of the group or chat room"));
    }
    let (page, last) = app.history.page(keeper, other, wanted);
    let messages: Vec<Value> = page
        .iter()
        .map(|kept| json!({"msg": STANDARD.encode(annotated::wire(app, &user, kept))}))
        .collect();
    // Ids are larger than what a number in JavaScript holds.
    let next = page.last().map_or(String::new(), |kept| kept.id.to_string());
    let data = json!({"msgs": messages, "is_last": last, "next_key": next});
    Ok(Envelope::new(request, "post").app().data(data).finish())
}

pub(in crate::server) fn delete_of_user(request: &mut Request<'_>) -> Result<Value, ApiError> {
    delete(request, "userId", "chat")
}

pub(in crate::server) fn delete_of_group(request: &mut Request<'_>) -> Result<Value, ApiError> {
    delete(request, "groupId", "groupChat")
}

fn delete(request: &mut Request<'_>, named: &str, kind: &str) -> Result<Value, ApiError> {
    let Some(id) = request.query.get(named).cloned() else {
        return Err(ApiError::illegal_argument(format!("{named} is missing")));
    };
    let time = request.query.get("delTime").and_then(|text| text.parse().ok());
    let listed = request.query.get("msgIdList");
    let ids: Vec<u64> = listed
        .into_iter()
        .flat_map(|list| list.split(','))
        .filter_map(|id| id.parse().ok())
        .collect();
    let which = match time {
        Some(until_ms) => Roaming::Until(until_ms),
        None if listed.is_some() => Roaming::Messages(&ids),
        None => return Err(ApiError::illegal_argument("delTime or msgIdList is needed")),
    };
    let (user, device) = actor(request)?;
    let acting = Acting {
        user: &user,
        device: &device,
        id: &id,
        kind,
    };
    let now_ms = request.now_ms;
    request.app.delete_roaming(acting, which, now_ms);
    Ok(Envelope::new(request, "delete")
        .app()
        .data(json!({"result": "ok"}))
        .finish())
}
