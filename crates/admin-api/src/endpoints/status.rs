//! Whether users are online.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{OnlineStatus, Pairs, UserId};

/// How many users one batch takes (batch status page).
pub const BATCH: usize = 100;

/// Asks whether one user is online.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::status::GetStatus;
/// use easemob_admin_api::UserId;
///
/// let path = GetStatus { user: UserId::parse("ann")? }.path();
/// assert_eq!(path.encode()?, "/users/ann/status");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetStatus {
    /// Which user.
    pub user: UserId,
}

impl Endpoint for GetStatus {
    const NAME: &'static str = "status.get";
    const EFFECT: Effect = Effect::Read;
    type Output = OnlineStatus;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "status"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<OnlineStatus, DecodeError> {
        let Pairs(pairs) = answer.data::<Pairs<Value>>()?;
        Ok(find(&pairs, &self.user))
    }
}

/// Asks whether up to 100 users are online. A POST, but it changes nothing.
///
/// ```
/// use easemob_admin_api::endpoint::{Effect, Endpoint};
/// use easemob_admin_api::endpoints::status::GetStatusBatch;
///
/// assert_eq!(GetStatusBatch::EFFECT, Effect::Read);
/// assert!(GetStatusBatch { users: vec![] }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetStatusBatch {
    /// Which users, 1 to 100.
    pub users: Vec<UserId>,
}

impl Endpoint for GetStatusBatch {
    const NAME: &'static str = "status.batch";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::BatchStatus;
    type Output = Vec<(UserId, OnlineStatus)>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users", "batch", "status"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "usernames": self.users }))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.users.len(), BATCH)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError> {
        let objects: Vec<Pairs<Value>> = answer.data()?;
        let statuses: HashMap<String, Value> = objects
            .into_iter()
            .flat_map(|Pairs(pairs)| pairs)
            .map(|(user, status)| (user.to_lowercase(), status))
            .collect();
        let status_of = |user: &UserId| {
            statuses
                .get(&user.folded())
                .map_or(OnlineStatus::Unreported, OnlineStatus::of)
        };
        Ok(self
            .users
            .iter()
            .map(|user| (user.clone(), status_of(user)))
            .collect())
    }
}

/// The server may answer in lower case.
fn find(pairs: &[(String, Value)], user: &UserId) -> OnlineStatus {
    let folded = user.folded();
    pairs
        .iter()
        .find(|(name, _)| name.to_lowercase() == folded)
        .map_or(OnlineStatus::Unreported, |(_, status)| OnlineStatus::of(status))
}

impl Client {
    /// Asks whether any device of `user` is online.
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn status(&self, user: &UserId) -> Result<OnlineStatus, Error> {
        self.execute(&GetStatus { user: user.clone() }).await
    }

    /// Asks whether up to 100 users are online; the answer is in the order asked.
    ///
    /// The server does not check names: unknown users come back offline. Names that are too long for one body, together,
    /// take more than one call: see [`Client::statuses`].
    ///
    /// # Errors
    /// When there are no or more than 100 users, or a call fails for any reason of [`Client::execute`].
    pub async fn status_batch(&self, users: &[UserId]) -> Result<Vec<(UserId, OnlineStatus)>, Error> {
        let batch = GetStatusBatch {
            users: users.to_vec(),
        };
        if batch.check().is_err() {
            return self.execute(&batch).await;
        }
        let statuses = self.statuses(users).await.into_iter();
        statuses
            .map(|(user, status)| status.map(|status| (user, status)))
            .collect()
    }

    /// Asks whether users are online, however many they are, and tells for each what came of it, in the order asked.
    ///
    /// As few calls as the server's limits need are made, one after the other: 100 users and
    /// [`LARGEST_BODY`](crate::LARGEST_BODY) bytes each, so that a thousand users with names of 40 characters take 10. What the server refuses as too large is halved. A call that
    /// fails is the error of the users it was about, and of no others.
    pub async fn statuses(&self, users: &[UserId]) -> Vec<(UserId, Result<OnlineStatus, Error>)> {
        let call_about = |users: &[UserId]| GetStatusBatch {
            users: users.to_vec(),
        };
        let mut statuses = Vec::with_capacity(users.len());
        for (part, outcome) in self.in_parts(users, BATCH, call_about).await {
            match outcome {
                Ok(told) => statuses.extend(told.into_iter().map(|(user, status)| (user, Ok(status)))),
                Err(error) => {
                    let failed = users[part].iter();
                    statuses.extend(failed.map(|user| (user.clone(), Err(error.clone()))));
                }
            }
        }
        statuses
    }
}
