//! Device limits that the server itself manages.
//!
//! The sandbox has these calls and a private deployment may; the public cloud documents none, and there
//! [`Error::is_unsupported`] is true: use the console (功能配置 → 多端多设备在线).

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{DeviceLimits, UserId};

/// Reads the limits of the app, or of one user.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::limits::GetLimits;
///
/// assert_eq!(GetLimits { user: None }.path().encode()?, "/devices/limits");
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetLimits {
    /// Whose; `None` for the app's.
    pub user: Option<UserId>,
}

/// Replaces the limits of the app, or of one user. `Repeatable`: the body is the whole state.
///
/// Devices over a lowered limit stay online until the next sign-in on their platform.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::limits::SetLimits;
/// use easemob_admin_api::{DeviceLimits, Platform};
///
/// let call = SetLimits { user: None, limits: DeviceLimits::multi(4).with(Platform::Web, 2) };
/// assert_eq!(call.body().unwrap()["platforms"]["web"], 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Whose; `None` for the app's.
    pub user: Option<UserId>,
    /// The new limits.
    pub limits: DeviceLimits,
}

/// Removes a user's own limits, so that the app's apply again. `Repeatable`.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::limits::ClearLimits;
/// use easemob_admin_api::UserId;
///
/// let call = ClearLimits { user: UserId::parse("ann")? };
/// assert_eq!(call.path().encode()?, "/users/ann/devices/limits");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearLimits {
    /// Whose.
    pub user: UserId,
}

fn path(user: Option<&UserId>) -> Path {
    match user {
        Some(user) => Path::new(["users", user.as_str(), "devices", "limits"]),
        None => Path::new(["devices", "limits"]),
    }
}

impl Endpoint for GetLimits {
    const NAME: &'static str = "limits.get";
    const EFFECT: Effect = Effect::Read;
    const OPTIONAL: bool = true;
    type Output = DeviceLimits;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        path(self.user.as_ref())
    }

    fn target(&self) -> Option<String> {
        self.user.as_ref().map(ToString::to_string)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<DeviceLimits, DecodeError> {
        answer.data()
    }
}

impl Endpoint for SetLimits {
    const NAME: &'static str = "limits.set";
    const EFFECT: Effect = Effect::Repeatable;
    const OPTIONAL: bool = true;
    type Output = DeviceLimits;

    fn method(&self) -> Method {
        Method::PUT
    }

    fn path(&self) -> Path {
        path(self.user.as_ref())
    }

    fn body(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.limits).ok()
    }

    fn target(&self) -> Option<String> {
        self.user.as_ref().map(ToString::to_string)
    }

    /// A server that answers `{}` has taken what was sent.
    fn decode(&self, answer: &Envelope<'_>) -> Result<DeviceLimits, DecodeError> {
        match answer.optional_data()? {
            Some(limits) => Ok(limits),
            None => answer.acknowledged().map(|()| self.limits.clone()),
        }
    }
}

impl Endpoint for ClearLimits {
    const NAME: &'static str = "limits.clear";
    const EFFECT: Effect = Effect::Repeatable;
    const OPTIONAL: bool = true;
    type Output = ();

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn path(&self) -> Path {
        path(Some(&self.user))
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        answer.acknowledged()
    }
}

impl Client {
    /// Reads the device limits of the app.
    ///
    /// # Errors
    /// When the server has no such call ([`Error::is_unsupported`]), or for any reason of
    /// [`Client::execute`].
    pub async fn app_limits(&self) -> Result<DeviceLimits, Error> {
        self.execute(&GetLimits { user: None }).await
    }

    /// Replaces the device limits of the app, and returns what the server now has.
    ///
    /// # Errors
    /// As [`Client::app_limits`].
    pub async fn set_app_limits(&self, limits: &DeviceLimits) -> Result<DeviceLimits, Error> {
        self.execute(&SetLimits {
            user: None,
            limits: limits.clone(),
        })
        .await
    }

    /// Reads the device limits that hold for `user`.
    ///
    /// # Errors
    /// As [`Client::app_limits`]; an unknown user cannot be told from an unknown call.
    pub async fn user_limits(&self, user: &UserId) -> Result<DeviceLimits, Error> {
        self.execute(&GetLimits {
            user: Some(user.clone()),
        })
        .await
    }

    /// Replaces the device limits of `user`, and returns what the server now has.
    ///
    /// # Errors
    /// As [`Client::user_limits`].
    pub async fn set_user_limits(&self, user: &UserId, limits: &DeviceLimits) -> Result<DeviceLimits, Error> {
        self.execute(&SetLimits {
            user: Some(user.clone()),
            limits: limits.clone(),
        })
        .await
    }

    /// Removes the limits of `user`, so that the app's apply again.
    ///
    /// # Errors
    /// As [`Client::user_limits`].
    pub async fn clear_user_limits(&self, user: &UserId) -> Result<(), Error> {
        self.execute(&ClearLimits { user: user.clone() }).await
    }
}
