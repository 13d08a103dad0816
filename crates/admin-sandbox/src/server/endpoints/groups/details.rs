//! What there is to know about groups: the ones of a user, several at once, announcements, and who may what.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Changed, acting_on_group, done, id_word, seen, visible, written};
use crate::rules::groups::{Door, Group};
use crate::rules::notices::GroupChange;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Announcement {
    announcement: String,
}

#[derive(Deserialize)]
struct Names {
    usernames: Vec<String>,
}

/// Writes a group as the service shows it to `viewer`.
pub(super) fn entity(id: &str, group: &Group, viewer: Option<&str>) -> Value {
    let role = |member: &str| {
        if member == group.owner {
            "owner"
        } else if group.admins.contains(member) {
            "admin"
        } else {
            "member"
        }
    };
    let affiliations: Vec<Value> = group
        .members
        .iter()
        .map(|member| json!({if *member == group.owner { "owner" } else { "member" }: member}))
        .collect();
    json!({
        "id": id,
        "groupId": id,
        "name": group.name,
        "avatar": group.avatar,
        "description": group.description,
        "custom": group.custom,
        "owner": group.owner,
        "public": group.entry.door != Door::Closed,
        "membersonly": group.entry.door == Door::Guarded,
        "allowinvites": group.entry.members_invite,
        "invite_need_confirm": group.entry.invite_confirm,
        "maxusers": group.most_members.unwrap_or(3_000),
        "mute": group.all_muted,
        "disabled": false,
        "shieldgroup": viewer.is_some_and(|user| group.shielded.contains(user)),
        "created": group.created_ms,
        "permission": viewer.filter(|user| group.members.contains(*user)).map(role),
        "affiliations_count": affiliations.len(),
        "affiliations": affiliations,
    })
}

/// Returns groups, whose ids may be separated by commas.
pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let ids: Vec<String> = request.arg(0).split(',').take(100).map(str::to_owned).collect();
    let viewer = request.caller_name().map(str::to_owned);
    let mut groups = Vec::new();
    for id in &ids {
        match visible(request, id) {
            Ok(group) => groups.push(entity(id, group, viewer.as_deref())),
            Err(error) if ids.len() == 1 => return Err(error),
            // Of several, those that are not there are left out.
            Err(_) => {}
        }
    }
    Ok(done(request, "get", json!(groups)))
}

/// Lists the groups that a user is in, by pages, with what the newer SDKs show of each.
pub(in crate::server) fn joined(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let page = request.number("pagenum", 0, 0..=usize::MAX);
    let size = request.number("pagesize", 20, 1..=500);
    let user = request.user()?.name.clone();
    let mine = request.app.groups.of(&user).into_iter();
    let rows: Vec<Value> = mine
        .skip(page.saturating_mul(size))
        .take(size)
        .map(|(id, group)| {
            let mut row = entity(id, group, Some(&user));
            if let Some(fields) = row.as_object_mut() {
                fields.remove("affiliations");
            }
            row
        })
        .collect();
    let path = format!("/chatgroups/user/{user}");
    // The page's words; SDKs read the entities.
    let named: Vec<Value> = rows
        .iter()
        .map(|row| json!({"groupid": row["id"], "groupname": row["name"]}))
        .collect();
    Ok(Envelope::new(request, "get")
        .app()
        .path(&path)
        .field("count", rows.len())
        .field("total", request.app.groups.of(&user).len())
        .data(named)
        .field("entities", rows)
        .finish())
}

pub(in crate::server) fn joined_count(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let count = request.app.groups.of(&user).len();
    Ok(done(request, "get", json!(count)))
}

/// Lists the groups that anybody may see.
#[expect(clippy::unnecessary_wraps, reason = "all endpoints have this form")]
pub(in crate::server) fn public(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let limit = request.number("limit", 10, 1..=1_000);
    let from = request
        .query
        .get("cursor")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let all = request.app.groups.all.iter().rev();
    let open: Vec<_> = all
        .filter(|(_, group)| group.entry.door != Door::Closed)
        .collect();
    let rows: Vec<Value> = open
        .iter()
        .skip(from)
        .take(limit)
        .map(|(id, group)| json!({"id": id, "name": group.name}))
        .collect();
    let next = from.saturating_add(rows.len());
    let more = next < open.len();
    let envelope = Envelope::new(request, "get")
        .app()
        .field("count", rows.len())
        .data(rows);
    Ok(if more {
        envelope.field("cursor", next.to_string()).finish()
    } else {
        envelope.finish()
    })
}

pub(in crate::server) fn announcement(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let text = seen(request)?.announcement.clone();
    Ok(done(request, "get", json!({"announcement": text})))
}

pub(in crate::server) fn announce(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Announcement { announcement } = request.form()?;
    let id = request.arg(0).to_owned();
    change(
        request,
        Changed::all(GroupChange::Announced, &announcement),
        |group| {
            group.announcement.clone_from(&announcement);
            true
        },
    )?;
    Ok(done(request, "post", json!({"id": id, "result": true})))
}

pub(in crate::server) fn allowed(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let list = json!(seen(request)?.allowed);
    Ok(done(request, "get", list))
}

pub(in crate::server) fn is_allowed(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = written(request, request.arg(1));
    let white = seen(request)?.allowed.contains(&user);
    let id = request.arg(0).to_owned();
    Ok(done(
        request,
        "get",
        json!({"white": white, "user": user, id_word(request): id}),
    ))
}

pub(in crate::server) fn allow(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Names { usernames } = request.form()?;
    each(
        request,
        &usernames,
        "post",
        GroupChange::Allowed,
        |group, user| group.members.contains(user) && group.allowed.insert(user.to_owned()),
    )
}

pub(in crate::server) fn disallow(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let users: Vec<String> = request.arg(1).split(',').map(str::to_owned).collect();
    each(
        request,
        &users,
        "delete",
        GroupChange::Disallowed,
        |group, user| group.allowed.remove(user),
    )
}

pub(in crate::server) fn blocked(request: &mut Request<'_>) -> Result<Value, ApiError> {
    acting_on_group(request)?;
    let list = json!(seen(request)?.blocked);
    Ok(done(request, "get", list))
}

/// Returns whether a member may not speak.
pub(in crate::server) fn is_muted(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = written(request, request.arg(1));
    let muted = seen(request)?
        .muted
        .get(&user)
        .is_some_and(|until| request.now_ms < *until);
    Ok(done(request, "get", json!(muted)))
}

/// Returns who has read a message.
pub(in crate::server) fn read_by(request: &mut Request<'_>) -> Result<Value, ApiError> {
    seen(request)?;
    let id = request.arg(1).parse().map_err(|_| ApiError::no_resource())?;
    let kept = request.app.history.get(id).ok_or_else(ApiError::no_resource)?;
    let rows: Vec<Value> = kept
        .notes
        .read_by
        .iter()
        .map(|(user, at_ms)| json!({"ack_user": user, "ack_timestamp": at_ms, "msg_id": id.to_string()}))
        .collect();
    let count = rows.len();
    Ok(Envelope::new(request, "get")
        .app()
        .data(rows)
        .field("total", count)
        .field("is_last", true)
        .finish())
}

pub(in crate::server) fn shield(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set_shield(request, true, "post")
}

pub(in crate::server) fn unshield(request: &mut Request<'_>) -> Result<Value, ApiError> {
    set_shield(request, false, "delete")
}

/// A member wants no messages of the group, or wants them again.
fn set_shield(request: &mut Request<'_>, shield: bool, verb: &str) -> Result<Value, ApiError> {
    let (id, user) = (request.arg(0).to_owned(), super::acting(request, None)?.user);
    let group = request
        .app
        .groups
        .all
        .get_mut(&id)
        .filter(|group| group.members.contains(&user));
    let group = group.ok_or_else(ApiError::no_resource)?;
    if shield {
        group.shielded.insert(user);
    } else {
        group.shielded.remove(&user);
    }
    Ok(done(request, verb, json!({"result": true, id_word(request): id})))
}

fn each(
    request: &mut Request<'_>,
    users: &[String],
    verb: &str,
    change_of: GroupChange,
    act: impl Fn(&mut Group, &str) -> bool,
) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let mut rows = Vec::new();
    for user in users {
        let user = written(request, user);
        let result = change(request, Changed::about(change_of, &user), |group| {
            act(group, &user)
        })?;
        rows.push(json!({"result": result, "user": user, id_word(request): id}));
    }
    Ok(done(request, verb, json!(rows)))
}

/// Lets a leader change a group; the members are told if it was changed.
fn change(
    request: &mut Request<'_>,
    changed: Changed<'_>,
    act: impl FnOnce(&mut Group) -> bool,
) -> Result<bool, ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let done = request.app.change_group(acting.actor(), &id, changed, act);
    done.map_err(|error| super::refused(&error))
}
