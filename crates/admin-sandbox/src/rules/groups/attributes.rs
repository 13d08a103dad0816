//! What members say of themselves in a group.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Actor, App, GroupError};
use crate::rules::notices::{GroupChange, GroupNews};

impl App {
    /// Sets what a member says of himself in a group; all members are told.
    ///
    /// # Errors
    /// When there is no such group, or the user is no member.
    pub(crate) fn set_member_attributes(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        user: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), GroupError> {
        let group = self.group_mut(id)?;
        if !group.members.contains(user) {
            return Err(GroupError::NoMember);
        }
        if user != actor.user && !group.leads(actor.user) {
            return Err(GroupError::NotAllowed);
        }
        let ext = json!({"properties": attributes, "username": user}).to_string();
        group
            .attributes
            .entry(user.to_owned())
            .or_default()
            .extend(attributes);
        let news = GroupNews::new(actor, GroupChange::AttributesSet, id).with_ext(ext);
        self.tell_members(actor, id, &news);
        Ok(())
    }
}
