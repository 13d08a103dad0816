//! The push tokens of a user's devices (pages "bind and unbind push information" and "query push information").

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::UserId;

/// A device, and by which token a push service reaches it.
///
/// ```
/// use easemob_admin_api::endpoints::push::PushBinding;
///
/// let binding = PushBinding::new("8ce08cad", "fcm-token", "104410638");
/// assert_eq!(binding.notifier_name, "104410638");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PushBinding {
    /// The id that the SDK gives the installation; not the resource id of a session.
    #[serde(alias = "device_Id")]
    pub device_id: String,
    /// The token of the push service.
    #[serde(default)]
    pub device_token: String,
    /// The certificate, by its name in the console.
    #[serde(default)]
    pub notifier_name: String,
}

impl PushBinding {
    /// Names a device, its token, and the certificate.
    pub fn new(
        device_id: impl Into<String>,
        device_token: impl Into<String>,
        notifier_name: impl Into<String>,
    ) -> Self {
        Self {
            device_id: device_id.into(),
            device_token: device_token.into(),
            notifier_name: notifier_name.into(),
        }
    }
}

/// Binds a device to a push token, or unbinds it. `Repeatable`: what is bound is said in whole.
///
/// An empty token unbinds the device from one certificate, an empty certificate from all.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::push::{BindPush, PushBinding};
///
/// let binding = PushBinding::new("d1", "t1", "fcm");
/// let call = BindPush { user: UserId::parse("ann")?, binding };
/// assert_eq!(call.path().encode()?, "/users/ann/push/binding");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindPush {
    /// Whose device.
    pub user: UserId,
    /// What to bind.
    pub binding: PushBinding,
}

impl Endpoint for BindPush {
    const NAME: &'static str = "push.bind";
    const EFFECT: Effect = Effect::Repeatable;
    type Output = Vec<PushBinding>;

    fn method(&self) -> Method {
        Method::PUT
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "push", "binding"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!(self.binding))
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<PushBinding>, DecodeError> {
        answer.entities()
    }
}

/// Lists the push tokens of all devices of a user.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::{Effect, Endpoint};
/// use easemob_admin_api::endpoints::push::ListPushBindings;
///
/// assert_eq!(ListPushBindings::EFFECT, Effect::Read);
/// let call = ListPushBindings { user: UserId::parse("ann")? };
/// assert_eq!(call.path().encode()?, "/users/ann/push/binding");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPushBindings {
    /// Whose.
    pub user: UserId,
}

impl Endpoint for ListPushBindings {
    const NAME: &'static str = "push.bindings";
    const EFFECT: Effect = Effect::Read;
    type Output = Vec<PushBinding>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "push", "binding"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<PushBinding>, DecodeError> {
        answer.entities()
    }
}

impl Client {
    /// Binds a device of `user` to a push token, and returns all tokens of that device.
    ///
    /// A device that was signed out may still get push notifications: unbind it, too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// use easemob_admin_api::endpoints::push::PushBinding;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// let ann = UserId::parse("ann")?;
    /// client.bind_push(&ann, PushBinding::new("d1", "t1", "fcm")).await?;
    /// assert_eq!(client.push_bindings(&ann).await?.len(), 1);
    /// assert!(client.unbind_push(&ann, "d1", None).await?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn bind_push(&self, user: &UserId, binding: PushBinding) -> Result<Vec<PushBinding>, Error> {
        self.execute(&BindPush {
            user: user.clone(),
            binding,
        })
        .await
    }

    /// Unbinds a device of `user` from one certificate, or from all if none is named, and returns what is left of that
    /// device.
    ///
    /// # Errors
    /// As [`Client::bind_push`].
    pub async fn unbind_push(
        &self,
        user: &UserId,
        device_id: impl Into<String>,
        notifier_name: Option<&str>,
    ) -> Result<Vec<PushBinding>, Error> {
        let binding = PushBinding::new(device_id, "", notifier_name.unwrap_or_default());
        self.bind_push(user, binding).await
    }

    /// Lists the push tokens of all devices of `user`.
    ///
    /// # Errors
    /// As [`Client::bind_push`].
    pub async fn push_bindings(&self, user: &UserId) -> Result<Vec<PushBinding>, Error> {
        self.execute(&ListPushBindings { user: user.clone() }).await
    }
}
