//! Subscriptions of users to the presence of others.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::BATCH;
use super::status::{Presence, WirePresence, presences};
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Integer, UserId};

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

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
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
#[serde(expecting = "an object")]
struct WireSubscriptions {
    #[serde(default)]
    totalnum: Option<Integer>,
    /// Required: an absent list is not an empty one.
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

impl Client {
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
        let call_about = |to: &[UserId]| Subscribe {
            user: user.clone(),
            to: to.to_vec(),
            lifetime,
        };
        if call_about(to).check().is_err() {
            return self.execute(&call_about(to)).await;
        }
        let parts = self.in_parts(to, BATCH, call_about).await.into_iter();
        let told: Result<Vec<_>, Error> = parts.map(|(_, outcome)| outcome).collect();
        told.map(|told| told.concat())
    }

    /// Ends subscriptions of `user`.
    ///
    /// # Errors
    /// As [`Client::subscribe_presence`].
    pub async fn unsubscribe_presence(&self, user: &UserId, from: &[UserId]) -> Result<(), Error> {
        let call_about = |from: &[UserId]| Unsubscribe {
            user: user.clone(),
            from: from.to_vec(),
        };
        if call_about(from).check().is_err() {
            return self.execute(&call_about(from)).await;
        }
        let mut parts = self.in_parts(from, BATCH, call_about).await.into_iter();
        parts.try_for_each(|(_, outcome)| outcome)
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
}
