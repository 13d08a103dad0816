//! Files that are shared with a group or a chat room.

use serde_json::{Value, json};

use super::{acting, done, group_of_path, refused, seen};
use crate::rules::groups::{GroupError, Kind, SharedFile};
use crate::server::chatfiles;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// Takes a file of a member; all members are told.
pub(in crate::server) fn share(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let group = group_of_path(request)?;
    let acting = acting(request, Some(&group.owner))?;
    if !group.members.contains(&acting.user) {
        return Err(refused(&GroupError::NoMember));
    }
    let (file_id, file) = chatfiles::take(request)?;
    let (id, now_ms) = (request.arg(0).to_owned(), request.now_ms);
    let shared = SharedFile {
        name: file.name,
        owner: acting.user.clone(),
        size: file.content.len(),
        created_ms: now_ms,
    };
    let data = json!({
        "file_url": format!("{}/{}/{id}/share_files/{file_id}", request.app_root, word(request.kind)),
        "group_id": id,
        "file_name": shared.name,
        "created": now_ms,
        "file_size": shared.size,
        "file_id": file_id,
    });
    let taken = request.app.share_file(acting.actor(), &id, file_id, shared);
    taken.map_err(|error| refused(&error))?;
    Ok(done(request, "post", data))
}

/// Lists them by pages, newest first.
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let page = request.number("pagenum", 1, 1..=usize::MAX);
    let size = request.number("pagesize", 10, 1..=1_000);
    let mut files: Vec<_> = seen(request)?.files.iter().collect();
    files.sort_by_key(|(id, file)| (std::cmp::Reverse(file.created_ms), *id));
    let rows: Vec<Value> = files
        .into_iter()
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .map(|(id, file)| {
            json!({
                "file_id": id,
                "file_name": file.name,
                "file_owner": file.owner,
                "file_size": file.size,
                "created": file.created_ms,
            })
        })
        .collect();
    Ok(done(request, "get", json!(rows)))
}

/// Removes one; whoever shared it may, and whoever leads the group.
pub(in crate::server) fn remove(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let group = group_of_path(request)?;
    let acting = acting(request, Some(&group.owner))?;
    let (id, file_id) = (request.arg(0).to_owned(), request.arg(1).to_owned());
    let removed = request.app.remove_file(acting.actor(), &id, &file_id);
    removed.map_err(|error| refused(&error))?;
    let data = json!({"group_id": id, "file_id": file_id, "result": true});
    Ok(done(request, "delete", data))
}

/// Returns the word of the path.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => "chatgroups",
        Kind::Room => "chatrooms",
    }
}
