//! Threads in groups.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::App;
use super::groups::{Actor, GroupError};
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
}

/// What a user does to a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadAct<'a> {
    Join,
    Leave,
    Rename(&'a str),
    Destroy,
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
        if !self.group(group)?.members.contains(actor.user) {
            return Err(GroupError::NoMember);
        }
        let id = format!("t{}", self.groups.new_id(now_ms));
        let thread = Thread {
            name: name.to_owned(),
            group: group.to_owned(),
            owner: actor.user.to_owned(),
            members: [actor.user.to_owned()].into(),
            message,
        };
        self.tell_of_thread(actor, GroupChange::ThreadCreated, &id, &thread);
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
            ThreadAct::Rename(_) | ThreadAct::Destroy if !may_end => return Err(GroupError::NotAllowed),
            ThreadAct::Rename(name) => {
                name.clone_into(&mut thread.name);
                GroupChange::ThreadRenamed
            }
            ThreadAct::Destroy => GroupChange::ThreadDestroyed,
        };
        let thread = thread.clone();
        if act == ThreadAct::Destroy {
            groups.threads.remove(id);
        }
        self.tell_of_thread(actor, change, id, &thread);
        Ok(())
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
    use crate::rules::groups::NewGroup;

    const ANN: Actor<'_> = Actor {
        user: "ann",
        device: "ios_1",
    };
    const BOB: Actor<'_> = Actor {
        user: "bob",
        device: "web_1",
    };

    #[test]
    fn threads_live_in_a_group_and_are_told_to_the_actors_other_devices_only() {
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
        let thread = app.create_thread(ANN, &group, "topic", None, 6).unwrap();
        app.change_thread(BOB, &thread, ThreadAct::Join).unwrap();
        assert_eq!(
            app.change_thread(BOB, &thread, ThreadAct::Destroy),
            Err(GroupError::NotAllowed)
        );
        let eve = Actor {
            user: "eve",
            device: "",
        };
        assert_eq!(
            app.change_thread(eve, &thread, ThreadAct::Join),
            Err(GroupError::NoMember)
        );
        app.change_thread(BOB, &thread, ThreadAct::Leave).unwrap();
        app.change_thread(ANN, &thread, ThreadAct::Rename("other"))
            .unwrap();
        app.change_thread(ANN, &thread, ThreadAct::Destroy).unwrap();
        assert!(app.told.iter().all(|told| told.but.is_some()));
        let users: Vec<&str> = app.told.iter().map(|told| told.user.as_str()).collect();
        assert_eq!(users, ["ann", "bob", "bob", "ann", "ann"]);
        assert_eq!(
            app.change_thread(ANN, &thread, ThreadAct::Join),
            Err(GroupError::Nothing)
        );
        assert_eq!(
            app.create_thread(ANN, "nothing", "x", None, 7),
            Err(GroupError::Nothing)
        );
    }
}
