//! The presence of users, by device.

use serde::Deserialize;
use serde_json::{Value, json};

use super::BATCH;
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Integer, Pairs, UserId};

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
#[serde(expecting = "an object")]
pub(super) struct WirePresence {
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

pub(super) fn presences(answer: &Envelope<'_>) -> Result<Vec<Presence>, DecodeError> {
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

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
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

/// What is counted in.
///
/// ```
/// use easemob_admin_api::endpoints::presence::CountIn;
///
/// assert_eq!(CountIn::default(), CountIn::Group);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountIn {
    /// A server of a community, of the vendor's Circle product.
    Community,
    /// A group.
    #[default]
    Group,
}

/// Counts the members of a group, or of a community's server, that are online: connected, whatever status they publish (page
/// "online members of a group"; to be switched on by the vendor).
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::presence::{CountIn, CountOnline};
///
/// let call = CountOnline { id: "1500".into(), of: CountIn::Group };
/// assert_eq!(call.path().encode()?, "/presence/online/1500/type/1");
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountOnline {
    /// The id of the group or server.
    pub id: String,
    /// What it is.
    pub of: CountIn,
}

impl Endpoint for CountOnline {
    const NAME: &'static str = "presence.group_online";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Presence;
    type Output = u64;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        let kind = match self.of {
            CountIn::Community => "0",
            CountIn::Group => "1",
        };
        Path::new(["presence", "online", &self.id, "type", kind])
    }

    fn target(&self) -> Option<String> {
        Some(self.id.clone())
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

    /// Reads the presence of up to 100 users on behalf of `user`.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn presence(&self, user: &UserId, about: &[UserId]) -> Result<Vec<Presence>, Error> {
        let call_about = |about: &[UserId]| GetPresence {
            user: user.clone(),
            about: about.to_vec(),
        };
        if call_about(about).check().is_err() {
            return self.execute(&call_about(about)).await;
        }
        let parts = self.in_parts(about, BATCH, call_about).await.into_iter();
        let told: Result<Vec<_>, Error> = parts.map(|(_, outcome)| outcome).collect();
        told.map(|told| told.concat())
    }

    /// Counts the members of a group that are online.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn count_online_in_group(&self, group: impl Into<String>) -> Result<u64, Error> {
        let (id, of) = (group.into(), CountIn::Group);
        self.execute(&CountOnline { id, of }).await
    }

    /// Counts the members of a community's server that are online.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn count_online_in_community(&self, server: impl Into<String>) -> Result<u64, Error> {
        let (id, of) = (server.into(), CountIn::Community);
        self.execute(&CountOnline { id, of }).await
    }
}
