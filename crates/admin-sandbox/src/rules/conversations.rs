//! What users do to their conversations, and what their other devices are told of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::App;
use super::notices::News;

/// The state of one conversation of one user.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conversation {
    /// When it was pinned, in milliseconds since 1970, if it is.
    pub(crate) pinned_ms: Option<u64>,
    /// Its marks.
    pub(crate) marks: BTreeSet<String>,
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

impl App {
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
        if let Some(own) = self.conversations.get_mut(acting.user) {
            own.remove(acting.id);
        }
        self.tell_of_conversation(acting, "del", None, now_ms);
    }

    /// Deletes messages that the service keeps for a user; the devices that hold copies are told.
    pub(crate) fn delete_roaming(&mut self, acting: Acting<'_>, which: Roaming<'_>) {
        match which {
            Roaming::Until(until_ms) => self.history.forget_until(acting.user, acting.id, until_ms),
            Roaming::Messages(ids) => self.history.forget(acting.user, acting.id, ids),
        }
        let Acting {
            user,
            device,
            id,
            kind,
        } = acting;
        let data = json!({"to": id, "chatType": kind, "resource": device});
        let news = News::Notify(json!({"type": "roaming_delete", "data": data}));
        self.tell(user, Some(device), news);
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
    fn the_other_devices_are_told_in_the_words_that_sdks_read() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.pin_conversation(ACTING, true, 7);
        app.mark_conversation(ACTING, "mark_0", true, 8);
        assert_eq!(app.conversations["ann"]["bob"].pinned_ms, Some(7));
        app.mark_conversation(ACTING, "mark_0", false, 9);
        assert!(app.conversations["ann"]["bob"].marks.is_empty());
        app.delete_conversation(ACTING, true, 10);
        assert!(app.conversations["ann"].is_empty());
        app.delete_roaming(ACTING, Roaming::Until(10));
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
        assert!(texts[4].contains("roaming_delete"), "{texts:?}");
    }
}
