//! Messages to everybody (pages "broadcast to all users" and "to users online"; to be switched on by the vendor).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Message, id_of};
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::transport::limit::RateLimit;

/// Once a minute to users online, once in 30 minutes to all. A refusal (429) pauses broadcasts, not other calls.
const BROADCASTS: Bucket = Bucket::Own("messages.broadcast", RateLimit::per_second(1));

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireBroadcast {
    id: Value,
}

fn broadcast_id(answer: &Envelope<'_>) -> Result<String, DecodeError> {
    let WireBroadcast { id } = answer.data()?;
    id_of(&id).ok_or_else(|| answer.problem("`data.id` is no id"))
}

/// Sends a message to all users of the app: at most once in 30 minutes and three times a day.
///
/// `Once`: a second time everybody would get it twice, and nobody can take it back.
///
/// ```
/// use easemob_admin_api::endpoint::{Effect, Endpoint};
/// use easemob_admin_api::endpoints::messages::{BroadcastToAll, Message};
///
/// let call = BroadcastToAll { message: Message::text("hi") };
/// assert_eq!(call.body().unwrap()["target_type"], "users");
/// assert_eq!(BroadcastToAll::EFFECT, Effect::Once);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BroadcastToAll {
    /// What.
    pub message: Message,
}

impl Endpoint for BroadcastToAll {
    const NAME: &'static str = "messages.broadcast";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = BROADCASTS;
    /// The id of the broadcast, which is none of a message.
    type Output = String;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["messages", "broadcast"])
    }

    fn body(&self) -> Option<Value> {
        let mut body = self.message.to_older_body();
        body["target_type"] = json!("users");
        Some(body)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<String, DecodeError> {
        broadcast_id(answer)
    }
}

/// Sends a message to all users who are connected, and to nobody later: at most once a minute and 50 times a day.
///
/// `Once`, as [`BroadcastToAll`].
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::messages::{BroadcastToOnline, Message};
///
/// let call = BroadcastToOnline { message: Message::text("hi") };
/// assert_eq!(call.path().encode()?, "/messages/users/broadcast");
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BroadcastToOnline {
    /// What.
    pub message: Message,
}

impl Endpoint for BroadcastToOnline {
    const NAME: &'static str = "messages.broadcast_online";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = BROADCASTS;
    /// The id of the broadcast, which is none of a message.
    type Output = String;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["messages", "users", "broadcast"])
    }

    fn body(&self) -> Option<Value> {
        Some(self.message.to_older_body())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<String, DecodeError> {
        broadcast_id(answer)
    }
}

impl Client {
    /// Sends a message to all users of the app, and returns the id of the broadcast.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// use easemob_admin_api::endpoints::messages::Message;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let id = client.broadcast(&Message::text("Maintenance at ten")).await?;
    /// # assert!(!id.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When it is one too many (429 within 30 minutes, 403 of a day), the feature is off (403), or the call fails for any
    /// reason of [`Client::execute`]. If [`Error::is_outcome_unknown`], it may be under way.
    pub async fn broadcast(&self, message: &Message) -> Result<String, Error> {
        let message = message.clone();
        self.execute(&BroadcastToAll { message }).await
    }

    /// Sends a message to all users who are connected, and returns the id of the broadcast.
    ///
    /// # Errors
    /// As [`Client::broadcast`], with one a minute.
    pub async fn broadcast_to_online(&self, message: &Message) -> Result<String, Error> {
        let message = message.clone();
        self.execute(&BroadcastToOnline { message }).await
    }
}
