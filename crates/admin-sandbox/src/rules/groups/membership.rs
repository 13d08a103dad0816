//! Who is in a group: asking, inviting, leaving, and being taken out.

use super::{Actor, App, Door, Group, GroupError};
use crate::rules::notices::{GroupChange, GroupNews};

/// What is done about who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberAct<'a> {
    /// The actor wants in, and says why.
    Join(&'a str),
    /// The actor answers somebody who asked, with a reason for a no.
    Answer(&'a str, bool, &'a str),
    /// The actor invites somebody.
    Invite(&'a str),
    /// The app puts somebody in, who is not asked.
    Add(&'a str),
    /// The actor answers an invitation.
    AnswerInvitation(bool),
    /// The actor leaves.
    Leave,
    /// The actor takes somebody out.
    Kick(&'a str),
    /// The actor takes somebody out for good.
    Block(&'a str),
    /// The actor lets somebody come back.
    Unblock(&'a str),
}

impl Group {
    /// Returns whether a user owns the group or is one of its admins.
    pub(super) fn leads(&self, user: &str) -> bool {
        self.owner == user || self.admins.contains(user)
    }

    pub(super) fn enter(&mut self, user: &str) {
        self.asked.remove(user);
        self.invited.remove(user);
        self.members.insert(user.to_owned());
    }

    /// Takes a user out with everything the user was or had here; false if the user was no member.
    pub(super) fn take_out(&mut self, user: &str) -> bool {
        self.admins.remove(user);
        self.muted.remove(user);
        self.allowed.remove(user);
        self.shielded.remove(user);
        self.properties
            .retain(|_, property| property.owner != user || !property.leaves_with_owner);
        self.attributes.remove(user);
        self.members.remove(user)
    }
}

impl App {
    /// Changes who is in a group.
    ///
    /// # Errors
    /// When there is no such group, the one it is about is no member, nobody asked, or the actor may not.
    pub(crate) fn change_members(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        act: MemberAct<'_>,
    ) -> Result<(), GroupError> {
        match act {
            MemberAct::Join(reason) => self.join_group(actor, id, reason),
            MemberAct::Answer(user, yes, reason) => self.answer_asker(actor, id, user, yes, reason),
            MemberAct::Invite(user) => self.invite(actor, id, user),
            MemberAct::Add(user) => self.add_member(actor, id, user),
            MemberAct::AnswerInvitation(yes) => self.answer_invitation(actor, id, yes),
            MemberAct::Leave => self.leave_group(actor, id),
            MemberAct::Kick(user) => self.kick_member(actor, id, user),
            MemberAct::Block(user) => {
                self.kick_member(actor, id, user)?;
                self.group_mut(id)?.blocked.insert(user.to_owned());
                Ok(())
            }
            MemberAct::Unblock(user) => self.unblock_member(actor, id, user),
        }
    }

    fn join_group(&mut self, actor: Actor<'_>, id: &str, reason: &str) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if group.entry.door == Door::Closed || group.blocked.contains(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        if group.members.contains(actor.user) {
            return Err(GroupError::NothingToDo);
        }
        if group.entry.door == Door::Guarded {
            group.asked.insert(actor.user.to_owned());
            let mut told: Vec<String> = group.admins.iter().cloned().collect();
            told.extend([group.owner.clone(), actor.user.to_owned()]);
            let news = GroupNews::new(actor, GroupChange::Asked, id).because(reason);
            for user in told {
                self.tell_of_group(actor, &user, news.clone());
            }
            return Ok(());
        }
        group.enter(actor.user);
        self.tell_of_group(actor, actor.user, GroupNews::new(actor, GroupChange::Joined, id));
        self.tell_others(actor, id, actor.user, GroupChange::Present);
        Ok(())
    }

    fn answer_asker(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        user: &str,
        yes: bool,
        reason: &str,
    ) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if !group.leads(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        if !group.asked.remove(user) {
            return Err(GroupError::NothingToDo);
        }
        let change = if yes {
            group.enter(user);
            GroupChange::Admitted
        } else {
            GroupChange::NotAdmitted
        };
        let news = GroupNews::new(actor, change, id).about(user).because(reason);
        self.tell_of_group(actor, user, news.clone());
        self.tell_of_group(actor, actor.user, news);
        if yes {
            self.tell_others(actor, id, user, GroupChange::Present);
        }
        Ok(())
    }

    fn invite(&mut self, actor: Actor<'_>, id: &str, user: &str) -> Result<(), GroupError> {
        let user = self.users.find(user).ok_or(GroupError::Nothing)?.name.clone();
        let group = self.group_mut(id)?;
        let may =
            group.leads(actor.user) || (group.entry.members_invite && group.members.contains(actor.user));
        if !may || group.blocked.contains(&user) {
            return Err(GroupError::NotAllowed);
        }
        if group.members.contains(&user) {
            return Err(GroupError::NothingToDo);
        }
        let confirm = group.entry.invite_confirm;
        if confirm {
            group.invited.insert(user.clone());
        } else {
            group.enter(&user);
        }
        let name = group.name.clone();
        let news = |change| GroupNews::new(actor, change, id).about(&user).named(&name);
        self.tell_of_group(actor, actor.user, news(GroupChange::Invited));
        if confirm {
            self.tell_of_group(actor, &user, news(GroupChange::Invited));
        } else {
            self.tell_of_group(actor, &user, news(GroupChange::DirectlyJoined));
            self.tell_others(actor, id, &user, GroupChange::Present);
        }
        Ok(())
    }

    fn add_member(&mut self, actor: Actor<'_>, id: &str, user: &str) -> Result<(), GroupError> {
        let user = self.users.find(user).ok_or(GroupError::Nothing)?.name.clone();
        let group = self.group_mut(id)?;
        if !group.leads(actor.user) || group.blocked.contains(&user) {
            return Err(GroupError::NotAllowed);
        }
        if group.members.contains(&user) {
            return Err(GroupError::NothingToDo);
        }
        if group.is_full() {
            return Err(GroupError::Full);
        }
        group.enter(&user);
        let news = GroupNews::new(actor, GroupChange::DirectlyJoined, id)
            .about(&user)
            .named(&group.name);
        self.tell_of_group(actor, &user, news);
        self.tell_others(actor, id, &user, GroupChange::Present);
        Ok(())
    }

    fn answer_invitation(&mut self, actor: Actor<'_>, id: &str, yes: bool) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if !group.invited.remove(actor.user) {
            return Err(GroupError::NothingToDo);
        }
        let change = if yes {
            group.enter(actor.user);
            GroupChange::InvitationTaken
        } else {
            GroupChange::InvitationDeclined
        };
        let owner = group.owner.clone();
        let news = GroupNews::new(actor, change, id);
        self.tell_of_group(actor, &owner, news.clone());
        self.tell_of_group(actor, actor.user, news);
        if yes {
            self.tell_others(actor, id, actor.user, GroupChange::Present);
        }
        Ok(())
    }

    pub(super) fn leave_group(&mut self, actor: Actor<'_>, id: &str) -> Result<(), GroupError> {
        let is_room = self.groups.rooms.contains_key(id);
        let group = self.group_mut(id)?;
        // Of a chat room, the owner remains its owner, and may come back.
        if group.owner == actor.user && !is_room {
            return Err(GroupError::NotAllowed);
        }
        if !group.take_out(actor.user) {
            return Err(GroupError::NoMember);
        }
        self.leave_threads(actor.user, id);
        self.tell_of_group(actor, actor.user, GroupNews::new(actor, GroupChange::Left, id));
        self.tell_others(actor, id, actor.user, GroupChange::Absent);
        Ok(())
    }

    fn kick_member(&mut self, actor: Actor<'_>, id: &str, user: &str) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if !group.leads(actor.user) || group.owner == user {
            return Err(GroupError::NotAllowed);
        }
        if !group.take_out(user) {
            return Err(GroupError::NoMember);
        }
        self.leave_threads(user, id);
        let news = GroupNews::new(actor, GroupChange::Kicked, id).about(user);
        self.tell_of_group(actor, user, news.clone());
        self.tell_of_group(actor, actor.user, news);
        self.tell_others(actor, id, user, GroupChange::Absent);
        Ok(())
    }

    /// Takes a user who is gone out of all groups and threads; groups that the user owned end, and threads go to the
    /// owners of their groups.
    pub(in crate::rules) fn leave_all_groups(&mut self, user: &str) {
        let gone = Actor { user, device: "" };
        let groups = self.groups.all.iter().chain(&self.groups.rooms);
        let owned = groups.filter(|(_, group)| group.owner == user);
        let owned: Vec<String> = owned.map(|(id, _)| id.clone()).collect();
        for id in &owned {
            // The owner may.
            let _ = self.destroy_group(gone, id);
        }
        let mut left = Vec::new();
        for (id, group) in self.groups.all.iter_mut().chain(&mut self.groups.rooms) {
            for list in [&mut group.asked, &mut group.invited, &mut group.blocked] {
                list.remove(user);
            }
            if group.take_out(user) {
                left.push(id.clone());
            }
        }
        for id in &left {
            self.leave_threads(user, id);
            self.tell_others(gone, id, user, GroupChange::Absent);
        }
    }

    fn unblock_member(&mut self, actor: Actor<'_>, id: &str, user: &str) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if !group.leads(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        if !group.blocked.remove(user) {
            return Err(GroupError::NothingToDo);
        }
        let news = GroupNews::new(actor, GroupChange::Unblocked, id).about(user);
        self.tell_of_group(actor, user, news.clone());
        self.tell_of_group(actor, actor.user, news);
        Ok(())
    }

    /// Tells the members, but for the actor and the one who came or went, of the coming or going.
    fn tell_others(&mut self, actor: Actor<'_>, id: &str, who: &str, change: GroupChange) {
        let came = Actor {
            user: who,
            device: "",
        };
        let news = GroupNews::new(came, change, id);
        self.tell_all_but(actor, id, &[actor.user, who], &news);
    }
}
