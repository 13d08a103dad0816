//! App tokens and user tokens: `POST /token`, which does not use the envelope.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::client::Client;
use crate::endpoint::{Authority, Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Integer, User, UserId};

/// A token as the server gave it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// let token = client.inherit_user_token(&UserId::parse("ann")?, false, None).await?;
/// assert_eq!(token.user.as_ref().unwrap().username.as_str(), "ann");
/// assert!(!format!("{token:?}").contains(token.expose()));
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub struct Token {
    /// The token itself, which `Debug` does not show.
    pub access_token: SecretString,
    /// How long it is valid, in the server's unit: seconds, on some clusters milliseconds. 0 or absent if it
    /// does not expire or the server does not say.
    pub expires_in: Option<u64>,
    /// Whose token it is; absent for app tokens.
    pub user: Option<User>,
}

impl Token {
    /// Returns the token in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.access_token.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("access_token", &"[redacted]")
            .field("expires_in", &self.expires_in)
            .field("user", &self.user)
            .finish()
    }
}

#[derive(Deserialize)]
struct WireToken {
    access_token: String,
    #[serde(default)]
    expires_in: Option<Integer>,
    #[serde(default)]
    user: Option<User>,
}

fn decode(answer: &Envelope<'_>) -> Result<Token, DecodeError> {
    let wire: WireToken = answer.whole()?;
    Ok(Token {
        access_token: SecretString::from(wire.access_token),
        expires_in: wire
            .expires_in
            .and_then(|Integer(number)| u64::try_from(number).ok()),
        user: wire.user,
    })
}

fn seconds(ttl: Option<Duration>) -> Option<u64> {
    ttl.map(|ttl| ttl.as_secs())
}

/// Gets an app token by client id and secret.
///
/// `Repeatable`: a second token does no harm beyond the call itself.
///
/// ```
/// use easemob_admin_api::endpoint::{Authority, Endpoint};
/// use easemob_admin_api::endpoints::token::AppToken;
///
/// assert_eq!(AppToken::AUTHORITY, Authority::Anonymous);
/// ```
#[derive(Clone)]
pub struct AppToken {
    /// From the console.
    pub client_id: String,
    /// From the console.
    pub client_secret: SecretString,
    /// How long it shall be valid; `None` for the console's setting, zero for ever.
    pub ttl: Option<Duration>,
}

impl AppToken {
    /// Stands for "the token" in errors of signing, where no request is made.
    pub(crate) fn unnamed() -> Self {
        Self {
            client_id: String::new(),
            client_secret: SecretString::from(String::new()),
            ttl: None,
        }
    }
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppToken")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Endpoint for AppToken {
    const NAME: &'static str = "token";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Token;
    const SECRET: bool = true;
    const AUTHORITY: Authority = Authority::Anonymous;
    type Output = Token;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["token"])
    }

    fn body(&self) -> Option<serde_json::Value> {
        let mut body = json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.expose_secret(),
        });
        if let Some(ttl) = seconds(self.ttl) {
            body["ttl"] = ttl.into();
        }
        Some(body)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Token, DecodeError> {
        decode(answer)
    }
}

/// Gets a user's token by password.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::token::UserTokenByPassword;
/// use easemob_admin_api::UserId;
///
/// let call = UserTokenByPassword::new(UserId::parse("ann")?, "correct horse");
/// assert_eq!(call.body().unwrap()["grant_type"], "password");
/// assert!(!format!("{call:?}").contains("horse"));
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone)]
pub struct UserTokenByPassword {
    user: UserId,
    password: SecretString,
    ttl: Option<Duration>,
}

impl UserTokenByPassword {
    /// Names the user and the password.
    pub fn new(user: UserId, password: impl Into<String>) -> Self {
        Self {
            user,
            password: SecretString::from(password.into()),
            ttl: None,
        }
    }

    /// Sets how long the token shall be valid.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl fmt::Debug for UserTokenByPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokenByPassword")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Endpoint for UserTokenByPassword {
    const NAME: &'static str = "token.password";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Token;
    const SECRET: bool = true;
    const AUTHORITY: Authority = Authority::Anonymous;
    type Output = Token;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["token"])
    }

    fn body(&self) -> Option<serde_json::Value> {
        let mut body = json!({
            "grant_type": "password",
            "username": self.user,
            "password": self.password.expose_secret(),
        });
        if let Some(ttl) = seconds(self.ttl) {
            body["ttl"] = ttl.into();
        }
        Some(body)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Token, DecodeError> {
        decode(answer)
    }
}

/// Gets a user's token by the app's own authority, without the password.
///
/// `Once` when it may create the user, so this call is never repeated blindly.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::token::InheritUserToken;
/// use easemob_admin_api::UserId;
///
/// let call = InheritUserToken { user: UserId::parse("ann")?, create: false, ttl: None };
/// assert_eq!(call.body().unwrap()["autoCreateUser"], false);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InheritUserToken {
    /// Whose token.
    pub user: UserId,
    /// Registers the user if there is none.
    pub create: bool,
    /// How long it shall be valid; `None` for the console's setting.
    pub ttl: Option<Duration>,
}

impl Endpoint for InheritUserToken {
    const NAME: &'static str = "token.inherit";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = Bucket::Token;
    const SECRET: bool = true;
    type Output = Token;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["token"])
    }

    fn body(&self) -> Option<serde_json::Value> {
        let mut body = json!({
            "grant_type": "inherit",
            "username": self.user,
            "autoCreateUser": self.create,
        });
        if let Some(ttl) = seconds(self.ttl) {
            body["ttl"] = ttl.into();
        }
        Some(body)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Token, DecodeError> {
        decode(answer)
    }
}

impl Client {
    /// Gets a user's token by password. The newest page has only [`Client::inherit_user_token`].
    ///
    /// # Errors
    /// When the password is wrong or the user banned (400 `invalid_grant`), the user unknown (404), or the
    /// call fails for any reason of [`Client::execute`].
    pub async fn user_token(&self, user: &UserId, password: impl Into<String>) -> Result<Token, Error> {
        self.execute(&UserTokenByPassword::new(user.clone(), password))
            .await
    }

    /// Gets a user's token by the app's authority; `create` registers an unknown user.
    ///
    /// # Errors
    /// When the user is unknown and not to be created, banned, or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn inherit_user_token(
        &self,
        user: &UserId,
        create: bool,
        ttl: Option<Duration>,
    ) -> Result<Token, Error> {
        self.execute(&InheritUserToken {
            user: user.clone(),
            create,
            ttl,
        })
        .await
    }
}
