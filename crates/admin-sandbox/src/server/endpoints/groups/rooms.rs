//! Chat rooms: made, found, changed and ended, and what is kept with them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::details::entity;
use super::{Acting, acting, acting_on_group, done, group_of_path, refused};
use crate::rules::groups::{Door, Entry, Group, GroupUpdate, NewGroup};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// So many members a chat room may have at most; and has, if nobody says.
const MOST_MEMBERS: u32 = 10_000;
const USUAL_MEMBERS: u32 = 200;

#[derive(Deserialize)]
struct Form {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    maxusers: Option<u32>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    members: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Changes {
    /// The page's word and the SDKs'.
    #[serde(default, alias = "groupname")]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    maxusers: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    meta_data: BTreeMap<String, String>,
    #[serde(default)]
    auto_delete: Option<String>,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    keys: Option<Vec<String>>,
}

fn most_members(given: Option<u32>) -> Result<Option<u32>, ApiError> {
    match given {
        Some(most) if most == 0 || most > MOST_MEMBERS => Err(ApiError::illegal_argument(format!(
            "maxusers must be 1 to {MOST_MEMBERS}"
        ))),
        other => Ok(other),
    }
}

/// Writes a chat room as lists of the service show it.
fn row(request: &Request<'_>, id: &str, room: &Group) -> Value {
    json!({
        "id": id,
        // The page's word, and the SDKs'.
        "name": room.name,
        "title": room.name,
        "description": room.description,
        "owner": format!("{}_{}", request.app.key, room.owner),
        "affiliations_count": room.members.len(),
        "max_users": room.most_members,
        "created": room.created_ms,
        "disabled": false,
    })
}

pub(in crate::server) fn create(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    let acting = acting(request, form.owner.as_deref())?;
    let new = NewGroup {
        name: form.name,
        description: form.description,
        members: form.members.unwrap_or_default(),
        entry: Entry {
            door: Door::Open,
            ..Entry::default()
        },
        most_members: Some(most_members(form.maxusers)?.unwrap_or(USUAL_MEMBERS)),
        ..NewGroup::default()
    };
    let now_ms = request.now_ms;
    let id = request.app.create_room(acting.actor(), new, now_ms);
    Ok(done(request, "post", json!({"id": id})))
}

/// Lists all chat rooms by pages, newest first.
#[expect(clippy::unnecessary_wraps, reason = "all endpoints have this form")]
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let all = request.app.groups.rooms.iter().rev();
    let rows = page(request, all);
    Ok(Envelope::new(request, "get")
        .app()
        .field("count", rows.len())
        .data(rows)
        .finish())
}

/// Lists the chat rooms that a user is in.
pub(in crate::server) fn joined(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let mine = request.app.groups.rooms.iter().rev();
    let rows = page(request, mine.filter(|(_, room)| room.members.contains(&user)));
    Ok(Envelope::new(request, "get")
        .app()
        .field("count", rows.len())
        .data(rows)
        .finish())
}

fn page<'a>(request: &Request<'_>, rooms: impl Iterator<Item = (&'a String, &'a Group)>) -> Vec<Value> {
    let page = request.number("pagenum", 1, 1..=usize::MAX);
    let size = request.number("pagesize", 50, 1..=1_000);
    rooms
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .map(|(id, room)| row(request, id, room))
        .collect()
}

/// Returns chat rooms, whose ids may be separated by commas.
pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let viewer = request.caller_name().map(str::to_owned);
    let ids = request.arg(0).split(',').take(100);
    let rooms: Vec<Value> = ids
        .filter_map(|id| Some(entity(id, request.app.groups.rooms.get(id)?, viewer.as_deref())))
        .collect();
    if rooms.is_empty() {
        return Err(ApiError::no_resource());
    }
    Ok(done(request, "get", json!(rooms)))
}

pub(in crate::server) fn update(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Changes = request.form()?;
    let (id, now_ms) = (request.arg(0).to_owned(), request.now_ms);
    let acting = acting_on_group(request)?;
    let data = json!({
        "groupname": form.name.is_some(),
        "description": form.description.is_some(),
        "maxusers": form.maxusers.is_some(),
    });
    let update = GroupUpdate {
        name: form.name,
        description: form.description,
        most_members: most_members(form.maxusers)?,
        ..GroupUpdate::default()
    };
    let updated = request.app.update_group(acting.actor(), &id, update, now_ms);
    updated.map_err(|error| refused(&error))?;
    Ok(done(request, "put", data))
}

pub(in crate::server) fn destroy(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let destroyed = request.app.destroy_group(acting.actor(), &id);
    destroyed.map_err(|error| refused(&error))?;
    Ok(done(request, "delete", json!({"success": true, "id": id})))
}

/// Returns what is kept with a chat room; all of it if nothing is named.
pub(in crate::server) fn properties(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Names { keys } = request.form()?;
    let wanted = |name: &String| {
        keys.as_ref()
            .is_none_or(|keys| keys.is_empty() || keys.contains(name))
    };
    let all = group_of_path(request)?.properties.iter();
    let data: BTreeMap<_, _> = all
        .filter(|(name, _)| wanted(name))
        .map(|(name, property)| (name, &property.value))
        .collect();
    let data = json!(data);
    Ok(done(request, "post", data))
}

pub(in crate::server) fn set_properties(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set(request, false)
}

/// Sets also what somebody else has set.
pub(in crate::server) fn force_properties(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set(request, true)
}

fn set(request: &mut Request<'_>, forced: bool) -> Result<Value, ApiError> {
    let form: Properties = request.form()?;
    let (acting, id) = acting_in_room(request)?;
    let leaves = form.auto_delete.as_deref() != Some("NO_DELETE");
    let kept = request
        .app
        .set_properties(acting.actor(), &id, form.meta_data, forced, leaves)
        .map_err(|error| refused(&error))?;
    Ok(done(request, "put", kept.as_json()))
}

pub(in crate::server) fn remove_properties(request: &mut Request<'_>) -> Result<Value, ApiError> {
    remove(request, false)
}

/// Removes also what somebody else has set.
pub(in crate::server) fn force_removal(request: &mut Request<'_>) -> Result<Value, ApiError> {
    remove(request, true)
}

fn remove(request: &mut Request<'_>, forced: bool) -> Result<Value, ApiError> {
    let Names { keys } = request.form()?;
    let (acting, id) = acting_in_room(request)?;
    let kept = request
        .app
        .remove_properties(acting.actor(), &id, keys.unwrap_or_default(), forced)
        .map_err(|error| refused(&error))?;
    Ok(done(request, "delete", kept.as_json()))
}

/// Returns who acts in the room of the path: the user that it names, whose token it must be.
fn acting_in_room(request: &Request<'_>) -> Result<(Acting, String), ApiError> {
    let acting = acting(request, Some(request.arg(1)))?;
    if !acting.user.eq_ignore_ascii_case(request.arg(1)) {
        return Err(ApiError::no_permission("the user's own token"));
    }
    Ok((acting, request.arg(0).to_owned()))
}
