//! What devices are told about, apart from messages: in the words of the service, without its wire form.

use std::collections::BTreeMap;

use serde_json::Value;

/// Something that devices of a user are to be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// The user whose devices are told.
    pub(crate) user: String,
    /// The device that need not be told, because it did it.
    pub(crate) but: Option<String>,
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
        /// The recipient, whose other side the queue is named after.
        to: String,
        /// What it says.
        content: Content,
    },
    /// Something about a group, or about a thread in one.
    Group {
        /// What.
        change: GroupChange,
        /// The group, or the thread.
        id: String,
        /// Who did it.
        from: String,
        /// With which device.
        device: String,
        /// The group that a thread is in, and the name of the thread.
        thread: Option<(String, String)>,
        /// More, as JSON.
        ext: Option<String>,
    },
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
            Self::Group { thread: Some(_), .. } => "thread",
            Self::Group { thread: None, .. } => "group",
            Self::Message { .. } => "message",
            Self::Notify(json) if json["type"] == "conv" => "conversation",
            Self::Notify(_) => "roaming_delete",
        }
    }
}

/// What happened to a group or a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupChange {
    /// It was made.
    Created,
    /// It was ended.
    Destroyed,
    /// The user left.
    Left,
    /// The user was taken out.
    Kicked,
    /// The user was put in.
    DirectlyJoined,
    /// Another member is gone.
    Absent,
    /// A member's attributes were set.
    AttributesSet,
    /// A thread was made.
    ThreadCreated,
    /// A thread was ended.
    ThreadDestroyed,
    /// The user joined a thread.
    ThreadJoined,
    /// The user left a thread.
    ThreadLeft,
    /// A thread has another name.
    ThreadRenamed,
}

/// What a message says, as far as REST can send it here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Text for people.
    Text(String),
    /// A word for a program.
    Command(String),
    /// An event of the app's own, with its parameters.
    Custom(String, BTreeMap<String, String>),
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
    /// The other side took one: what the asker is told.
    AcceptedByOther,
    /// The other side did not: what the asker is told.
    DeclinedByOther,
}
