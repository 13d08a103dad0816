//! Groups: made, changed and ended. Who is in them is in `membership`, who may do what in `roles`, what members say
//! of themselves in `attributes`. Chat rooms are groups, too, with what is different in `rooms`.

mod attributes;
mod membership;
mod roles;
mod rooms;
mod shared_files;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::membership::MemberAct;
pub(crate) use self::roles::{RoleAct, Silence};
pub(crate) use self::rooms::{Joining, Property, RoomError};
pub(crate) use self::shared_files::SharedFile;
use super::App;
use super::history::SHARED;
use super::notices::{GroupChange, GroupNews, News, Told};
use super::threads::Thread;

/// A group.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) admins: BTreeSet<String>,
    /// All members, the owner and the admins included.
    pub(crate) members: BTreeSet<String>,
    pub(crate) entry: Entry,
    /// Who asked to be let in and was not answered yet.
    asked: BTreeSet<String>,
    /// Who was invited and did not answer yet.
    invited: BTreeSet<String>,
    /// Who may speak although nobody else may.
    pub(crate) allowed: BTreeSet<String>,
    /// Who wants no messages of the group.
    pub(crate) shielded: BTreeSet<String>,
    pub(crate) announcement: String,
    /// The address of its picture.
    pub(crate) avatar: String,
    /// What the app keeps with it.
    pub(crate) custom: String,
    /// In milliseconds since 1970.
    pub(crate) created_ms: u64,
    /// Who may not come back.
    pub(crate) blocked: BTreeSet<String>,
    /// Who may not speak, until when in milliseconds since 1970.
    pub(crate) muted: BTreeMap<String, u64>,
    /// Whether nobody but the owner and the admins may speak.
    pub(crate) all_muted: bool,
    pub(crate) attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// What is shared with all members, by its id.
    pub(crate) files: BTreeMap<String, SharedFile>,
    /// What is kept with a chat room, by its name.
    pub(crate) properties: BTreeMap<String, Property>,
    /// So many members it has at most, if that was said.
    pub(crate) most_members: Option<u32>,
    /// When name or description were last changed, in milliseconds since 1970.
    pub(crate) modified_ms: u64,
}

/// Which of the two a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Members stay until they leave.
    Group,
    /// Whoever is away for long is out.
    Room,
}

/// How one gets into a group.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    /// What becomes of somebody who wants in.
    pub(crate) door: Door,
    /// Whether every member may invite.
    pub(crate) members_invite: bool,
    /// Whether whoever is invited is asked first.
    pub(crate) invite_confirm: bool,
}

/// What becomes of somebody who wants in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Door {
    /// Nobody may ask.
    #[default]
    Closed,
    /// Whoever asks waits for an answer.
    Guarded,
    /// Whoever comes is in.
    Open,
}

/// The groups and threads of an app, by their ids.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Groups {
    pub(crate) all: BTreeMap<String, Group>,
    /// The chat rooms.
    pub(crate) rooms: BTreeMap<String, Group>,
    /// Since when users are away, in milliseconds since 1970, who will then be out of their rooms.
    away: BTreeMap<String, u64>,
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
    /// The actor's role does not allow it.
    NotAllowed,
    /// Nobody asked for it, or everybody has it already.
    NothingToDo,
    /// No more members fit in.
    Full,
}

/// Who acts, with which device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
}

/// What a group is made of.
#[derive(Debug, Default, Clone)]
pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) avatar: String,
    pub(crate) custom: String,
    pub(crate) members: Vec<String>,
    pub(crate) entry: Entry,
    pub(crate) most_members: Option<u32>,
}

/// What is changed of a group, as far as given.
#[derive(Debug, Default, Clone)]
pub(crate) struct GroupUpdate {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) custom: Option<String>,
    pub(crate) most_members: Option<u32>,
}

/// What members are told of a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed<'a> {
    change: GroupChange,
    about: Option<&'a str>,
    reason: &'a str,
}

impl<'a> Changed<'a> {
    /// Something about the whole group, in somebody's words.
    pub(crate) fn all(change: GroupChange, reason: &'a str) -> Self {
        Self {
            change,
            about: None,
            reason,
        }
    }

    /// Something about one member.
    pub(crate) fn about(change: GroupChange, user: &'a str) -> Self {
        Self {
            change,
            about: Some(user),
            reason: "",
        }
    }
}

impl Groups {
    /// Returns up to `limit` groups, newest first, that are older than the one named; and where the next page starts.
    pub(crate) fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<(&String, &Group)>, Option<&String>) {
        let older = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.all.range::<str, _>((Bound::Unbounded, older)).rev();
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let next = rest.next().and_then(|_| page.last()).map(|(id, _)| *id);
        (page, next)
    }

    /// Returns all groups or all chat rooms.
    pub(crate) fn of_kind(&self, kind: Kind) -> &BTreeMap<String, Group> {
        match kind {
            Kind::Group => &self.all,
            Kind::Room => &self.rooms,
        }
    }

    /// Returns a group or a chat room.
    pub(crate) fn any(&self, id: &str) -> Option<&Group> {
        self.all.get(id).or_else(|| self.rooms.get(id))
    }

    /// Returns who is in a group, a chat room or a thread.
    pub(crate) fn members_of(&self, id: &str) -> Option<&BTreeSet<String>> {
        let group = self.any(id).map(|group| &group.members);
        group.or_else(|| self.threads.get(id).map(|thread| &thread.members))
    }

    /// Returns the groups that a user is in, newest first.
    pub(crate) fn of(&self, user: &str) -> Vec<(&String, &Group)> {
        let mine = self.all.iter().rev();
        mine.filter(|(_, group)| group.members.contains(user)).collect()
    }

    pub(super) fn new_id(&mut self, now_ms: u64) -> String {
        self.last_id = now_ms.max(self.last_id + 1);
        self.last_id.to_string()
    }
}

impl App {
    /// Makes a group and returns its id; users who are not there are left out.
    pub(crate) fn create_group(&mut self, actor: Actor<'_>, new: NewGroup, now_ms: u64) -> String {
        let id = self.groups.new_id(now_ms);
        let group = self.new_group(actor, new, now_ms);
        let (members, name) = (group.members.clone(), group.name.clone());
        self.groups.all.insert(id.clone(), group);
        for member in &members {
            let change = if member == actor.user {
                GroupChange::Created
            } else {
                GroupChange::DirectlyJoined
            };
            let news = GroupNews::new(actor, change, &id).named(&name);
            self.tell_of_group(actor, member, news);
        }
        id
    }

    /// Returns what a new group or chat room is.
    fn new_group(&self, actor: Actor<'_>, new: NewGroup, now_ms: u64) -> Group {
        let known = new.members.iter().filter_map(|member| self.users.find(member));
        let mut members: BTreeSet<String> = known.map(|user| user.name.clone()).collect();
        members.insert(actor.user.to_owned());
        Group {
            name: new.name,
            description: new.description,
            owner: actor.user.to_owned(),
            members,
            entry: new.entry,
            avatar: new.avatar,
            custom: new.custom,
            created_ms: now_ms,
            modified_ms: now_ms,
            most_members: new.most_members,
            ..Group::default()
        }
    }

    /// Ends a group with its threads.
    pub(crate) fn destroy_group(&mut self, actor: Actor<'_>, id: &str) -> Result<(), GroupError> {
        let group = self.group(id)?;
        if group.owner != actor.user {
            return Err(GroupError::NotAllowed);
        }
        let members = group.members.clone();
        let files: Vec<String> = group.files.keys().cloned().collect();
        for file in &files {
            self.history.forget_file(file);
        }
        let news = GroupNews::new(actor, GroupChange::Destroyed, id);
        for member in &members {
            self.tell_of_group(actor, member, news.clone());
        }
        self.groups.all.remove(id);
        if self.groups.rooms.remove(id).is_some() {
            self.history.forget_until(SHARED, id, u64::MAX);
        }
        let (ended, others) = std::mem::take(&mut self.groups.threads)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, thread)| thread.group == id);
        self.groups.threads = others;
        for (thread_id, thread) in ended {
            self.forget_thread(&thread_id, &thread);
        }
        Ok(())
    }

    /// Sets name, description and the like, as far as given.
    pub(crate) fn update_group(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        update: GroupUpdate,
        now_ms: u64,
    ) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if !group.leads(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        group.modified_ms = now_ms;
        group.most_members = update.most_members.or(group.most_members);
        let mut changed = json!({});
        for (name, given, field) in [
            ("name", update.name, &mut group.name),
            ("description", update.description, &mut group.description),
            ("avatar", update.avatar, &mut group.avatar),
            ("custom", update.custom, &mut group.custom),
        ] {
            if let Some(given) = given {
                changed[name] = json!(given);
                *field = given;
            }
        }
        let news = GroupNews::new(actor, GroupChange::Updated, id).with_ext(changed.to_string());
        self.tell_members(actor, id, &news);
        Ok(())
    }

    /// Lets a leader change a group by `act`, which says whether it did; then the members are told.
    ///
    /// # Errors
    /// When there is no such group, or the actor does not lead it.
    pub(crate) fn change_group(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        changed: Changed<'_>,
        act: impl FnOnce(&mut Group) -> bool,
    ) -> Result<bool, GroupError> {
        let group = self.group_mut(id)?;
        if !group.leads(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        if !act(group) {
            return Ok(false);
        }
        let mut news = GroupNews::new(actor, changed.change, id).because(changed.reason);
        if let Some(user) = changed.about {
            news = news.about(user);
        }
        self.tell_members(actor, id, &news);
        Ok(true)
    }

    pub(super) fn group(&self, id: &str) -> Result<&Group, GroupError> {
        self.groups.any(id).ok_or(GroupError::Nothing)
    }

    fn group_mut(&mut self, id: &str) -> Result<&mut Group, GroupError> {
        let room = self.groups.rooms.get_mut(id);
        room.or_else(|| self.groups.all.get_mut(id))
            .ok_or(GroupError::Nothing)
    }

    /// Tells every device of a user, but for the one that did it. Of a chat room, only who is there is told.
    pub(super) fn tell_of_group(&mut self, actor: Actor<'_>, user: &str, mut news: GroupNews) {
        let but = (user == actor.user).then_some(actor.device);
        news.room = self.groups.rooms.get(&news.id).map(|room| room.members.len());
        self.told.push(Told {
            user: user.to_owned(),
            but: but.map(str::to_owned),
            online_only: news.room.is_some(),
            news: News::Group(news),
        });
    }

    /// Tells everybody who is in the group now.
    fn tell_members(&mut self, actor: Actor<'_>, id: &str, news: &GroupNews) {
        self.tell_all_but(actor, id, &[], news);
    }

    /// Tells everybody who is in the group now, but for some.
    fn tell_all_but(&mut self, actor: Actor<'_>, id: &str, but: &[&str], news: &GroupNews) {
        let members = self.groups.any(id).map(|group| group.members.clone());
        for member in members.iter().flatten() {
            if !but.contains(&member.as_str()) {
                self.tell_of_group(actor, member, news.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
