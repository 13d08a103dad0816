//! Threads in groups.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::App;
use super::groups::{Actor, GroupError};
use super::history::SHARED;
use super::notices::{GroupChange, GroupNews, News};

/// A thread in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) owner: String,
    pub(crate) members: BTreeSet<String>,
    /// The message that it is about.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// When it was made, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) created_ms: u64,
}

/// What a user does to a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadAct<'a> {
    Join,
    Leave,
    Rename(&'a str),
    Destroy,
    /// Takes a member out.
    Kick(&'a str),
}

impl Thread {
    /// Returns the message that it is about, if that is the id of one.
    fn parent(&self) -> Option<u64> {
        self.message.as_ref()?.parse().ok()
    }
}

impl App {
    /// Makes a thread in a group and returns its id.
    ///
    /// # Errors
    /// When there is no such group, or the actor is no member.
    pub(crate) fn create_thread(
        &mut self,
        actor: Actor<'_>,
        group: &str,
        name: &str,
        message: Option<String>,
        now_ms: u64,
    ) -> Result<String, GroupError> {
        if !self
            .groups
            .all
            .get(group)
            .ok_or(GroupError::Nothing)?
            .members
            .contains(actor.user)
        {
            return Err(GroupError::NoMember);
        }
        let id = format!("t{}", self.groups.new_id(now_ms));
        let thread = Thread {
            name: name.to_owned(),
            group: group.to_owned(),
            owner: actor.user.to_owned(),
            members: [actor.user.to_owned()].into(),
            message,
            created_ms: now_ms,
        };
        if let Some(mut parent) = thread.parent().and_then(|parent| self.history.get(parent)) {
            parent.notes.thread = Some(id.clone());
            self.history.rewrite(&parent);
        }
        self.tell_of_thread(actor, GroupChange::ThreadCreated, &id, &thread);
        self.tell_group_of_thread(actor.user, "create", &id, &thread, json!({}), now_ms);
        self.groups.threads.insert(id.clone(), thread);
        Ok(id)
    }

    /// Changes a thread.
    ///
    /// # Errors
    /// When there is no such thread, the actor is not in it or not in its group, or does not own it.
    pub(crate) fn change_thread(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        act: ThreadAct<'_>,
        now_ms: u64,
    ) -> Result<(), GroupError> {
        let groups = &mut self.groups;
        let thread = groups.threads.get_mut(id).ok_or(GroupError::Nothing)?;
        let group = groups.all.get(&thread.group).ok_or(GroupError::Nothing)?;
        let may_end = thread.owner == actor.user || group.owner == actor.user;
        let change = match act {
            ThreadAct::Join if !group.members.contains(actor.user) => return Err(GroupError::NoMember),
            ThreadAct::Join => {
                thread.members.insert(actor.user.to_owned());
                GroupChange::ThreadJoined
            }
            ThreadAct::Leave if !thread.members.remove(actor.user) => return Err(GroupError::NoMember),
            ThreadAct::Leave => GroupChange::ThreadLeft,
            ThreadAct::Rename(_) | ThreadAct::Destroy | ThreadAct::Kick(_) if !may_end => {
                return Err(GroupError::NotAllowed);
            }
            ThreadAct::Rename(name) => {
                name.clone_into(&mut thread.name);
                GroupChange::ThreadRenamed
            }
            ThreadAct::Destroy => GroupChange::ThreadDestroyed,
            ThreadAct::Kick(user) if !thread.members.remove(user) => return Err(GroupError::NoMember),
            ThreadAct::Kick(_) => GroupChange::ThreadKicked,
        };
        let thread = thread.clone();
        if act == ThreadAct::Destroy {
            groups.threads.remove(id);
            self.forget_thread(id, &thread);
        }
        if let ThreadAct::Kick(user) = act {
            let news = GroupNews::new(actor, change, id)
                .about(user)
                .in_group(&thread.group)
                .named(&thread.name);
            self.tell(user, None, News::Group(news));
            return Ok(());
        }
        self.tell_of_thread(actor, change, id, &thread);
        let operation = match act {
            ThreadAct::Rename(_) => "update",
            ThreadAct::Destroy => "delete",
            ThreadAct::Join | ThreadAct::Leave | ThreadAct::Kick(_) => return Ok(()),
        };
        self.tell_group_of_thread(actor.user, operation, id, &thread, json!({}), now_ms);
        Ok(())
    }

    /// Tells the members of the group that somebody said something in a thread; `last` is that message as JSON.
    pub(crate) fn tell_of_thread_message(&mut self, sender: &str, id: &str, last: &Value, now_ms: u64) {
        if let Some(thread) = self.groups.threads.get(id).cloned() {
            let more = json!({"last_message": last});
            self.tell_group_of_thread(sender, "update_msg", id, &thread, more, now_ms);
        }
    }

    /// Returns under whose name a message to a group or user is kept for a user: what is said in a thread or a
    /// chat room is kept once, so that those who join later read it, too.
    pub(crate) fn keeper<'a>(&self, user: &'a str, to: &str) -> &'a str {
        if self.groups.threads.contains_key(to) || self.groups.rooms.contains_key(to) {
            SHARED
        } else {
            user
        }
    }

    /// Returns whether a user may read what was said in a thread or a chat room: a thread is open to its whole group, and
    /// kits show it before they join it.
    pub(crate) fn may_read(&self, user: &str, id: &str) -> bool {
        let id = self.groups.threads.get(id).map_or(id, |thread| &thread.group);
        self.groups
            .any(id)
            .is_some_and(|group| group.members.contains(user))
    }

    /// Takes a user who is no longer in a group out of its threads; those that the user owned go to the group's owner.
    pub(super) fn leave_threads(&mut self, user: &str, group: &str) {
        let owner = self.groups.any(group).map(|group| group.owner.clone());
        for thread in self.groups.threads.values_mut() {
            if thread.group != group {
                continue;
            }
            thread.members.remove(user);
            if let Some(owner) = owner.as_ref().filter(|_| thread.owner == user) {
                thread.owner.clone_from(owner);
            }
        }
    }

    /// Forgets what was said in a thread that has ended, and that the message it was about has one.
    pub(super) fn forget_thread(&mut self, id: &str, thread: &Thread) {
        self.history.forget_until(SHARED, id, u64::MAX);
        if let Some(mut parent) = thread.parent().and_then(|parent| self.history.get(parent)) {
            parent.notes.thread = None;
            self.history.rewrite(&parent);
        }
    }

    /// Everybody in the group is told of its threads, also the devices of whoever acted.
    fn tell_group_of_thread(
        &mut self,
        from: &str,
        operation: &str,
        id: &str,
        thread: &Thread,
        more: Value,
        now_ms: u64,
    ) {
        let mut data = json!({
            "operation": operation,
            "id": id,
            "name": thread.name,
            "muc_parent_id": thread.group,
            "msg_parent_id": thread.message,
            "from": from,
            "timestamp": now_ms,
            "message_count": self.history.count(SHARED, id),
        });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        let news = News::Notify(json!({"type": "thread", "data": data}));
        let members = self.groups.members_of(&thread.group).cloned();
        for member in members.into_iter().flatten() {
            self.tell(&member, None, news.clone());
        }
    }

    /// SDKs do not look whose device acted, so only the actor's other devices are told.
    fn tell_of_thread(&mut self, actor: Actor<'_>, change: GroupChange, id: &str, thread: &Thread) {
        let news = GroupNews::new(actor, change, id)
            .in_group(&thread.group)
            .named(&thread.name);
        self.tell(actor.user, Some(actor.device), News::Group(news));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::groups::{MemberAct, NewGroup, RoleAct, Silence};

    const ANN: Actor<'_> = Actor {
        user: "ann",
        device: "ios_1",
    };
    const BOB: Actor<'_> = Actor {
        user: "bob",
        device: "web_1",
    };

    fn app() -> (App, String) {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob", "eve"] {
            app.register_for_test(user);
        }
        let new = NewGroup {
            members: vec!["bob".into()],
            ..NewGroup::default()
        };
        let group = app.create_group(ANN, new, 5);
        app.told.clear();
        (app, group)
    }

    /// Whom the news of one kind go to, and whether the acting device is left out.
    fn told(app: &mut App, notify: bool) -> Vec<(String, bool)> {
        let told = std::mem::take(&mut app.told).into_iter();
        told.filter(|told| matches!(told.news, News::Notify(_)) == notify)
            .map(|told| (told.user, told.but.is_some()))
            .collect()
    }

    #[test]
    fn threads_live_in_a_group_and_joining_is_told_to_the_actors_other_devices_only() {
        let (mut app, group) = app();
        let thread = app.create_thread(ANN, &group, "topic", None, 6).unwrap();
        let mut change = |actor, act| app.change_thread(actor, &thread, act, 7);
        change(BOB, ThreadAct::Join).unwrap();
        assert_eq!(change(BOB, ThreadAct::Destroy), Err(GroupError::NotAllowed));
        assert_eq!(change(BOB, ThreadAct::Kick("ann")), Err(GroupError::NotAllowed));
        let eve = Actor {
            user: "eve",
            device: "",
        };
        assert_eq!(change(eve, ThreadAct::Join), Err(GroupError::NoMember));
        change(BOB, ThreadAct::Leave).unwrap();
        change(ANN, ThreadAct::Rename("other")).unwrap();
        change(ANN, ThreadAct::Destroy).unwrap();
        assert_eq!(change(ANN, ThreadAct::Join), Err(GroupError::Nothing));
        let users = ["ann", "bob", "bob", "ann", "ann"].map(|user| (user.to_owned(), true));
        assert_eq!(told(&mut app, false), users);
        assert_eq!(
            app.create_thread(ANN, "nothing", "x", None, 7),
            Err(GroupError::Nothing)
        );
    }

    #[test]
    fn the_whole_group_is_told_of_new_and_ended_threads() {
        let (mut app, group) = app();
        let thread = app.create_thread(ANN, &group, "topic", None, 6).unwrap();
        let both = ["ann", "bob"].map(|user| (user.to_owned(), false));
        assert_eq!(told(&mut app, true), both);
        app.tell_of_thread_message("ann", &thread, &json!({"id": "1"}), 7);
        assert_eq!(told(&mut app, true), both);
        app.change_thread(BOB, &thread, ThreadAct::Join, 7).unwrap();
        assert_eq!(told(&mut app, true), []);
        app.change_thread(ANN, &thread, ThreadAct::Kick("bob"), 7)
            .unwrap();
        assert_eq!(told(&mut app, false), [("bob".to_owned(), false)]);
        app.change_thread(ANN, &thread, ThreadAct::Destroy, 7).unwrap();
        assert_eq!(told(&mut app, true), both);
    }

    #[test]
    fn whoever_joined_may_speak_in_a_thread_while_the_group_lets_them() {
        let (mut app, group) = app();
        let thread = app.create_thread(ANN, &group, "topic", None, 6).unwrap();
        assert_eq!(app.listeners("ann", &thread, 7), Ok(vec!["ann".to_owned()]));
        assert_eq!(app.listeners("bob", &thread, 7), Err(Silence::NoMember));
        app.change_thread(BOB, &thread, ThreadAct::Join, 7).unwrap();
        assert_eq!(
            app.listeners("bob", &thread, 7),
            Ok(vec!["ann".to_owned(), "bob".to_owned()])
        );
        app.change_role(ANN, &group, RoleAct::MuteAll(true)).unwrap();
        assert_eq!(app.listeners("bob", &thread, 7), Err(Silence::Muted));
        assert_eq!(app.keeper("ann", &thread), SHARED);
        assert_eq!(app.keeper("ann", &group), "ann");
    }

    #[test]
    fn whoever_leaves_the_group_leaves_its_threads_and_may_read_them_no_more() {
        let (mut app, group) = app();
        let thread = app.create_thread(BOB, &group, "topic", None, 6).unwrap();
        assert!(app.may_read("ann", &thread), "members need not join to read");
        assert!(!app.may_read("eve", &thread));
        app.change_members(BOB, &group, MemberAct::Leave).unwrap();
        assert!(!app.may_read("bob", &thread));
        let left = &app.groups.threads[&thread];
        assert_eq!((left.owner.as_str(), left.members.len()), ("ann", 0));
        let new = ThreadAct::Join;
        assert_eq!(app.change_thread(BOB, &thread, new, 7), Err(GroupError::NoMember));
    }
}
