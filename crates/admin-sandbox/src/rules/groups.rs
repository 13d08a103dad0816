//! Groups and the threads in them, as far as devices are told of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::App;
use super::notices::{GroupChange, News};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) owner: String,
    /// All members, the owner included.
    pub(crate) members: BTreeSet<String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, BTreeMap<String, String>>,
}

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

/// The groups and threads of an app, by their ids.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Groups {
    pub(crate) all: BTreeMap<String, Group>,
    pub(crate) threads: BTreeMap<String, Thread>,
    last_id: u64,
}

/// Why a group or thread cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupError {
    /// There is no such group or thread.
    Nothing,
    /// The user is no member.
    NoMember,
    /// Only the owner may.
    NotOwner,
}

/// Who acts, with which device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
}

impl Groups {
    fn new_id(&mut self, now_ms: u64) -> String {
        self.last_id = now_ms.max(self.last_id + 1);
        self.last_id.to_string()
    }
}

impl App {
    /// Makes a group and returns its id; users who are not there are left out.
    pub(crate) fn create_group(
        &mut self,
        actor: Actor<'_>,
        name: &str,
        members: &[String],
        now_ms: u64,
    ) -> String {
        let id = self.groups.new_id(now_ms);
        let known = members.iter().filter_map(|member| self.users.find(member));
        let mut members: BTreeSet<String> = known.map(|user| user.name.clone()).collect();
        members.insert(actor.user.to_owned());
        let group = Group {
            name: name.to_owned(),
            owner: actor.user.to_owned(),
            members: members.clone(),
            attributes: BTreeMap::new(),
        };
        self.groups.all.insert(id.clone(), group);
        for member in &members {
            let change = if member == actor.user {
                GroupChange::Created
            } else {
                GroupChange::DirectlyJoined
            };
            self.tell_of_group(actor, member, change, &id, None);
        }
        id
    }

    /// Ends a group with its threads.
    pub(crate) fn destroy_group(&mut self, actor: Actor<'_>, id: &str) -> Result<(), GroupError> {
        let group = self.groups.all.get(id).ok_or(GroupError::Nothing)?;
        if group.owner != actor.user {
            return Err(GroupError::NotOwner);
        }
        let members = group.members.clone();
        self.groups.all.remove(id);
        self.groups.threads.retain(|_, thread| thread.group != id);
        for member in &members {
            self.tell_of_group(actor, member, GroupChange::Destroyed, id, None);
        }
        Ok(())
    }

    /// Takes a user out of a group: himself, or by its owner.
    pub(crate) fn leave_group(&mut self, actor: Actor<'_>, id: &str, user: &str) -> Result<(), GroupError> {
        let group = self.groups.all.get_mut(id).ok_or(GroupError::Nothing)?;
        let kicked = user != actor.user;
        if kicked && group.owner != actor.user {
            return Err(GroupError::NotOwner);
        }
        let before = group.members.clone();
        if !group.members.remove(user) {
            return Err(GroupError::NoMember);
        }
        let change = if kicked {
            GroupChange::Kicked
        } else {
            GroupChange::Left
        };
        for member in &before {
            // The rest of the group is told that somebody is absent; who left or was kicked is told so.
            let change = if member == user {
                change
            } else {
                GroupChange::Absent
            };
            self.tell_of_group(actor, member, change, id, None);
        }
        Ok(())
    }

    /// Sets what a member says of himself in a group.
    pub(crate) fn set_member_attributes(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        user: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), GroupError> {
        let group = self.groups.all.get_mut(id).ok_or(GroupError::Nothing)?;
        if !group.members.contains(user) {
            return Err(GroupError::NoMember);
        }
        let ext = json!({"properties": attributes, "username": user}).to_string();
        group
            .attributes
            .entry(user.to_owned())
            .or_default()
            .extend(attributes);
        for member in group.members.clone() {
            self.tell_of_group(actor, &member, GroupChange::AttributesSet, id, Some(&ext));
        }
        Ok(())
    }

    /// Makes a thread in a group and returns its id.
    pub(crate) fn create_thread(
        &mut self,
        actor: Actor<'_>,
        group: &str,
        name: &str,
        message: Option<String>,
        now_ms: u64,
    ) -> Result<String, GroupError> {
        let members = &self.groups.all.get(group).ok_or(GroupError::Nothing)?.members;
        if !members.contains(actor.user) {
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
    pub(crate) fn change_thread(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        act: ThreadAct<'_>,
    ) -> Result<(), GroupError> {
        let thread = self.groups.threads.get_mut(id).ok_or(GroupError::Nothing)?;
        let owns = thread.owner == actor.user;
        let change = match act {
            ThreadAct::Join => {
                thread.members.insert(actor.user.to_owned());
                GroupChange::ThreadJoined
            }
            ThreadAct::Leave if !thread.members.remove(actor.user) => return Err(GroupError::NoMember),
            ThreadAct::Leave => GroupChange::ThreadLeft,
            ThreadAct::Rename(_) | ThreadAct::Destroy if !owns => return Err(GroupError::NotOwner),
            ThreadAct::Rename(name) => {
                name.clone_into(&mut thread.name);
                GroupChange::ThreadRenamed
            }
            ThreadAct::Destroy => GroupChange::ThreadDestroyed,
        };
        let thread = thread.clone();
        if act == ThreadAct::Destroy {
            self.groups.threads.remove(id);
        }
        self.tell_of_thread(actor, change, id, &thread);
        Ok(())
    }

    fn tell_of_group(
        &mut self,
        actor: Actor<'_>,
        member: &str,
        change: GroupChange,
        id: &str,
        ext: Option<&str>,
    ) {
        let but = (member == actor.user).then_some(actor.device);
        let news = News::Group {
            change,
            id: id.to_owned(),
            from: actor.user.to_owned(),
            device: actor.device.to_owned(),
            thread: None,
            ext: ext.map(str::to_owned),
        };
        self.tell(member, but, news);
    }

    /// SDKs do not look whose device acted, so only the actor's other devices are told.
    fn tell_of_thread(&mut self, actor: Actor<'_>, change: GroupChange, id: &str, thread: &Thread) {
        let news = News::Group {
            change,
            id: id.to_owned(),
            from: actor.user.to_owned(),
            device: actor.device.to_owned(),
            thread: Some((thread.group.clone(), thread.name.clone())),
            ext: None,
        };
        self.tell(actor.user, Some(actor.device), news);
    }
}

/// What a user does to a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadAct<'a> {
    Join,
    Leave,
    Rename(&'a str),
    Destroy,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Actor<'_> = Actor {
        user: "ann",
        device: "ios_1",
    };
    const BOB: Actor<'_> = Actor {
        user: "bob",
        device: "web_1",
    };

    fn app() -> App {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.register_for_test("bob");
        app
    }

    fn told(app: &mut App) -> Vec<(String, bool, GroupChange)> {
        let all = std::mem::take(&mut app.told);
        let change = |news| match news {
            News::Group { change, .. } => change,
            other => panic!("{other:?}"),
        };
        all.into_iter()
            .map(|told| (told.user, told.but.is_some(), change(told.news)))
            .collect()
    }

    #[test]
    fn members_are_told_and_the_acting_device_is_not() {
        let mut app = app();
        let id = app.create_group(ANN, "team", &["BOB".into(), "nobody".into()], 5);
        assert_eq!(
            told(&mut app),
            [
                ("ann".into(), true, GroupChange::Created),
                ("bob".into(), false, GroupChange::DirectlyJoined)
            ]
        );
        assert_eq!(app.destroy_group(BOB, &id), Err(GroupError::NotOwner));
        app.leave_group(ANN, &id, "bob").unwrap();
        let kicked = told(&mut app);
        assert_eq!(kicked[1], ("bob".into(), false, GroupChange::Kicked));
        assert_eq!(app.leave_group(BOB, &id, "bob"), Err(GroupError::NoMember));
        app.destroy_group(ANN, &id).unwrap();
        assert_eq!(told(&mut app), [("ann".into(), true, GroupChange::Destroyed)]);
        assert_eq!(app.destroy_group(ANN, &id), Err(GroupError::Nothing));
    }

    #[test]
    fn threads_live_in_a_group_and_are_told_to_the_actors_other_devices_only() {
        let mut app = app();
        let group = app.create_group(ANN, "team", &["bob".into()], 5);
        told(&mut app);
        let thread = app.create_thread(ANN, &group, "topic", None, 6).unwrap();
        app.change_thread(BOB, &thread, ThreadAct::Join).unwrap();
        assert_eq!(
            app.change_thread(BOB, &thread, ThreadAct::Destroy),
            Err(GroupError::NotOwner)
        );
        app.change_thread(BOB, &thread, ThreadAct::Leave).unwrap();
        app.change_thread(ANN, &thread, ThreadAct::Rename("other"))
            .unwrap();
        app.change_thread(ANN, &thread, ThreadAct::Destroy).unwrap();
        let told = told(&mut app);
        assert!(told.iter().all(|(_, but_one, _)| *but_one));
        let users: Vec<&str> = told.iter().map(|(user, ..)| user.as_str()).collect();
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
