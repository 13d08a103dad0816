//! A kept message together with what became of it, as devices read it again, and as JSON. Pure.

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde_json::{Map, Value, json};

use super::frames::{CONFERENCE, DOMAIN, Jid, MessageBody, Meta, content_kind};
use super::wire_content::{ext_to_json, to_json};
use crate::rules::App;
use crate::rules::history::{Kept, SHARED};
use crate::rules::notes::Edit;

/// The fields of [`MessageBody`] that an edit replaces, and the one with what the service knows.
const CONTENTS: u32 = 4;
const EXT: u32 = 5;
const META: u32 = 9;

/// Returns a message as a device of `viewer` reads it again.
pub(crate) fn wire(app: &App, viewer: &str, kept: &Kept) -> Vec<u8> {
    let notes = notes(app, viewer, kept);
    let meta = Meta::decode(&*kept.message).ok().filter(|_| !notes.is_empty());
    let Some(mut meta) = meta else {
        return kept.message.to_vec();
    };
    if let Some(payload) = with_notes(&meta.payload, notes) {
        meta.payload = payload;
    }
    meta.encode_to_vec()
}

/// Returns a message as JSON, as lists of conversations, threads and pins have it; nothing if it cannot be read.
pub(crate) fn json(app: &App, viewer: &str, kept: &Kept) -> Option<Value> {
    let meta = Meta::decode(&*kept.message).ok()?;
    let body = MessageBody::decode(meta.payload.as_slice()).ok()?;
    let in_group = meta.to.as_ref().is_some_and(|jid| jid.domain == CONFERENCE);
    let name = |jid: &Option<Jid>| jid.as_ref().map(|jid| jid.name.clone()).unwrap_or_default();
    let (from, to) = (name(&meta.from), name(&meta.to));
    let bodies: Vec<Value> = body
        .contents
        .iter()
        .map(|content| {
            let mut json = to_json(content);
            if content.kind == content_kind::CUSTOM {
                // Beside the newer form, a list with one object for each.
                let exts = content.custom_exts.iter();
                json["customExts"] = exts.map(|ext| json!({&*ext.key: ext.string_value})).collect();
            }
            json
        })
        .collect();
    let mut known = known(&body);
    known.extend(notes(app, viewer, kept));
    let full = |name: &str, domain: &str| format!("{}_{name}@{domain}", app.key);
    Some(json!({
        "id": kept.id.to_string(),
        "timestamp": kept.at_ms,
        "from": full(&from, DOMAIN),
        "to": full(&to, if in_group { CONFERENCE } else { DOMAIN }),
        "payload": {
            "bodies": bodies,
            "ext": ext_to_json(&body.ext),
            "from": from,
            "to": to,
            "type": if in_group { "groupchat" } else { "chat" },
            "meta": known,
        },
    }))
}

/// Returns what an edited message says: the old one with the contents of the new one, and its fields of the app if the
/// edit says so. Nothing if one of them cannot be read.
pub(crate) fn edited(old: &Kept, edit: &[u8]) -> Option<Vec<u8>> {
    let mut meta = Meta::decode(&*old.message).ok()?;
    let with_ext = MessageBody::decode(edit).ok()?.edit_scope == 2;
    let replaced: &[u32] = if with_ext { &[CONTENTS, EXT] } else { &[CONTENTS] };
    let mut payload = fields(&meta.payload, |tag| !replaced.contains(&tag))?;
    payload.extend(fields(edit, |tag| replaced.contains(&tag))?);
    meta.payload = payload;
    Some(meta.encode_to_vec())
}

/// Returns what devices are told of an edit, beside what the message says now.
pub(crate) fn edit_note(edit: &Edit, kept: &Kept, in_group: bool) -> Value {
    json!({
        "count": edit.count,
        "operator": edit.operator,
        "edit_time": edit.at_ms,
        "sender": kept.sender,
        "send_time": kept.at_ms,
        "chat_type": if in_group { "chat:group" } else { "chat:user" },
    })
}

/// Adds notes to a message; nothing if it cannot be read.
pub(crate) fn with_notes(payload: &[u8], notes: Map<String, Value>) -> Option<Vec<u8>> {
    let body = MessageBody::decode(payload).ok()?;
    let mut known = known(&body);
    known.extend(notes);
    let mut written = fields(payload, |tag| tag != META)?;
    let meta = MessageBody {
        meta: Value::Object(known).to_string(),
        ..MessageBody::default()
    };
    meta.encode(&mut written).ok()?;
    Some(written)
}

/// Returns the note that names the thread that a message is in.
pub(crate) fn thread_note(app: &App, id: &str) -> Option<Map<String, Value>> {
    let thread = app.groups.threads.get(id)?;
    let note = json!({
        "msg_parent_id": thread.message,
        "muc_parent_id": thread.group,
        "thread_name": thread.name,
    });
    Some(Map::from_iter([("thread".to_owned(), note)]))
}

/// What the sender wrote where the service adds its own.
fn known(body: &MessageBody) -> Map<String, Value> {
    serde_json::from_str(&body.meta).unwrap_or_default()
}

/// What became of a message, in the words of the service.
fn notes(app: &App, viewer: &str, kept: &Kept) -> Map<String, Value> {
    let mut notes = Map::new();
    let of = &kept.notes;
    if let Some(edit) = &of.edit {
        let in_group = Meta::decode(&*kept.message)
            .is_ok_and(|meta| meta.to.is_some_and(|jid| jid.domain == CONFERENCE));
        notes.insert("edit_msg".into(), edit_note(edit, kept, in_group));
    }
    if !of.reactions.is_empty() {
        notes.insert("reaction".into(), reactions(kept, viewer));
    }
    if let Some(overview) = of.thread.as_ref().and_then(|id| thread_overview(app, viewer, id)) {
        notes.insert("thread_overview".into(), overview);
    }
    if of.delivered_to.iter().any(|user| *user != kept.sender) {
        notes.insert("isDelivered".into(), json!(true));
    }
    if of.read_by.keys().any(|user| *user != kept.sender) {
        notes.insert("isRead".into(), json!(true));
    }
    notes
}

/// Returns the reactions to a message as `viewer` sees them.
pub(crate) fn reactions(kept: &Kept, viewer: &str) -> Value {
    let reactions = kept.notes.reactions.iter().map(|(reaction, users)| {
        json!({
            "reaction": reaction,
            "count": users.len(),
            // Lists name the first three; who else reacted is a call of its own.
            "userList": users.iter().take(3).collect::<Vec<_>>(),
            "state": users.iter().any(|user| user == viewer),
        })
    });
    reactions.collect()
}

/// Returns what the message that a thread is about tells of it.
fn thread_overview(app: &App, viewer: &str, id: &str) -> Option<Value> {
    let thread = app.groups.threads.get(id)?;
    let last = app.history.newest(SHARED, id);
    let updated = last.as_ref().map_or(thread.created_ms, |last| last.at_ms);
    let last = last.and_then(|last| json(app, viewer, &last));
    Some(json!({
        "id": id,
        "name": thread.name,
        "muc_parent_id": thread.group,
        "msg_parent_id": thread.message,
        "message_count": app.history.count(SHARED, id),
        "create_timestamp": thread.created_ms,
        "update_timestamp": updated,
        "last_message": last.unwrap_or_else(|| json!({})),
    }))
}

/// Returns the fields of a message whose tags are wanted, as they are; nothing if it cannot be read.
fn fields(message: &[u8], wanted: impl Fn(u32) -> bool) -> Option<Vec<u8>> {
    let mut rest = message;
    let mut taken = Vec::with_capacity(message.len());
    while rest.has_remaining() {
        let before = rest;
        let (tag, kind) = decode_key(&mut rest).ok()?;
        if kind == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            rest = rest.get(length..)?;
        } else {
            skip_field(kind, tag, &mut rest, DecodeContext::default()).ok()?;
        }
        if wanted(tag) {
            taken.extend_from_slice(&before[..before.len() - rest.len()]);
        }
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::realtime::frames::MessageContent;
    use crate::rules::notes::Notes;

    fn body(text: &str) -> MessageBody {
        MessageBody {
            kind: 1,
            contents: vec![MessageContent {
                text: text.into(),
                ..MessageContent::default()
            }],
            ..MessageBody::default()
        }
    }

    fn kept(payload: Vec<u8>) -> Kept {
        let meta = Meta {
            id: 7,
            ns: 1,
            payload,
            ..Meta::default()
        };
        Kept {
            id: 7,
            at_ms: 5,
            sender: "ann".into(),
            message: meta.encode_to_vec().into(),
            notes: Notes::default(),
        }
    }

    #[test]
    fn an_edit_replaces_what_a_message_says_and_keeps_what_is_not_understood() {
        // Field 13, which these types do not have.
        let unknown = [0x6a, 0x01, 0x41];
        let mut payload = body("old").encode_to_vec();
        payload.extend(unknown);
        let edited = edited(&kept(payload), &body("new").encode_to_vec()).unwrap();
        let meta = Meta::decode(&*edited).unwrap();
        let text = &MessageBody::decode(meta.payload.as_slice()).unwrap().contents[0].text;
        assert_eq!((text.as_str(), meta.id), ("new", 7));
        assert!(meta.payload.windows(3).any(|three| three == unknown));
    }

    #[test]
    fn reactions_and_receipts_are_told_to_whoever_reads_it_again() {
        let app = App::new("o#a", None);
        let mut kept = kept(body("hi").encode_to_vec());
        assert_eq!(
            wire(&app, "bob", &kept),
            kept.message.to_vec(),
            "nothing became of it"
        );
        kept.notes.reactions.insert("👍".into(), vec!["bob".into()]);
        kept.notes.read_by.insert("bob".into(), 9);
        let meta = Meta::decode(&*wire(&app, "bob", &kept)).unwrap();
        let told = MessageBody::decode(meta.payload.as_slice()).unwrap();
        assert_eq!(told.contents, body("hi").contents);
        let told: Value = serde_json::from_str(&told.meta).unwrap();
        let reaction = json!([{"reaction": "👍", "count": 1, "userList": ["bob"], "state": true}]);
        assert_eq!(told, json!({"reaction": reaction, "isRead": true}));
        let json = json(&app, "eve", &kept).unwrap();
        assert_eq!(json["payload"]["bodies"][0]["msg"], "hi");
        assert_eq!(json["payload"]["meta"]["reaction"][0]["state"], false);
    }

    proptest! {
        #[test]
        fn whatever_a_device_sent_is_read_or_left_alone(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            let app = App::new("o#a", None);
            let mut kept = kept(payload.clone());
            kept.notes.read_by.insert("bob".into(), 9);
            wire(&app, "bob", &kept);
            json(&app, "bob", &kept);
            edited(&kept, &payload);
            if let Some(all) = fields(&payload, |_| true) {
                prop_assert_eq!(all, payload);
            }
        }
    }
}
