//! Requests and tokens that could not be made; nothing was sent.

/// A request that could not be built; nothing was sent.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::devices::ListDevices;
/// use easemob_admin_api::{AppRoot, BuildError, UserId};
///
/// let root = AppRoot::parse("https://im.example.com/acme/chat")?;
/// // Only a server's answer names such a user; `UserId::parse` refuses it.
/// let listed: UserId = serde_json::from_str(r#""..""#)?;
/// let error = ListDevices { user: listed }.request(&root).unwrap_err();
/// assert_eq!(error, BuildError::UnaddressableName("..".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name that URL parsers and proxies collapse, so that the call would reach another route.
    #[error("`{0}` cannot be part of an address; call by the uuid of the user instead")]
    UnaddressableName(String),
    /// The address would not come out as it was meant.
    #[error("`{0}` is not a usable address")]
    Url(String),
    /// More items than the server takes in one call.
    #[error("{given} {what} in one call; the server takes 1 to {most}")]
    BatchSize {
        /// What there is too much (or nothing) of.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many the server takes.
        most: usize,
    },
    /// A value outside of what the server takes.
    #[error("{what} is {given}; the server takes {range}")]
    OutOfRange {
        /// What the value is.
        what: &'static str,
        /// The value.
        given: u64,
        /// What the server takes.
        range: &'static str,
    },
}

impl BuildError {
    pub(crate) fn check_batch(what: &'static str, given: usize, most: usize) -> Result<(), Self> {
        if (1..=most).contains(&given) {
            Ok(())
        } else {
            Err(Self::BatchSize { what, given, most })
        }
    }
}

/// A token that could not be signed: the key does not fit the algorithm, or cannot be read.
///
/// ```
/// use easemob_admin_api::{JwtAlgorithm, JwtSigner};
///
/// assert!(JwtSigner::from_pem(JwtAlgorithm::EdDsa, b"not a key").is_err());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("the signing key cannot be used: {problem}")]
pub struct SignError {
    pub(crate) problem: String,
}

/// Why whoever brings the tokens of a client has none; see [`Credentials::brought`](crate::Credentials::brought).
///
/// ```
/// use easemob_admin_api::NoToken;
///
/// let ended = NoToken::refused("the sign-in has expired");
/// assert_eq!(ended.to_string(), "the sign-in has expired");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct NoToken {
    problem: String,
    is_refusal: bool,
}

impl NoToken {
    /// Nobody will get one before somebody signs in again.
    pub fn refused(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            is_refusal: true,
        }
    }

    /// There is none at the moment.
    pub fn away(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            is_refusal: false,
        }
    }

    /// Returns true if asking again later brings none either.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.is_refusal
    }
}
