//! `POST /messages`, as older servers know it; newer pages have a call for users and one for groups.

use serde_json::{Value, json};

use super::Message;
use super::send::{GROUP_BATCH, TO_USERS, USER_BATCH};
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Pairs, UserId};

/// To whom an older call goes.
///
/// ```
/// use easemob_admin_api::endpoints::messages::OlderTarget;
///
/// let target = OlderTarget::Groups(vec!["7".into()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OlderTarget {
    /// Users, 1 to 600.
    Users(Vec<UserId>),
    /// Groups, 1 to 3, by their ids.
    Groups(Vec<String>),
}

/// Sends a message by the older call. `Once`: a second time it would come twice.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::messages::{Message, OlderTarget, SendOlder};
///
/// let target = OlderTarget::Users(vec![UserId::parse("bob")?]);
/// let call = SendOlder { target, message: Message::text("hi") };
/// assert_eq!(call.body().unwrap()["target_type"], "users");
/// assert_eq!(call.body().unwrap()["msg"]["type"], "txt");
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SendOlder {
    /// To whom.
    pub target: OlderTarget,
    /// What.
    pub message: Message,
}

impl Endpoint for SendOlder {
    const NAME: &'static str = "messages.send";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = TO_USERS;
    /// What the server says of each recipient, such as `success`.
    type Output = Vec<(String, String)>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["messages"])
    }

    fn body(&self) -> Option<Value> {
        let mut body = self.message.to_older_body();
        let (kind, target) = match &self.target {
            OlderTarget::Users(users) => ("users", json!(users)),
            OlderTarget::Groups(groups) => ("chatgroups", json!(groups)),
        };
        body["target_type"] = json!(kind);
        body["target"] = target;
        Some(body)
    }

    fn check(&self) -> Result<(), BuildError> {
        match &self.target {
            OlderTarget::Users(users) => BuildError::check_batch("users", users.len(), USER_BATCH),
            OlderTarget::Groups(groups) => BuildError::check_batch("groups", groups.len(), GROUP_BATCH),
        }
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError> {
        let Pairs(pairs) = answer.data::<Pairs<Value>>()?;
        let said = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(pairs
            .into_iter()
            .map(|(name, value)| (name, said(value)))
            .collect())
    }
}

impl Client {
    /// Sends a message by the older call, for servers that know no other; returns what the server says of each recipient.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// use easemob_admin_api::endpoints::messages::{Message, OlderTarget};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let target = OlderTarget::Users(vec![UserId::parse("ann")?]);
    /// let said = client.send_by_older_call(target, &Message::text("Maintenance at ten")).await?;
    /// assert_eq!(said, [("ann".to_owned(), "success".to_owned())]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there are too many recipients or none, or the call fails for any reason of [`Client::execute`]. If
    /// [`Error::is_outcome_unknown`], they may have got it.
    pub async fn send_by_older_call(
        &self,
        target: OlderTarget,
        message: &Message,
    ) -> Result<Vec<(String, String)>, Error> {
        self.execute(&SendOlder {
            target,
            message: message.clone(),
        })
        .await
    }
}
