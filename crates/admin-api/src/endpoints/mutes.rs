//! Global mutes (a paid feature). Muting does not touch sessions.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Integer, UserId};

/// For how long a user may not speak.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::endpoints::mutes::MuteFor;
///
/// assert_ne!(MuteFor::Time(Duration::from_secs(60)), MuteFor::Ever);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MuteFor {
    /// Not (any more).
    Nothing,
    /// For a time, in whole seconds, at most 2,147,483,647.
    Time(Duration),
    /// For ever.
    Ever,
}

impl MuteFor {
    fn to_seconds(self) -> i64 {
        match self {
            Self::Nothing => 0,
            // A fraction of a second must not round to 0, which lifts the mute.
            Self::Time(time) => i64::try_from(time.as_secs().max(1)).unwrap_or(i64::MAX),
            Self::Ever => -1,
        }
    }

    fn of_seconds(seconds: i64) -> Self {
        match u64::try_from(seconds) {
            Ok(0) => Self::Nothing,
            Ok(seconds) => Self::Time(Duration::from_secs(seconds)),
            Err(_) => Self::Ever,
        }
    }
}

/// The mutes of a user by kind of chat; `None` where nothing is said or to be changed.
///
/// ```
/// use easemob_admin_api::endpoints::mutes::{MuteFor, Mutes};
///
/// let groups_only = Mutes::default().group_chat(MuteFor::Ever);
/// assert_eq!(groups_only.chat, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutes {
    /// One-to-one chats.
    pub chat: Option<MuteFor>,
    /// Groups.
    pub group_chat: Option<MuteFor>,
    /// Chat rooms.
    pub chat_room: Option<MuteFor>,
}

impl Mutes {
    /// Sets the mute in one-to-one chats.
    #[must_use]
    pub fn chat(mut self, mute: MuteFor) -> Self {
        self.chat = Some(mute);
        self
    }

    /// Sets the mute in groups.
    #[must_use]
    pub fn group_chat(mut self, mute: MuteFor) -> Self {
        self.group_chat = Some(mute);
        self
    }

    /// Sets the mute in chat rooms.
    #[must_use]
    pub fn chat_room(mut self, mute: MuteFor) -> Self {
        self.chat_room = Some(mute);
        self
    }
}

/// A row of the list of muted users: one per user and kind of chat.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::mutes::{ListMutes, MuteFor};
/// use easemob_admin_api::envelope::Envelope;
///
/// let body = br#"{"data":{"data":[{"username":"ann","chat":-1}],"unixtime":1712345678}}"#;
/// let rows = Envelope::decode(&ListMutes { page: 1, page_size: 50 }, body)?;
/// assert_eq!(rows[0].mutes.chat, Some(MuteFor::Ever));
/// # Ok::<(), easemob_admin_api::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MutedUser {
    /// The user. Some servers write the app key and `_` before the name; [`Client::list_mutes`] takes them off, where it
    /// knows the key.
    pub user: UserId,
    /// The mutes of this row.
    pub mutes: Mutes,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireMutes {
    #[serde(default)]
    username: Option<UserId>,
    #[serde(default)]
    userid: Option<UserId>,
    #[serde(default)]
    chat: Option<Integer>,
    #[serde(default)]
    groupchat: Option<Integer>,
    #[serde(default)]
    chatroom: Option<Integer>,
}

impl WireMutes {
    fn mutes(&self) -> Mutes {
        let of = |seconds: Option<Integer>| seconds.map(|Integer(seconds)| MuteFor::of_seconds(seconds));
        Mutes {
            chat: of(self.chat),
            group_chat: of(self.groupchat),
            chat_room: of(self.chatroom),
        }
    }
}

/// Mutes or unmutes a user. `Repeatable`: the times are absolute, not added up.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::mutes::{MuteFor, Mutes, SetMutes};
/// use easemob_admin_api::UserId;
///
/// let mutes = Mutes::default().chat(MuteFor::Nothing);
/// let call = SetMutes { user: UserId::parse("ann")?, mutes };
/// assert_eq!(call.body().unwrap().to_string(), r#"{"chat":0,"username":"ann"}"#);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMutes {
    /// Which user.
    pub user: UserId,
    /// What to change.
    pub mutes: Mutes,
}

impl Endpoint for SetMutes {
    const NAME: &'static str = "mutes.set";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Mutes;
    type Output = ();

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["mutes"])
    }

    fn body(&self) -> Option<Value> {
        let mut body = json!({ "username": self.user });
        let kinds = [
            ("chat", self.mutes.chat),
            ("groupchat", self.mutes.group_chat),
            ("chatroom", self.mutes.chat_room),
        ];
        for (kind, mute) in kinds {
            if let Some(mute) = mute {
                body[kind] = mute.to_seconds().into();
            }
        }
        Some(body)
    }

    fn check(&self) -> Result<(), BuildError> {
        for mute in [self.mutes.chat, self.mutes.group_chat, self.mutes.chat_room]
            .into_iter()
            .flatten()
        {
            if mute.to_seconds() > i64::from(i32::MAX) {
                let given = mute.to_seconds().unsigned_abs();
                return Err(BuildError::OutOfRange {
                    what: "the mute in seconds",
                    given,
                    range: "1 to 2147483647",
                });
            }
        }
        Ok(())
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
    }
}

/// Reads the mutes of a user, as the time that remains.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::mutes::GetMutes;
/// use easemob_admin_api::UserId;
///
/// assert_eq!(GetMutes { user: UserId::parse("ann")? }.path().encode()?, "/mutes/ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetMutes {
    /// Which user.
    pub user: UserId,
}

impl Endpoint for GetMutes {
    const NAME: &'static str = "mutes.get";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Mutes;
    type Output = Mutes;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["mutes", self.user.as_str()])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Mutes, DecodeError> {
        answer.data::<WireMutes>().map(|wire| wire.mutes())
    }
}

/// Reads a page of the list of muted users.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::mutes::ListMutes;
///
/// assert!(ListMutes { page: 1, page_size: 51 }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListMutes {
    /// Which page, from 1.
    pub page: u32,
    /// How many rows, 1 to 50.
    pub page_size: usize,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireList {
    data: Vec<WireMutes>,
}

impl Endpoint for ListMutes {
    const NAME: &'static str = "mutes.list";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Mutes;
    type Output = Vec<MutedUser>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["mutes"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("pageNum", self.page.to_string()),
            ("pageSize", self.page_size.to_string()),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("rows in a page", self.page_size, 50)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<MutedUser>, DecodeError> {
        let list: WireList = answer.data()?;
        let muted = |row: WireMutes| {
            let mutes = row.mutes();
            // A row without a name says of nobody that they are muted.
            let user = row
                .username
                .or(row.userid)
                .filter(|user| !user.as_str().is_empty())?;
            Some(MutedUser { user, mutes })
        };
        Ok(list.data.into_iter().filter_map(muted).collect())
    }
}

impl Client {
    /// Mutes or unmutes `user`; kinds of chat left out of `mutes` stay as they are.
    ///
    /// # Errors
    /// When a time is too long, the user is unknown, the feature is off, or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn set_mutes(&self, user: &UserId, mutes: Mutes) -> Result<(), Error> {
        self.execute(&SetMutes {
            user: user.clone(),
            mutes,
        })
        .await
    }

    /// Reads the mutes of `user`.
    ///
    /// # Errors
    /// As [`Client::set_mutes`].
    pub async fn mutes(&self, user: &UserId) -> Result<Mutes, Error> {
        self.execute(&GetMutes { user: user.clone() }).await
    }

    /// Reads a page of the list of muted users; `page` counts from 1, `page_size` is 1 to 50.
    ///
    /// # Errors
    /// As [`Client::set_mutes`].
    pub async fn list_mutes(&self, page: u32, page_size: usize) -> Result<Vec<MutedUser>, Error> {
        let mut rows = self.execute(&ListMutes { page, page_size }).await?;
        if let Some(key) = self.app_root().app_key() {
            for row in &mut rows {
                row.user = row.user.clone().without_app_key(key);
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_second_does_not_lift_a_mute() {
        assert_eq!(MuteFor::Time(Duration::from_millis(5)).to_seconds(), 1);
    }
}
