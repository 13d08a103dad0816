//! Past messages as files have them (page "message history"): one JSON object a line. Pure.

use prost::Message;
use serde_json::json;

use super::frames::{CONFERENCE, Jid, MessageBody, Meta, message_kind, namespace};
use super::wire_content::{ext_to_json, to_json};
use crate::rules::history::Kept;

/// Returns the line of a message; nothing for receipts, recalls and what cannot be read.
pub(crate) fn line(kept: &Kept) -> Option<String> {
    let meta = Meta::decode(&*kept.message).ok()?;
    let body = MessageBody::decode(meta.payload.as_slice()).ok()?;
    if meta.ns != namespace::CHAT || body.kind > message_kind::ROOM {
        return None;
    }
    let name = |jid: &Option<Jid>| jid.as_ref().map(|jid| jid.name.clone()).unwrap_or_default();
    let (from, to) = (name(&meta.from), name(&meta.to));
    let in_group = meta.to.as_ref().is_some_and(|jid| jid.domain == CONFERENCE);
    let bodies: Vec<_> = body.contents.iter().map(to_json).collect();
    let line = json!({
        "msg_id": kept.id.to_string(),
        "timestamp": kept.at_ms,
        "direction": "outgoing",
        "from": from,
        "to": to,
        "chat_type": if in_group { "groupchat" } else { "chat" },
        "payload": {"bodies": bodies, "ext": ext_to_json(&body.ext), "from": from, "to": to},
    });
    Some(line.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::realtime::notices;
    use crate::rules::content::Content;
    use crate::rules::notes::Notes;
    use crate::rules::notices::News;

    #[test]
    fn a_message_is_a_line_and_a_recall_is_none() {
        let message = News::Message {
            id: 7,
            from: "ann".into(),
            to: "42".into(),
            in_group: true,
            content: Content::text("hi"),
        };
        let recall = News::Recalled {
            message: 7,
            from: "ann".into(),
            to: "42".into(),
            in_group: true,
        };
        let line = |news: &News| {
            let (_, meta) = notices::meta("o#a", "bob", news, 8, 1_000);
            line(&Kept {
                id: meta.id,
                at_ms: meta.timestamp,
                sender: "ann".into(),
                message: meta.encode_to_vec().into(),
                notes: Notes::default(),
            })
        };
        let written: Value = serde_json::from_str(&line(&message).unwrap()).unwrap();
        assert_eq!(
            (
                &written["msg_id"],
                &written["chat_type"],
                &written["to"],
                &written["timestamp"]
            ),
            (&json!("7"), &json!("groupchat"), &json!("42"), &json!(1_000))
        );
        assert_eq!(
            written["payload"]["bodies"],
            json!([{"type": "txt", "msg": "hi"}])
        );
        assert_eq!(line(&recall), None);
    }
}
