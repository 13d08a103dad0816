//! Messages that are sent by REST, to users, groups or everybody, and taken back (pages "send messages", "broadcast" and
//! "recall").

use super::App;
use super::content::Content;
use super::history::SHARED;
use super::notices::{News, Told};

/// A message is taken back within this time, unless that is forced: two minutes, the console's default.
const RECALL_MS: u64 = 2 * 60 * 1_000;

/// A message before it has recipients.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing<'a> {
    pub(crate) from: &'a str,
    pub(crate) content: Content,
    /// Whether whoever is not connected never gets it.
    pub(crate) online_only: bool,
    /// Whether the sender's own devices get it as well.
    pub(crate) sync: bool,
}

/// Who takes back what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recall<'a> {
    pub(crate) message: u64,
    pub(crate) by: &'a str,
    pub(crate) to: &'a str,
    /// Also what is too old, or not kept any more.
    pub(crate) force: bool,
}

/// Why a message is not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecallError {
    /// There is no such recipient.
    NoRecipient,
    /// It is too old.
    TooOld,
    /// It is not kept, or was taken back before.
    NotFound,
}

/// Returns whether a message of a time can no longer be taken back, unless that is forced.
pub(crate) fn is_too_old_to_recall(sent_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(sent_ms) > RECALL_MS
}

impl App {
    /// Sends a message to a user, and to the sender's own devices if it says so. Returns its id, also where there is no such
    /// recipient: the service does not check.
    pub(crate) fn send_message(&mut self, to: &str, message: &Outgoing<'_>, now_ms: u64) -> u64 {
        let id = self.ids.next(now_ms);
        let from = self.sender(message.from);
        let Some(to) = self.users.find(to).map(|user| user.name.clone()) else {
            return id;
        };
        if message.sync && to != from && self.users.find(&from).is_some() {
            self.tell_message(&from.clone(), id, &from, &to, false, message);
        }
        self.tell_message(&to, id, &from, &to, false, message);
        id
    }

    /// Sends a message to the members of a group, the sender among them. Returns its id, also where there is no such group.
    pub(crate) fn send_group_message(&mut self, group: &str, message: &Outgoing<'_>, now_ms: u64) -> u64 {
        let id = self.ids.next(now_ms);
        let from = self.sender(message.from);
        let members = self.groups.members_of(group).cloned();
        for member in members.into_iter().flatten() {
            self.tell_message(&member, id, &from, group, true, message);
        }
        id
    }

    /// Sends a message to all users. Returns the id of the broadcast.
    pub(crate) fn broadcast(&mut self, message: &Outgoing<'_>, now_ms: u64) -> u64 {
        let names: Vec<String> = self.users.iter().map(|user| user.name.clone()).collect();
        let from = self.sender(message.from);
        let id = self.ids.next(now_ms);
        for to in names.iter().filter(|name| **name != from) {
            self.tell_message(to, id, &from, to, false, message);
        }
        id
    }

    /// Takes a message back from everybody who has it, and returns who that is.
    ///
    /// # Errors
    /// When there is no such recipient, or the message is too old or not kept and this is not forced.
    pub(crate) fn recall(&mut self, recall: Recall<'_>, now_ms: u64) -> Result<Vec<String>, RecallError> {
        let to_group = self.groups.members_of(recall.to).is_some();
        let recipient = self.users.find(recall.to).map(|user| user.name.clone());
        let to = match recipient {
            Some(name) => name,
            None if to_group => recall.to.to_owned(),
            None => return Err(RecallError::NoRecipient),
        };
        match self.history.get(recall.message) {
            None if !recall.force => return Err(RecallError::NotFound),
            Some(kept) if !recall.force && is_too_old_to_recall(kept.at_ms, now_ms) => {
                return Err(RecallError::TooOld);
            }
            _ => {}
        }
        let sides = self.history.sides_of(recall.message).into_iter();
        let mut holders: Vec<String> = sides
            .map(|(user, _)| user)
            .filter(|user| user != SHARED)
            .collect();
        if holders.is_empty() {
            let members = self.groups.members_of(&to);
            holders.extend(members.into_iter().flatten().cloned());
            holders.extend((!to_group).then(|| to.clone()));
        }
        let by = self.sender(recall.by);
        self.history.forget_message(recall.message);
        for holder in &holders {
            self.told.push(Told {
                user: holder.clone(),
                but: None,
                online_only: false,
                news: News::Recalled {
                    message: recall.message,
                    from: by.clone(),
                    to: to.clone(),
                    in_group: to_group,
                },
            });
        }
        Ok(holders)
    }

    /// The service itself may send under a name that no user has.
    fn sender(&self, name: &str) -> String {
        let known = self.users.find(name);
        known.map_or_else(|| name.to_owned(), |user| user.name.clone())
    }

    fn tell_message(
        &mut self,
        user: &str,
        id: u64,
        from: &str,
        to: &str,
        in_group: bool,
        message: &Outgoing<'_>,
    ) {
        self.told.push(Told {
            user: user.to_owned(),
            but: None,
            online_only: message.online_only,
            news: News::Message {
                id,
                from: from.to_owned(),
                to: to.to_owned(),
                in_group,
                content: message.content.clone(),
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::groups::{Actor, NewGroup};
    use crate::rules::history::Kept;
    use crate::rules::notes::Notes;

    fn hello(from: &str, sync: bool) -> Outgoing<'_> {
        Outgoing {
            from,
            content: Content::text("hello"),
            online_only: false,
            sync,
        }
    }

    fn app(names: &[&str]) -> App {
        let mut app = App::new("o#a", None);
        for name in names {
            app.register_for_test(name);
        }
        app
    }

    fn told(app: &mut App) -> Vec<String> {
        std::mem::take(&mut app.told)
            .into_iter()
            .map(|told| told.user)
            .collect()
    }

    #[test]
    fn a_message_has_an_id_of_its_own_and_reaches_who_is_there() {
        let mut app = app(&["ann"]);
        let mut ids: Vec<_> = (0..3)
            .map(|_| app.send_message("ANN", &hello("admin", true), 5))
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 3);
        assert_eq!(
            told(&mut app),
            ["ann", "ann", "ann"],
            "the sender is no user here"
        );
        app.register_for_test("bob");
        app.send_message("ann", &hello("BOB", true), 5);
        assert_eq!(told(&mut app), ["bob", "ann"], "names have no case");
        app.send_message("nobody", &hello("bob", true), 5);
        assert!(told(&mut app).is_empty(), "the service gives an id all the same");
    }

    #[test]
    fn a_group_and_everybody_are_reached() {
        let mut app = app(&["ann", "bob", "cid"]);
        let actor = Actor {
            user: "ann",
            device: "",
        };
        let new = NewGroup {
            members: vec!["bob".into()],
            ..NewGroup::default()
        };
        let group = app.create_group(actor, new, 5);
        app.told.clear();
        app.send_group_message(&group, &hello("ann", false), 5);
        assert_eq!(told(&mut app), ["ann", "bob"]);
        app.send_group_message("7", &hello("ann", false), 5);
        assert!(told(&mut app).is_empty());
        app.broadcast(&hello("ann", false), 5);
        assert_eq!(told(&mut app), ["bob", "cid"], "not to whoever sent it");
        app.broadcast(&hello("admin", false), 5);
        assert_eq!(told(&mut app), ["ann", "bob", "cid"]);
    }

    #[test]
    fn messages_by_rest_and_by_connection_are_in_one_order() {
        let mut app = app(&["ann"]);
        let hub = crate::realtime::hub::Hub::new(app.ids.clone());
        let mut ids = Vec::new();
        for _ in 0..50 {
            ids.push(app.send_message("ann", &hello("admin", false), 5));
            ids.push(hub.new_id(5));
        }
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    }

    #[test]
    fn a_message_is_taken_back_within_two_minutes_from_all_who_have_it() {
        let mut app = app(&["ann", "bob"]);
        let kept = |id, at_ms| Kept {
            id,
            at_ms,
            sender: "ann".into(),
            message: [].into(),
            notes: Notes::default(),
        };
        for id in [1, 2] {
            app.history.keep("ann", "bob", &kept(id, 1_000));
            app.history.keep("bob", "ann", &kept(id, 1_000));
        }
        let recall = |app: &mut App, message, force, now_ms| {
            let recall = Recall {
                message,
                by: "admin",
                to: "BOB",
                force,
            };
            app.recall(recall, now_ms)
        };
        let both = Ok(vec!["ann".to_owned(), "bob".to_owned()]);
        assert_eq!(recall(&mut app, 1, false, 121_001), Err(RecallError::TooOld));
        assert_eq!(recall(&mut app, 1, false, 121_000), both);
        assert_eq!(told(&mut app), ["ann", "bob"]);
        assert_eq!(
            recall(&mut app, 1, false, 121_000),
            Err(RecallError::NotFound),
            "again"
        );
        assert_eq!(recall(&mut app, 2, true, 999_000), both);
        // Nothing of it is kept here, but devices may have it.
        assert_eq!(recall(&mut app, 3, true, 999_000), Ok(vec!["bob".into()]));
        let to_nobody = Recall {
            message: 2,
            by: "admin",
            to: "nobody",
            force: true,
        };
        assert_eq!(app.recall(to_nobody, 5), Err(RecallError::NoRecipient));
    }
}
