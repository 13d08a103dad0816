//! Groups, chat rooms and threads, with the calls of the vendor's SDKs. The caller's token says who acts, `?resource=` which
//! device.

pub(in crate::server) mod attributes;
pub(in crate::server) mod details;
pub(in crate::server) mod membership;
pub(in crate::server) mod roles;
pub(in crate::server) mod rooms;
pub(in crate::server) mod shared_files;
pub(in crate::server) mod threads;

use serde::Deserialize;
use serde_json::{Value, json};

use self::roles::set_owner;
pub(in crate::server) use crate::rules::groups::Changed;
use crate::rules::groups::{Actor, Door, Entry, Group, GroupError, GroupUpdate, Kind, NewGroup};
use crate::server::auth::Caller;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the fields of the service's form"
)]
#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    groupname: String,
    /// The SDKs' word for the description, which may come together with the page's.
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    /// What the app keeps with the group.
    #[serde(default)]
    custom: Option<String>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    approval: bool,
    #[serde(default)]
    membersonly: bool,
    #[serde(default)]
    members_only: bool,
    #[serde(default)]
    allowinvites: bool,
    #[serde(default)]
    invite_need_confirm: bool,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    groupname: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    custom: Option<String>,
    #[serde(default)]
    newowner: Option<String>,
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

/// Returns the group or chat room of the path.
fn group_of_path<'a>(request: &'a Request<'_>) -> Result<&'a Group, ApiError> {
    let all = request.app.groups.of_kind(request.kind);
    all.get(request.arg(0)).ok_or_else(ApiError::no_resource)
}

/// Returns who acts on the group of the path: the owner of the token, or for the app the owner of the group.
fn acting_on_group(request: &Request<'_>) -> Result<Acting, ApiError> {
    let group = group_of_path(request)?;
    acting(request, Some(&group.owner))
}

/// Returns the service's word for the id of what the path names.
fn id_word(request: &Request<'_>) -> &'static str {
    match request.kind {
        Kind::Group => "groupid",
        Kind::Room => "id",
    }
}

/// Returns a name as the app writes it: callers may write it in any case.
fn written(request: &Request<'_>, name: &str) -> String {
    let user = request.app.users.find(name);
    user.map_or_else(|| name.to_owned(), |user| user.name.clone())
}

/// Returns the group of the path, if the caller may see it.
fn seen<'a>(request: &'a Request<'_>) -> Result<&'a Group, ApiError> {
    visible(request, request.arg(0))
}

/// Returns a group, if the caller may see it.
fn visible<'a>(request: &'a Request<'_>, id: &str) -> Result<&'a Group, ApiError> {
    let group = request.app.groups.of_kind(request.kind).get(id);
    let group = group.ok_or_else(ApiError::no_resource)?;
    match &request.caller {
        // Everybody may see a chat room.
        Caller::User(_) if request.kind == Kind::Room => Ok(group),
        Caller::User(name) if group.entry.door == Door::Closed && !group.members.contains(name) => {
            Err(refused(&GroupError::NotAllowed))
        }
        _ => Ok(group),
    }
}

fn refused(error: &GroupError) -> ApiError {
    match error {
        GroupError::Nothing => ApiError::no_resource(),
        GroupError::NoMember => ApiError::illegal_argument("users are not members of this group"),
        GroupError::NotAllowed => ApiError::no_permission("group owner or admin"),
        GroupError::NothingToDo => ApiError::illegal_argument("there is nothing to answer or to change"),
        GroupError::Full => ApiError::illegal_argument("group member list is full!"),
    }
}

fn done(request: &mut Request<'_>, verb: &str, data: Value) -> Value {
    Envelope::new(request, verb).app().data(data).finish()
}

pub(in crate::server) fn create(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    let acting = acting(request, form.owner.as_deref())?;
    let new = NewGroup {
        name: form.groupname,
        description: form.description.or(form.desc).unwrap_or_default(),
        avatar: form.avatar.unwrap_or_default(),
        custom: form.custom.unwrap_or_default(),
        members: form.members,
        entry: Entry {
            door: match (
                form.public,
                form.approval || form.membersonly || form.members_only,
            ) {
                (false, _) => Door::Closed,
                (true, true) => Door::Guarded,
                (true, false) => Door::Open,
            },
            members_invite: form.allowinvites,
            invite_confirm: form.invite_need_confirm,
        },
        most_members: None,
    };
    let now_ms = request.now_ms;
    let id = request.app.create_group(acting.actor(), new, now_ms);
    Ok(done(request, "post", json!({"groupid": id})))
}

/// Lists the app's groups, newest first.
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let limit = request.number("limit", 10, 1..=100);
    let cursor = request.query.get("cursor").filter(|text| !text.is_empty());
    let after = cursor
        .map(|text| {
            let id = text.strip_prefix("ZGN").map(str::to_owned);
            id.ok_or_else(|| ApiError::illegal_argument(format!("cursor [{text}] is not legal")))
        })
        .transpose()?;
    let (page, next) = request.app.groups.page(after.as_deref(), limit);
    let row = |(id, group): &(&String, &Group)| {
        json!({
            "owner": format!("{}_{}", request.app.key, group.owner),
            "groupid": id,
            "affiliations": group.members.len(),
            "type": "group",
            "last_modified": group.modified_ms.to_string(),
            "groupname": group.name,
        })
    };
    let (rows, next): (Vec<Value>, _) = (page.iter().map(row).collect(), next.cloned());
    let envelope = Envelope::new(request, "get")
        .uri("/chatgroups")
        .field("count", rows.len())
        .data(rows);
    Ok(match next {
        Some(id) => envelope.field("cursor", format!("ZGN{id}")).finish(),
        None => envelope.finish(),
    })
}

/// Lists the groups that a user is in, by pages.
pub(in crate::server) fn joined(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let page = request.number("pagenum", 1, 1..=usize::MAX);
    let size = request.number("pagesize", 500, 1..=500);
    let user = request.user()?.name.clone();
    let mine = request.app.groups.of(&user);
    let rows: Vec<Value> = mine
        .into_iter()
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .map(|(id, group)| {
            // The page's words, and those that SDKs read.
            json!({"groupid": id, "groupname": group.name, "id": id, "name": group.name, "disabled": false})
        })
        .collect();
    // SDKs read from the address which of two calls it is.
    Ok(Envelope::new(request, "get")
        .app()
        .uri(&format!("/users/{user}/joined_chatgroups"))
        .field("count", rows.len())
        .data(rows)
        .finish())
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

/// Changes name and description, or the owner.
pub(in crate::server) fn update(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Changes = request.form()?;
    if let Some(owner) = &form.newowner {
        return set_owner(request, owner);
    }
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let now_ms = request.now_ms;
    let data = json!({"groupname": form.groupname.is_some(), "description": form.description.is_some()});
    let changes = GroupUpdate {
        name: form.groupname,
        description: form.description,
        avatar: form.avatar,
        custom: form.custom,
        most_members: None,
    };
    request
        .app
        .update_group(acting.actor(), &id, changes, now_ms)
        .map_err(|error| refused(&error))?;
    Ok(done(request, "put", data))
}
