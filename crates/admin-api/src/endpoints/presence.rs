//! Presence (a paid feature): whether users are there, by device, and subscriptions to that.
//!
//! These answers do not use the envelope. Beside the device list, this is the only source that names the
//! devices of a user.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Integer, Pairs, UserId};

/// How many users one call asks about or subscribes to (presence page).
pub const BATCH: usize = 100;

/// The presence of a user.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::GetPresence;
/// use easemob_admin_api::envelope::Envelope;
/// use easemob_admin_api::UserId;
///
/// let call = GetPresence { user: UserId::parse("ann")?, about: vec![UserId::parse("bob")?] };
/// // A documented answer holds the same key twice.
/// let body = br#"{"result":[{"uid":"bob","last_time":"1712345678","ext":"","status":{"ios":"1","ios":"0"}}]}"#;
/// let presence = Envelope::decode(&call, body)?;
/// assert_eq!(presence[0].devices.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Presence {
    /// The user; a documented answer leaves it empty, which is `None`.
    pub user: Option<UserId>,
    /// Device (`platform` or `platform_resource`) and its status: "0" offline, "1" online, other numbers are
    /// the app's own. In the server's order; a key may come twice.
    pub devices: Vec<(String, String)>,
    /// The extension the user published.
    pub ext: Option<String>,
    /// When it last changed, in seconds since the Unix epoch.
    pub last_time: Option<i64>,
    /// When the subscription ends, in seconds since the Unix epoch.
    pub expiry: Option<i64>,
}

#[derive(Deserialize)]
struct WirePresence {
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    status: Option<Pairs<Value>>,
    #[serde(default)]
    ext: Option<String>,
    #[serde(default)]
    last_time: Option<Integer>,
    #[serde(default)]
    expiry: Option<Integer>,
}

impl From<WirePresence> for Presence {
    fn from(wire: WirePresence) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let pairs = wire.status.map(|Pairs(pairs)| pairs).unwrap_or_default();
        Self {
            user: wire.uid.and_then(|uid| UserId::parse(uid).ok()),
            devices: pairs
                .into_iter()
                .map(|(device, status)| (device, text(status)))
                .collect(),
            ext: wire.ext,
            last_time: wire.last_time.map(|Integer(seconds)| seconds),
            expiry: wire.expiry.map(|Integer(seconds)| seconds),
        }
    }
}

fn presences(answer: &Envelope<'_>) -> Result<Vec<Presence>, DecodeError> {
    Ok(answer
        .result::<Vec<WirePresence>>()?
        .into_iter()
        .map(Presence::from)
        .collect())
}

/// Publishes a status for a device of a user. `Repeatable`: the status is absolute.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::SetPresence;
/// use easemob_admin_api::UserId;
///
/// let call = SetPresence {
///     user: UserId::parse("ann")?,
///     device: "ios_77e1".into(),
///     status: "1".into(),
///     ext: String::new(),
/// };
/// assert_eq!(call.path().encode()?, "/users/ann/presence/ios_77e1/1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPresence {
    /// Whose.
    pub user: UserId,
    /// A resource id, or a bare platform such as `android`.
    pub device: String,
    /// "0" offline, "1" online, other numbers are the app's own.
    pub status: String,
    /// The extension; required by the server, may be empty.
    pub ext: String,
}

impl Endpoint for SetPresence {
    const NAME: &'static str = "presence.set";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = ();

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new([
            "users",
            self.user.as_str(),
            "presence",
            &self.device,
            &self.status,
        ])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "ext": self.ext }))
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, _: &Envelope<'_>) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// Subscribes a user to others, and reads their presence. `Repeatable`: it sets the end anew.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::Subscribe;
/// use easemob_admin_api::UserId;
///
/// let (ann, bob) = (UserId::parse("ann")?, UserId::parse("bob")?);
/// let call = Subscribe { user: ann, to: vec![bob], lifetime: Duration::from_secs(3600) };
/// assert_eq!(call.path().encode()?, "/users/ann/presence/3600");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Who subscribes.
    pub user: UserId,
    /// To whom, 1 to 100.
    pub to: Vec<UserId>,
    /// For how long, in whole seconds, at most 30 days.
    pub lifetime: Duration,
}

impl Endpoint for Subscribe {
    const NAME: &'static str = "presence.subscribe";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = Vec<Presence>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new([
            "users",
            self.user.as_str(),
            "presence",
            &self.lifetime.as_secs().to_string(),
        ])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "usernames": self.to }))
    }

    fn check(&self) -> Result<(), BuildError> {
        let given = self.lifetime.as_secs();
        if !(1..=2_592_000).contains(&given) {
            return Err(BuildError::OutOfRange {
                what: "the subscription in seconds",
                given,
                range: "1 to 2592000",
            });
        }
        BuildError::check_batch("users", self.to.len(), BATCH)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<Presence>, DecodeError> {
        presences(answer)
    }
}

/// Reads the presence of up to 100 users, on behalf of one. A POST, but it changes nothing.
///
/// ```
/// use easemob_admin_api::endpoint::{Effect, Endpoint};
/// use easemob_admin_api::endpoints::presence::GetPresence;
///
/// assert_eq!(GetPresence::EFFECT, Effect::Read);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetPresence {
    /// Who asks.
    pub user: UserId,
    /// About whom, 1 to 100.
    pub about: Vec<UserId>,
}

impl Endpoint for GetPresence {
    const NAME: &'static str = "presence.get";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = Vec<Presence>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "presence"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "usernames": self.about }))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.about.len(), BATCH)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<Presence>, DecodeError> {
        presences(answer)
    }
}

/// Ends subscriptions. `Repeatable`. The body is a bare array, as the page's example has it.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::Unsubscribe;
/// use easemob_admin_api::UserId;
///
/// let call = Unsubscribe { user: UserId::parse("ann")?, from: vec![UserId::parse("bob")?] };
/// assert_eq!(call.body().unwrap().to_string(), r#"["bob"]"#);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Who subscribed.
    pub user: UserId,
    /// From whom, 1 to 100.
    pub from: Vec<UserId>,
}

impl Endpoint for Unsubscribe {
    const NAME: &'static str = "presence.unsubscribe";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = ();

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "presence"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!(self.from))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.from.len(), BATCH)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, _: &Envelope<'_>) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// Reads a page of the subscriptions of a user.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::ListSubscriptions;
/// use easemob_admin_api::UserId;
///
/// let call = ListSubscriptions { user: UserId::parse("ann")?, page: 1, page_size: 500 };
/// assert_eq!(call.path().encode()?, "/users/ann/presence/sublist");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSubscriptions {
    /// Whose subscriptions.
    pub user: UserId,
    /// Which page, from 1.
    pub page: u32,
    /// How many, 1 to 500.
    pub page_size: usize,
}

/// A page of subscriptions.
///
/// ```
/// use easemob_admin_api::endpoints::presence::ListSubscriptions;
/// use easemob_admin_api::envelope::Envelope;
/// use easemob_admin_api::UserId;
///
/// let call = ListSubscriptions { user: UserId::parse("ann")?, page: 1, page_size: 500 };
/// let body = br#"{"result":{"totalnum":"1","sublist":[{"uid":"bob","expiry":"1712345678"}]}}"#;
/// let page = Envelope::decode(&call, body)?;
/// assert_eq!((page.total, page.subscriptions[0].1), (1, Some(1_712_345_678)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscriptions {
    /// How many there are in all.
    pub total: u64,
    /// To whom, and when it ends in seconds since the Unix epoch.
    pub subscriptions: Vec<(UserId, Option<i64>)>,
}

#[derive(Deserialize)]
struct WireSubscriptions {
    #[serde(default)]
    totalnum: Option<Integer>,
    #[serde(default)]
    sublist: Vec<WirePresence>,
}

impl Endpoint for ListSubscriptions {
    const NAME: &'static str = "presence.subscriptions";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = Subscriptions;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "presence", "sublist"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("pageNum", self.page.to_string()),
            ("pageSize", self.page_size.to_string()),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("subscriptions in a page", self.page_size, 500)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Subscriptions, DecodeError> {
        let wire: WireSubscriptions = answer.result()?;
        let subscriptions: Vec<_> = wire
            .sublist
            .into_iter()
            .map(Presence::from)
            .filter_map(|presence| presence.user.map(|user| (user, presence.expiry)))
            .collect();
        let total = wire.totalnum.and_then(|Integer(total)| u64::try_from(total).ok());
        Ok(Subscriptions {
            total: total.unwrap_or(subscriptions.len() as u64),
            subscriptions,
        })
    }
}

/// Counts the members of a group that are online.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::CountOnlineInGroup;
///
/// let call = CountOnlineInGroup { group: "1500".into() };
/// assert_eq!(call.path().encode()?, "/presence/online/1500/type/1");
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountOnlineInGroup {
    /// The id of the group.
    pub group: String,
}

impl Endpoint for CountOnlineInGroup {
    const NAME: &'static str = "presence.group_online";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = u64;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["presence", "online", &self.group, "type", "1"])
    }

    fn target(&self) -> Option<String> {
        Some(self.group.clone())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<u64, DecodeError> {
        let Integer(count) = answer.result()?;
        u64::try_from(count).map_err(|_| answer.problem("`result` is negative"))
    }
}

impl Client {
    /// Publishes a status for a device of `user`; `device` is a resource id or a bare platform.
    ///
    /// # Errors
    /// When the extension is too long, the feature is off, or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn set_presence(
        &self,
        user: &UserId,
        device: impl Into<String>,
        status: impl Into<String>,
        ext: impl Into<String>,
    ) -> Result<(), Error> {
        let (device, status, ext) = (device.into(), status.into(), ext.into());
        self.execute(&SetPresence {
            user: user.clone(),
            device,
            status,
            ext,
        })
        .await
    }

    /// Subscribes `user` to up to 100 others for a time, at most 30 days, and reads their presence.
    ///
    /// # Errors
    /// When a limit is exceeded, the feature is off, or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn subscribe_presence(
        &self,
        user: &UserId,
        to: &[UserId],
        lifetime: Duration,
    ) -> Result<Vec<Presence>, Error> {
        self.execute(&Subscribe {
            user: user.clone(),
            to: to.to_vec(),
            lifetime,
        })
        .await
    }

    /// Reads the presence of up to 100 users on behalf of `user`.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn presence(&self, user: &UserId, about: &[UserId]) -> Result<Vec<Presence>, Error> {
        self.execute(&GetPresence {
            user: user.clone(),
            about: about.to_vec(),
        })
        .await
    }

    /// Ends subscriptions of `user`.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn unsubscribe_presence(&self, user: &UserId, from: &[UserId]) -> Result<(), Error> {
        self.execute(&Unsubscribe {
            user: user.clone(),
            from: from.to_vec(),
        })
        .await
    }

    /// Reads a page of the subscriptions of `user`; `page` counts from 1, `page_size` is 1 to 500.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn presence_subscriptions(
        &self,
        user: &UserId,
        page: u32,
        page_size: usize,
    ) -> Result<Subscriptions, Error> {
        self.execute(&ListSubscriptions {
            user: user.clone(),
            page,
            page_size,
        })
        .await
    }

    /// Counts the members of a group that are online.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn count_online_in_group(&self, group: impl Into<String>) -> Result<u64, Error> {
        self.execute(&CountOnlineInGroup { group: group.into() }).await
    }
}
