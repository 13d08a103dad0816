//! Messages sent by the app (page "send messages to users").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::rules::notices::Content;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// So many users take one call.
const MOST: usize = 600;

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    from: Option<String>,
    to: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
    body: Value,
    #[serde(default)]
    sync_device: bool,
}

/// Sends a message to users; the answer names an id for each recipient, and leaves out who is not there.
pub(in crate::server) fn send_to_users(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    if form.to.is_empty() || form.to.len() > MOST {
        return Err(ApiError::illegal_argument(format!(
            "to must name 1 to {MOST} users"
        )));
    }
    let content = content(&form)?;
    let from = form.from.as_deref().unwrap_or("admin");
    let now_ms = request.now_ms;
    let mut sent = Map::new();
    for to in &form.to {
        if let Some(id) = request
            .app
            .send_message(from, to, &content, form.sync_device, now_ms)
        {
            sent.insert(to.clone(), json!(id.to_string()));
        }
    }
    Ok(Envelope::new(request, "post")
        .app()
        .path("/messages/users")
        .data(Value::Object(sent))
        .finish())
}

fn content(form: &Form) -> Result<Content, ApiError> {
    let text = |name: &str| {
        let value = form.body[name].as_str().map(str::to_owned);
        value.ok_or_else(|| ApiError::illegal_argument(format!("body.{name} is missing")))
    };
    match form.kind.as_str() {
        "txt" => Ok(Content::Text(text("msg")?)),
        "cmd" => Ok(Content::Command(text("action")?)),
        "custom" => {
            let exts = form.body["customExts"].as_object();
            let exts: BTreeMap<String, String> = exts
                .into_iter()
                .flatten()
                .map(|(key, value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    (key.clone(), text)
                })
                .collect();
            Ok(Content::Custom(text("customEvent")?, exts))
        }
        other => Err(ApiError::illegal_argument(format!(
            "the sandbox cannot send messages of type {other}"
        ))),
    }
}
