//! Tokens that the client signs itself: the home of the JWT library on the client's side.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

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

impl std::str::FromStr for JwtAlgorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "eddsa" => Ok(Self::EdDsa),
            "es256" => Ok(Self::Es256),
            "rs256" => Ok(Self::Rs256),
            _ => Err(format!("`{name}` is not one of EdDSA, ES256, RS256")),
        }
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
    header: Header,
    key: EncodingKey,
    claims: BTreeMap<String, Value>,
    lifetime: Duration,
}

impl JwtSigner {
    /// Signs with a private key in PEM form (PKCS#8; RSA also PKCS#1).
    ///
    /// # Errors
    /// When the key cannot be read, or is of another kind than the algorithm needs.
    pub fn from_pem(algorithm: JwtAlgorithm, pem: &[u8]) -> Result<Self, SignError> {
        let (algorithm, key) = match algorithm {
            JwtAlgorithm::EdDsa => (Algorithm::EdDSA, EncodingKey::from_ed_pem(pem)),
            JwtAlgorithm::Es256 => (Algorithm::ES256, EncodingKey::from_ec_pem(pem)),
            JwtAlgorithm::Rs256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem)),
        };
        let signer = Self::with(algorithm, key.map_err(sign_error)?);
        // A key of the wrong curve is noticed only when it signs: now, not in the middle of a run.
        signer.sign(UNIX_EPOCH)?;
        Ok(signer)
    }

    /// Signs with a secret shared with the server.
    #[must_use]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        Self::with(Algorithm::HS256, EncodingKey::from_secret(secret.as_ref()))
    }

    fn with(algorithm: Algorithm, key: EncodingKey) -> Self {
        Self {
            header: Header::new(algorithm),
            key,
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
        self.header.kid = Some(key_id.into());
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
        #[derive(Serialize)]
        struct Claims<'a> {
            #[serde(flatten)]
            others: &'a BTreeMap<String, Value>,
            iat: u64,
            exp: u64,
        }
        let issued_at = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut others = self.claims.clone();
        others.remove("iat");
        others.remove("exp");
        let claims = Claims {
            others: &others,
            iat: issued_at,
            exp: issued_at + self.lifetime.as_secs(),
        };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(sign_error)?;
        Ok(SecretString::from(token))
    }
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigner")
            .field("algorithm", &self.header.alg)
            .field("claims", &self.claims)
            .field("lifetime", &self.lifetime)
            .field("key", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function value")]
fn sign_error(error: jsonwebtoken::errors::Error) -> SignError {
    SignError {
        problem: error.to_string(),
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
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let token = signer.sign(now).unwrap();
        let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        let key = jsonwebtoken::DecodingKey::from_secret(b"secret");
        let decoded =
            jsonwebtoken::decode::<BTreeMap<String, Value>>(token.expose_secret(), &key, &validation)
                .unwrap();
        assert_eq!(decoded.header.kid.as_deref(), Some("k1"));
        assert_eq!(decoded.claims["sub"], "ann");
        assert_eq!(decoded.claims["scope"], "devices:read");
        assert_eq!(
            (&decoded.claims["iat"], &decoded.claims["exp"]),
            (&1_000.into(), &1_060.into())
        );
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused_early() {
        for algorithm in [JwtAlgorithm::EdDsa, JwtAlgorithm::Es256, JwtAlgorithm::Rs256] {
            assert!(JwtSigner::from_pem(algorithm, b"-----BEGIN PRIVATE KEY-----\n").is_err());
        }
    }
}
