//! What becomes of all that belonged to a user who is gone (page "delete user": friends and messages go, and the groups
//! that the user owned).

use super::App;

impl App {
    /// Forgets whatever a user had who is no more; members of the groups are told.
    pub(super) fn forget(&mut self, name: &str) {
        self.tokens.revoke_user(name);
        self.leave_all_groups(name);
        self.contacts.forget(name);
        self.users.lose_followers(name);
        self.conversations.remove(name);
        self.profiles.remove(name);
        self.silent_modes.remove(name);
        self.history.forget_user(name);
        self.told.retain(|told| told.user != name);
        self.forgotten.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::contacts::ContactAct;
    use crate::rules::conversations::Acting;
    use crate::rules::groups::{Actor, NewGroup};
    use crate::rules::history::{Kept, Wanted};
    use crate::rules::notes::Notes;

    fn group(app: &mut App, owner: &str, member: &str) -> String {
        let new = NewGroup {
            members: vec![member.into()],
            ..NewGroup::default()
        };
        let actor = Actor {
            user: owner,
            device: "",
        };
        app.create_group(actor, new, 5)
    }

    #[test]
    fn nothing_of_a_deleted_user_is_there_for_the_next_one_of_that_name() {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob"] {
            app.register_for_test(user);
        }
        let (own, other) = (group(&mut app, "ann", "bob"), group(&mut app, "bob", "ann"));
        for (act, by, of) in [
            (ContactAct::Apply, "ann", "bob"),
            (ContactAct::Accept, "bob", "ann"),
            (ContactAct::Block, "ann", "bob"),
            (ContactAct::Block, "bob", "ann"),
            (ContactAct::Apply, "bob", "ann"),
        ] {
            app.change_contact(by, None, act, of, "").unwrap();
        }
        let acting = Acting {
            user: "ann",
            device: "ios_1",
            id: "bob",
            kind: "chat",
        };
        app.pin_conversation(acting, true, 5);
        let kept = Kept {
            id: 1,
            at_ms: 1,
            sender: "bob".into(),
            message: [].into(),
            notes: Notes::default(),
        };
        app.history.keep("ann", "bob", &kept);
        let by_ann = Actor {
            user: "ann",
            device: "",
        };
        let thread = app.create_thread(by_ann, &other, "plans", None, 5).unwrap();
        app.users.follow("bob", "ann", 9);
        app.told.clear();

        app.delete("ANN");
        app.register_for_test("ann");
        assert!(!app.groups.all.contains_key(&own));
        assert!(!app.groups.all[&other].members.contains("ann"));
        assert_eq!(app.groups.threads[&thread].owner, "bob");
        let follower = app.users.find("bob").unwrap();
        assert!(follower.presence.subscriptions(1).is_empty());
        let contacts = &app.contacts;
        assert!(contacts.of("ann").is_empty() && contacts.of("bob").is_empty());
        assert!(!contacts.blocks("ann", "bob") && !contacts.blocks("bob", "ann"));
        let wanted = Wanted {
            beyond: None,
            most: 9,
            ascending: true,
        };
        assert!(app.history.page("ann", "bob", wanted).0.is_empty());
        assert!(!app.conversations.contains_key("ann"));
        assert_eq!(app.forgotten, ["ann"]);
        let told: Vec<&str> = app.told.iter().map(|told| told.user.as_str()).collect();
        assert_eq!(
            told,
            ["bob", "bob"],
            "one group has ended, the other has a member less"
        );
        app.change_contact("ann", None, ContactAct::Accept, "bob", "")
            .unwrap();
        assert!(app.contacts.of("ann").is_empty(), "whom bob asked is gone");
    }
}
