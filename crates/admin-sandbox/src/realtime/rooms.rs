//! A device goes into a chat room, or out of it: SDKs do that over the connection, and not with a call.

use prost::Message;

use super::delivery::Sender;
use super::frames::{DOMAIN, Jid, Meta, Muc, MucStatus, Status, SyncDown, namespace};
use super::provision::code;
use crate::rules::groups::{Actor, GroupError, Joining, MemberAct, RoomError};
use crate::service::Service;

/// What devices ask for.
const JOIN: i32 = 2;
const LEAVE: i32 = 3;

/// Does what a device asks for, and answers it.
///
/// # Errors
/// With what was asked that is not known.
pub(super) fn take(service: &Service, device: Sender<'_>, meta: &Meta) -> Result<SyncDown, String> {
    let asked = Muc::decode(meta.payload.as_slice()).map_err(|_| "not something about a room".to_owned())?;
    if !asked.is_room || !matches!(asked.operation, JOIN | LEAVE) {
        return Err(format!("unknown operation {} on a group", asked.operation));
    }
    let id = asked.id.as_ref().map_or("", |id| id.name.as_str());
    let actor = Actor {
        user: device.user,
        device: device.resource,
    };
    let joining = Joining {
        ext: &asked.ext,
        leave_others: asked.leave_other_rooms,
    };
    let (done, now_ms) = service.change(|app, now_ms| {
        let done = if asked.operation == JOIN {
            app.join_room(actor, id, joining, now_ms)
                .map(Some)
                .map_err(|error| refusal(error, id, actor.user))
        } else {
            let left = if app.groups.rooms.contains_key(id) {
                app.change_members(actor, id, MemberAct::Leave)
            } else {
                Err(GroupError::Nothing)
            };
            match left {
                Err(GroupError::Nothing) => Err(refusal(RoomError::Nothing, id, actor.user)),
                // Who is out already has what was asked for.
                _ => Ok(None),
            }
        };
        (done, now_ms)
    });
    let answer = SyncDown {
        meta_id: meta.id,
        server_id: service.hub.new_id(now_ms),
        timestamp: now_ms,
        ..SyncDown::default()
    };
    Ok(match done {
        Err(reason) => SyncDown {
            status: Some(Status::error(code::FAIL, reason)),
            ..answer
        },
        Ok(info) => SyncDown {
            status: Some(Status::default()),
            metas: info
                .into_iter()
                .map(|info| told(&answer, &asked, meta, info.to_string()))
                .collect(),
            ..answer
        },
    })
}

/// The words of which SDKs make the codes that an app sees.
fn refusal(error: RoomError, id: &str, user: &str) -> String {
    match error {
        RoomError::Nothing => format!("grpID {id} does not exist!"),
        RoomError::Full => "group member list is full!".to_owned(),
        RoomError::Blocked => format!("can not join this group, reason: {user} is in the blacklist"),
    }
}

/// What whoever came in is told of the room.
fn told(answer: &SyncDown, asked: &Muc, meta: &Meta, room_info: String) -> Meta {
    let about = Muc {
        status: Some(MucStatus {
            room_info,
            ..MucStatus::default()
        }),
        ..asked.clone()
    };
    Meta {
        id: answer.server_id,
        from: meta.from.clone(),
        to: Some(Jid {
            domain: DOMAIN.into(),
            ..Jid::default()
        }),
        timestamp: answer.timestamp,
        ns: namespace::MUC,
        payload: about.encode_to_vec(),
        ..Meta::default()
    }
}
