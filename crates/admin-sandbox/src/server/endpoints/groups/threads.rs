//! Threads in groups.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{acting, done, refused};
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
    change(request, "post", ThreadAct::Join)
}

pub(in crate::server) fn quit(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change(request, "delete", ThreadAct::Leave)
}

pub(in crate::server) fn destroy(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change(request, "delete", ThreadAct::Destroy)
}

pub(in crate::server) fn rename(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let NewName { name } = request.form()?;
    change(request, "put", ThreadAct::Rename(&name))
}

fn change(request: &mut Request<'_>, verb: &str, act: ThreadAct<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting(request, None)?;
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
