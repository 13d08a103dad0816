//! Who may do what in a group: owner, admins, and those who may not speak.

use serde_json::json;

use super::{Actor, App, Group, GroupError};
use crate::rules::notices::{GroupChange, GroupNews};

/// What is done about roles in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleAct<'a> {
    /// Gives the group to another member.
    SetOwner(&'a str),
    /// Makes a member an admin.
    AddAdmin(&'a str),
    /// Takes that away.
    RemoveAdmin(&'a str),
    /// Forbids a member to speak until a time in milliseconds since 1970.
    Mute(&'a str, u64),
    /// Allows it again.
    Unmute(&'a str),
    /// Forbids everybody but the owner and the admins to speak, or allows it again.
    MuteAll(bool),
}

/// Why a message to a group is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// There is no such group.
    NoGroup,
    /// The sender is no member.
    NoMember,
    /// The sender may not speak, or nobody may.
    Muted,
}

impl Group {
    /// Returns whether a member may speak now.
    fn may_speak(&self, user: &str, now_ms: u64) -> bool {
        let muted = self.muted.get(user).is_some_and(|until| now_ms < *until);
        !muted && (!self.all_muted || self.leads(user) || self.allowed.contains(user))
    }

    /// Changes a role and returns what to tell of it.
    fn change_role(&mut self, actor: &str, act: RoleAct<'_>) -> Result<GroupChange, GroupError> {
        let may = match act {
            RoleAct::SetOwner(_) | RoleAct::AddAdmin(_) | RoleAct::RemoveAdmin(_) => self.owner == actor,
            RoleAct::Mute(..) | RoleAct::Unmute(_) | RoleAct::MuteAll(_) => self.leads(actor),
        };
        if !may {
            return Err(GroupError::NotAllowed);
        }
        if act.about().is_some_and(|user| !self.members.contains(user)) {
            return Err(GroupError::NoMember);
        }
        Ok(match act {
            RoleAct::SetOwner(user) => {
                self.admins.remove(user);
                user.clone_into(&mut self.owner);
                GroupChange::OwnerSet
            }
            RoleAct::AddAdmin(user) => {
                self.admins.insert(user.to_owned());
                GroupChange::AdminAdded
            }
            RoleAct::RemoveAdmin(user) => {
                self.admins.remove(user);
                GroupChange::AdminRemoved
            }
            RoleAct::Mute(user, until_ms) => {
                self.muted.insert(user.to_owned(), until_ms);
                GroupChange::Muted
            }
            RoleAct::Unmute(user) => {
                self.muted.remove(user);
                GroupChange::Unmuted
            }
            RoleAct::MuteAll(yes) => {
                self.all_muted = yes;
                if yes {
                    GroupChange::AllMuted
                } else {
                    GroupChange::AllUnmuted
                }
            }
        })
    }
}

impl<'a> RoleAct<'a> {
    fn about(self) -> Option<&'a str> {
        match self {
            Self::SetOwner(user)
            | Self::AddAdmin(user)
            | Self::RemoveAdmin(user)
            | Self::Mute(user, _)
            | Self::Unmute(user) => Some(user),
            Self::MuteAll(_) => None,
        }
    }
}

impl App {
    /// Changes a role in a group; all members are told.
    ///
    /// # Errors
    /// When there is no such group, the one it is about is no member, or the actor may not.
    pub(crate) fn change_role(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        act: RoleAct<'_>,
    ) -> Result<(), GroupError> {
        let change = self.group_mut(id)?.change_role(actor.user, act)?;
        let mut news = GroupNews::new(actor, change, id);
        if let Some(user) = act.about() {
            news = news.about(user);
        }
        if let RoleAct::Mute(user, until_ms) = act {
            news = news.with_ext(json!({"user_mute_time": {user: until_ms}}).to_string());
        }
        self.tell_members(actor, id, &news);
        Ok(())
    }

    /// Returns whether a user owns a group or is one of its admins; for a thread, of the group that it is in.
    pub(crate) fn leads_group(&self, user: &str, id: &str) -> bool {
        let id = self.groups.threads.get(id).map_or(id, |thread| &thread.group);
        self.groups.any(id).is_some_and(|group| group.leads(user))
    }

    /// Returns whom a message of `sender` to a group, or to a thread in one, reaches.
    ///
    /// # Errors
    /// When there is no such group or thread, or the sender may not speak there.
    pub(crate) fn listeners(&self, sender: &str, id: &str, now_ms: u64) -> Result<Vec<String>, Silence> {
        if let Some(thread) = self.groups.threads.get(id) {
            self.listeners(sender, &thread.group, now_ms)?;
            let joined = thread.members.contains(sender);
            return joined
                .then(|| thread.members.iter().cloned().collect())
                .ok_or(Silence::NoMember);
        }
        let group = self.groups.any(id).ok_or(Silence::NoGroup)?;
        if !group.members.contains(sender) {
            return Err(Silence::NoMember);
        }
        if !group.may_speak(sender, now_ms) {
            return Err(Silence::Muted);
        }
        let listening = |member: &&String| *member == sender || !group.shielded.contains(*member);
        Ok(group.members.iter().filter(listening).cloned().collect())
    }
}
