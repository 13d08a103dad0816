//! Threads in groups.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Acting, acting, done, refused, visible, written};
use crate::realtime::annotated;
use crate::rules::history::SHARED;
use crate::rules::threads::{Thread, ThreadAct};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct NewThread {
    name: String,
    group_id: String,
    #[serde(default)]
    msg_id: Option<String>,
}

#[derive(Deserialize)]
struct NewName {
    name: String,
}

pub(in crate::server) fn create(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: NewThread = request.form()?;
    let acting = acting(request, None)?;
    let now_ms = request.now_ms;
    let made = request
        .app
        .create_thread(acting.actor(), &form.group_id, &form.name, form.msg_id, now_ms);
    let id = made.map_err(|error| refused(&error))?;
    Ok(done(request, "post", json!({"thread_id": id})))
}

pub(in crate::server) fn join(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let acting = acting_as_named(request)?;
    change(request, "post", &acting, ThreadAct::Join)
}

pub(in crate::server) fn quit(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let acting = acting_as_named(request)?;
    change(request, "delete", &acting, ThreadAct::Leave)
}

pub(in crate::server) fn destroy(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let acting = acting_on_thread(request)?;
    change(request, "delete", &acting, ThreadAct::Destroy)
}

pub(in crate::server) fn rename(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let NewName { name } = request.form()?;
    let acting = acting_on_thread(request)?;
    change(request, "put", &acting, ThreadAct::Rename(&name))
}

/// Returns the user whom the path names, who has to be the owner of the token; the app may name anybody.
fn acting_as_named(request: &Request<'_>) -> Result<Acting, ApiError> {
    let named = written(request, request.arg(1));
    let acting = acting(request, Some(&named))?;
    if acting.user == named {
        Ok(acting)
    } else {
        Err(ApiError::no_permission(&format!("thread of {named}")))
    }
}

/// Returns who acts on the thread of the path: the owner of the token, or for the app the owner of the thread.
fn acting_on_thread(request: &Request<'_>) -> Result<Acting, ApiError> {
    let thread = request.app.groups.threads.get(request.arg(0));
    let thread = thread.ok_or_else(ApiError::no_resource)?;
    acting(request, Some(&thread.owner))
}

fn change(
    request: &mut Request<'_>,
    verb: &str,
    acting: &Acting,
    act: ThreadAct<'_>,
) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let now_ms = request.now_ms;
    request
        .app
        .change_thread(acting.actor(), &id, act, now_ms)
        .map_err(|error| refused(&error))?;
    let thread = request.app.groups.threads.get(&id);
    let detail = thread.map(|thread| entity(&id, thread));
    Ok(done(request, verb, json!({"status": "ok", "detail": detail})))
}

/// Writes a thread as the service shows it.
fn entity(id: &str, thread: &Thread) -> Value {
    json!({
        "id": id,
        "name": thread.name,
        "owner": thread.owner,
        "groupId": thread.group,
        "msgId": thread.message,
        "created": thread.created_ms,
        "affiliations_count": thread.members.len(),
    })
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let data = entity(&id, seen_thread(request, &id)?);
    Ok(done(request, "get", data))
}

pub(in crate::server) fn members(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let members: Vec<String> = seen_thread(request, &id)?.members.iter().cloned().collect();
    let (page, cursor) = page(request, &members);
    let data = json!({"affiliations": page});
    Ok(with_cursor(request, cursor, |envelope| envelope.data(data)))
}

/// Takes a member out.
pub(in crate::server) fn kick(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = written(request, request.arg(1));
    let acting = acting_on_thread(request)?;
    change(request, "delete", &acting, ThreadAct::Kick(&user))?;
    Ok(done(request, "delete", json!({"result": true, "user": user})))
}

/// Lists the threads of a group.
pub(in crate::server) fn of_group(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let group = request.arg(0).to_owned();
    visible(request, &group)?;
    Ok(list(request, |thread| thread.group == group))
}

/// Lists the threads of a group that a user has joined.
pub(in crate::server) fn joined_of_group(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (group, user) = (request.arg(0).to_owned(), written(request, request.arg(1)));
    visible(request, &group)?;
    Ok(list(request, |thread| {
        thread.group == group && thread.members.contains(&user)
    }))
}

/// Lists the threads that a user has joined.
pub(in crate::server) fn joined(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    Ok(list(request, |thread| thread.members.contains(&user)))
}

/// Returns the newest message of each of several threads.
pub(in crate::server) fn last_messages(request: &mut Request<'_>) -> Result<Value, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wanted {
        thread_ids: Vec<String>,
    }

    let Wanted { thread_ids } = request.form()?;
    let viewer = acting(request, None)?.user;
    let mut rows = Vec::new();
    for id in thread_ids.iter().take(20) {
        seen_thread(request, id)?;
        let app = &*request.app;
        let newest = app.history.newest(SHARED, id);
        let last = newest.and_then(|kept| annotated::json(app, &viewer, &kept));
        rows.push(json!({"thread_id": id, "last_message": last.unwrap_or_else(|| json!({}))}));
    }
    Ok(Envelope::new(request, "post")
        .app()
        .field("entities", rows)
        .finish())
}

/// Returns a thread, if the caller may see its group.
fn seen_thread<'a>(request: &'a Request<'_>, id: &str) -> Result<&'a Thread, ApiError> {
    let thread = request.app.groups.threads.get(id);
    let thread = thread.ok_or_else(ApiError::no_resource)?;
    visible(request, &thread.group)?;
    Ok(thread)
}

fn list(request: &Request<'_>, wanted: impl Fn(&Thread) -> bool) -> Value {
    let all = request.app.groups.threads.iter().rev();
    let wanted: Vec<Value> = all
        .filter(|(_, thread)| wanted(thread))
        .map(|(id, thread)| entity(id, thread))
        .collect();
    let (page, cursor) = page(request, &wanted);
    with_cursor(request, cursor, |envelope| envelope.field("entities", page))
}

/// Returns the page that the query asks for, and where the next one begins.
fn page<T: Clone>(request: &Request<'_>, all: &[T]) -> (Vec<T>, Option<String>) {
    let limit = request.number("limit", 20, 1..=50);
    let from = request
        .query
        .get("cursor")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let page: Vec<T> = all.iter().skip(from).take(limit).cloned().collect();
    let next = from.saturating_add(page.len());
    (page, (next < all.len()).then(|| next.to_string()))
}

fn with_cursor(
    request: &Request<'_>,
    cursor: Option<String>,
    fill: impl FnOnce(Envelope<'_>) -> Envelope<'_>,
) -> Value {
    let envelope = fill(Envelope::new(request, "get").app());
    envelope
        .field("properties", json!({"cursor": cursor}))
        .field("cursor", cursor)
        .finish()
}
