//! Groups and threads, with the calls of the vendor's SDKs. The caller's token says who acts, `?resource=` which
//! device.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::groups::{Actor, GroupError, ThreadAct};
use crate::server::auth::Caller;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct NewGroup {
    #[serde(default)]
    groupname: Option<String>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    members: Option<Vec<String>>,
}

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    meta_data: BTreeMap<String, String>,
}

/// A user and the device that acts.
struct Acting {
    user: String,
    device: String,
}

impl Acting {
    fn actor(&self) -> Actor<'_> {
        Actor {
            user: &self.user,
            device: &self.device,
        }
    }
}

/// Returns who acts: the owner of the token, or whom the app names.
fn acting(request: &Request<'_>, named: Option<&str>) -> Result<Acting, ApiError> {
    let user = match (&request.caller, named) {
        (Caller::User(name), _) => name.clone(),
        (_, Some(name)) => {
            let user = request.app.users.find(name).ok_or_else(ApiError::no_resource)?;
            user.name.clone()
        }
        _ => {
            return Err(ApiError::illegal_argument(
                "a user's token is needed, or a user that is named",
            ));
        }
    };
    let device = request.query.get("resource").cloned().unwrap_or_default();
    Ok(Acting { user, device })
}

/// Returns who acts on the group of the path: the owner of the token, or for the app the owner of the group.
fn acting_on_group(request: &Request<'_>) -> Result<Acting, ApiError> {
    let group = request.app.groups.all.get(request.arg(0));
    acting(request, group.map(|group| group.owner.as_str()))
}

fn refused(error: &GroupError) -> ApiError {
    match error {
        GroupError::Nothing => ApiError::no_resource(),
        GroupError::NoMember => ApiError::illegal_argument("users are not members of this group"),
        GroupError::NotOwner => ApiError::no_permission("group owner"),
    }
}

fn done(request: &mut Request<'_>, verb: &str, data: Value) -> Value {
    Envelope::new(request, verb).app().data(data).finish()
}

pub(in crate::server) fn create(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: NewGroup = request.form()?;
    let acting = acting(request, form.owner.as_deref())?;
    let now_ms = request.now_ms;
    let members = form.members.unwrap_or_default();
    let id = request.app.create_group(
        acting.actor(),
        &form.groupname.unwrap_or_default(),
        &members,
        now_ms,
    );
    Ok(done(request, "post", json!({"groupid": id})))
}

pub(in crate::server) fn destroy(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    request
        .app
        .destroy_group(acting.actor(), &id)
        .map_err(|error| refused(&error))?;
    Ok(done(request, "delete", json!({"success": true, "groupid": id})))
}

/// A member leaves, or is taken out.
pub(in crate::server) fn remove_member(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (id, member) = (request.arg(0).to_owned(), request.arg(1).to_owned());
    let acting = acting_on_group(request)?;
    request
        .app
        .leave_group(acting.actor(), &id, &member)
        .map_err(|error| refused(&error))?;
    Ok(done(
        request,
        "delete",
        json!({"result": true, "groupid": id, "user": member}),
    ))
}

pub(in crate::server) fn quit(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting(request, None)?;
    request
        .app
        .leave_group(acting.actor(), &id, &acting.user)
        .map_err(|error| refused(&error))?;
    Ok(done(request, "delete", json!({"result": true, "groupid": id})))
}

pub(in crate::server) fn set_attributes(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (id, member) = (request.arg(0).to_owned(), request.arg(1).to_owned());
    let Attributes { meta_data } = request.form()?;
    let acting = acting(request, Some(&member))?;
    let data = json!(meta_data);
    let set = request
        .app
        .set_member_attributes(acting.actor(), &id, &member, meta_data);
    set.map_err(|error| refused(&error))?;
    Ok(done(request, "put", data))
}

pub(in crate::server) fn create_thread(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: NewThread = request.form()?;
    let acting = acting(request, None)?;
    let now_ms = request.now_ms;
    let made = request
        .app
        .create_thread(acting.actor(), &form.group_id, &form.name, form.msg_id, now_ms);
    let id = made.map_err(|error| refused(&error))?;
    Ok(done(request, "post", json!({"thread_id": id})))
}

pub(in crate::server) fn join_thread(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change_thread(request, "post", ThreadAct::Join)
}

pub(in crate::server) fn quit_thread(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change_thread(request, "delete", ThreadAct::Leave)
}

pub(in crate::server) fn destroy_thread(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change_thread(request, "delete", ThreadAct::Destroy)
}

pub(in crate::server) fn rename_thread(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let NewName { name } = request.form()?;
    change_thread(request, "put", ThreadAct::Rename(&name))
}

fn change_thread(request: &mut Request<'_>, verb: &str, act: ThreadAct<'_>) -> Result<Value, ApiError> {
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
