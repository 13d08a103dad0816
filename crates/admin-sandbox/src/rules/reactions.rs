//! Reactions to messages, and messages that are pinned in a conversation.

use serde_json::{Value, json};

use super::App;
use super::history::{Kept, SHARED};
use super::notices::News;

/// Why a reaction or a pin is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoteError {
    /// There is no such message, or the user does not have it.
    NoMessage,
    /// The user did that already, or did not do what is to be undone.
    NothingToDo,
}

/// A message may be pinned no more often than this in one conversation.
const MOST_PINS: usize = 20;

/// A message that is pinned in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Pin {
    pub(crate) message: u64,
    pub(crate) operator: String,
    /// In milliseconds since 1970.
    pub(crate) at_ms: u64,
}

impl App {
    /// Returns a message that a user has, and who else does.
    pub(crate) fn message_of(&self, user: &str, id: u64) -> Option<(Kept, Vec<String>)> {
        let kept = self.history.get(id)?;
        let sides = self.history.sides_of(id);
        let mut users: Vec<String> = match sides.first() {
            Some((owner, thread)) if owner == SHARED => self
                .groups
                .members_of(thread)
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            _ => sides.into_iter().map(|(user, _)| user).collect(),
        };
        users.dedup();
        users.iter().any(|one| one == user).then_some((kept, users))
    }

    /// Adds a reaction of a user to a message, or takes it away; everybody who has the message is told. `about` makes of the
    /// message what devices are told.
    ///
    /// # Errors
    /// When the user does not have the message, or there is nothing to do.
    pub(crate) fn react(
        &mut self,
        user: &str,
        id: u64,
        reaction: &str,
        add: bool,
        about: impl Fn(&Kept, &str) -> Value,
    ) -> Result<(), NoteError> {
        let (mut kept, users) = self.message_of(user, id).ok_or(NoteError::NoMessage)?;
        let reacted = kept.notes.reactions.entry(reaction.to_owned()).or_default();
        let had = reacted.len();
        reacted.retain(|one| one != user);
        if add == (reacted.len() < had) {
            return Err(NoteError::NothingToDo);
        }
        if add {
            reacted.push(user.to_owned());
        }
        if reacted.is_empty() {
            kept.notes.reactions.remove(reaction);
        }
        self.history.rewrite(&kept);
        for one in users {
            let news = News::Notify(json!({"type": "reaction", "data": [about(&kept, &one)]}));
            self.tell(&one, None, news);
        }
        Ok(())
    }

    /// Pins a message in a conversation, or takes the pin away; everybody in the conversation is told.
    ///
    /// # Errors
    /// When the user does not have the message, or there is nothing to do.
    pub(crate) fn pin_message(
        &mut self,
        (user, device): (&str, &str),
        (other, kind): (&str, &str),
        id: u64,
        pin: bool,
        now_ms: u64,
    ) -> Result<(), NoteError> {
        let (_, users) = self.message_of(user, id).ok_or(NoteError::NoMessage)?;
        let pins = self.pins.entry(Self::pinboard(user, other, kind)).or_default();
        let before = pins.len();
        pins.retain(|one| one.message != id);
        if !pin && pins.len() == before {
            return Err(NoteError::NothingToDo);
        }
        if pin {
            pins.insert(
                0,
                Pin {
                    message: id,
                    operator: user.to_owned(),
                    at_ms: now_ms,
                },
            );
            pins.truncate(MOST_PINS);
        }
        let op = if pin { "pin" } else { "pin_delete" };
        for one in users {
            // SDKs name the conversation after whoever acted, or after the group.
            let data = json!({
                "op": op, "id": other, "type": kind, "from": user, "res": device, "ts": now_ms, "ext": id.to_string(),
            });
            let but = (one == user).then_some(device);
            self.tell(&one, but, News::Notify(json!({"type": "conv", "data": data})));
        }
        Ok(())
    }

    /// Returns what is pinned in a conversation, newest first.
    pub(crate) fn pinned(&self, user: &str, other: &str, kind: &str) -> &[Pin] {
        let pins = self.pins.get(&Self::pinboard(user, other, kind));
        pins.map_or(&[], Vec::as_slice)
    }

    /// Both sides of a conversation share one.
    fn pinboard(user: &str, other: &str, kind: &str) -> String {
        match kind {
            "chat" if user < other => format!("{user}/{other}"),
            "chat" => format!("{other}/{user}"),
            _ => other.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::notes::Notes;

    fn app() -> App {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob", "eve"] {
            app.register_for_test(user);
        }
        let kept = Kept {
            id: 7,
            at_ms: 1,
            sender: "ann".into(),
            message: [].into(),
            notes: Notes::default(),
        };
        app.history.keep("ann", "bob", &kept);
        app.history.keep("bob", "ann", &kept);
        app
    }

    fn told(app: &mut App) -> Vec<String> {
        let told = std::mem::take(&mut app.told).into_iter();
        told.map(|told| told.user).collect()
    }

    #[test]
    fn whoever_has_a_message_may_react_once_and_all_who_have_it_are_told() {
        let mut app = app();
        let mut react = |user: &str, add| app.react(user, 7, "👍", add, |_, _| json!({}));
        assert_eq!(react("eve", true), Err(NoteError::NoMessage));
        assert_eq!(react("bob", false), Err(NoteError::NothingToDo));
        react("bob", true).unwrap();
        assert_eq!(react("bob", true), Err(NoteError::NothingToDo));
        assert_eq!(told(&mut app), ["ann", "bob"]);
        assert_eq!(app.history.get(7).unwrap().notes.reactions["👍"], ["bob"]);
        app.react("bob", 7, "👍", false, |_, _| json!({})).unwrap();
        assert_eq!(app.history.get(7).unwrap().notes, Notes::default());
    }

    #[test]
    fn both_sides_see_one_pin() {
        let mut app = app();
        let pin = |app: &mut App, pin| app.pin_message(("ann", "ios_1"), ("bob", "chat"), 7, pin, 5);
        pin(&mut app, true).unwrap();
        pin(&mut app, true).unwrap();
        assert_eq!(told(&mut app), ["ann", "bob", "ann", "bob"]);
        assert_eq!(app.pinned("bob", "ann", "chat").len(), 1);
        pin(&mut app, false).unwrap();
        assert_eq!(pin(&mut app, false), Err(NoteError::NothingToDo));
        assert!(app.pinned("bob", "ann", "chat").is_empty());
    }
}
