//! Who the client is to the server: client id and secret, a ready token, or a signed JWT.

mod check;
mod jwt;
mod token_cache;

use std::fmt;

pub use check::InvalidCredentials;
pub use jwt::{JwtAlgorithm, JwtSigner};
use secrecy::{ExposeSecret, SecretString};
pub(crate) use token_cache::{Fetch, FetchError, FetchFuture, Fetched, Lease, TokenCache};

/// How the client proves its right to call. One of three, so that two cannot be given at once.
///
/// `Debug` shows no secret:
///
/// ```
/// use easemob_admin_api::Credentials;
///
/// let credentials = Credentials::client_secret("YXA6id", "YXA6secret");
/// assert!(!format!("{credentials:?}").contains("YXA6secret"));
/// ```
#[derive(Clone)]
pub struct Credentials(pub(crate) Method);

#[derive(Clone)]
pub(crate) enum Method {
    ClientSecret { id: String, secret: SecretString },
    FixedToken(SecretString),
    SignedJwt(Box<JwtSigner>),
}

impl Credentials {
    /// Client id and secret of the app, from the console; app tokens are fetched and renewed as needed.
    pub fn client_secret(id: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        Self(Method::ClientSecret {
            id: id.into(),
            secret: secret.into(),
        })
    }

    /// A token that exists already: an app token, or a user's token for that user's own calls.
    ///
    /// It is never renewed; a 401 is final.
    pub fn fixed_token(token: impl Into<SecretString>) -> Self {
        Self(Method::FixedToken(token.into()))
    }

    /// A JWT that the client signs itself, for servers and gateways that take one; the sandbox does.
    ///
    /// The public cloud documents no JWT.
    #[must_use]
    pub fn signed_jwt(signer: JwtSigner) -> Self {
        Self(Method::SignedJwt(Box::new(signer)))
    }

    /// Checks that a token, or client id and secret, can be what they are given for: one in quotes, with a line break,
    /// a control or an invisible character in it, or with `Bearer ` before it cannot.
    ///
    /// [`crate::ClientBuilder::build`] does so too, so that nothing is sent with them.
    ///
    /// # Errors
    /// When they cannot; the error says what is wrong and shows no secret.
    pub fn check(&self) -> Result<(), InvalidCredentials> {
        match &self.0 {
            Method::ClientSecret { id, secret } => {
                check::check("client id", id)?;
                check::check("client secret", secret.expose_secret())
            }
            Method::FixedToken(token) => check::check("token", token.expose_secret()),
            Method::SignedJwt(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Method::ClientSecret { id, .. } => f
                .debug_struct("ClientSecret")
                .field("id", id)
                .field("secret", &"[redacted]")
                .finish(),
            Method::FixedToken(_) => f.write_str("FixedToken([redacted])"),
            Method::SignedJwt(signer) => fmt::Debug::fmt(signer, f),
        }
    }
}
