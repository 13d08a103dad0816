//! Who may do what in a group.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{acting_on_group, done, refused, seen, written};
use crate::rules::groups::RoleAct;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct NewAdmin {
    newadmin: String,
}

#[derive(Deserialize)]
struct NewMutes {
    usernames: Vec<String>,
    /// In milliseconds; negative is for ever.
    mute_duration: i64,
}

fn change(request: &mut Request<'_>, act: RoleAct<'_>) -> Result<(), ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let changed = request.app.change_role(acting.actor(), &id, act);
    changed.map_err(|error| refused(&error))
}

pub(super) fn set_owner(request: &mut Request<'_>, owner: &str) -> Result<Value, ApiError> {
    let owner = written(request, owner);
    change(request, RoleAct::SetOwner(&owner))?;
    Ok(done(request, "put", json!({"newowner": true})))
}

pub(in crate::server) fn admins(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let admins = json!(seen(request)?.admins);
    Ok(done(request, "get", admins))
}

pub(in crate::server) fn add_admin(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let NewAdmin { newadmin } = request.form()?;
    let newadmin = written(request, &newadmin);
    change(request, RoleAct::AddAdmin(&newadmin))?;
    Ok(done(
        request,
        "post",
        json!({"result": "success", "newadmin": newadmin}),
    ))
}

pub(in crate::server) fn remove_admin(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let admin = written(request, request.arg(1));
    change(request, RoleAct::RemoveAdmin(&admin))?;
    Ok(done(
        request,
        "delete",
        json!({"result": "success", "oldadmin": admin}),
    ))
}

pub(in crate::server) fn mutes(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let muted = &seen(request)?.muted;
    let data: Vec<Value> = muted
        .iter()
        .map(|(user, until)| json!({"user": user, "expire": until}))
        .collect();
    Ok(done(request, "get", json!(data)))
}

pub(in crate::server) fn mute(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: NewMutes = request.form()?;
    let names = form.usernames.iter();
    let users: Vec<String> = names.map(|name| written(request, name)).collect();
    let until_ms =
        u64::try_from(form.mute_duration).map_or(u64::MAX, |millis| request.now_ms.saturating_add(millis));
    for user in &users {
        change(request, RoleAct::Mute(user, until_ms))?;
    }
    let data: Vec<Value> = users
        .iter()
        .map(|user| json!({"result": true, "user": user, "expire": until_ms}))
        .collect();
    Ok(done(request, "post", json!(data)))
}

pub(in crate::server) fn unmute(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = written(request, request.arg(1));
    change(request, RoleAct::Unmute(&user))?;
    Ok(done(request, "delete", json!([{"result": true, "user": user}])))
}

pub(in crate::server) fn mute_all(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change(request, RoleAct::MuteAll(true))?;
    Ok(done(request, "post", json!({"mute": true})))
}

pub(in crate::server) fn unmute_all(request: &mut Request<'_>) -> Result<Value, ApiError> {
    change(request, RoleAct::MuteAll(false))?;
    Ok(done(request, "delete", json!({"mute": false})))
}
