//! Messages sent by the app, taken back, and listed in files (pages "send messages", "broadcast", "recall" and "message
//! history").

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::realtime::wire_content::file_of;
use crate::rules::App;
use crate::rules::broadcasts::{Audience, TooMany};
use crate::rules::civil;
use crate::rules::content::{Content, FileKind, Said};
use crate::rules::messages::{Outgoing, Recall, RecallError};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::files;
use crate::server::request::Request;

/// So many users take one call.
const MOST_USERS: usize = 600;

/// So many groups take one call.
const MOST_GROUPS: usize = 3;

/// Files of past messages are kept so long.
const KEPT_MS: u64 = 3 * 24 * 60 * 60 * 1_000;

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    from: Option<String>,
    to: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
    body: Map<String, Value>,
    #[serde(default)]
    sync_device: bool,
    #[serde(default)]
    routetype: String,
    #[serde(default)]
    ext: Option<Value>,
}

/// The form of the older page, and of broadcasts: the type is in the message.
#[derive(Deserialize)]
struct OlderForm {
    #[serde(default)]
    target_type: String,
    #[serde(default)]
    target: Vec<String>,
    msg: Map<String, Value>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    ext: Option<Value>,
}

/// Sends a message to users; the answer names an id for each recipient, whom the service does not look up.
pub(in crate::server) fn send_to_users(request: &mut Request<'_>) -> Result<Value, ApiError> {
    send_each(request, "/messages/users", MOST_USERS, App::send_message)
}

/// Sends a message to groups.
pub(in crate::server) fn send_to_groups(request: &mut Request<'_>) -> Result<Value, ApiError> {
    send_each(
        request,
        "/messages/chatgroups",
        MOST_GROUPS,
        App::send_group_message,
    )
}

/// Sends a message to at most so many recipients by `send`, which returns the id.
fn send_each(
    request: &mut Request<'_>,
    path: &str,
    most: usize,
    send: impl Fn(&mut App, &str, &Outgoing<'_>, u64) -> u64,
) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    check_number(&form.to, most)?;
    let outgoing = Outgoing {
        online_only: form.routetype == "ROUTE_ONLINE",
        sync: form.sync_device,
        ..outgoing(&form.kind, &form.body, form.ext.as_ref(), form.from.as_ref())?
    };
    let now_ms = request.now_ms;
    let mut ids = Map::new();
    for to in &form.to {
        let id = send(request.app, to, &outgoing, now_ms);
        ids.insert(to.clone(), json!(id.to_string()));
    }
    Ok(sent(request, path, ids.into()))
}

/// Sends a message as older servers knew it; the answer says `success` where the newer one has an id.
pub(in crate::server) fn send(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: OlderForm = request.form()?;
    let to_groups = match form.target_type.as_str() {
        "users" => false,
        "chatgroups" => true,
        other => {
            return Err(ApiError::illegal_argument(format!(
                "target_type [{other}] is not supported"
            )));
        }
    };
    check_number(&form.target, if to_groups { MOST_GROUPS } else { MOST_USERS })?;
    let outgoing = older_outgoing(&form)?;
    let now_ms = request.now_ms;
    let mut answers = Map::new();
    for to in &form.target {
        if to_groups {
            request.app.send_group_message(to, &outgoing, now_ms);
        } else {
            request.app.send_message(to, &outgoing, now_ms);
        }
        answers.insert(to.clone(), json!("success"));
    }
    Ok(sent(request, "/messages", answers.into()))
}

/// Sends a message to everybody.
pub(in crate::server) fn broadcast(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: OlderForm = request.form()?;
    match form.target_type.as_str() {
        "users" => {}
        "" => return Err(ApiError::illegal_argument("target_type must be provided")),
        _ => return Err(ApiError::illegal_argument("target_type can only be 'users'")),
    }
    send_to_all(request, &form, Audience::All, "/messages/broadcast")
}

/// Sends a message to everybody who is connected.
pub(in crate::server) fn broadcast_online(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: OlderForm = request.form()?;
    send_to_all(request, &form, Audience::Online, "/messages/users/broadcast")
}

fn send_to_all(
    request: &mut Request<'_>,
    form: &OlderForm,
    audience: Audience,
    path: &str,
) -> Result<Value, ApiError> {
    let outgoing = Outgoing {
        online_only: audience == Audience::Online,
        ..older_outgoing(form)?
    };
    let now_ms = request.now_ms;
    request
        .app
        .broadcasts
        .admit(audience, now_ms)
        .map_err(|error| match (error, audience) {
            (TooMany::TooSoon, _) => ApiError::rate(&request.settings.habits.rate_error),
            (TooMany::Today, Audience::Online) => ApiError::forbidden("online user broadcast limit exceeded"),
            (TooMany::Today, Audience::All) => ApiError::forbidden("broadcast message limit exceeded"),
        })?;
    let id = request.app.broadcast(&outgoing, now_ms);
    Ok(sent(request, path, json!({"id": id})))
}

fn check_number(to: &[String], most: usize) -> Result<(), ApiError> {
    match to.len() {
        0 => Err(ApiError::illegal_argument("to can't be empty")),
        count if count > most => Err(ApiError::illegal_argument("param to exceed limit")),
        _ => Ok(()),
    }
}

fn sent(request: &mut Request<'_>, path: &str, data: Value) -> Value {
    Envelope::new(request, "post")
        .app()
        .path(path)
        .data(data)
        .finish()
}

fn older_outgoing(form: &OlderForm) -> Result<Outgoing<'_>, ApiError> {
    let kind = form.msg.get("type").and_then(Value::as_str).unwrap_or_default();
    outgoing(kind, &form.msg, form.ext.as_ref(), form.from.as_ref())
}

/// Reads a message, which waits for recipients who are offline and is not shown to the sender's devices.
fn outgoing<'a>(
    kind: &str,
    fields: &Map<String, Value>,
    own: Option<&Value>,
    from: Option<&'a String>,
) -> Result<Outgoing<'a>, ApiError> {
    let content = Content {
        said: said(kind, fields)?,
        ext: ext(own)?,
    };
    Ok(Outgoing {
        from: sender(from)?,
        content,
        online_only: false,
        sync: false,
    })
}

fn sender(from: Option<&String>) -> Result<&str, ApiError> {
    match from.map(String::as_str) {
        None => Ok("admin"),
        Some("") => Err(ApiError::illegal_argument("from can't be empty")),
        Some(from) => Ok(from),
    }
}

fn ext(ext: Option<&Value>) -> Result<Map<String, Value>, ApiError> {
    match ext {
        None => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(_) => Err(ApiError::illegal_argument("ext must be JSONObject")),
    }
}

/// Reads what a message says; its fields are beside the type or in a `body` of their own.
fn said(kind: &str, fields: &Map<String, Value>) -> Result<Said, ApiError> {
    let optional = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let text = |name: &str| {
        optional(name).ok_or_else(|| ApiError::illegal_argument(format!("body.{name} is missing")))
    };
    let degrees = |name: &str| {
        let degrees = text(name)?.parse::<f64>();
        degrees.map_err(|_| ApiError::illegal_argument(format!("body.{name} is no number")))
    };
    let file = |kind| {
        text("url")?;
        Ok(Said::File(file_of(kind, fields)))
    };
    match kind {
        "txt" => Ok(Said::Text(text("msg")?)),
        "cmd" => Ok(Said::Command(text("action")?)),
        "custom" => {
            let exts = fields.get("customExts").and_then(Value::as_object);
            let exts = exts.into_iter().flatten().map(|(key, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (key.clone(), text)
            });
            Ok(Said::Custom(
                optional("customEvent").unwrap_or_default(),
                exts.collect(),
            ))
        }
        "loc" => Ok(Said::Location {
            latitude: degrees("lat")?,
            longitude: degrees("lng")?,
            address: text("addr")?,
        }),
        "img" => file(FileKind::Image),
        "audio" => file(FileKind::Audio),
        "video" => file(FileKind::Video),
        "file" => file(FileKind::Other),
        other => Err(ApiError::illegal_argument(format!(
            "type [{other}] is not supported"
        ))),
    }
}

#[derive(Deserialize)]
struct RecallForm {
    #[serde(default)]
    msg_id: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    chat_type: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    force: Option<bool>,
}

/// Takes a message back.
pub(in crate::server) fn recall(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: RecallForm = request.form()?;
    for (name, given) in [
        ("msg_id", &form.msg_id),
        ("to", &form.to),
        ("chat_type", &form.chat_type),
    ] {
        if given.is_empty() {
            let text = format!("param {name} can't be empty");
            return Err(ApiError::recall(StatusCode::BAD_REQUEST, &text));
        }
    }
    let Some(force) = form.force else {
        return Err(ApiError::recall(
            StatusCode::BAD_REQUEST,
            "param force can't be empty",
        ));
    };
    let not_found = || ApiError::recall(StatusCode::FORBIDDEN, "not_found msg");
    let by = form.from.as_deref().unwrap_or("admin");
    let recall = Recall {
        message: form.msg_id.parse().map_err(|_| not_found())?,
        by,
        to: &form.to,
        force,
    };
    let recalled = request.app.recall(recall, request.now_ms);
    let holders = recalled.map_err(|error| match error {
        RecallError::NoRecipient => ApiError::recall(StatusCode::BAD_REQUEST, "can't find msg to"),
        RecallError::TooOld => ApiError::recall(StatusCode::FORBIDDEN, "exceed recall time limit"),
        RecallError::NotFound => not_found(),
    })?;
    for holder in &holders {
        request.hub.take_back(holder, recall.message);
    }
    let data = json!({
        "recalled": "yes",
        "chattype": form.chat_type,
        "from": by,
        "to": form.to,
        "msg_id": form.msg_id,
    });
    Ok(sent(request, "/messages/msg_recall", data))
}

/// Says where the file of an hour's messages is; hours are those of UTC, as in clusters overseas.
pub(in crate::server) fn history(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let hour = request.arg(0).to_owned();
    let asked = format!("appkey: {}, time: {hour}", request.app.key);
    let Some(from_ms) = civil::hour(&hour) else {
        return Err(ApiError::illegal_argument(format!("illegal arguments: {asked}")));
    };
    if request.now_ms.saturating_sub(from_ms) > KEPT_MS {
        let text = format!("illegal arguments: {asked}, maybe chat message history is expired or unstored");
        return Err(ApiError::illegal_argument(text));
    }
    if files::lines(request.app, from_ms).is_empty() {
        return Err(ApiError::no_file(format!(
            "Failed to find chat message history download url for {asked}"
        )));
    }
    let address = files::address(request.app, &hour, request.now_ms);
    let data = json!([{"url": format!("{}{address}", request.rest_url)}]);
    let path = format!("/chatmessages/{hour}");
    Ok(Envelope::new(request, "get").app().uri(&path).data(data).finish())
}
