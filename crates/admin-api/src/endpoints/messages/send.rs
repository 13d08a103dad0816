//! Messages to users and groups (pages "send messages to users" and "to groups").

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::{Message, id_of};
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Pairs, UserId};
use crate::transport::limit::RateLimit;

/// How many users one call reaches.
pub const USER_BATCH: usize = 600;

/// How many groups one call reaches.
pub const GROUP_BATCH: usize = 3;

/// 100 calls a second; besides, 6,000 recipients a minute, beyond which the server answers 403.
pub(super) const TO_USERS: Bucket = Bucket::Own("messages.users", RateLimit::per_second(100));

/// 20 calls a second; besides, 20 groups a second, beyond which the server answers 403.
pub(super) const TO_GROUPS: Bucket = Bucket::Own("messages.groups", RateLimit::per_second(20));

/// The ids of the messages, by the recipients in the order asked.
fn ids(answer: &Envelope<'_>, to: &[impl AsRef<str>]) -> Result<Vec<Option<String>>, DecodeError> {
    let Pairs(pairs) = answer.data::<Pairs<Value>>()?;
    let told: HashMap<String, Value> = pairs
        .into_iter()
        .map(|(name, id)| (name.to_lowercase(), id))
        .collect();
    let id = |name: &str| told.get(&name.to_lowercase()).and_then(id_of);
    Ok(to.iter().map(|name| id(name.as_ref())).collect())
}

/// Sends a message to users.
///
/// `Once`: a second time they would get it twice.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::{Effect, Endpoint};
/// use easemob_admin_api::endpoints::messages::{Message, SendToUsers};
///
/// let call = SendToUsers { users: vec![UserId::parse("bob")?], message: Message::text("hi") };
/// assert_eq!(call.body().unwrap()["to"][0], "bob");
/// assert_eq!(SendToUsers::EFFECT, Effect::Once);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SendToUsers {
    /// To whom, 1 to 600; the server does not look them up.
    pub users: Vec<UserId>,
    /// What.
    pub message: Message,
}

impl Endpoint for SendToUsers {
    const NAME: &'static str = "messages.send_to_users";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = TO_USERS;
    /// The id of the message to each; none where the answer does not mention the user.
    type Output = Vec<Option<String>>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["messages", "users"])
    }

    fn body(&self) -> Option<Value> {
        let names: Vec<&str> = self.users.iter().map(UserId::as_str).collect();
        Some(self.message.to_body(&names))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.users.len(), USER_BATCH)
    }

    fn target(&self) -> Option<String> {
        (self.users.len() == 1).then(|| self.users[0].to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError> {
        let names: Vec<&str> = self.users.iter().map(UserId::as_str).collect();
        ids(answer, &names)
    }
}

/// Sends a message to groups.
///
/// `Once`: a second time their members would get it twice.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::messages::{Message, SendToGroups};
///
/// let call = SendToGroups { groups: vec!["184524748161025".into()], message: Message::text("hi") };
/// assert_eq!(call.path().encode()?, "/messages/chatgroups");
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SendToGroups {
    /// To which, 1 to 3; the server does not look them up.
    pub groups: Vec<String>,
    /// What.
    pub message: Message,
}

impl Endpoint for SendToGroups {
    const NAME: &'static str = "messages.send_to_groups";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = TO_GROUPS;
    /// The id of the message to each; none where the answer does not mention the group.
    type Output = Vec<Option<String>>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["messages", "chatgroups"])
    }

    fn body(&self) -> Option<Value> {
        Some(self.message.to_body(&self.groups))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("groups", self.groups.len(), GROUP_BATCH)
    }

    fn target(&self) -> Option<String> {
        (self.groups.len() == 1).then(|| self.groups[0].clone())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError> {
        ids(answer, &self.groups)
    }
}

/// Some of the recipients, and what came of the call about them.
type Part = (Range<usize>, Result<Vec<Option<String>>, Error>);

/// Tells for each recipient what came of the part it was in.
fn told<T: Clone>(to: &[T], parts: Vec<Part>) -> Vec<(T, Result<Option<String>, Error>)> {
    let mut told = Vec::with_capacity(to.len());
    for (part, outcome) in parts {
        let recipients = to[part].iter().cloned();
        match outcome {
            Ok(ids) => told.extend(recipients.zip(ids.into_iter().map(Ok))),
            Err(error) => told.extend(recipients.map(|recipient| (recipient, Err(error.clone())))),
        }
    }
    told
}

impl Client {
    /// Sends a message to users, however many they are, and tells for each the id of the message, in the order asked.
    ///
    /// As few calls as the server's limits need are made, one after the other: 600 users and
    /// [`LARGEST_BODY`](crate::LARGEST_BODY) bytes each. A call that fails is the error of the users it was about, and of
    /// no others. If [`Error::is_outcome_unknown`], they may have got it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// use easemob_admin_api::endpoints::messages::Message;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// let ann = UserId::parse("ann")?;
    /// for (user, sent) in client.send_to_users(&[ann.clone()], &Message::text("Maintenance at ten")).await {
    ///     println!("{user}: {:?}", sent?);
    /// }
    /// assert_eq!(client.offline_message_counts(&ann).await?["ann"], 1);
    /// # Ok(()) }
    /// ```
    pub async fn send_to_users(
        &self,
        users: &[UserId],
        message: &Message,
    ) -> Vec<(UserId, Result<Option<String>, Error>)> {
        let call_about = |users: &[UserId]| SendToUsers {
            users: users.to_vec(),
            message: message.clone(),
        };
        told(users, self.in_parts(users, USER_BATCH, call_about).await)
    }

    /// Sends a message to groups, however many they are: one call for each three.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// use easemob_admin_api::endpoints::messages::Message;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let groups = ["184524748161025".to_owned()];
    /// let sent = client.send_to_groups(&groups, &Message::text("Maintenance at ten")).await;
    /// assert!(sent[0].1.as_ref().unwrap().is_some());
    /// # Ok(()) }
    /// ```
    pub async fn send_to_groups(
        &self,
        groups: &[String],
        message: &Message,
    ) -> Vec<(String, Result<Option<String>, Error>)> {
        let call_about = |groups: &[String]| SendToGroups {
            groups: groups.to_vec(),
            message: message.clone(),
        };
        told(groups, self.in_parts(groups, GROUP_BATCH, call_about).await)
    }
}
