//! User accounts.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Integer, UnixMillis, UserId};

/// A user account. Only the name is always there.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// let user = client.get_user(&UserId::parse("ann")?).await?;
/// assert_eq!(user.username.as_str(), "ann");
/// assert!(!user.is_banned());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(expecting = "an object")]
pub struct User {
    /// The name, as the server writes it (mostly in lower case).
    pub username: UserId,
    /// The uuid, which may stand in place of the name in calls.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "if_readable"
    )]
    pub uuid: Option<String>,
    /// The name shown in push notifications.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "if_readable"
    )]
    pub nickname: Option<String>,
    /// False if the account is banned; `None` if the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "flag")]
    pub activated: Option<bool>,
    /// When the account was made.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "millis")]
    pub created: Option<UnixMillis>,
    /// When the account was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "millis")]
    pub modified: Option<UnixMillis>,
    /// Every other field, such as push settings and `notification_ignore_<group>`.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl User {
    /// Returns true if the server says that the account is banned.
    #[must_use]
    pub fn is_banned(&self) -> bool {
        self.activated == Some(false)
    }
}

/// Reads a field that no account must hide a whole page by: one of another form is as good as none.
fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}

/// Reads a boolean, also one that is written as a text.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Some(flag),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    })
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixMillis>, D::Error> {
    let number: Option<Integer> = if_readable(deserializer)?;
    Ok(number
        .and_then(|Integer(number)| u64::try_from(number).ok())
        .map(UnixMillis))
}

/// A user to register.
///
/// ```
/// use easemob_admin_api::{NewUser, UserId};
///
/// let ann = NewUser::new(UserId::parse("ann")?, "correct horse").nickname("Ann");
/// assert!(!format!("{ann:?}").contains("horse"));
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone)]
pub struct NewUser {
    pub(crate) username: UserId,
    password: SecretString,
    nickname: Option<String>,
}

impl NewUser {
    /// Names a user and gives the first password (at most 64 characters).
    pub fn new(username: UserId, password: impl Into<String>) -> Self {
        Self {
            username,
            password: SecretString::from(password.into()),
            nickname: None,
        }
    }

    /// Sets the name shown in push notifications (at most 100 characters).
    #[must_use]
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    pub(crate) fn to_body(&self) -> Value {
        let mut body = serde_json::json!({
            "username": self.username.as_str(),
            "password": self.password.expose_secret(),
        });
        if let Some(nickname) = &self.nickname {
            body["nickname"] = nickname.as_str().into();
        }
        body
    }
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("username", &self.username)
            .field("password", &"[redacted]")
            .field("nickname", &self.nickname)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, DeviceId, OnlineStatus};

    /// Writes a value and reads it again.
    fn kept<T: Serialize + DeserializeOwned>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let listed =
            r#"{"username":"ann","activated":false,"created":1712000000001,"notification_ignore_7":true}"#;
        let user: User = serde_json::from_str(listed).unwrap();
        assert_eq!(kept(&user), user);
        assert_eq!(kept(&user.created), Some(UnixMillis(1_712_000_000_001)));
        let device = Device {
            name: Some("Pixel".into()),
            ..Device::new(DeviceId::parse("ios_1").unwrap())
        };
        assert_eq!(kept(&device), device);
        for status in [
            OnlineStatus::Online,
            OnlineStatus::Offline,
            OnlineStatus::Unreported,
            OnlineStatus::Other("away".into()),
        ] {
            assert_eq!(kept(&status), status);
        }
    }
}
