//! Who is in a group.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Acting, acting, acting_on_group, done, group_of_path, id_word, refused, seen, written};
use crate::rules::groups::{GroupError, MemberAct};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// So many users are put in by one call.
const MOST_ADDED: usize = 60;

#[derive(Deserialize)]
struct Names {
    usernames: Vec<String>,
}

#[derive(Deserialize)]
struct Asking {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    applicant: String,
    verify_result: bool,
    #[serde(default)]
    reason: String,
}

fn change(request: &mut Request<'_>, acting: &Acting, act: MemberAct<'_>) -> Result<(), ApiError> {
    group_of_path(request)?;
    let id = request.arg(0).to_owned();
    let changed = request.app.change_members(acting.actor(), &id, act);
    changed.map_err(|error| refused(&error))
}

fn answer(request: &mut Request<'_>, verb: &str) -> Value {
    let id = request.arg(0).to_owned();
    done(request, verb, json!({"result": true, id_word(request): id}))
}

pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let group = seen(request)?;
    let role = |member: &String| {
        let role = if *member == group.owner { "owner" } else { "member" };
        json!({role: member})
    };
    let pages = request.query.contains_key("pagenum");
    let (from, size) = if pages {
        let size = request.number("pagesize", 10, 1..=1_000);
        (
            (request.number("pagenum", 1, 1..=usize::MAX) - 1).saturating_mul(size),
            size,
        )
    } else {
        let size = request
            .query
            .get("limit")
            .map_or(usize::MAX, |_| request.number("limit", 50, 1..=1_000));
        (request.number("cursor", 0, 0..=usize::MAX), size)
    };
    let members: Vec<Value> = group.members.iter().skip(from).take(size).map(role).collect();
    let next = from.saturating_add(members.len());
    let cursor = if next < group.members.len() && !pages {
        next.to_string()
    } else {
        String::new()
    };
    Ok(Envelope::new(request, "get")
        .app()
        .field("count", members.len())
        .field("cursor", cursor)
        .data(members)
        .finish())
}

pub(in crate::server) fn join(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Asking { message } = request.form()?;
    let acting = acting(request, None)?;
    change(request, &acting, MemberAct::Join(&message))?;
    Ok(answer(request, "post"))
}

/// A leader answers somebody who asked.
pub(in crate::server) fn verify_applicant(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Answer = request.form()?;
    let acting = acting_on_group(request)?;
    let applicant = written(request, &form.applicant);
    let act = MemberAct::Answer(&applicant, form.verify_result, &form.reason);
    change(request, &acting, act)?;
    Ok(answer(request, "post"))
}

pub(in crate::server) fn invite(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Names { usernames } = request.form()?;
    let acting = acting_on_group(request)?;
    for user in &usernames {
        change(request, &acting, MemberAct::Invite(user))?;
    }
    Ok(answer(request, "post"))
}

/// Puts somebody in, who is not asked.
pub(in crate::server) fn add(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (id, user) = (request.arg(0).to_owned(), written(request, request.arg(1)));
    let acting = acting_on_group(request)?;
    change(request, &acting, MemberAct::Add(&user))?;
    let data = json!({"result": true, "action": "add_member", id_word(request): id, "user": user});
    Ok(done(request, "post", data))
}

/// Puts up to 60 users in; those that are in already are left out of the answer.
pub(in crate::server) fn add_many(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Names { usernames } = request.form()?;
    if usernames.is_empty() || usernames.len() > MOST_ADDED {
        return Err(ApiError::illegal_argument(format!(
            "usernames must be 1 to {MOST_ADDED}"
        )));
    }
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let mut added = Vec::new();
    for user in &usernames {
        let act = MemberAct::Add(user);
        match request.app.change_members(acting.actor(), &id, act) {
            Ok(()) => added.push(written(request, user)),
            Err(GroupError::NothingToDo) => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    if added.is_empty() {
        return Err(ApiError::illegal_argument("all users are members of this group"));
    }
    let data = json!({"newmembers": added, id_word(request): id, "action": "add_member"});
    Ok(done(request, "post", data))
}

/// Somebody answers an invitation.
pub(in crate::server) fn verify_invitation(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Answer = request.form()?;
    let acting = acting(request, None)?;
    change(request, &acting, MemberAct::AnswerInvitation(form.verify_result))?;
    Ok(answer(request, "post"))
}

pub(in crate::server) fn quit(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let acting = acting(request, None)?;
    change(request, &acting, MemberAct::Leave)?;
    Ok(answer(request, "delete"))
}

/// A member leaves, or is taken out; several are separated by commas.
pub(in crate::server) fn remove(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let named: Vec<String> = request.arg(1).split(',').map(str::to_owned).collect();
    let mut rows = Vec::new();
    for name in &named {
        let member = written(request, name);
        let act = if member == acting.user {
            MemberAct::Leave
        } else {
            MemberAct::Kick(&member)
        };
        let removed = change(request, &acting, act);
        if named.len() == 1 {
            removed?;
            let data =
                json!({"result": true, "action": "remove_member", id_word(request): id, "user": member});
            return Ok(done(request, "delete", data));
        }
        rows.push(json!({
            "result": removed.is_ok(), "action": "remove_member", id_word(request): id, "user": member,
        }));
    }
    Ok(done(request, "delete", json!(rows)))
}

/// Takes several members out for good.
pub(in crate::server) fn block_many(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Names { usernames } = request.form()?;
    let id = request.arg(0).to_owned();
    let acting = acting_on_group(request)?;
    let mut rows = Vec::new();
    for user in &usernames {
        let user = written(request, user);
        let result = change(request, &acting, MemberAct::Block(&user)).is_ok();
        rows.push(json!({"result": result, "action": "add_blocks", id_word(request): id, "user": user}));
    }
    Ok(done(request, "post", json!(rows)))
}

pub(in crate::server) fn block(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let member = written(request, request.arg(1));
    let acting = acting_on_group(request)?;
    change(request, &acting, MemberAct::Block(&member))?;
    Ok(each_done(request, "post", "add_blocks", &[member]))
}

/// Lets members come back; several are separated by commas.
pub(in crate::server) fn unblock(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let acting = acting_on_group(request)?;
    let members: Vec<String> = request
        .arg(1)
        .split(',')
        .map(|name| written(request, name))
        .collect();
    for member in &members {
        change(request, &acting, MemberAct::Unblock(member))?;
    }
    Ok(each_done(request, "delete", "remove_blocks", &members))
}

/// Answers with one row for each member; for one alone without a list, unless it is asked for in the third version.
fn each_done(request: &mut Request<'_>, verb: &str, action: &str, members: &[String]) -> Value {
    let id = request.arg(0);
    let mut rows: Vec<Value> = members
        .iter()
        .map(|member| json!({"result": true, "action": action, id_word(request): id, "user": member}))
        .collect();
    let alone = rows.len() == 1 && request.query.get("version").is_none_or(|version| version != "v3");
    let data = if alone { rows.swap_remove(0) } else { json!(rows) };
    done(request, verb, data)
}
