//! What a message does beside being delivered: most are kept, and some are about others, which they take back, replace or
//! confirm.

use prost::Message;
use serde_json::{Map, Value, json};

use super::annotated::{edit_note, edited, json as as_json, thread_note, with_notes};
use super::delivery::Audience;
use super::frames::{KeyValue, MessageBody, Meta, Status, message_kind, namespace, value_kind};
use super::provision::code;
use crate::rules::App;
use crate::rules::history::Kept;
use crate::rules::messages::is_too_old_to_recall;
use crate::rules::notes::{Edit, Notes};
use crate::service::Service;

/// A message is changed no more often than this (page "modify message").
const MOST_EDITS: u32 = 10;

/// A message, and what it is about.
#[derive(Debug)]
pub(super) struct About {
    kind: i32,
    /// The message that it takes back, replaces or confirms.
    message: u64,
    sender: String,
    delivered: Meta,
    audience: Audience,
}

/// What became of a message that was taken.
#[derive(Debug)]
pub(super) struct Said {
    /// What is delivered.
    pub(super) delivered: Meta,
    /// To whom.
    pub(super) audience: Audience,
    /// What the sender's device is told beside that it was taken.
    pub(super) more: Vec<Meta>,
    /// How many devices have it.
    pub(super) devices: usize,
}

impl About {
    /// Looks what a message is about.
    pub(super) fn of(body: &MessageBody, sender: &str, delivered: Meta, audience: Audience) -> Self {
        Self {
            kind: body.kind,
            message: if body.kind == message_kind::EDIT {
                body.edited_message
            } else {
                body.about_message
            },
            sender: sender.to_owned(),
            delivered,
            audience,
        }
    }

    /// Does what the message asks for.
    ///
    /// # Errors
    /// With the status that refuses it; SDKs compare its text.
    pub(super) fn apply(mut self, service: &Service, app: &mut App, now_ms: u64) -> Result<Said, Status> {
        let mut more = Vec::new();
        match self.kind {
            message_kind::RECALL => self.take_back(service, app, now_ms)?,
            message_kind::EDIT => more.push(self.edit(app, now_ms)?),
            message_kind::READ | message_kind::DELIVERED => self.confirm(app, now_ms),
            message_kind::CONVERSATION_READ => {
                if let Audience::User { name, .. } = &self.audience {
                    app.read_conversation(&self.sender, name);
                }
            }
            _ => self.keep(app, now_ms),
        }
        Ok(Said {
            delivered: self.delivered,
            audience: self.audience,
            more,
            devices: 0,
        })
    }

    /// Keeps it for both sides; one that is meant for one device is not part of a conversation.
    fn keep(&mut self, app: &mut App, now_ms: u64) {
        let sender = self.sender.as_str();
        let mut thread = None;
        let sides: Vec<(&str, &str)> = match &self.audience {
            Audience::User { resource, .. } if !resource.is_empty() => return,
            Audience::User { name, .. } if name == sender => vec![(sender, sender)],
            Audience::User { name, .. } => vec![(sender, name), (name, sender)],
            Audience::Group { id, members } => {
                let noted = thread_note(app, id).and_then(|note| with_notes(&self.delivered.payload, note));
                if let Some(payload) = noted {
                    self.delivered.payload = payload;
                    thread = Some(id.clone());
                }
                let mut sides: Vec<_> = members
                    .iter()
                    .map(|member| (app.keeper(member, id), id.as_str()))
                    .collect();
                sides.dedup();
                sides
            }
        };
        let kept = Kept {
            id: self.delivered.id,
            at_ms: self.delivered.timestamp,
            sender: sender.to_owned(),
            message: self.delivered.encode_to_vec().into(),
            notes: Notes::default(),
        };
        let sides: Vec<_> = sides
            .into_iter()
            .map(|(user, other)| (user.to_owned(), other.to_owned()))
            .collect();
        for (user, other) in sides {
            app.history.keep(&user, &other, &kept);
        }
        if let Some(thread) = thread {
            let last = as_json(app, sender, &kept).unwrap_or_else(|| json!({}));
            app.tell_of_thread_message(sender, &thread, &last, now_ms);
        }
    }

    /// Returns whether the sender may take back or change a message: whoever sent it, or leads the group.
    fn may_change(&self, app: &App, kept: &Kept) -> bool {
        let leads = match &self.audience {
            Audience::Group { id, .. } => app.leads_group(&self.sender, id),
            Audience::User { .. } => false,
        };
        kept.sender == self.sender || leads
    }

    fn take_back(&self, service: &Service, app: &mut App, now_ms: u64) -> Result<(), Status> {
        let refused = |text: &str| Err(Status::error(code::FAIL, text));
        // What is not kept any more, devices may still have.
        if let Some(kept) = app.history.get(self.message) {
            if !self.may_change(app, &kept) {
                return refused("Sorry, You do not have permission");
            }
            if is_too_old_to_recall(kept.at_ms, now_ms) {
                return refused("exceed recall time limit");
            }
            app.history.forget_message(self.message);
        }
        let users = match &self.audience {
            Audience::User { name, .. } => vec![name, &self.sender],
            Audience::Group { members, .. } => members.iter().collect(),
        };
        for user in users {
            service.hub.take_back(user, self.message);
        }
        Ok(())
    }

    /// Replaces what a message says, and returns what the sender is told of it.
    fn edit(&mut self, app: &mut App, now_ms: u64) -> Result<Meta, Status> {
        let refused = |text: &str| Status::error(code::FAIL, text);
        let kept = app.history.get(self.message);
        let mut kept = kept.ok_or_else(|| refused("Sorry, message does not exist"))?;
        if !self.may_change(app, &kept) {
            return Err(refused("Sorry, You do not have permission"));
        }
        let count = kept.notes.edit.as_ref().map_or(0, |edit| edit.count) + 1;
        if count > MOST_EDITS {
            return Err(refused("Sorry, edit limit reached"));
        }
        let message =
            edited(&kept, &self.delivered.payload).ok_or_else(|| refused("Sorry, format is incorrect"))?;
        let edit = Edit {
            count,
            operator: self.sender.clone(),
            at_ms: now_ms,
        };
        let in_group = matches!(self.audience, Audience::Group { .. });
        let note = Map::from_iter([("edit_msg".to_owned(), edit_note(&edit, &kept, in_group))]);
        kept.message = message.into();
        kept.notes.edit = Some(edit);
        app.history.rewrite(&kept);
        if let Some(payload) = with_notes(&self.delivered.payload, note.clone()) {
            self.delivered.payload = payload;
        }
        Ok(Meta {
            ns: namespace::NOTIFY,
            payload: Value::Object(note).to_string().into_bytes(),
            ..self.delivered.clone()
        })
    }

    /// Writes down who has or has read a message. In a group, only whoever sent it is told, with how many have read it.
    fn confirm(&mut self, app: &mut App, now_ms: u64) {
        let Some(mut kept) = app.history.get(self.message) else {
            return;
        };
        let sides = app.history.sides_of(kept.id);
        let has_it = matches!(self.audience, Audience::User { .. })
            || sides.iter().any(|(user, _)| *user == self.sender);
        if kept.sender == self.sender || !has_it {
            return;
        }
        if self.kind == message_kind::READ {
            kept.notes.read_by.entry(self.sender.clone()).or_insert(now_ms);
        }
        kept.notes.delivered_to.insert(self.sender.clone());
        app.history.rewrite(&kept);
        if let Audience::Group { members, .. } = &mut self.audience {
            members.retain(|member| *member == kept.sender || *member == self.sender);
            let count = json!({kept.id.to_string(): kept.notes.read_by.len()});
            let ext = MessageBody {
                ext: vec![KeyValue {
                    key: "group_read_count".into(),
                    kind: value_kind::JSON,
                    string_value: count.to_string(),
                    ..KeyValue::default()
                }],
                ..MessageBody::default()
            };
            // Appended, it is the first of its kind: receipts have no fields of the app.
            self.delivered.payload.extend(ext.encode_to_vec());
        }
    }
}
