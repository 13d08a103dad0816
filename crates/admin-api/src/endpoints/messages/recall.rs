//! Taking a message back (page "recall one message"; to be switched on in the console).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::UserId;
use crate::transport::limit::RateLimit;

/// 100 calls a second (page of limits).
const RECALLS: Bucket = Bucket::Own("messages.recall", RateLimit::per_second(100));

/// Where a message was sent.
///
/// ```
/// use easemob_admin_api::endpoints::messages::Conversation;
///
/// let group = Conversation::Group("184524748161025".into());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conversation {
    /// To a user.
    User(UserId),
    /// To a group, by its id.
    Group(String),
    /// To a chat room, by its id.
    Room(String),
}

/// What the server says became of a recall.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::messages::{Conversation, RecallMessage, RecallOutcome};
/// use easemob_admin_api::envelope::Envelope;
///
/// let call = RecallMessage::new("1028442084794698104", Conversation::Group("7".into()));
/// // Older servers answer 200 although nothing was taken back.
/// let body = br#"{"msgs":[{"msg_id":"1028442084794698104","recalled":"not_found msg"}]}"#;
/// let outcome = Envelope::decode(&call, body)?;
/// assert_eq!(outcome, RecallOutcome::NotRecalled { reason: "not_found msg".into() });
/// # Ok::<(), easemob_admin_api::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a recall may be answered with success and not have happened"]
#[non_exhaustive]
pub enum RecallOutcome {
    /// It was taken back.
    Recalled,
    /// It was not.
    NotRecalled {
        /// Why, in the words of the server.
        reason: String,
    },
}

/// Takes a message back from everybody who has it.
///
/// `Repeatable`: what is taken back cannot be taken back again, which the server refuses as `not_found msg`.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::messages::{Conversation, RecallMessage};
///
/// let to_bob = Conversation::User(UserId::parse("bob")?);
/// let call = RecallMessage::new("1028442084794698104", to_bob).force();
/// assert_eq!(
///     call.body().unwrap().to_string(),
///     r#"{"chat_type":"chat","force":true,"msg_id":"1028442084794698104","to":"bob"}"#,
/// );
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecallMessage {
    message_id: String,
    conversation: Conversation,
    by: Option<UserId>,
    force: bool,
}

impl RecallMessage {
    /// Names a message and where it was sent; it is taken back within the time that the console sets, two minutes by
    /// default.
    pub fn new(message_id: impl Into<String>, conversation: Conversation) -> Self {
        Self {
            message_id: message_id.into(),
            conversation,
            by: None,
            force: false,
        }
    }

    /// Sets who takes it back, as others see it; default `admin`.
    #[must_use]
    pub fn by(mut self, user: UserId) -> Self {
        self.by = Some(user);
        self
    }

    /// Takes it back however old it is, also where only devices still have it.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireAnswer {
    #[serde(default)]
    data: Option<WireRecall>,
    #[serde(default)]
    msgs: Vec<WireRecall>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireRecall {
    recalled: String,
}

impl Endpoint for RecallMessage {
    const NAME: &'static str = "messages.recall";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = RECALLS;
    type Output = RecallOutcome;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["messages", "msg_recall"])
    }

    fn body(&self) -> Option<Value> {
        let (kind, to) = match &self.conversation {
            Conversation::User(user) => ("chat", user.as_str()),
            Conversation::Group(group) => ("groupchat", group.as_str()),
            Conversation::Room(room) => ("chatroom", room.as_str()),
        };
        let mut body = json!({
            "msg_id": self.message_id,
            "to": to,
            "chat_type": kind,
            "force": self.force,
        });
        if let Some(by) = &self.by {
            body["from"] = json!(by);
        }
        Some(body)
    }

    fn target(&self) -> Option<String> {
        Some(self.message_id.clone())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<RecallOutcome, DecodeError> {
        let wire: WireAnswer = answer.whole()?;
        let said = wire.data.into_iter().chain(wire.msgs).next();
        let said = said.ok_or_else(|| answer.problem("the answer does not say whether it was taken back"))?;
        Ok(match said.recalled.as_str() {
            "yes" => RecallOutcome::Recalled,
            _ => RecallOutcome::NotRecalled {
                reason: said.recalled,
            },
        })
    }
}

impl Client {
    /// Takes a message back from everybody who has it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// use easemob_admin_api::endpoints::messages::{Conversation, Message, RecallMessage, RecallOutcome};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("bob");
    /// let bob = UserId::parse("bob")?;
    /// let sent = client.send_to_users(&[bob.clone()], &Message::text("oops")).await;
    /// let id = sent[0].1.clone()?.unwrap();
    /// let outcome = client.recall_message(RecallMessage::new(id, Conversation::User(bob))).await?;
    /// assert_eq!(outcome, RecallOutcome::Recalled);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When it is too old or not there any more (403), the recipient is unknown (400), the feature is off (403), or the
    /// call fails for any reason of [`Client::execute`].
    pub async fn recall_message(&self, recall: RecallMessage) -> Result<RecallOutcome, Error> {
        self.execute(&recall).await
    }
}
