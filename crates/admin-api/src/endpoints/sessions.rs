//! Forced logout: of one device, of all, of all but one, and of many users.
//!
//! Nothing here is on record. A backend that has to answer later for whom it signed out uses the engine instead, which notes
//! down each request before it is sent and settles what is unknown: `easemob-admin-ops`, see docs/backends.md.

use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Device, DeviceId, UnixMillis, UserId};

/// What the server says became of a forced logout.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, DeviceId, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// let device = DeviceId::parse(sandbox.sign_in("ann", "ios")?.resource)?;
/// let outcome = client.logout_device(&UserId::parse("ann")?, &device).await?;
/// assert!(outcome.is_logged_out());
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a logout may be answered with success and not have happened"]
#[non_exhaustive]
pub enum LogoutOutcome {
    /// The server says that it was done.
    LoggedOut {
        /// When, by the clock of the server, if the answer told.
        at: Option<UnixMillis>,
    },
    /// The server answered 200 with `result: false`: the device was not logged out.
    NotLoggedOut,
}

impl LogoutOutcome {
    /// Returns true if the server says that it was done.
    #[must_use]
    pub fn is_logged_out(self) -> bool {
        matches!(self, Self::LoggedOut { .. })
    }
}

/// The verb of the logout of one device.
///
/// The public page has DELETE; the vendor's Java SDK sends GET on the same path.
///
/// ```
/// use easemob_admin_api::endpoint::{Endpoint, Method};
/// use easemob_admin_api::endpoints::sessions::{DisconnectVerb, LogoutDevice};
/// use easemob_admin_api::{DeviceId, UserId};
///
/// let logout = LogoutDevice {
///     user: UserId::parse("ann")?,
///     device: DeviceId::parse("ios_77e1")?,
///     verb: DisconnectVerb::Get,
/// };
/// assert_eq!(logout.method(), Method::GET);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
///
/// In configuration files, `delete` or `get`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisconnectVerb {
    /// As the public page says.
    #[default]
    Delete,
    /// For servers that know only the older form.
    Get,
}

/// Logs out all devices of a user: a GET with a side effect.
///
/// `Once`, since a second logout could end a session that was opened in between.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::sessions::LogoutAll;
/// use easemob_admin_api::UserId;
///
/// let path = LogoutAll { user: UserId::parse("批量")? }.path();
/// assert_eq!(path.encode()?, "/users/%E6%89%B9%E9%87%8F/disconnect");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutAll {
    /// Whose devices.
    pub user: UserId,
}

impl Endpoint for LogoutAll {
    const NAME: &'static str = "sessions.logout_all";
    const EFFECT: Effect = Effect::Once;
    type Output = LogoutOutcome;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "disconnect"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<LogoutOutcome, DecodeError> {
        outcome(answer)
    }
}

/// Logs out one device of a user.
///
/// `Once`, since a login id can sign in again and a second logout would end that session.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::sessions::{DisconnectVerb, LogoutDevice};
/// use easemob_admin_api::{DeviceId, UserId};
///
/// let path = LogoutDevice {
///     user: UserId::parse("ann")?,
///     device: DeviceId::parse("ios_77e1")?,
///     verb: DisconnectVerb::default(),
/// }.path();
/// assert_eq!(path.encode()?, "/users/ann/disconnect/ios_77e1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutDevice {
    /// Whose device.
    pub user: UserId,
    /// Which device.
    pub device: DeviceId,
    /// DELETE, or GET for older servers.
    pub verb: DisconnectVerb,
}

impl Endpoint for LogoutDevice {
    const NAME: &'static str = "sessions.logout_device";
    const EFFECT: Effect = Effect::Once;
    type Output = LogoutOutcome;

    fn method(&self) -> Method {
        match self.verb {
            DisconnectVerb::Delete => Method::DELETE,
            DisconnectVerb::Get => Method::GET,
        }
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "disconnect", self.device.as_str()])
    }

    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.user, self.device))
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<LogoutOutcome, DecodeError> {
        outcome(answer)
    }
}

/// `result` is required: a logout that the server does not confirm must be read after.
fn outcome(answer: &Envelope<'_>) -> Result<LogoutOutcome, DecodeError> {
    let data: Value = answer.data()?;
    let done = LogoutOutcome::LoggedOut {
        at: answer.timestamp(),
    };
    match &data["result"] {
        Value::Bool(true) => Ok(done),
        Value::Bool(false) => Ok(LogoutOutcome::NotLoggedOut),
        Value::String(text) if matches!(text.as_str(), "true" | "ok") => Ok(done),
        Value::String(text) if text == "false" => Ok(LogoutOutcome::NotLoggedOut),
        _ => Err(answer.problem("`data.result` is neither true nor false")),
    }
}

/// What came of a logout of all devices but one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, DeviceId, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// sandbox.sign_in("ann", "ios")?;
/// let elsewhere = client.logout_elsewhere(&UserId::parse("ann")?, &DeviceId::parse("web_gone")?).await?;
/// assert!(!elsewhere.kept && elsewhere.others.is_empty(), "nobody is signed out for a slip");
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "each device has an outcome of its own"]
#[non_exhaustive]
pub struct LogoutElsewhere {
    /// Whether the device to be kept was online. If not, nothing was sent.
    pub kept: bool,
    /// The other devices that were online, and what came of each.
    pub others: Vec<(Device, Result<LogoutOutcome, Error>)>,
}

impl Client {
    /// Logs out all devices of `user`. They can sign in again at once: this is not a ban.
    ///
    /// Also ends sessions that began after you last listed the devices.
    ///
    /// # Errors
    /// When the call fails for any reason of [`Client::execute`]. If [`Error::is_outcome_unknown`], read the
    /// device list before trying again.
    pub async fn logout_all(&self, user: &UserId) -> Result<LogoutOutcome, Error> {
        self.execute(&LogoutAll { user: user.clone() }).await
    }

    /// Logs out one device of `user`.
    ///
    /// # Errors
    /// As [`Client::logout_all`].
    pub async fn logout_device(&self, user: &UserId, device: &DeviceId) -> Result<LogoutOutcome, Error> {
        let verb = self.disconnect_verb();
        self.execute(&LogoutDevice {
            user: user.clone(),
            device: device.clone(),
            verb,
        })
        .await
    }

    /// Logs out all devices of `user` but one: "sign out everywhere else".
    ///
    /// One call reads the list, and each other device takes one more, one after the other. Where the device to be kept is
    /// not online, nothing is logged out: its id was mistyped, or it has just gone. A device that signs in after the list was
    /// read stays.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, DeviceId, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// for device in ["ios_1", "web_1", "android_1"] {
    ///     sandbox.sign_in_as("ann", device)?;
    /// }
    /// let elsewhere = client.logout_elsewhere(&UserId::parse("ann")?, &DeviceId::parse("web_1")?).await?;
    /// assert!(elsewhere.kept && elsewhere.others.len() == 2);
    /// assert_eq!(sandbox.devices("ann").len(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the list cannot be read for any reason of [`Client::execute`]; then nothing was logged out. What goes wrong
    /// with one device is in its outcome.
    pub async fn logout_elsewhere(&self, user: &UserId, keep: &DeviceId) -> Result<LogoutElsewhere, Error> {
        let online = self.list_devices(user).await?;
        let kept = online.iter().any(|device| device.id == *keep);
        let mut others = Vec::new();
        for device in online.into_iter().filter(|device| kept && device.id != *keep) {
            let outcome = self.logout_device(user, &device.id).await;
            others.push((device, outcome));
        }
        Ok(LogoutElsewhere { kept, others })
    }

    /// Logs out all devices of each user of a stream, and tells what came of each, in the order in which they are done.
    ///
    /// One call for each user, at most `concurrency` (at least 1) at a time, within the rate budget. Nothing is sent before
    /// the first poll, users are taken from the stream as places get free, and no more is sent once the stream is dropped:
    /// what is under way then is unknown.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// use futures_util::{StreamExt as _, stream};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let users: Vec<UserId> = ["ann", "bob"].into_iter().map(UserId::parse).collect::<Result<_, _>>()?;
    /// for user in &users {
    ///     sandbox.register(user.as_str());
    /// }
    /// let outcomes: Vec<_> = client.logout_all_of(stream::iter(users), 8).collect().await;
    /// assert!(outcomes.iter().all(|(_, outcome)| outcome.as_ref().unwrap().is_logged_out()));
    /// # Ok(()) }
    /// ```
    pub fn logout_all_of<S>(
        &self,
        users: S,
        concurrency: usize,
    ) -> impl Stream<Item = (UserId, Result<LogoutOutcome, Error>)> + Send
    where
        S: Stream<Item = UserId> + Send,
    {
        let client = self.clone();
        users
            .map(move |user| {
                let client = client.clone();
                async move {
                    let outcome = client.logout_all(&user).await;
                    (user, outcome)
                }
            })
            .buffer_unordered(concurrency.max(1))
    }
}
