//! Whether users are online.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
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
    /// The server does not check names: unknown users come back offline.
    ///
    /// # Errors
    /// When there are no or more than 100 users, or the call fails for any reason of [`Client::execute`].
    pub async fn status_batch(&self, users: &[UserId]) -> Result<Vec<(UserId, OnlineStatus)>, Error> {
        self.execute(&GetStatusBatch {
            users: users.to_vec(),
        })
        .await
    }
}
