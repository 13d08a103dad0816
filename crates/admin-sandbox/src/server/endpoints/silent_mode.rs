//! When a user wants no push notifications (page "offline push settings").

use serde::Deserialize;
use serde_json::{Value, json};

use super::conversations::actor;
use crate::rules::silent_mode::{Silenced, SilentMode};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[serde(rename = "type")]
    remind: Option<String>,
    ignore_interval: Option<String>,
    /// In milliseconds.
    ignore_duration: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Language {
    translation_language: String,
}

/// Returns what the path is about: everything, if it names the user again.
fn about<'a>(user: &str, kind: &str, name: &'a str) -> Result<Silenced<'a>, ApiError> {
    match kind {
        "user" if name.eq_ignore_ascii_case(user) => Ok(Silenced::All),
        "user" => Ok(Silenced::User(name)),
        "chatgroup" => Ok(Silenced::Group(name)),
        _ => Err(ApiError::no_resource()),
    }
}

pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    let known = ["DEFAULT", "ALL", "AT", "NONE"];
    if form
        .remind
        .as_ref()
        .is_some_and(|remind| !known.contains(&remind.as_str()))
    {
        return Err(ApiError::illegal_argument(
            "type must be DEFAULT, ALL, AT or NONE",
        ));
    }
    let (user, device) = actor(request)?;
    let (kind, name) = (request.arg(1).to_owned(), request.arg(2).to_owned());
    let until_ms = form
        .ignore_duration
        .map(|millis| request.now_ms.saturating_add(millis));
    let change = |mode: &mut SilentMode| {
        if let Some(remind) = form.remind {
            mode.remind = (remind != "DEFAULT").then_some(remind);
        }
        mode.interval = form.ignore_interval.or(mode.interval.take());
        mode.until_ms = until_ms.or(mode.until_ms);
    };
    let mode = request
        .app
        .set_silent_mode(&user, &device, about(&user, &kind, &name)?, change);
    Ok(Envelope::new(request, "put").data(mode.to_json()).finish())
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = &request.user()?.name;
    let about = about(user, request.arg(1), request.arg(2))?;
    let data = request.app.silent_mode(user, about).to_json();
    Ok(Envelope::new(request, "get").data(data).finish())
}

/// Returns the settings of the conversations that the query names.
pub(in crate::server) fn get_many(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = &request.user()?.name;
    let named = |kind: &str| request.query.get(kind).map(String::as_str).unwrap_or_default();
    let mut data = json!({"user": {}, "group": {}});
    for (kind, make) in [("user", Silenced::User as fn(_) -> _), ("group", Silenced::Group)] {
        for name in named(kind).split(',').filter(|name| !name.is_empty()) {
            data[kind][name] = request.app.silent_mode(user, make(name)).to_json();
        }
    }
    Ok(Envelope::new(request, "get").data(data).finish())
}

/// Returns the conversations with a setting of their own.
pub(in crate::server) fn reminded(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = &request.user()?.name;
    let rows = request.app.reminded(user).into_iter();
    let data: Vec<Value> = rows
        .map(|(in_group, name, remind)| json!({if in_group { "group" } else { "user" }: name, "value": remind}))
        .collect();
    Ok(Envelope::new(request, "get").data(data).finish())
}

pub(in crate::server) fn set_language(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Language { translation_language } = request.form()?;
    let user = request.user_mut()?;
    user.push_language = Some(translation_language.clone());
    let data = json!({"language": translation_language});
    Ok(Envelope::new(request, "put").data(data).finish())
}

pub(in crate::server) fn language(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let data = json!({"language": request.user()?.push_language.clone().unwrap_or_default()});
    Ok(Envelope::new(request, "get").data(data).finish())
}
