//! Contacts: who asked whom, and who is whose.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::App;
use super::notices::{ContactChange, News, Told};

/// All contacts of an app, by the names of users.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Contacts {
    of: BTreeMap<String, BTreeSet<String>>,
    /// Who asked (second) whom (first) and was not answered yet.
    asked: BTreeMap<String, BTreeSet<String>>,
    /// What a user (first) calls a contact (second).
    remarks: BTreeMap<String, BTreeMap<String, String>>,
    /// Who may not write (second) to whom (first).
    blocked: BTreeMap<String, BTreeSet<String>>,
}

/// Why a contact cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContactError {
    /// There is no such user.
    NoSuchUser,
    /// One cannot be one's own contact.
    Oneself,
}

impl Contacts {
    /// Returns the contacts of a user.
    pub(crate) fn of(&self, user: &str) -> Vec<String> {
        self.of.get(user).into_iter().flatten().cloned().collect()
    }

    /// Returns what a user calls a contact; empty if the user did not say.
    pub(crate) fn remark(&self, user: &str, contact: &str) -> &str {
        let own = self.remarks.get(user).and_then(|own| own.get(contact));
        own.map_or("", String::as_str)
    }

    /// Sets what a user calls a contact; false if it is none.
    pub(crate) fn set_remark(&mut self, user: &str, contact: &str, remark: &str) -> bool {
        let is_one = self.of.get(user).is_some_and(|own| own.contains(contact));
        if is_one {
            let own = self.remarks.entry(user.to_owned()).or_default();
            own.insert(contact.to_owned(), remark.to_owned());
        }
        is_one
    }

    /// Returns whom a user has blocked.
    pub(crate) fn blocked(&self, user: &str) -> Vec<String> {
        self.blocked.get(user).into_iter().flatten().cloned().collect()
    }

    /// Returns whether a user has blocked another.
    pub(crate) fn blocks(&self, user: &str, other: &str) -> bool {
        self.blocked
            .get(user)
            .is_some_and(|blocked| blocked.contains(other))
    }

    /// Forgets a user on both sides of everything.
    pub(super) fn forget(&mut self, user: &str) {
        self.remarks.remove(user);
        for remarks in self.remarks.values_mut() {
            remarks.remove(user);
        }
        for lists in [&mut self.of, &mut self.asked, &mut self.blocked] {
            lists.remove(user);
            for list in lists.values_mut() {
                list.remove(user);
            }
        }
    }

    fn tie(&mut self, one: &str, other: &str) {
        self.of.entry(one.into()).or_default().insert(other.into());
        self.of.entry(other.into()).or_default().insert(one.into());
    }

    fn untie(&mut self, one: &str, other: &str) {
        for (one, other) in [(one, other), (other, one)] {
            if let Some(contacts) = self.of.get_mut(one) {
                contacts.remove(other);
            }
            if let Some(remarks) = self.remarks.get_mut(one) {
                remarks.remove(other);
            }
        }
    }

    fn answer(&mut self, asked: &str, by: &str) -> bool {
        self.asked.get_mut(asked).is_some_and(|askers| askers.remove(by))
    }
}

/// What a user does about a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContactAct {
    /// Makes one without a question, as REST does.
    Add,
    /// Asks.
    Apply,
    /// Takes the one who asked.
    Accept,
    /// Does not take the one who asked.
    Decline,
    /// Ends it.
    Remove,
    /// Takes no messages any more.
    Block,
    /// Takes messages again.
    Unblock,
}

impl App {
    /// Does something about a contact; the actor's other devices are told, and the other side's devices unless it is a
    /// block, which is nobody else's business.
    ///
    /// # Errors
    /// When one of the two is not there, or both are the same.
    pub(crate) fn change_contact(
        &mut self,
        actor: &str,
        device: Option<&str>,
        act: ContactAct,
        other: &str,
        reason: &str,
    ) -> Result<(), ContactError> {
        let name = |app: &Self, name: &str| app.users.find(name).map(|user| user.name.clone());
        let (Some(actor), Some(other)) = (name(self, actor), name(self, other)) else {
            return Err(ContactError::NoSuchUser);
        };
        if actor == other {
            return Err(ContactError::Oneself);
        }
        let (at_own, at_other) = match act {
            ContactAct::Add => {
                self.contacts.answer(&actor, &other);
                self.contacts.answer(&other, &actor);
                self.contacts.tie(&actor, &other);
                (ContactChange::Accepted, ContactChange::AcceptedByOther)
            }
            ContactAct::Apply => {
                self.contacts
                    .asked
                    .entry(other.clone())
                    .or_default()
                    .insert(actor.clone());
                (ContactChange::Applied, ContactChange::Applied)
            }
            ContactAct::Accept => {
                // The service lets nobody be taken who did not ask; without a question nothing happens.
                if !self.contacts.answer(&actor, &other) {
                    return Ok(());
                }
                self.contacts.tie(&actor, &other);
                (ContactChange::Accepted, ContactChange::AcceptedByOther)
            }
            ContactAct::Decline => {
                if !self.contacts.answer(&actor, &other) {
                    return Ok(());
                }
                (ContactChange::Declined, ContactChange::DeclinedByOther)
            }
            ContactAct::Remove => {
                self.contacts.untie(&actor, &other);
                (ContactChange::Removed, ContactChange::Removed)
            }
            ContactAct::Block => {
                let blocked = self.contacts.blocked.entry(actor.clone()).or_default();
                blocked.insert(other.clone());
                (ContactChange::Blocked, ContactChange::Blocked)
            }
            ContactAct::Unblock => {
                if let Some(blocked) = self.contacts.blocked.get_mut(&actor) {
                    blocked.remove(&other);
                }
                (ContactChange::Unblocked, ContactChange::Unblocked)
            }
        };
        let news = |change| News::Contact {
            change,
            from: actor.clone(),
            to: other.clone(),
            reason: reason.to_owned(),
        };
        let (own, others) = (news(at_own), news(at_other));
        if !matches!(act, ContactAct::Block | ContactAct::Unblock) {
            self.tell(&other, None, others);
        }
        self.tell(&actor, device, own);
        Ok(())
    }

    /// Has the devices of a user told something, but for the one that did it.
    pub(super) fn tell(&mut self, user: &str, but: Option<&str>, news: News) {
        self.told.push(Told {
            user: user.to_owned(),
            but: but.map(str::to_owned),
            online_only: false,
            news,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> App {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.register_for_test("bob");
        app
    }

    fn told(app: &mut App) -> Vec<(String, Option<String>, ContactChange)> {
        let change = |told: Told| match told.news {
            News::Contact { change, .. } => (told.user, told.but, change),
            other => panic!("{other:?}"),
        };
        std::mem::take(&mut app.told).into_iter().map(change).collect()
    }

    #[test]
    fn both_sides_are_told_and_become_contacts() {
        let mut app = app();
        app.change_contact("ann", Some("ios_1"), ContactAct::Apply, "BOB", "hi")
            .unwrap();
        let applied = ContactChange::Applied;
        let ios = Some("ios_1".to_owned());
        assert_eq!(
            told(&mut app),
            [("bob".into(), None, applied), ("ann".into(), ios, applied)]
        );
        assert!(app.contacts.of("ann").is_empty());
        app.change_contact("bob", None, ContactAct::Accept, "ann", "")
            .unwrap();
        assert_eq!(
            told(&mut app),
            [
                ("ann".into(), None, ContactChange::AcceptedByOther),
                ("bob".into(), None, ContactChange::Accepted)
            ]
        );
        assert_eq!(
            (app.contacts.of("ann"), app.contacts.of("bob")),
            (vec!["bob".into()], vec!["ann".into()])
        );
        app.change_contact("ann", None, ContactAct::Remove, "bob", "")
            .unwrap();
        assert!(app.contacts.of("bob").is_empty());
    }

    #[test]
    fn a_block_is_told_to_ones_own_devices_only_and_can_be_lifted() {
        let mut app = app();
        app.change_contact("ann", Some("ios_1"), ContactAct::Block, "bob", "")
            .unwrap();
        let ios = Some("ios_1".to_owned());
        assert_eq!(told(&mut app), [("ann".into(), ios, ContactChange::Blocked)]);
        assert!(app.contacts.blocks("ann", "bob") && !app.contacts.blocks("bob", "ann"));
        assert_eq!(app.contacts.blocked("ann"), ["bob"]);
        app.change_contact("ann", None, ContactAct::Unblock, "bob", "")
            .unwrap();
        assert!(app.contacts.blocked("ann").is_empty());
    }

    #[test]
    fn rest_makes_contacts_without_a_question_and_answers_those_that_are_open() {
        let mut app = app();
        app.change_contact("ann", None, ContactAct::Apply, "bob", "")
            .unwrap();
        told(&mut app);
        app.change_contact("ann", None, ContactAct::Add, "BOB", "")
            .unwrap();
        assert_eq!(
            told(&mut app),
            [
                ("bob".into(), None, ContactChange::AcceptedByOther),
                ("ann".into(), None, ContactChange::Accepted)
            ]
        );
        assert_eq!(app.contacts.of("bob"), ["ann"]);
        app.change_contact("ann", None, ContactAct::Remove, "bob", "")
            .unwrap();
        told(&mut app);
        app.change_contact("bob", None, ContactAct::Accept, "ann", "")
            .unwrap();
        assert!(app.contacts.of("bob").is_empty(), "there is no question any more");
    }

    #[test]
    fn nobody_is_taken_who_did_not_ask() {
        let mut app = app();
        app.change_contact("bob", None, ContactAct::Accept, "ann", "")
            .unwrap();
        assert!(app.contacts.of("bob").is_empty() && told(&mut app).is_empty());
        let nobody = app.change_contact("bob", None, ContactAct::Apply, "nobody", "");
        assert_eq!(nobody, Err(ContactError::NoSuchUser));
        let oneself = app.change_contact("bob", None, ContactAct::Apply, "bob", "");
        assert_eq!(oneself, Err(ContactError::Oneself));
    }
}
