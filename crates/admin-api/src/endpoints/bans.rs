//! Banning and unbanning accounts.

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::UserId;

/// Bans a user: all devices are logged out, and none signs in until the ban is lifted.
///
/// `Repeatable`: a banned user has no session that a second ban could end.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::bans::Ban;
/// use easemob_admin_api::UserId;
///
/// assert_eq!(Ban { user: UserId::parse("ann")? }.path().encode()?, "/users/ann/deactivate");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Which user.
    pub user: UserId,
}

/// Lifts a ban. `Repeatable`: an active user stays active.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::bans::Unban;
/// use easemob_admin_api::UserId;
///
/// assert_eq!(Unban { user: UserId::parse("ann")? }.path().encode()?, "/users/ann/activate");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unban {
    /// Which user.
    pub user: UserId,
}

impl Endpoint for Ban {
    const NAME: &'static str = "users.ban";
    const EFFECT: Effect = Effect::Repeatable;
    type Output = ();

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "deactivate"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
    }
}

impl Endpoint for Unban {
    const NAME: &'static str = "users.unban";
    const EFFECT: Effect = Effect::Repeatable;
    type Output = ();

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "activate"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
    }
}

impl Client {
    /// Bans `user`: every device is logged out at once, and the ban never lifts by itself.
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn ban(&self, user: &UserId) -> Result<(), Error> {
        self.execute(&Ban { user: user.clone() }).await
    }

    /// Lifts the ban of `user`.
    ///
    /// # Errors
    /// As [`Client::ban`].
    pub async fn unban(&self, user: &UserId) -> Result<(), Error> {
        self.execute(&Unban { user: user.clone() }).await
    }
}
