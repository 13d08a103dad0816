//! Presence (pages `presence_*`); its answers have no envelope, and write numbers as strings.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::presence::visible_status;
use crate::rules::users::User;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// The most users one call may name.
const BATCH: usize = 100;
const LONGEST_EXT: usize = 1_024;
const LONGEST_SUBSCRIPTION_S: u64 = 2_592_000;

#[derive(Deserialize)]
struct StatusForm {
    ext: Option<String>,
}

#[derive(Deserialize)]
struct UsersForm {
    #[serde(default)]
    usernames: Vec<String>,
}

/// The page's table and its example disagree on this body.
#[derive(Deserialize)]
#[serde(untagged)]
enum UnsubscribeForm {
    Bare(Vec<String>),
    Named { users: Vec<String> },
}

pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: StatusForm = request.form()?;
    let ext = form
        .ext
        .ok_or_else(|| ApiError::illegal_argument("ext cannot be null"))?;
    if ext.len() > LONGEST_EXT {
        return Err(ApiError::illegal_argument("ext is too big"));
    }
    let (resource, status) = (request.arg(1).to_owned(), request.arg(2).to_owned());
    if !status.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::illegal_argument("status must be a number"));
    }
    let now_ms = request.now_ms;
    request
        .user_mut()?
        .presence
        .publish(&resource, &status, &ext, now_ms);
    let name = request.user()?.name.clone();
    request.app.tell_presence(&name, now_ms);
    Ok(json!({"result": "ok"}))
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let names = usernames(request, "too many get presences")?;
    let shown: Vec<_> = names
        .iter()
        .filter_map(|name| Some(written(request.app.users.find(name)?)))
        .collect();
    Ok(json!({"result": shown}))
}

pub(in crate::server) fn subscribe(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let seconds = request
        .arg(1)
        .parse()
        .ok()
        .filter(|seconds| *seconds <= LONGEST_SUBSCRIPTION_S);
    let seconds: u64 = seconds.ok_or_else(|| ApiError::illegal_argument("expiry is not legal"))?;
    let names = usernames(request, "too many sub presence")?;
    let subscriber = request.user()?.name.clone();
    if names.iter().any(|name| name.to_lowercase() == subscriber) {
        return Err(ApiError::illegal_argument("you can't sub yourself"));
    }
    let until_ms = request.now_ms + seconds * 1_000;
    let mut shown = Vec::new();
    for name in names {
        let Some(user) = request.app.users.find(&name) else {
            continue;
        };
        let (name, mut row) = (user.name.clone(), written(user));
        row["expiry"] = json!((until_ms / 1_000).to_string());
        shown.push(row);
        request.app.users.follow(&subscriber, &name, until_ms);
    }
    Ok(json!({"result": shown}))
}

pub(in crate::server) fn unsubscribe(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (UnsubscribeForm::Bare(names) | UnsubscribeForm::Named { users: names }) = request.form()?;
    let subscriber = request.user()?.name.clone();
    for name in &names {
        request.app.users.unfollow(&subscriber, &name.to_lowercase());
    }
    Ok(json!({"result": "ok"}))
}

pub(in crate::server) fn subscriptions(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let page = request.number("pageNum", 1, 1..=usize::MAX);
    let size = request.number("pageSize", 1, 1..=500);
    let held = request.user()?.presence.subscriptions(request.now_ms);
    let rows = held.iter().skip((page - 1).saturating_mul(size)).take(size);
    let rows: Vec<_> = rows
        .map(|(user, until_ms)| json!({"uid": user, "expiry": (until_ms / 1_000).to_string()}))
        .collect();
    Ok(json!({"result": {"totalnum": held.len().to_string(), "sublist": rows}}))
}

/// Counts the members who are online; type 0 is about servers of communities, of which there are none here.
pub(in crate::server) fn group_online(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (group, kind) = (request.arg(0), request.arg(1));
    if !matches!(kind, "0" | "1") {
        return Err(ApiError::illegal_argument(format!(
            "query_type [{kind}] is not legal"
        )));
    }
    let members = request.app.groups.all.get(group).filter(|_| kind == "1");
    let members = members.into_iter().flat_map(|group| &group.members);
    let online = |name: &&String| {
        let user = request.app.users.find(name);
        user.is_some_and(|user| !user.devices.is_empty())
    };
    Ok(json!({"result": members.filter(online).count()}))
}

fn usernames(request: &Request<'_>, too_many: &str) -> Result<Vec<String>, ApiError> {
    let form: UsersForm = request.form()?;
    match form.usernames.len() {
        0 => Err(ApiError::illegal_argument("usernames is empty")),
        1..=BATCH => Ok(form.usernames),
        _ => Err(ApiError::illegal_argument(too_many)),
    }
}

fn written(user: &User) -> Value {
    json!({
        "uid": user.name,
        "last_time": (user.presence.last_ms / 1_000).to_string(),
        "ext": user.presence.ext,
        "status": visible_status(user),
    })
}
