//! Groups and chat rooms (pages `callback_group_room_…`).

use serde_json::{Map, Value};

use crate::model::UserId;
use crate::webhooks::contact::error;
use crate::webhooks::fields::Fields;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::word::words;

words! {
    /// What happened to a group or a chat room; [`GroupEvent::detail`] says more.
    GroupOperation {
        /// It was created.
        Create = "CREATE",
        /// It was destroyed.
        Delete = "DELETE",
        /// Users joined: `DIRECT`, `INVITE` or `APPLY`.
        Join = "JOIN",
        /// Users left: `QUIT`, `KICK`, `BLOCK` or `DELETE`.
        Leave = "LEAVE",
        /// Its properties changed: `INFO`, `OWNER`, `ANNOUNCEMENT`, `MUTE` (of all members) or `DISABLE`.
        Update = "UPDATE",
        /// Administrators: `ADD` or `REMOVE`.
        Admin = "ADMIN",
        /// Administrators of all chat rooms: `ADD` or `REMOVE`.
        RoomSuperAdmin = "ROOM_SUPER_ADMIN",
        /// Muted members: `ADD` or `REMOVE`.
        Mute = "MUTE",
        /// The block list: `ADD` or `REMOVE`.
        Block = "BLOCK",
        /// The allow list: `ADD` or `REMOVE`.
        Allow = "WHITE",
        /// Shared files: `ADD` or `REMOVE`.
        SharedFile = "SHARE_FILE",
        /// The operator no longer receives its messages, or does again: `ADD` or `REMOVE`.
        Shield = "SHIELD",
    }
}

/// A group or a chat room changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupEvent {
    /// The group or chat room; empty for [`GroupOperation::RoomSuperAdmin`].
    pub group_id: String,
    /// Whether it is a chat room; `None` if the post does not say.
    pub is_chat_room: Option<bool>,
    /// What happened.
    pub operation: GroupOperation,
    /// What happened in detail: the field `payload.type`, such as `KICK`.
    pub detail: Option<String>,
    /// Who did it; `@ppAdmin` is an administrator of the app.
    pub operator: Option<UserId>,
    /// Who it was done to: members or administrators.
    pub users: Vec<UserId>,
    /// The number of members afterwards.
    pub members: Option<u64>,
    /// All fields of the payload, such as `new_owner`, `announcement` and `info`.
    pub payload: Map<String, Value>,
}

impl GroupEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let payload = fields.object("payload");
        let operation = fields.word("operation").ok_or(InvalidPost::Missing {
            event: "group event",
            field: "operation",
        })?;
        let mut users = payload.users("member");
        users.extend(payload.users("admin"));
        Ok(Self {
            group_id: fields.text("id").unwrap_or_default(),
            is_chat_room: match fields.word("type") {
                Some("CHATROOM") => Some(true),
                Some("GROUP") => Some(false),
                _ => None,
            },
            operation: GroupOperation::of(operation),
            detail: payload.text("type"),
            operator: fields.user("operator"),
            users,
            members: fields.number("member_count"),
            payload: payload.map().cloned().unwrap_or_default(),
        })
    }
}

words! {
    /// What happened to a group or a chat room, in the older form.
    MucOperation {
        /// It was created.
        Create = "create",
        /// It was destroyed.
        Destroy = "destroy",
        /// A user asks to join.
        Apply = "apply",
        /// A request was accepted.
        ApplyAccept = "apply_accept",
        /// A request was declined.
        ApplyDecline = "apply_decline",
        /// A user was invited.
        Invite = "invite",
        /// A user accepted an invitation.
        InviteAccept = "invite_accept",
        /// A user declined an invitation.
        InviteDecline = "invite_decline",
        /// A member was removed, or left a chat room by being offline for 2 minutes.
        Kick = "kick",
        /// A user was added to the block list.
        Ban = "ban",
        /// A user was removed from the block list.
        Allow = "allow",
        /// Its properties changed.
        Update = "update",
        /// A user no longer receives its messages.
        Block = "block",
        /// A user receives its messages again.
        Unblock = "unblock",
        /// A member entered.
        Presence = "presence",
        /// A member is gone.
        Absence = "absence",
        /// A user joined without approval.
        DirectJoined = "direct_joined",
        /// A member left.
        Leave = "leave",
        /// It has another owner; the service writes the word so.
        AssignOwner = "assing_owner",
        /// A member became an administrator.
        AddAdmin = "add_admin",
        /// A member is no longer an administrator.
        RemoveAdmin = "remove_admin",
        /// A member was muted.
        AddMute = "add_mute",
        /// A member was unmuted.
        RemoveMute = "remove_mute",
        /// The announcement changed.
        UpdateAnnouncement = "update_announcement",
        /// The announcement was deleted.
        DeleteAnnouncement = "delete_announcement",
        /// A shared file was uploaded.
        UploadFile = "upload_file",
        /// A shared file was deleted.
        DeleteFile = "delete_file",
        /// A member was added to the allow list.
        AddAllowed = "add_user_white_list",
        /// A member was removed from the allow list.
        RemoveAllowed = "remove_user_white_list",
        /// All members were muted.
        MuteAll = "ban_group",
        /// All members were unmuted.
        UnmuteAll = "remove_ban_group",
        /// Attributes of a chat room were set.
        SetMetadata = "set_metadata",
        /// Attributes of a chat room were deleted.
        DeleteMetadata = "delete_metadata",
        /// Attributes of a member were set.
        MemberMetadata = "group_member_metadata_update",
    }
}

/// A group or a chat room changed, in the older form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MucEvent {
    /// The group or chat room.
    pub group_id: String,
    /// Whether it is a chat room; `None` if the post does not say.
    pub is_chat_room: Option<bool>,
    /// What happened.
    pub operation: MucOperation,
    /// Who did it.
    pub from: Option<UserId>,
    /// Who it was done to. For changes that concern all members, the service writes the group or the operator here.
    pub to: Option<String>,
    /// What the payload says about it, a text or an object: the announcement, the file, the reason of a request.
    pub reason: Option<Value>,
    /// The error if it failed; `None` for success.
    pub error: Option<String>,
    /// The id of the event's message.
    pub message_id: Option<String>,
}

impl MucEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let payload = fields.object("payload");
        let missing = |field| InvalidPost::Missing {
            event: "group event",
            field,
        };
        let operation = payload.word("operation");
        let operation = operation.ok_or_else(|| missing("payload.operation"))?;
        Ok(Self {
            group_id: fields.text("group_id").ok_or_else(|| missing("group_id"))?,
            is_chat_room: payload.flag("is_chatroom"),
            operation: MucOperation::of(operation),
            from: fields.user("from"),
            to: fields.text("to"),
            reason: payload
                .value("reason")
                .filter(|reason| reason.as_str() != Some(""))
                .cloned(),
            error: error(payload),
            message_id: fields.text("msg_id"),
        })
    }
}
