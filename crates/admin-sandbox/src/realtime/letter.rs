//! A message on its way, and which devices of its user it is for. Pure.

use prost::Message;

use super::frames::{Jid, MessageBody, Meta, message_kind, namespace};

/// What a message takes in memory besides what it says, more or less.
const ENVELOPE: usize = 256;

/// A message on its way; all devices that are to get it share it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Letter {
    /// The queue that it goes into.
    pub(crate) queue: Jid,
    /// The message.
    pub(crate) meta: Meta,
    /// The devices that it is for.
    pub(crate) meant: Meant,
}

impl Letter {
    /// Returns how many bytes it takes, more or less.
    pub(crate) fn weight(&self) -> usize {
        self.meta.payload.len() + ENVELOPE
    }

    /// Returns whether it says something to `user`: receipts, recalls and events do not, nor does what the user sent.
    pub(crate) fn is_message_to(&self, user: &str) -> bool {
        let from = self.meta.from.as_ref().map(|jid| jid.name.as_str());
        self.meta.ns == namespace::CHAT
            && from != Some(user)
            && MessageBody::decode(self.meta.payload.as_slice())
                .is_ok_and(|body| body.kind <= message_kind::ROOM)
    }
}

/// The devices of a user that a message is for; all, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meant {
    /// The one that it names.
    pub(crate) only: Option<String>,
    /// The one that has no need of it, because it sent or did it.
    pub(crate) but: Option<String>,
}

impl Meant {
    /// Returns whether it is for this device.
    pub(crate) fn is_for(&self, resource: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == resource) && self.but.as_deref() != Some(resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_for_all_devices_unless_it_names_one() {
        let meant = |only: Option<&str>, but: Option<&str>| Meant {
            only: only.map(str::to_owned),
            but: but.map(str::to_owned),
        };
        for (meant, ios, web) in [
            (Meant::default(), true, true),
            (meant(Some("ios_1"), None), true, false),
            (meant(None, Some("ios_1")), false, true),
            (meant(Some("ios_1"), Some("ios_1")), false, false),
        ] {
            assert_eq!(
                (meant.is_for("ios_1"), meant.is_for("web_1")),
                (ios, web),
                "{meant:?}"
            );
        }
    }
}
