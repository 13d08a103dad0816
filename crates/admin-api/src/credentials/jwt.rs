//! Tokens that the client signs itself, in the compact form of a signature (RFC 7515).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use super::signature::SigningKey;
use crate::error::SignError;

/// The signature of a JWT.
///
/// ```
/// use easemob_admin_api::JwtAlgorithm;
///
/// assert_eq!("EdDSA".parse(), Ok(JwtAlgorithm::EdDsa));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
}

impl JwtAlgorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for JwtAlgorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::EdDsa, Self::Es256, Self::Rs256]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("`{name}` is not one of EdDSA, ES256, RS256"))
    }
}

/// Signs short-lived tokens that name the operator and what the token is good for.
///
/// `iat` and `exp` are set at each signing; a lifetime of 5 minutes is the default, long enough for a slow
/// clock on the other side, short enough that a copied token is soon worthless.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::{Credentials, JwtSigner};
///
/// let signer = JwtSigner::hs256("a shared secret of 32 bytes or more")
///     .subject("ann@example.com")
///     .scope("devices:read sessions:logout")
///     .lifetime(Duration::from_secs(60));
/// assert!(!format!("{:?}", Credentials::signed_jwt(signer)).contains("shared secret"));
/// ```
#[derive(Clone)]
pub struct JwtSigner {
    key: Arc<SigningKey>,
    key_id: Option<String>,
    claims: BTreeMap<String, Value>,
    lifetime: Duration,
}

impl JwtSigner {
    /// Signs with a private key in PEM form (PKCS#8; RSA also PKCS#1).
    ///
    /// # Errors
    /// When the key cannot be read, or is of another kind than the algorithm needs.
    pub fn from_pem(algorithm: JwtAlgorithm, pem: &[u8]) -> Result<Self, SignError> {
        let signer = Self::with(SigningKey::from_pem(algorithm, pem)?);
        // What the key cannot do shall be known now, not in the middle of a run.
        signer.sign(UNIX_EPOCH)?;
        Ok(signer)
    }

    /// Signs with a secret shared with the server.
    #[must_use]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        Self::with(SigningKey::from_secret(secret.as_ref()))
    }

    fn with(key: SigningKey) -> Self {
        Self {
            key: Arc::new(key),
            key_id: None,
            claims: BTreeMap::new(),
            lifetime: Duration::from_secs(5 * 60),
        }
    }

    /// Names the operator (`sub`).
    #[must_use]
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject.into())
    }

    /// Names the rights asked for (`scope`), separated by spaces.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.claim("scope", scope.into())
    }

    /// Sets any other claim; `iat` and `exp` are always overwritten.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Names the key (`kid` in the header), for servers that trust several.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// Sets how long each token is valid, 1 s to a year; values outside are taken as the nearer bound.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime.clamp(Duration::from_secs(1), Duration::from_secs(24 * 365 * 60 * 60));
        self
    }

    pub(crate) fn token_lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Signs a token as of `now`.
    pub(crate) fn sign(&self, now: SystemTime) -> Result<SecretString, SignError> {
        let issued_at = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut claims = self.claims.clone();
        claims.insert("iat".into(), issued_at.into());
        claims.insert("exp".into(), (issued_at + self.lifetime.as_secs()).into());
        let header = Header {
            typ: "JWT",
            alg: self.key.algorithm(),
            kid: self.key_id.as_deref(),
        };
        let message = format!("{}.{}", encoded(&header)?, encoded(&claims)?);
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes())?);
        Ok(SecretString::from(format!("{message}.{signature}")))
    }
}

/// What precedes the claims.
#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

fn encoded(part: &impl Serialize) -> Result<String, SignError> {
    let json = serde_json::to_vec(part).map_err(|error| SignError {
        problem: error.to_string(),
    })?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigner")
            .field("key", &self.key)
            .field("claims", &self.claims)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn claims_and_expiry_are_the_callers() {
        let signer = JwtSigner::hs256("secret")
            .subject("ann")
            .scope("devices:read")
            .claim("exp", 1)
            .key_id("k1")
            .lifetime(Duration::from_secs(60));
        let token = signer.sign(UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
        let parts: Vec<&str> = token.expose_secret().split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("{parts:?}")
        };
        let text = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(text(header), r#"{"typ":"JWT","alg":"HS256","kid":"k1"}"#);
        assert_eq!(
            text(claims),
            r#"{"exp":1060,"iat":1000,"scope":"devices:read","sub":"ann"}"#
        );
        // By HMAC of Python.
        assert_eq!(signature, "SO3pkaBaWe7iwPk1pW5TNM2OaFXd8iPP4m5FUOGq6Eo");
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused_early() {
        for algorithm in [JwtAlgorithm::EdDsa, JwtAlgorithm::Es256, JwtAlgorithm::Rs256] {
            assert!(JwtSigner::from_pem(algorithm, b"-----BEGIN PRIVATE KEY-----\n").is_err());
        }
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let error = JwtSigner::from_pem(JwtAlgorithm::Es256, sec1.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("openssl pkcs8"), "{error}");
    }
}
