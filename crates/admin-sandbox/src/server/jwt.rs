use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::errors::ApiError;
use super::jwt_signature::{Algorithm, VerifyingKey};
use crate::error::SandboxError;
use crate::rules::tokens::TokenError;

/// A key whose signed tokens the sandbox trusts, beside its own opaque ones.
///
/// Tokens must carry `exp`, and `scope` as a string of words or an array: `devices:read`, `sessions:logout`,
/// `limits:write`, `users:read` (get and list) and `users:write`. The public cloud knows no such tokens;
/// gateways in front of private deployments do.
///
/// ```
/// use easemob_admin_sandbox::JwtKey;
///
/// let key = JwtKey::hs256("a secret of the gateway").kid("2026-01");
/// ```
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtKey {
    algorithm: Algorithm,
    /// A PEM public key, or the secret of HS256.
    key: String,
    #[serde(default)]
    kid: Option<String>,
}

impl JwtKey {
    /// Trusts an Ed25519 public key in PEM form (`EdDSA`).
    #[must_use]
    pub fn ed25519(pem: impl Into<String>) -> Self {
        Self::new(Algorithm::EdDsa, pem)
    }

    /// Trusts a P-256 public key in PEM form (`ES256`).
    #[must_use]
    pub fn es256(pem: impl Into<String>) -> Self {
        Self::new(Algorithm::Es256, pem)
    }

    /// Trusts an RSA public key in PEM form (`RS256`).
    #[must_use]
    pub fn rs256(pem: impl Into<String>) -> Self {
        Self::new(Algorithm::Rs256, pem)
    }

    /// Trusts a shared secret (`HS256`).
    #[must_use]
    pub fn hs256(secret: impl Into<String>) -> Self {
        Self::new(Algorithm::Hs256, secret)
    }

    /// Limits the key to tokens of this key id; without it, it serves for any.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    fn new(algorithm: Algorithm, key: impl Into<String>) -> Self {
        Self {
            algorithm,
            key: key.into(),
            kid: None,
        }
    }
}

impl std::fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key may be a shared secret.
        f.debug_struct("JwtKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// What a good token allows, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: f64,
    #[serde(default)]
    scope: Scope,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scope {
    Words(String),
    List(Vec<String>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// What precedes the claims.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that whoever checks the token must understand (RFC 7515, 4.1.11); there are none here.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

struct TrustedKey {
    algorithm: Algorithm,
    kid: Option<String>,
    key: VerifyingKey,
}

/// The keys that are trusted.
#[derive(Default)]
pub(crate) struct JwtKeys(Vec<TrustedKey>);

impl std::fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("JwtKeys").field(&self.0.len()).finish()
    }
}

impl JwtKeys {
    pub(crate) fn trust(&mut self, key: &JwtKey) -> Result<(), SandboxError> {
        let verifying = VerifyingKey::read(key.algorithm, &key.key).map_err(SandboxError::JwtKey)?;
        self.0.push(TrustedKey {
            algorithm: key.algorithm,
            kid: key.kid.clone(),
            key: verifying,
        });
        Ok(())
    }

    /// Verifies signature and times of a token at `now_ms`.
    pub(crate) fn verify(&self, token: &str, now_ms: u64) -> Result<Operator, ApiError> {
        let foreign = || ApiError::from(TokenError::Foreign);
        let (message, header, claims, signature) = parts(token).ok_or(TokenError::Malformed)?;
        if header.crit.is_some() {
            return Err(foreign());
        }
        let fits = |key: &&TrustedKey| {
            // A key id picks among keys; a key or a token without one is not held to it.
            let named = key
                .kid
                .as_ref()
                .zip(header.kid.as_ref())
                .is_none_or(|(ours, theirs)| ours == theirs);
            key.algorithm.name() == header.alg && named
        };
        let mut candidates = self.0.iter().filter(fits);
        if !candidates.any(|key| key.key.signed(message, &signature)) {
            return Err(foreign());
        }
        let claims: Claims = part(claims).ok_or_else(foreign)?;

        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since 1970 are exact in a double"
        )]
        let now = (now_ms / 1_000) as f64;
        if claims.exp <= now {
            return Err(TokenError::Expired.into());
        }
        if claims.nbf > now {
            return Err(foreign());
        }
        let scopes = match claims.scope {
            Scope::Words(words) => words.split_whitespace().map(str::to_owned).collect(),
            Scope::List(list) => list,
        };
        Ok(Operator {
            subject: claims.sub,
            scopes,
        })
    }
}

/// Cuts a token into what is signed, the header and the claims of that, and the signature.
fn parts(token: &str) -> Option<(&str, Header, &str, Vec<u8>)> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    Some((
        message,
        part(header)?,
        claims,
        URL_SAFE_NO_PAD.decode(signature).ok()?,
    ))
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
#[cfg(feature = "jwt")]
mod tests {
    use jsonwebtoken::{Algorithm as Signed, EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn keys(list: &[JwtKey]) -> JwtKeys {
        let mut keys = JwtKeys::default();
        for key in list {
            keys.trust(key).unwrap();
        }
        keys
    }

    fn signed(secret: &str, kid: Option<&str>, claims: &Value) -> String {
        let header = Header {
            kid: kid.map(Into::into),
            ..Header::new(Signed::HS256)
        };
        encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    fn description(error: &ApiError) -> String {
        error.body(0)["error_description"].as_str().unwrap().to_owned()
    }

    #[test]
    fn scopes_come_as_words_or_list() {
        let keys = keys(&[JwtKey::hs256("s")]);
        for scope in [
            json!("devices:read users:write"),
            json!(["devices:read", "users:write"]),
        ] {
            let token = signed(
                "s",
                None,
                &json!({"sub": "op", "exp": 1_700_000_001, "scope": scope}),
            );
            let operator = keys.verify(&token, NOW).unwrap();
            assert_eq!(operator.subject, "op");
            assert_eq!(operator.scopes, ["devices:read", "users:write"]);
        }
    }

    #[test]
    fn times_follow_the_given_clock() {
        let keys = keys(&[JwtKey::hs256("s")]);
        let token = signed("s", None, &json!({"exp": 1_700_000_000}));
        assert!(description(&keys.verify(&token, NOW).unwrap_err()).contains("expired"));
        assert!(keys.verify(&token, NOW - 1_000).is_ok());
        let early = signed("s", None, &json!({"exp": 1_800_000_000, "nbf": 1_700_000_100}));
        assert!(keys.verify(&early, NOW).is_err());
    }

    #[test]
    fn expiry_is_required() {
        let keys = keys(&[JwtKey::hs256("s")]);
        assert!(
            keys.verify(&signed("s", None, &json!({"sub": "op"})), NOW)
                .is_err()
        );
    }

    #[test]
    fn foreign_signatures_and_keys_are_refused() {
        let claims = json!({"exp": 1_800_000_000});
        let named = keys(&[JwtKey::hs256("s").kid("a")]);
        assert!(named.verify(&signed("s", Some("a"), &claims), NOW).is_ok());
        assert!(named.verify(&signed("s", None, &claims), NOW).is_ok());
        assert!(named.verify(&signed("s", Some("b"), &claims), NOW).is_err());
        assert!(named.verify(&signed("other", Some("a"), &claims), NOW).is_err());
        assert!(keys(&[]).verify(&signed("s", None, &claims), NOW).is_err());
    }

    #[test]
    fn a_header_that_demands_more_than_is_understood_is_refused() {
        let keys = keys(&[JwtKey::hs256("s")]);
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = |header: Value| {
            let message = format!("{}.{}", encode(header), encode(json!({"exp": 1_800_000_000})));
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"s");
            let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        assert!(keys.verify(&signed(json!({"alg": "HS256"})), NOW).is_ok());
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("x")] {
            let token = signed(json!({"alg": "HS256", "crit": crit}));
            assert!(keys.verify(&token, NOW).is_err(), "{crit}");
        }
    }

    #[test]
    fn debug_does_not_show_secrets() {
        assert!(!format!("{:?}", JwtKey::hs256("hush")).contains("hush"));
    }

    #[test]
    fn bad_keys_are_refused() {
        for key in [JwtKey::ed25519("no pem"), JwtKey::hs256("")] {
            assert!(JwtKeys::default().trust(&key).is_err(), "{key:?}");
        }
    }
}
