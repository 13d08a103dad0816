//! Files that are shared with a group or a chat room.

use serde::{Deserialize, Serialize};

use super::{Actor, App, GroupError};
use crate::rules::notices::{GroupChange, GroupNews};

/// A file that is shared with a group; its content is kept with the other files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedFile {
    pub(crate) name: String,
    pub(crate) owner: String,
    /// In bytes.
    pub(crate) size: usize,
    /// In milliseconds since 1970.
    pub(crate) created_ms: u64,
}

impl App {
    /// Shares a file; all members are told.
    ///
    /// # Errors
    /// When there is no such group, or the actor is no member.
    pub(crate) fn share_file(
        &mut self,
        actor: Actor<'_>,
        group: &str,
        id: String,
        file: SharedFile,
    ) -> Result<(), GroupError> {
        let shared_with = self.group_mut(group)?;
        if !shared_with.members.contains(actor.user) {
            return Err(GroupError::NoMember);
        }
        shared_with.files.insert(id, file);
        self.tell_members(
            actor,
            group,
            &GroupNews::new(actor, GroupChange::FileShared, group),
        );
        Ok(())
    }

    /// Shares a file no more; all members are told.
    ///
    /// # Errors
    /// When there is no such group or file, or the actor neither shared it nor leads the group.
    pub(crate) fn remove_file(&mut self, actor: Actor<'_>, group: &str, id: &str) -> Result<(), GroupError> {
        let shared_with = self.group_mut(group)?;
        let file = shared_with.files.get(id).ok_or(GroupError::Nothing)?;
        let own = file.owner == actor.user && shared_with.members.contains(actor.user);
        if !own && !shared_with.leads(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        shared_with.files.remove(id);
        self.history.forget_file(id);
        self.tell_members(
            actor,
            group,
            &GroupNews::new(actor, GroupChange::FileRemoved, group),
        );
        Ok(())
    }

    /// Returns whether a file is shared with a group or chat room.
    pub(crate) fn shares(&self, group: &str, id: &str) -> bool {
        self.groups
            .any(group)
            .is_some_and(|group| group.files.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::files::StoredFile;
    use crate::rules::groups::{MemberAct, NewGroup};

    #[test]
    fn a_file_is_removed_by_whoever_shared_it_or_leads_the_group() {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob", "eve"] {
            app.register_for_test(user);
        }
        let actor = |user| Actor { user, device: "" };
        let new = NewGroup {
            members: vec!["bob".into(), "eve".into()],
            ..NewGroup::default()
        };
        let group = app.create_group(actor("ann"), new, 5);
        let file = SharedFile {
            name: "a.txt".into(),
            owner: "bob".into(),
            size: 1,
            created_ms: 6,
        };
        let mut share = |by, id: &str| app.share_file(actor(by), &group, id.into(), file.clone());
        assert_eq!(share("nobody", "1"), Err(GroupError::NoMember));
        share("bob", "1").unwrap();
        share("bob", "2").unwrap();
        assert_eq!(
            app.remove_file(actor("eve"), &group, "1"),
            Err(GroupError::NotAllowed)
        );
        app.remove_file(actor("bob"), &group, "1").unwrap();
        assert!(!app.shares(&group, "1") && app.shares(&group, "2"));
        app.change_members(actor("bob"), &group, MemberAct::Leave)
            .unwrap();
        let left = app.remove_file(actor("bob"), &group, "2");
        assert_eq!(left, Err(GroupError::NotAllowed), "whoever has left has no say");
        app.remove_file(actor("ann"), &group, "2").unwrap();
        assert_eq!(
            app.remove_file(actor("ann"), &group, "2"),
            Err(GroupError::Nothing)
        );
    }

    #[test]
    fn what_was_shared_goes_with_its_group() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        let ann = Actor {
            user: "ann",
            device: "",
        };
        let group = app.create_group(ann, NewGroup::default(), 5);
        let stored = StoredFile {
            name: "a.txt".into(),
            media: "text/plain".into(),
            content: vec![1],
        };
        assert!(app.history.keep_file("1", &stored));
        let file = SharedFile {
            name: "a.txt".into(),
            owner: "ann".into(),
            size: 1,
            created_ms: 6,
        };
        app.share_file(ann, &group, "1".into(), file).unwrap();
        app.destroy_group(ann, &group).unwrap();
        assert_eq!(app.history.file("1"), None);
    }
}
