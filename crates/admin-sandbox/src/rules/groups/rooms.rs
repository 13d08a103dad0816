//! Chat rooms: whoever likes comes in, and is out after having been away for a while.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, App, Group, GroupError, NewGroup};
use crate::rules::notices::{GroupChange, GroupNews};

/// Whoever is away for so long is out, as the service has it by default.
const PATIENCE_MS: u64 = 2 * 60 * 1_000;

/// So many properties a room has at most.
const MOST_PROPERTIES: usize = 100;

/// No name of a property is longer, in bytes, and no value.
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 4_096;

/// How somebody comes into a chat room.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Joining<'a> {
    /// What the others are told with it.
    pub(crate) ext: &'a str,
    /// Whether the user leaves all other rooms.
    pub(crate) leave_others: bool,
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomError {
    /// There is no such room.
    Nothing,
    /// The user may not come back.
    Blocked,
    /// No more members fit in.
    Full,
}

/// Something that is kept with a chat room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Property {
    pub(crate) value: String,
    /// Who set it, and may change it.
    pub(crate) owner: String,
    /// Whether it goes when its owner leaves.
    pub(crate) leaves_with_owner: bool,
}

/// What became of properties: the names that were changed, and why others were not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) changed: Vec<String>,
    pub(crate) refused: BTreeMap<String, String>,
}

impl Kept {
    /// Writes it as the service does.
    pub(crate) fn as_json(&self) -> Value {
        json!({"successKeys": self.changed, "errorKeys": self.refused})
    }
}

impl Group {
    /// Returns whether one more fits in.
    pub(super) fn is_full(&self) -> bool {
        let most = self.most_members.and_then(|most| usize::try_from(most).ok());
        most.is_some_and(|most| self.members.len() >= most)
    }

    /// Returns why a user may not set a property; texts that SDKs compare.
    fn refuses(&self, user: &str, name: &str, value: &str, forced: bool) -> Option<String> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(legal) {
            return Some(format!("key {name} is not Legal"));
        }
        if value.len() > LONGEST_VALUE {
            return Some(format!("value of {name} is exceeding maximum limit"));
        }
        match self.properties.get(name) {
            Some(property) if property.owner != user && !forced => Some(format!("{name} is not part of you")),
            None if self.properties.len() >= MOST_PROPERTIES => Some(
                "total size of metadata for this single chatroom exceeds the user defined limit".to_owned(),
            ),
            _ => None,
        }
    }
}

impl App {
    /// Makes a chat room and returns its id.
    pub(crate) fn create_room(&mut self, actor: Actor<'_>, new: NewGroup, now_ms: u64) -> String {
        let id = self.groups.new_id(now_ms);
        let room = self.new_group(actor, new, now_ms);
        self.groups.rooms.insert(id.clone(), room);
        id
    }

    /// Lets a user in; the others are told, unless the user is in already. Returns what the user is told of the room.
    ///
    /// # Errors
    /// When there is no such room, it is full, or the user may not come back.
    pub(crate) fn join_room(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        joining: Joining<'_>,
        now_ms: u64,
    ) -> Result<Value, RoomError> {
        let room = self.groups.rooms.get_mut(id).ok_or(RoomError::Nothing)?;
        if room.blocked.contains(actor.user) {
            return Err(RoomError::Blocked);
        }
        let is_new = !room.members.contains(actor.user);
        if is_new && room.is_full() {
            return Err(RoomError::Full);
        }
        room.enter(actor.user);
        let muted = room.muted.get(actor.user).filter(|until| **until > now_ms);
        let told = json!({actor.user: {
            "is_all_mute": room.all_muted,
            "create_timestamp": room.created_ms,
            "is_in_white_list": room.allowed.contains(actor.user),
            "member_count": room.members.len(),
            "mute_duration": muted.map_or(0, |until| until - now_ms),
        }});
        if joining.leave_others {
            for other in self.rooms_of(actor.user) {
                if other != id {
                    // The user is in it.
                    let _ = self.leave_group(actor, &other);
                }
            }
        }
        if is_new {
            self.tell_of_group(actor, actor.user, GroupNews::new(actor, GroupChange::Joined, id));
            let mut news = GroupNews::new(actor, GroupChange::Present, id);
            if !joining.ext.is_empty() {
                news = news.with_ext(joining.ext.to_owned());
            }
            self.tell_all_but(actor, id, &[actor.user], &news);
        }
        Ok(told)
    }

    /// Sets what is kept with a chat room; all members are told.
    ///
    /// # Errors
    /// When there is no such room, or the actor is not in it.
    pub(crate) fn set_properties(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        properties: BTreeMap<String, String>,
        forced: bool,
        leaves_with_owner: bool,
    ) -> Result<Kept, GroupError> {
        let room = self.room_with(actor, id)?;
        let mut kept = Kept::default();
        let mut set = BTreeMap::new();
        for (name, value) in properties {
            if let Some(why) = room.refuses(actor.user, &name, &value, forced) {
                kept.refused.insert(name, why);
                continue;
            }
            let property = Property {
                value: value.clone(),
                owner: actor.user.to_owned(),
                leaves_with_owner,
            };
            room.properties.insert(name.clone(), property);
            kept.changed.push(name.clone());
            set.insert(name, value);
        }
        self.tell_of_properties(actor, id, GroupChange::PropertiesSet, &kept, &json!(set));
        Ok(kept)
    }

    /// Removes what is kept with a chat room; all members are told.
    ///
    /// # Errors
    /// When there is no such room, or the actor is not in it.
    pub(crate) fn remove_properties(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        names: Vec<String>,
        forced: bool,
    ) -> Result<Kept, GroupError> {
        let room = self.room_with(actor, id)?;
        let mut kept = Kept::default();
        for name in names {
            match room.properties.get(&name) {
                None => {
                    let why = format!("{name} does not exist");
                    kept.refused.insert(name, why);
                }
                Some(property) if property.owner != actor.user && !forced => {
                    let why = format!("{name} is not part of you");
                    kept.refused.insert(name, why);
                }
                Some(_) => {
                    room.properties.remove(&name);
                    kept.changed.push(name);
                }
            }
        }
        self.tell_of_properties(actor, id, GroupChange::PropertiesRemoved, &kept, &json!({}));
        Ok(kept)
    }

    fn tell_of_properties(
        &mut self,
        actor: Actor<'_>,
        id: &str,
        change: GroupChange,
        kept: &Kept,
        set: &Value,
    ) {
        if !kept.changed.is_empty() {
            let ext = json!({"result": kept.as_json(), "properties": set}).to_string();
            let news = GroupNews::new(actor, change, id).with_ext(ext);
            self.tell_members(actor, id, &news);
        }
    }

    /// Returns a chat room that the actor is in.
    fn room_with(&mut self, actor: Actor<'_>, id: &str) -> Result<&mut Group, GroupError> {
        let room = self.groups.rooms.get_mut(id).ok_or(GroupError::Nothing)?;
        if room.members.contains(actor.user) {
            Ok(room)
        } else {
            Err(GroupError::NoMember)
        }
    }

    fn rooms_of(&self, user: &str) -> Vec<String> {
        let rooms = self.groups.rooms.iter();
        rooms
            .filter(|(_, room)| room.members.contains(user))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Remembers since when a user who is in a chat room is away.
    pub(crate) fn note_absence(&mut self, user: &str, now_ms: u64) {
        let here = self.users.find(user).is_some_and(|user| !user.devices.is_empty());
        if here {
            self.groups.away.remove(user);
        } else if !self.rooms_of(user).is_empty() {
            self.groups.away.insert(user.to_owned(), now_ms);
        }
    }

    /// Takes whoever was away for too long out of the chat rooms.
    pub(crate) fn leave_rooms_of_absent(&mut self, now_ms: u64) {
        let too_long = |since: &u64| now_ms.saturating_sub(*since) >= PATIENCE_MS;
        if !self.groups.away.values().any(too_long) {
            return;
        }
        let away = std::mem::take(&mut self.groups.away).into_iter();
        let (gone, still_away) = away.partition::<BTreeMap<_, _>, _>(|(_, since)| too_long(since));
        self.groups.away = still_away;
        for user in gone.into_keys() {
            for id in self.rooms_of(&user) {
                let actor = Actor {
                    user: &user,
                    device: "",
                };
                // The user is in it.
                let _ = self.leave_group(actor, &id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::groups::{MemberAct, RoleAct, Silence};

    const ANN: Actor<'_> = Actor {
        user: "ann",
        device: "ios_1",
    };
    const BOB: Actor<'_> = Actor {
        user: "bob",
        device: "web_1",
    };

    fn app(most_members: Option<u32>) -> (App, String) {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob", "eve"] {
            app.register_for_test(user);
        }
        let new = NewGroup {
            name: "hall".into(),
            most_members,
            ..NewGroup::default()
        };
        let room = app.create_room(ANN, new, 5);
        (app, room)
    }

    fn join(app: &mut App, actor: Actor<'_>, room: &str) -> Result<Value, RoomError> {
        app.join_room(actor, room, Joining::default(), 6)
    }

    #[test]
    fn whoever_likes_comes_in_unless_it_is_full_or_they_were_blocked() {
        let (mut app, room) = app(Some(2));
        assert_eq!(join(&mut app, BOB, "nothing"), Err(RoomError::Nothing));
        assert_eq!(join(&mut app, BOB, &room).unwrap()["bob"]["member_count"], 2);
        assert!(join(&mut app, BOB, &room).is_ok(), "who is in may come again");
        let eve = Actor {
            user: "eve",
            device: "",
        };
        assert_eq!(join(&mut app, eve, &room), Err(RoomError::Full));
        app.change_members(ANN, &room, MemberAct::Block("bob")).unwrap();
        assert_eq!(join(&mut app, BOB, &room), Err(RoomError::Blocked));
        assert!(join(&mut app, eve, &room).is_ok());
    }

    #[test]
    fn a_room_is_no_group_of_its_members() {
        let (mut app, room) = app(None);
        join(&mut app, BOB, &room).unwrap();
        assert!(app.groups.of("bob").is_empty());
        assert_eq!(app.keeper("bob", &room), app.keeper("ann", &room));
        let told = app.told.iter().all(|told| told.online_only);
        assert!(told, "of a room, only who is there is told");
    }

    #[test]
    fn members_speak_until_they_are_muted_or_leave_and_so_does_the_owner() {
        let (mut app, room) = app(None);
        join(&mut app, BOB, &room).unwrap();
        assert!(app.listeners("bob", &room, 7).is_ok());
        app.change_role(ANN, &room, RoleAct::Mute("bob", 100)).unwrap();
        assert_eq!(app.listeners("bob", &room, 7), Err(Silence::Muted));
        app.change_members(ANN, &room, MemberAct::Leave).unwrap();
        assert_eq!(app.listeners("ann", &room, 7), Err(Silence::NoMember));
        assert!(
            app.leads_group("ann", &room),
            "the owner may come back and is one still"
        );
    }

    #[test]
    fn whoever_is_away_for_two_minutes_is_out() {
        let (mut app, room) = app(None);
        join(&mut app, BOB, &room).unwrap();
        app.note_absence("bob", 1_000);
        app.leave_rooms_of_absent(1_000 + PATIENCE_MS - 1);
        assert!(app.groups.rooms[&room].members.contains("bob"));
        app.told.clear();
        app.leave_rooms_of_absent(1_000 + PATIENCE_MS);
        assert!(!app.groups.rooms[&room].members.contains("bob"));
        assert!(app.told.iter().any(|told| told.user == "ann"));
    }

    #[test]
    fn properties_belong_to_whoever_set_them_and_may_go_with_them() {
        let (mut app, room) = app(None);
        join(&mut app, BOB, &room).unwrap();
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let mut set = |actor, properties, forced, leaves| {
            app.set_properties(actor, &room, properties, forced, leaves)
                .unwrap()
        };
        assert_eq!(set(ANN, one("song", "1"), false, false).changed, ["song"]);
        let refused = set(BOB, one("song", "2"), false, false).refused;
        assert_eq!(refused["song"], "song is not part of you");
        assert_eq!(set(BOB, one("song", "2"), true, true).changed, ["song"]);
        let long = "x".repeat(LONGEST_VALUE + 1);
        assert_eq!(set(ANN, one("a b", "1"), true, false).refused.len(), 1);
        assert_eq!(set(ANN, one("long", &long), true, false).refused.len(), 1);
        app.change_members(BOB, &room, MemberAct::Leave).unwrap();
        assert!(app.groups.rooms[&room].properties.is_empty(), "it left with Bob");
        let not_in = app.set_properties(BOB, &room, one("x", "1"), false, false);
        assert_eq!(not_in, Err(GroupError::NoMember));
    }
}
