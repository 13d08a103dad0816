//! Who the client is to the server: client id and secret, a ready token, or a signed JWT.

#[cfg(feature = "jwt")]
mod jwt;
mod kept_token;
#[cfg(feature = "jwt")]
mod key_form;
mod secret_text;
#[cfg(feature = "jwt")]
mod signature;
mod token_cache;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

#[cfg(feature = "jwt")]
pub use jwt::{JwtAlgorithm, JwtSigner};
pub(crate) use kept_token::KeptToken;
use secrecy::{ExposeSecret as _, SecretString};
pub use secret_text::{UnusableSecret, check_secret};
pub(crate) use token_cache::{Fetch, FetchError, FetchFuture, Fetched, Lease, TokenCache, bearer};

use crate::error::NoToken;

/// How the client proves its right to call. One of several, so that two cannot be given at once.
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
    ClientSecret {
        id: String,
        secret: SecretString,
    },
    FixedToken(SecretString),
    Brought(Bring),
    #[cfg(feature = "jwt")]
    SignedJwt(Box<JwtSigner>),
}

/// Brings a token; what it is given is the token that the server has just refused.
pub(crate) type Bring =
    Arc<dyn Fn(Option<SecretString>) -> BoxFuture<'static, Result<BroughtToken, NoToken>> + Send + Sync>;

/// A token that the program got elsewhere.
#[derive(Clone, Debug)]
pub struct BroughtToken {
    /// The token.
    pub token: SecretString,
    /// How long it lives, if that is known.
    pub lives: Option<Duration>,
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

    /// Tokens that the program gets elsewhere, such as those of a person who has signed in. `bring` is called for the first one,
    /// before one ends, and once after a 401, with the token that was refused; all calls wait for one and the same.
    ///
    /// ```
    /// use easemob_admin_api::{BroughtToken, Credentials, NoToken};
    ///
    /// let credentials = Credentials::brought(|_refused| async {
    ///     std::fs::read_to_string("token")
    ///         .map(|token| BroughtToken { token: token.into(), lives: None })
    ///         .map_err(|error| NoToken::away(error.to_string()))
    /// });
    /// # drop(credentials);
    /// ```
    pub fn brought<B: Future<Output = Result<BroughtToken, NoToken>> + Send + 'static>(
        bring: impl Fn(Option<SecretString>) -> B + Send + Sync + 'static,
    ) -> Self {
        Self(Method::Brought(Arc::new(move |refused| Box::pin(bring(refused)))))
    }

    /// A JWT that the client signs itself, for servers and gateways that take one; the sandbox does.
    ///
    /// The public cloud documents no JWT. Needs the feature `jwt`.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn signed_jwt(signer: JwtSigner) -> Self {
        Self(Method::SignedJwt(Box::new(signer)))
    }
}

impl Credentials {
    /// Says what is wrong with their texts, which would otherwise be refused by the server, or fill a header with more.
    pub(crate) fn problems(&self) -> Vec<String> {
        let texts = match &self.0 {
            Method::ClientSecret { id, secret } => {
                vec![
                    ("client id", id.as_str()),
                    ("client secret", secret.expose_secret()),
                ]
            }
            Method::FixedToken(token) => vec![("token", token.expose_secret())],
            Method::Brought(_) => Vec::new(),
            #[cfg(feature = "jwt")]
            Method::SignedJwt(_) => Vec::new(),
        };
        let problem = |(name, text)| Some(format!("the {name} {}", check_secret(text).err()?));
        texts.into_iter().filter_map(problem).collect()
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
            Method::Brought(_) => f.write_str("Brought"),
            #[cfg(feature = "jwt")]
            Method::SignedJwt(signer) => fmt::Debug::fmt(signer, f),
        }
    }
}
