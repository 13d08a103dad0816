//! Puts news into their wire form. Pure.

use prost::Message;

use super::frames::{DOMAIN, Jid, Meta, Roster, namespace};
use crate::rules::notices::{ContactChange, News};

/// Returns the message that tells a user the news, in the system queue.
pub(crate) fn meta(app_key: &str, user: &str, news: &News, id: u64, now_ms: u64) -> (Jid, Meta) {
    let jid = |name: &str| Jid {
        app_key: app_key.into(),
        name: name.into(),
        domain: DOMAIN.into(),
        ..Jid::default()
    };
    let (from, ns, payload) = match news {
        // Minified by its own form: SDKs fail on a byte below 0x10.
        News::Notify(json) => ("admin", namespace::NOTIFY, json.to_string().into_bytes()),
        News::Contact {
            change,
            from,
            to,
            reason,
        } => {
            let roster = Roster {
                operation: operation(*change),
                from: Some(jid(from)),
                to: vec![jid(to)],
                reason: reason.clone(),
            };
            (from.as_str(), namespace::ROSTER, roster.encode_to_vec())
        }
    };
    let meta = Meta {
        id,
        from: Some(jid(from)),
        to: Some(jid(user)),
        timestamp: now_ms,
        ns,
        payload,
    };
    (jid(""), meta)
}

fn operation(change: ContactChange) -> i32 {
    match change {
        ContactChange::Applied => 2,
        ContactChange::Removed => 3,
        ContactChange::Accepted => 4,
        ContactChange::Declined => 5,
        ContactChange::AcceptedByOther => 8,
        ContactChange::DeclinedByOther => 9,
    }
}
