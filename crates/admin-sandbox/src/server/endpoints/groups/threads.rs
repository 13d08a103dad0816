//! Threads in groups.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Acting, acting, done, refused, written};
use crate::rules::threads::ThreadAct;
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
    request
        .app
        .change_thread(acting.actor(), &id, act)
        .map_err(|error| refused(&error))?;
    let detail = request.app.groups.threads.get(&id).map(|thread| {
        json!({
            "id": id,
            "name": thread.name,
            "owner": thread.owner,
            "groupId": thread.group,
            "msgId": thread.message,
        })
    });
    Ok(done(request, verb, json!({"status": "ok", "detail": detail})))
}
