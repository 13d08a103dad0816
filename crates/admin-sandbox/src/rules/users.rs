use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use super::App;
use super::ended::Cause;
use super::limits::UserLimits;
use super::mutes::Mutes;
use super::presence::Presence;
use super::push::{PushBindings, PushSettings};
use super::sign_in::SandboxDevice;

const LONGEST_NAME: usize = 64;
const LONGEST_PASSWORD: usize = 64;
const LONGEST_NICKNAME: usize = 100;

/// One account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    /// Position in the order of registration; cursors are made of it.
    number: u64,
    /// Always lower case.
    pub(crate) name: String,
    pub(crate) uuid: Uuid,
    /// A user made on the fly by an `inherit` token has none.
    pub(crate) password: Option<String>,
    pub(crate) nickname: Option<String>,
    pub(crate) created_ms: u64,
    pub(crate) modified_ms: u64,
    /// False while banned.
    pub(crate) activated: bool,
    /// In the order of sign-in.
    #[serde(default)]
    pub(crate) devices: Vec<SandboxDevice>,
    /// The last millisecond stamp put into one of the user's login ids; see [`super::login_id`].
    #[serde(default)]
    pub(crate) last_stamp_ms: u64,
    #[serde(default)]
    pub(crate) limits: Option<UserLimits>,
    #[serde(default)]
    pub(crate) mutes: Mutes,
    #[serde(default)]
    pub(crate) presence: Presence,
    #[serde(default)]
    pub(crate) offline_messages: u64,
    #[serde(default)]
    pub(crate) push_bindings: PushBindings,
    #[serde(default)]
    pub(crate) push_settings: PushSettings,
    /// Into which language push notifications are translated.
    #[serde(default)]
    pub(crate) push_language: Option<String>,
}

/// What a registration asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) password: Option<String>,
    pub(crate) nickname: Option<String>,
}

/// Why a registration was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegisterError {
    NameNotLegal(String),
    NameTooLong,
    PasswordNotLegal,
    NicknameTooLong,
    Exists(String),
    /// The app holds as many users as it may.
    Full,
}

/// Why a user was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpdateError {
    NicknameTooLong,
    OutOfRange(&'static str),
}

/// Checks what a registration over the network must obey (overview of user ids in the account pages).
pub(crate) fn check_new_user(user: &NewUser) -> Result<(), RegisterError> {
    check_name(&user.name)?;
    if user
        .password
        .as_ref()
        .is_some_and(|text| text.is_empty() || text.chars().count() > LONGEST_PASSWORD)
    {
        return Err(RegisterError::PasswordNotLegal);
    }
    if user
        .nickname
        .as_ref()
        .is_some_and(|text| text.chars().count() > LONGEST_NICKNAME)
    {
        return Err(RegisterError::NicknameTooLong);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), RegisterError> {
    if name.len() > LONGEST_NAME {
        return Err(RegisterError::NameTooLong);
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || !name.bytes().all(legal) {
        return Err(RegisterError::NameNotLegal(name.to_owned()));
    }
    Ok(())
}

impl App {
    /// Creates a user as it is told: old accounts hold names that could not be registered today.
    pub(crate) fn register(
        &mut self,
        user: NewUser,
        room: Option<usize>,
        now_ms: u64,
    ) -> Result<&User, RegisterError> {
        if self.users.find(&user.name).is_some() {
            return Err(RegisterError::Exists(user.name));
        }
        if room.is_some_and(|most| self.users.len() >= most) {
            return Err(RegisterError::Full);
        }
        Ok(self.users.insert(user, now_ms))
    }

    /// Changes the nickname and what push notifications look like; nothing if there is no such user.
    ///
    /// # Errors
    /// When the nickname is too long or a setting is out of range; nothing is changed then.
    pub(crate) fn update_user(
        &mut self,
        name: &str,
        nickname: Option<String>,
        settings: PushSettings,
        now_ms: u64,
    ) -> Option<Result<&User, UpdateError>> {
        let user = self.users.find_mut(name)?;
        if nickname
            .as_ref()
            .is_some_and(|text| text.chars().count() > LONGEST_NICKNAME)
        {
            return Some(Err(UpdateError::NicknameTooLong));
        }
        if let Err(text) = user.push_settings.change(settings) {
            return Some(Err(UpdateError::OutOfRange(text)));
        }
        if nickname.is_some() {
            user.nickname = nickname;
        }
        user.modified_ms = now_ms;
        Some(Ok(user))
    }

    /// Deletes a user with sessions, tokens and all else; `None` if there is no such user.
    pub(crate) fn delete(&mut self, name: &str) -> Option<User> {
        let user = self.users.remove(name)?;
        self.forget(&user.name);
        self.note_ended(&user.name, &user.devices, Cause::Deleted);
        Some(user)
    }

    #[cfg(test)]
    pub(crate) fn register_for_test(&mut self, name: &str) {
        let user = NewUser {
            name: name.into(),
            password: Some(format!("pw-{name}")),
            nickname: None,
        };
        self.register(user, None, 0).unwrap();
    }
}

/// All users, found by name in any case, by uuid, or page by page in the order of registration.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<User>")]
pub(crate) struct Users {
    by_number: BTreeMap<u64, User>,
    numbers: HashMap<String, u64>,
    uuids: HashMap<Uuid, u64>,
    /// The numbers of all who follow a user, by the user's name.
    followers: HashMap<String, BTreeSet<u64>>,
    next: u64,
}

/// One page of users.
pub(crate) struct Page<'a> {
    pub(crate) users: Vec<&'a User>,
    /// The number of the last user on it; `None` if it is empty.
    pub(crate) last: Option<u64>,
    /// Where the next page starts; `None` on the last.
    pub(crate) next: Option<u64>,
}

impl Users {
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut User> {
        self.by_number.values_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_number.values()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&User> {
        self.by_number.get(&self.number(name)?)
    }

    pub(crate) fn find_mut(&mut self, name: &str) -> Option<&mut User> {
        let number = self.number(name)?;
        self.by_number.get_mut(&number)
    }

    /// Returns up to `limit` users that were registered after the one numbered `after`.
    pub(crate) fn page(&self, after: Option<u64>, limit: usize, activated: Option<bool>) -> Page<'_> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self
            .by_number
            .range((start, Bound::Unbounded))
            .map(|(_, user)| user)
            .filter(|user| activated.is_none_or(|wanted| user.activated == wanted));
        let users: Vec<_> = rest.by_ref().take(limit).collect();
        let last = users.last().map(|user| user.number);
        let next = rest.next().and(last);
        Page { users, last, next }
    }

    fn number(&self, name: &str) -> Option<u64> {
        let by_name = self.numbers.get(&name.to_lowercase());
        by_name
            .or_else(|| self.uuids.get(&Uuid::parse_str(name).ok()?))
            .copied()
    }

    fn insert(&mut self, user: NewUser, now_ms: u64) -> &User {
        let number = self.next;
        self.put(User {
            number,
            name: user.name.to_lowercase(),
            uuid: Uuid::new_v4(),
            password: user.password,
            nickname: user.nickname,
            created_ms: now_ms,
            modified_ms: now_ms,
            activated: true,
            devices: Vec::new(),
            last_stamp_ms: 0,
            limits: None,
            mutes: Mutes::default(),
            presence: Presence::default(),
            offline_messages: 0,
            push_bindings: PushBindings::default(),
            push_settings: PushSettings::default(),
            push_language: None,
        });
        &self.by_number[&number]
    }

    fn put(&mut self, user: User) {
        self.next = self.next.max(user.number + 1);
        for followed in user.presence.followed() {
            self.followers
                .entry(followed.to_owned())
                .or_default()
                .insert(user.number);
        }
        self.numbers.insert(user.name.clone(), user.number);
        self.uuids.insert(user.uuid, user.number);
        self.by_number.insert(user.number, user);
    }

    fn remove(&mut self, name: &str) -> Option<User> {
        let user = self.by_number.remove(&self.number(name)?)?;
        self.numbers.remove(&user.name);
        self.uuids.remove(&user.uuid);
        for followed in user.presence.followed() {
            self.follows_no_more(user.number, followed);
        }
        Some(user)
    }

    /// Subscribes to the presence of a user until a time (milliseconds since 1970).
    pub(crate) fn follow(&mut self, follower: &str, whom: &str, until_ms: u64) {
        let Some(follower) = self.find_mut(follower) else {
            return;
        };
        follower.presence.subscribe(whom, until_ms);
        let number = follower.number;
        self.followers.entry(whom.to_owned()).or_default().insert(number);
    }

    /// Ends a subscription.
    pub(crate) fn unfollow(&mut self, follower: &str, whom: &str) {
        let Some(follower) = self.find_mut(follower) else {
            return;
        };
        follower.presence.unsubscribe(whom);
        let number = follower.number;
        self.follows_no_more(number, whom);
    }

    /// Ends all subscriptions to the presence of a user.
    pub(crate) fn lose_followers(&mut self, whom: &str) {
        for number in self.followers.remove(whom).unwrap_or_default() {
            if let Some(follower) = self.by_number.get_mut(&number) {
                follower.presence.unsubscribe(whom);
            }
        }
    }

    /// Returns who follows a user, and until when (milliseconds since 1970).
    pub(crate) fn followers(&self, whom: &str) -> impl Iterator<Item = (&User, u64)> {
        let numbers = self.followers.get(whom).into_iter().flatten();
        numbers.filter_map(move |number| {
            let follower = self.by_number.get(number)?;
            Some((follower, follower.presence.follows(whom)?))
        })
    }

    fn follows_no_more(&mut self, follower: u64, whom: &str) {
        if let Some(followers) = self.followers.get_mut(whom) {
            followers.remove(&follower);
            if followers.is_empty() {
                self.followers.remove(whom);
            }
        }
    }
}

impl From<Vec<User>> for Users {
    fn from(list: Vec<User>) -> Self {
        let mut users = Self::default();
        for user in list {
            users.put(user);
        }
        users
    }
}

impl Serialize for Users {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.by_number.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(names: &[&str]) -> App {
        let mut app = App::new("o#a", None);
        for name in names {
            app.register_for_test(name);
        }
        app
    }

    fn names(page: &Page<'_>) -> Vec<String> {
        page.users.iter().map(|user| user.name.clone()).collect()
    }

    #[test]
    fn names_are_compared_without_case() {
        let mut app = app(&["Ann"]);
        assert_eq!(app.users.find("ANN").unwrap().name, "ann");
        let again = NewUser {
            name: "aNN".into(),
            ..NewUser::default()
        };
        assert_eq!(
            app.register(again, None, 0).unwrap_err(),
            RegisterError::Exists("aNN".into())
        );
    }

    #[test]
    fn a_uuid_stands_for_the_name() {
        let app = app(&["ann"]);
        let uuid = app.users.find("ann").unwrap().uuid.to_string();
        assert_eq!(app.users.find(&uuid).unwrap().name, "ann");
    }

    #[test]
    fn pages_follow_registration_and_survive_deletion() {
        let mut app = app(&["c", "a", "b", "d"]);
        let first = app.users.page(None, 2, None);
        assert_eq!(names(&first), ["c", "a"]);
        let next = first.next;
        app.delete("a");
        let second = app.users.page(next, 2, None);
        assert_eq!(names(&second), ["b", "d"]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn banned_users_can_be_filtered() {
        let mut app = app(&["a", "b"]);
        app.ban("a", 1);
        assert_eq!(names(&app.users.page(None, 10, Some(false))), ["a"]);
        assert_eq!(names(&app.users.page(None, 10, Some(true))), ["b"]);
    }

    #[test]
    fn users_survive_being_written_down() {
        let app = app(&["a", "b"]);
        let text = serde_json::to_string(&app.users).unwrap();
        let users: Users = serde_json::from_str(&text).unwrap();
        assert_eq!(names(&users.page(None, 10, None)), ["a", "b"]);
        assert_eq!(users.next, 2);
    }

    #[test]
    fn followers_are_known_until_either_goes() {
        let mut app = app(&["ann", "bob", "cid"]);
        let told = |users: &Users| {
            let followers = users.followers("ann");
            followers
                .map(|(follower, until_ms)| (follower.name.clone(), until_ms))
                .collect::<Vec<_>>()
        };
        app.users.follow("bob", "ann", 5);
        app.users.follow("cid", "ann", 7);
        app.users.follow("cid", "ann", 9);
        let both = [("bob".to_owned(), 5), ("cid".to_owned(), 9)];
        assert_eq!(told(&app.users), both);
        let text = serde_json::to_string(&app.users).unwrap();
        assert_eq!(told(&serde_json::from_str(&text).unwrap()), both);
        app.users.unfollow("cid", "ann");
        assert_eq!(told(&app.users), both[..1]);
        app.delete("bob");
        assert_eq!(told(&app.users), []);
        assert!(app.users.followers.is_empty());
        app.users.follow("cid", "ann", 9);
        app.delete("ann");
        assert!(
            app.users
                .find("cid")
                .unwrap()
                .presence
                .subscriptions(0)
                .is_empty()
        );
        assert!(app.users.followers.is_empty());
    }

    #[test]
    fn new_names_are_checked() {
        let check = |name: &str| {
            check_new_user(&NewUser {
                name: name.into(),
                ..NewUser::default()
            })
        };
        assert_eq!(check("a.b_c-1"), Ok(()));
        assert_eq!(check(".."), Ok(()));
        assert!(matches!(check("批量"), Err(RegisterError::NameNotLegal(_))));
        assert!(matches!(check(""), Err(RegisterError::NameNotLegal(_))));
        assert_eq!(check(&"x".repeat(65)), Err(RegisterError::NameTooLong));
    }

    #[test]
    fn an_update_changes_what_it_names_or_nothing() {
        let mut app = app(&["ann"]);
        let style = |style| PushSettings {
            display_style: Some(style),
            ..PushSettings::default()
        };
        let user = app
            .update_user("ANN", Some("Ann".into()), style(1), 9)
            .unwrap()
            .unwrap();
        assert_eq!((user.nickname.as_deref(), user.modified_ms), (Some("Ann"), 9));
        let user = app
            .update_user("ann", None, PushSettings::default(), 10)
            .unwrap()
            .unwrap();
        assert_eq!(
            (user.nickname.as_deref(), user.push_settings),
            (Some("Ann"), style(1))
        );
        let long = Some("x".repeat(101));
        let refused = app.update_user("ann", long, style(0), 11).unwrap().unwrap_err();
        assert_eq!(refused, UpdateError::NicknameTooLong);
        let refused = app
            .update_user("ann", Some("Eve".into()), style(7), 11)
            .unwrap()
            .unwrap_err();
        assert!(matches!(refused, UpdateError::OutOfRange(_)));
        let user = app.users.find("ann").unwrap();
        assert_eq!((user.nickname.as_deref(), user.modified_ms), (Some("Ann"), 10));
        assert!(app.update_user("bob", None, style(1), 9).is_none());
    }

    #[test]
    fn a_full_app_takes_nobody() {
        let mut app = app(&["a"]);
        let user = NewUser {
            name: "b".into(),
            ..NewUser::default()
        };
        assert_eq!(app.register(user, Some(1), 0).unwrap_err(), RegisterError::Full);
    }
}
