//! Setting a password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::UserId;

/// Sets a user's password; all tokens of the user die and all devices are logged out (password page).
///
/// `Once`: a repetition would log out devices that signed in with the new password in between.
///
/// ```
/// use easemob_admin_api::endpoint::{Endpoint, Method};
/// use easemob_admin_api::endpoints::password::SetPassword;
/// use easemob_admin_api::UserId;
///
/// let call = SetPassword::new(UserId::parse("ann")?, "correct horse");
/// assert_eq!(call.method(), Method::PUT);
/// assert!(!format!("{call:?}").contains("horse"));
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone)]
pub struct SetPassword {
    user: UserId,
    password: SecretString,
}

impl SetPassword {
    /// Names the user and the new password (at most 64 characters).
    pub fn new(user: UserId, password: impl Into<String>) -> Self {
        Self {
            user,
            password: SecretString::from(password.into()),
        }
    }
}

impl fmt::Debug for SetPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetPassword")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Endpoint for SetPassword {
    const NAME: &'static str = "users.set_password";
    const EFFECT: Effect = Effect::Once;
    const SECRET: bool = true;
    type Output = ();

    fn method(&self) -> Method {
        Method::PUT
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "password"])
    }

    fn body(&self) -> Option<serde_json::Value> {
        Some(json!({ "newpassword": self.password.expose_secret() }))
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
    }
}

impl Client {
    /// Sets the password of `user` and logs out all devices.
    ///
    /// # Errors
    /// When the user is unknown (`entity_not_found`), the password is refused, or the call fails for any
    /// reason of [`Client::execute`].
    pub async fn set_password(&self, user: &UserId, password: impl Into<String>) -> Result<(), Error> {
        self.execute(&SetPassword::new(user.clone(), password)).await
    }
}
