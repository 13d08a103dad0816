//! What devices are told about, and messages that are sent by REST: in the words of the service, without its wire form.

use serde_json::Value;

use super::content::Content;
use super::groups::Actor;

/// Something that devices of a user are to be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// The user whose devices are told.
    pub(crate) user: String,
    /// The device that need not be told, because it did it.
    pub(crate) but: Option<String>,
    /// Whether this is for devices that are connected now, and for no later ones.
    pub(crate) online_only: bool,
    /// What happened.
    pub(crate) news: News,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// A JSON object that SDKs read by its `type`.
    Notify(Value),
    /// A message that was sent by REST.
    Message {
        /// Its id.
        id: u64,
        /// The sender.
        from: String,
        /// The recipient, whose other side the queue is named after, or the group.
        to: String,
        /// Whether it is to a group.
        in_group: bool,
        /// What it says.
        content: Content,
    },
    /// A message was taken back.
    Recalled {
        /// Its id.
        message: u64,
        /// Who took it back.
        from: String,
        /// The recipient of the message, or the group.
        to: String,
        /// Whether it was to a group.
        in_group: bool,
    },
    /// Something about a group, or about a thread in one.
    Group(GroupNews),
    /// Something about a contact.
    Contact {
        /// What.
        change: ContactChange,
        /// Who did it.
        from: String,
        /// To whom.
        to: String,
        /// In whose words.
        reason: String,
    },
}

impl News {
    /// Returns the word for what it is about.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Contact { .. } => "contact",
            Self::Group(news) if news.parent.is_some() => "thread",
            Self::Group(news) if news.room.is_some() => "room",
            Self::Group(_) => "group",
            Self::Message { .. } => "message",
            Self::Recalled { .. } => "recall",
            Self::Notify(json) => match json["type"].as_str() {
                Some("conv") => "conversation",
                Some("thread") => "thread",
                Some("reaction") => "reaction",
                Some("presence") => "presence",
                Some("user_notification_mute") => "silent_mode",
                _ => "roaming_delete",
            },
        }
    }
}

/// What there is to tell about a group or a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupNews {
    /// What happened.
    pub(crate) change: GroupChange,
    /// The group, or the thread.
    pub(crate) id: String,
    /// Who did it, or who came or went.
    pub(crate) from: String,
    /// With which device; empty if that is nobody's business.
    pub(crate) device: String,
    /// Whom it is about; whoever is told, if nobody.
    pub(crate) about: Option<String>,
    /// The group that a thread is in.
    pub(crate) parent: Option<String>,
    /// The name of the group or thread, where it is told.
    pub(crate) name: String,
    /// In whose words.
    pub(crate) reason: String,
    /// How many are in the chat room, if it is one.
    pub(crate) room: Option<usize>,
    /// More, as JSON.
    pub(crate) ext: Option<String>,
}

impl GroupNews {
    /// Says who did what to which group or thread.
    pub(crate) fn new(actor: Actor<'_>, change: GroupChange, id: &str) -> Self {
        Self {
            change,
            id: id.to_owned(),
            from: actor.user.to_owned(),
            device: actor.device.to_owned(),
            about: None,
            parent: None,
            name: String::new(),
            reason: String::new(),
            room: None,
            ext: None,
        }
    }

    /// Says whom it is about.
    pub(crate) fn about(mut self, user: &str) -> Self {
        self.about = Some(user.to_owned());
        self
    }

    /// Says that it is about a thread of this group.
    pub(crate) fn in_group(mut self, parent: &str) -> Self {
        self.parent = Some(parent.to_owned());
        self
    }

    /// Says the name of the group or thread.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Says why, in the words of whoever acted.
    pub(crate) fn because(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }

    /// Adds more, as JSON.
    pub(crate) fn with_ext(mut self, ext: String) -> Self {
        self.ext = Some(ext);
        self
    }
}

/// What happened to a group or a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupChange {
    /// It was made.
    Created,
    /// It was ended.
    Destroyed,
    /// Its name or description was changed.
    Updated,
    /// The user went in.
    Joined,
    /// Somebody asks to be let in.
    Asked,
    /// Who asked was let in.
    Admitted,
    /// Who asked was not let in.
    NotAdmitted,
    /// Somebody was invited.
    Invited,
    /// The invitation was taken.
    InvitationTaken,
    /// The invitation was not taken.
    InvitationDeclined,
    /// The user was put in.
    DirectlyJoined,
    /// The user left.
    Left,
    /// The user was taken out.
    Kicked,
    /// The user may come back.
    Unblocked,
    /// Another member is there.
    Present,
    /// Another member is gone.
    Absent,
    /// It belongs to another member.
    OwnerSet,
    /// A member is an admin.
    AdminAdded,
    /// A member is an admin no more.
    AdminRemoved,
    /// A member may not speak.
    Muted,
    /// A member may speak again.
    Unmuted,
    /// Only the owner and the admins may speak.
    AllMuted,
    /// All may speak again.
    AllUnmuted,
    /// There is another announcement.
    Announced,
    /// A member may speak although nobody else may.
    Allowed,
    /// A member may speak no longer than all others.
    Disallowed,
    /// A member's attributes were set.
    AttributesSet,
    /// A file is shared.
    FileShared,
    /// A file is shared no more.
    FileRemoved,
    /// Something is kept with a chat room.
    PropertiesSet,
    /// Something is kept with a chat room no more.
    PropertiesRemoved,
    /// A thread was made.
    ThreadCreated,
    /// A thread was ended.
    ThreadDestroyed,
    /// The user joined a thread.
    ThreadJoined,
    /// The user left a thread.
    ThreadLeft,
    /// The user was taken out of a thread.
    ThreadKicked,
    /// A thread has another name.
    ThreadRenamed,
}

/// What happened to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContactChange {
    /// Somebody asks to be one.
    Applied,
    /// One is one no more.
    Removed,
    /// Somebody was taken as one.
    Accepted,
    /// Somebody was not taken as one.
    Declined,
    /// Somebody may not write any more.
    Blocked,
    /// Somebody may write again.
    Unblocked,
    /// The other side took one: what the asker is told.
    AcceptedByOther,
    /// The other side did not: what the asker is told.
    DeclinedByOther,
}
