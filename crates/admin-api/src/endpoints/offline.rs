//! Messages that wait for users who are offline.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Integer, Pairs, UserId};

/// Counts the messages that wait for a user. Kept by another subsystem, about a second late.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::offline::CountOfflineMessages;
/// use easemob_admin_api::UserId;
///
/// let path = CountOfflineMessages { user: UserId::parse("ann")? }.path();
/// assert_eq!(path.encode()?, "/users/ann/offline_msg_count");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountOfflineMessages {
    /// For whom.
    pub user: UserId,
}

impl Endpoint for CountOfflineMessages {
    const NAME: &'static str = "offline.count";
    const EFFECT: Effect = Effect::Read;
    type Output = BTreeMap<String, u64>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "offline_msg_count"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    /// The names in the answer need not be the one asked for.
    fn decode(&self, answer: &Envelope<'_>) -> Result<BTreeMap<String, u64>, DecodeError> {
        let Pairs(pairs) = answer.data::<Pairs<Integer>>()?;
        pairs
            .into_iter()
            .map(|(name, Integer(count))| match u64::try_from(count) {
                Ok(count) => Ok((name, count)),
                Err(_) => Err(answer.problem("a count is negative")),
            })
            .collect()
    }
}

/// Whether a message still waits.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// use easemob_admin_api::endpoints::offline::MessageStatus;
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// let status = client.offline_message_status(&UserId::parse("ann")?, "1500000000000000010").await?;
/// assert_eq!(status, MessageStatus::Delivered);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageStatus {
    /// It reached a device.
    Delivered,
    /// It waits.
    Undelivered,
    /// A value this version does not know, as the server writes it.
    Other(String),
}

/// Asks whether a message still waits for a user.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::offline::GetOfflineMessageStatus;
/// use easemob_admin_api::UserId;
///
/// let call = GetOfflineMessageStatus { user: UserId::parse("ann")?, message_id: "77".into() };
/// assert_eq!(call.path().encode()?, "/users/ann/offline_msg_status/77");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetOfflineMessageStatus {
    /// For whom.
    pub user: UserId,
    /// The server's id of the message.
    pub message_id: String,
}

impl Endpoint for GetOfflineMessageStatus {
    const NAME: &'static str = "offline.message_status";
    const EFFECT: Effect = Effect::Read;
    type Output = MessageStatus;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new([
            "users",
            self.user.as_str(),
            "offline_msg_status",
            &self.message_id,
        ])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<MessageStatus, DecodeError> {
        let Pairs(pairs) = answer.data::<Pairs<String>>()?;
        let (_, status) = pairs
            .into_iter()
            .find(|(id, _)| *id == self.message_id)
            .ok_or_else(|| answer.problem("`data` does not mention the message"))?;
        Ok(match status.as_str() {
            "delivered" => MessageStatus::Delivered,
            "undelivered" => MessageStatus::Undelivered,
            _ => MessageStatus::Other(status),
        })
    }
}

impl Client {
    /// Counts the messages that wait for `user`, by the names in the answer (mostly just that user).
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn offline_message_counts(&self, user: &UserId) -> Result<BTreeMap<String, u64>, Error> {
        self.execute(&CountOfflineMessages { user: user.clone() }).await
    }

    /// Asks whether a message still waits for `user`.
    ///
    /// # Errors
    /// As [`Client::offline_message_counts`].
    pub async fn offline_message_status(
        &self,
        user: &UserId,
        message_id: impl Into<String>,
    ) -> Result<MessageStatus, Error> {
        self.execute(&GetOfflineMessageStatus {
            user: user.clone(),
            message_id: message_id.into(),
        })
        .await
    }
}
