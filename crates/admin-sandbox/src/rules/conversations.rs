//! What users do to their conversations, and what their other devices are told of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::App;
use super::history::Kept;
use super::notices::News;

/// The state of one conversation of one user.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conversation {
    /// When it was pinned, in milliseconds since 1970, if it is.
    pub(crate) pinned_ms: Option<u64>,
    /// Its marks.
    pub(crate) marks: BTreeSet<String>,
    /// The newest message that was there when it was read.
    pub(crate) read_id: u64,
    /// The newest message that was there when it was deleted: a newer one brings it back.
    pub(crate) deleted_id: u64,
}

/// Which kept messages are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roaming<'a> {
    /// Those up to a time in milliseconds since 1970.
    Until(u64),
    /// Those with these ids.
    Messages(&'a [u64]),
}

/// The conversations of all users: by user, then by the name of the other side.
pub(crate) type Conversations = BTreeMap<String, BTreeMap<String, Conversation>>;

/// Who acts on which of his conversations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acting<'a> {
    /// The user, as the app writes the name.
    pub(crate) user: &'a str,
    /// The device that acts.
    pub(crate) device: &'a str,
    /// The name of the other side.
    pub(crate) id: &'a str,
    /// `chat`, or another word for a group.
    pub(crate) kind: &'a str,
}

/// A conversation in a user's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    /// The other side: a user or a group.
    pub(crate) other: String,
    pub(crate) in_group: bool,
    pub(crate) state: Conversation,
    /// The id of the newest message, if there is one.
    newest_id: Option<u64>,
}

impl Channel {
    /// Returns whether it has a message.
    pub(crate) fn has_messages(&self) -> bool {
        self.newest_id.is_some()
    }

    /// Returns the newest message.
    pub(crate) fn newest(&self, app: &App) -> Option<Kept> {
        app.history.get(self.newest_id?)
    }

    /// Returns how many messages of others a user has not read; at most 1,000.
    pub(crate) fn unread(&self, app: &App, user: &str) -> u64 {
        let read = self.state.read_id.max(self.state.deleted_id);
        app.history.count_after(user, &self.other, read)
    }
}

impl App {
    /// Returns the conversations of a user, the one with the newest message first. A deleted one is back as soon as there is a
    /// newer message.
    pub(crate) fn channels(&self, user: &str) -> Vec<Channel> {
        let own = self.conversations.get(user).cloned().unwrap_or_default();
        let mut newest: BTreeMap<String, u64> = self.history.conversations(user).into_iter().collect();
        for other in own.keys() {
            newest.entry(other.clone()).or_insert(0);
        }
        let mut channels: Vec<(u64, Channel)> = Vec::new();
        for (other, id) in newest {
            let state = own.get(&other).cloned().unwrap_or_default();
            let empty = id <= state.deleted_id;
            if empty && state.pinned_ms.is_none() && state.marks.is_empty() {
                continue;
            }
            let channel = Channel {
                in_group: self.groups.all.contains_key(&other),
                newest_id: (!empty).then_some(id),
                state,
                other,
            };
            channels.push((id, channel));
        }
        channels.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        channels.into_iter().map(|(_, channel)| channel).collect()
    }

    /// Pins a conversation, or takes the pin away.
    pub(crate) fn pin_conversation(&mut self, acting: Acting<'_>, pin: bool, now_ms: u64) {
        self.conversation(acting).pinned_ms = pin.then_some(now_ms);
        self.tell_of_conversation(acting, if pin { "top" } else { "not_top" }, None, now_ms);
    }

    /// Marks a conversation, or takes the mark away.
    pub(crate) fn mark_conversation(&mut self, acting: Acting<'_>, mark: &str, set: bool, now_ms: u64) {
        let marks = &mut self.conversation(acting).marks;
        if set {
            marks.insert(mark.to_owned());
        } else {
            marks.remove(mark);
        }
        self.tell_of_conversation(
            acting,
            if set { "mark" } else { "mark_delete" },
            Some(mark),
            now_ms,
        );
    }

    /// Deletes a conversation, with the kept messages if `roaming` says so.
    pub(crate) fn delete_conversation(&mut self, acting: Acting<'_>, roaming: bool, now_ms: u64) {
        if roaming {
            self.history.forget_until(acting.user, acting.id, now_ms);
        }
        let newest = self.history.newest(acting.user, acting.id);
        *self.conversation(acting) = Conversation {
            deleted_id: newest.map_or(0, |kept| kept.id),
            ..Conversation::default()
        };
        self.tell_of_conversation(acting, "del", None, now_ms);
    }

    /// Deletes messages that the service keeps for a user; the devices that hold copies are told.
    pub(crate) fn delete_roaming(&mut self, acting: Acting<'_>, which: Roaming<'_>, now_ms: u64) {
        let (delete_ms, ids) = match which {
            Roaming::Until(until_ms) => {
                self.history.forget_until(acting.user, acting.id, until_ms);
                (until_ms, &[][..])
            }
            Roaming::Messages(ids) => {
                self.history.forget(acting.user, acting.id, ids);
                (now_ms, ids)
            }
        };
        let listed: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let last = self.history.newest(acting.user, acting.id);
        let Acting {
            user,
            device,
            id,
            kind,
        } = acting;
        let data = json!({
            "to": id,
            "chatType": kind,
            "resource": device,
            "deleteTime": delete_ms,
            "msgIdList": listed,
            "lastMsgId": last.map_or(String::new(), |kept| kept.id.to_string()),
        });
        let news = News::Notify(json!({"type": "roaming_delete", "data": data}));
        self.tell(user, Some(device), news);
    }

    /// Notes that a user has read all that is in a conversation.
    pub(crate) fn read_conversation(&mut self, user: &str, other: &str) {
        if let Some(newest) = self.history.newest(user, other) {
            let own = self.conversations.entry(user.to_owned()).or_default();
            own.entry(other.to_owned()).or_default().read_id = newest.id;
        }
    }

    fn conversation(&mut self, acting: Acting<'_>) -> &mut Conversation {
        let own = self.conversations.entry(acting.user.to_owned()).or_default();
        own.entry(acting.id.to_owned()).or_default()
    }

    fn tell_of_conversation(&mut self, acting: Acting<'_>, op: &str, ext: Option<&str>, now_ms: u64) {
        let Acting {
            user,
            device,
            id,
            kind,
        } = acting;
        let mut data = json!({"op": op, "id": id, "type": kind, "from": user, "res": device, "ts": now_ms});
        if let Some(ext) = ext {
            data["ext"] = json!(ext);
        }
        let news = News::Notify(json!({"type": "conv", "data": data}));
        self.tell(user, Some(device), news);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTING: Acting<'_> = Acting {
        user: "ann",
        device: "ios_1",
        id: "bob",
        kind: "chat",
    };

    #[test]
    fn a_list_has_the_newest_first_and_counts_what_was_not_read() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        let mut keep = |other: &str, id, sender: &str| {
            let kept = Kept {
                id,
                at_ms: id,
                sender: sender.into(),
                message: [].into(),
                notes: crate::rules::notes::Notes::default(),
            };
            app.history.keep("ann", other, &kept);
        };
        keep("bob", 1, "bob");
        keep("eve", 2, "eve");
        keep("eve", 3, "ann");
        keep("eve", 4, "eve");
        let listed = |app: &App| -> Vec<(String, u64)> {
            let channels = app.channels("ann").into_iter();
            channels
                .map(|channel| (channel.other.clone(), channel.unread(app, "ann")))
                .collect()
        };
        assert_eq!(listed(&app), [("eve".into(), 2), ("bob".into(), 1)]);
        app.read_conversation("ann", "eve");
        app.pin_conversation(Acting { id: "zoe", ..ACTING }, true, 7);
        assert_eq!(
            listed(&app),
            [("eve".into(), 0), ("bob".into(), 1), ("zoe".into(), 0)]
        );
        app.delete_conversation(ACTING, false, 8);
        assert_eq!(listed(&app), [("eve".into(), 0), ("zoe".into(), 0)]);
        let again = Kept {
            id: 9,
            ..app.history.get(1).unwrap()
        };
        app.history.keep("ann", "bob", &again);
        assert_eq!(listed(&app)[0], ("bob".into(), 1), "it is back");
    }

    #[test]
    fn the_other_devices_are_told_in_the_words_that_sdks_read() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.pin_conversation(ACTING, true, 7);
        app.mark_conversation(ACTING, "mark_0", true, 8);
        assert_eq!(app.conversations["ann"]["bob"].pinned_ms, Some(7));
        app.mark_conversation(ACTING, "mark_0", false, 9);
        assert!(app.conversations["ann"]["bob"].marks.is_empty());
        app.delete_conversation(ACTING, true, 10);
        assert_eq!(app.conversations["ann"]["bob"], Conversation::default());
        app.delete_roaming(ACTING, Roaming::Until(10), 11);
        app.delete_roaming(ACTING, Roaming::Messages(&[7, 8]), 11);
        assert!(
            app.told
                .iter()
                .all(|told| told.user == "ann" && told.but.as_deref() == Some("ios_1"))
        );
        let texts: Vec<String> = app
            .told
            .iter()
            .map(|told| match &told.news {
                News::Notify(json) => json.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(
            texts[0].contains(r#""op":"top""#) && texts[1].contains(r#""ext":"mark_0""#),
            "{texts:?}"
        );
        assert!(
            texts[4].contains("roaming_delete")
                && texts[4].contains(r#""deleteTime":10,"lastMsgId":"","msgIdList":[]"#),
            "{texts:?}"
        );
        assert!(
            texts[5].contains(r#""deleteTime":11,"lastMsgId":"","msgIdList":["7","8"]"#),
            "{texts:?}"
        );
    }
}
