//! App tokens and user tokens: `POST /token`, which does not use the envelope, and tokens that are made locally.

mod agora;
mod dynamic;

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Client, ExpiresIn};
use crate::endpoint::{Authority, Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Integer, User, UserId};

pub use self::agora::{AgoraTokenSigner, ExchangeAgoraToken, ExchangedToken};
pub use self::dynamic::DynamicTokenSigner;

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
    /// How long it is valid from now on; `None` if it does not expire or the server does not say.
    pub lifetime: Option<Duration>,
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
            .field("lifetime", &self.lifetime)
            .field("user", &self.user)
            .finish()
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireToken {
    access_token: String,
    #[serde(default)]
    expires_in: Option<Integer>,
    #[serde(default)]
    user: Option<User>,
}

fn decode(answer: &Envelope<'_>, unit: ExpiresIn) -> Result<Token, DecodeError> {
    let wire: WireToken = answer.whole()?;
    if wire.access_token.is_empty() {
        return Err(answer.problem("`access_token` is empty"));
    }
    Ok(Token {
        access_token: SecretString::from(wire.access_token),
        lifetime: wire.expires_in.and_then(|number| unit.read(number)),
        user: wire.user,
    })
}

/// Adds how long the token shall be valid, if that is said.
fn with_ttl(mut body: Value, ttl: Option<Duration>, unit: ExpiresIn) -> Value {
    if let Some(ttl) = ttl {
        body["ttl"] = unit.write(ttl).into();
    }
    body
}

impl ExpiresIn {
    /// 0 means "never" where the request asked for that; absent means unknown, so that only a 401 tells.
    fn read(self, Integer(number): Integer) -> Option<Duration> {
        let number = u64::try_from(number).ok().filter(|number| *number > 0)?;
        Some(match self {
            Self::Seconds => Duration::from_secs(number.min(u64::from(u32::MAX))),
            Self::Milliseconds => Duration::from_millis(number.min(u64::from(u32::MAX) * 1000)),
        })
    }

    /// Only zero may become 0, which means "never".
    fn write(self, ttl: Duration) -> u64 {
        let number = match self {
            Self::Seconds => u128::from(ttl.as_secs()),
            Self::Milliseconds => ttl.as_millis(),
        };
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        if ttl.is_zero() { 0 } else { number.max(1) }
    }
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
#[non_exhaustive]
pub struct AppToken {
    /// From the console.
    pub client_id: String,
    /// From the console.
    pub client_secret: SecretString,
    /// How long it shall be valid; `None` for the console's setting, zero for ever.
    pub ttl: Option<Duration>,
    /// The unit in which the server counts.
    pub unit: ExpiresIn,
}

impl AppToken {
    /// Names the app, for a token that is valid as long as the console says, on a server that counts seconds.
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<SecretString>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            ttl: None,
            unit: ExpiresIn::default(),
        }
    }

    /// Stands for "the token" in errors of signing, where no request is made.
    pub(crate) fn unnamed() -> Self {
        Self::new("", "")
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

    fn body(&self) -> Option<Value> {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.expose_secret(),
        });
        Some(with_ttl(body, self.ttl, self.unit))
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Token, DecodeError> {
        decode(answer, self.unit)
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
    unit: ExpiresIn,
}

impl UserTokenByPassword {
    /// Names the user and the password.
    pub fn new(user: UserId, password: impl Into<String>) -> Self {
        Self {
            user,
            password: SecretString::from(password.into()),
            ttl: None,
            unit: ExpiresIn::default(),
        }
    }

    /// Sets the unit in which the server counts; default seconds.
    #[must_use]
    pub fn unit(mut self, unit: ExpiresIn) -> Self {
        self.unit = unit;
        self
    }

    /// Sets how long the token shall be valid: zero for ever, otherwise at least one second (or millisecond, by the
    /// unit); default the console's setting.
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

    fn body(&self) -> Option<Value> {
        let body = json!({
            "grant_type": "password",
            "username": self.user,
            "password": self.password.expose_secret(),
        });
        Some(with_ttl(body, self.ttl, self.unit))
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Token, DecodeError> {
        decode(answer, self.unit)
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
/// let call = InheritUserToken::new(UserId::parse("ann")?);
/// assert_eq!(call.body().unwrap()["autoCreateUser"], false);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InheritUserToken {
    /// Whose token.
    pub user: UserId,
    /// Registers the user if there is none.
    pub create: bool,
    /// How long it shall be valid; `None` for the console's setting, zero for ever.
    pub ttl: Option<Duration>,
    /// The unit in which the server counts.
    pub unit: ExpiresIn,
}

impl InheritUserToken {
    /// Names the user, who is not registered if unknown.
    #[must_use]
    pub fn new(user: UserId) -> Self {
        Self {
            user,
            create: false,
            ttl: None,
            unit: ExpiresIn::default(),
        }
    }

    /// Sets whether an unknown user is registered.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Sets how long the token shall be valid: zero for ever, otherwise at least one second (or millisecond, by the
    /// unit); default the console's setting.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the unit in which the server counts; default seconds.
    #[must_use]
    pub fn unit(mut self, unit: ExpiresIn) -> Self {
        self.unit = unit;
        self
    }
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

    fn body(&self) -> Option<Value> {
        let body = json!({
            "grant_type": "inherit",
            "username": self.user,
            "autoCreateUser": self.create,
        });
        Some(with_ttl(body, self.ttl, self.unit))
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Token, DecodeError> {
        decode(answer, self.unit)
    }
}

impl Client {
    /// Gets a user's token by password. The newest page has only [`Client::inherit_user_token`].
    ///
    /// # Errors
    /// When the password is wrong or the user banned (400 `invalid_grant`), the user unknown (404), or the
    /// call fails for any reason of [`Client::execute`].
    pub async fn user_token(&self, user: &UserId, password: impl Into<String>) -> Result<Token, Error> {
        let call = UserTokenByPassword::new(user.clone(), password).unit(self.token_unit());
        self.execute(&call).await
    }

    /// Gets a user's token by the app's authority; `create` registers an unknown user.
    ///
    /// `ttl` is how long it shall be valid: `None` for the console's setting, zero for ever, otherwise at least one second.
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
        let call = InheritUserToken {
            user: user.clone(),
            create,
            ttl,
            unit: self.token_unit(),
        };
        self.execute(&call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_in_the_servers_unit() {
        use ExpiresIn::{Milliseconds, Seconds};
        assert_eq!(
            Seconds.read(Integer(7200)),
            Some(Duration::from_secs(2 * 60 * 60))
        );
        assert_eq!(
            Milliseconds.read(Integer(7_200_000)),
            Some(Duration::from_secs(2 * 60 * 60))
        );
        assert_eq!(Seconds.read(Integer(0)), None);
        assert_eq!(Seconds.read(Integer(-1)), None);
        assert!(Seconds.read(Integer(i64::MAX)).is_some());
    }

    #[test]
    fn only_zero_asks_for_a_token_that_never_expires() {
        let ttl = |unit, ttl| {
            let user = UserId::parse("ann").unwrap();
            let call = InheritUserToken::new(user.clone()).unit(unit).ttl(ttl);
            let by_password = UserTokenByPassword::new(user, "pw").unit(unit).ttl(ttl);
            let ttls = [call.body().unwrap(), by_password.body().unwrap()].map(|body| body["ttl"].as_u64());
            assert_eq!(ttls[0], ttls[1]);
            ttls[0]
        };
        for (unit, time, sent) in [
            (ExpiresIn::Seconds, Duration::ZERO, 0),
            (ExpiresIn::Seconds, Duration::from_millis(5), 1),
            (ExpiresIn::Seconds, Duration::from_secs(60), 60),
            (ExpiresIn::Seconds, Duration::MAX, u64::MAX),
            (ExpiresIn::Milliseconds, Duration::ZERO, 0),
            (ExpiresIn::Milliseconds, Duration::from_nanos(5), 1),
            (ExpiresIn::Milliseconds, Duration::from_secs(60), 60_000),
        ] {
            assert_eq!(ttl(unit, time), Some(sent), "{unit:?} {time:?}");
        }
    }
}
