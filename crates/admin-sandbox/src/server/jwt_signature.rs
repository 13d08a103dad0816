//! Signatures of tokens: the home of the crypto library, which is called directly, so that what a program has chosen
//! for its own tokens and its own TLS is neither needed nor changed.

use std::fmt;

#[cfg(feature = "jwt")]
use aws_lc_rs::{
    hmac,
    signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256},
};
use serde::Deserialize;

/// The signature of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "HS256")]
    Hs256,
}

impl Algorithm {
    /// The name, as the header of a token has it (RFC 7518).
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

/// A key that tokens are checked with.
#[cfg(feature = "jwt")]
pub(super) enum VerifyingKey {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

#[cfg(feature = "jwt")]
impl VerifyingKey {
    /// Reads a public key in PEM form, or takes the secret of HS256.
    pub(super) fn read(algorithm: Algorithm, text: &str) -> Result<Self, JwtKeyError> {
        let read = |algorithm| {
            let pem = pem::parse(text).map_err(|error| JwtKeyError(error.to_string()))?;
            let key = ParsedPublicKey::new(algorithm, pem.contents());
            key.map(Self::Public)
                .map_err(|error| JwtKeyError(error.to_string()))
        };
        match algorithm {
            Algorithm::EdDsa => read(&ED25519),
            Algorithm::Es256 => read(&ECDSA_P256_SHA256_FIXED),
            Algorithm::Rs256 => read(&RSA_PKCS1_2048_8192_SHA256),
            // Anybody can sign with nothing.
            Algorithm::Hs256 if text.is_empty() => Err(JwtKeyError("the secret is empty".into())),
            Algorithm::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
                Ok(Self::Shared(Box::new(key)))
            }
        }
    }

    /// Returns whether the key signed a message.
    pub(super) fn signed(&self, message: &str, signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(message.as_bytes(), signature).is_ok(),
            Self::Shared(key) => hmac::verify(key, message.as_bytes(), signature).is_ok(),
        }
    }
}

/// No key can be checked with; there is none.
#[cfg(not(feature = "jwt"))]
pub(super) enum VerifyingKey {}

#[cfg(not(feature = "jwt"))]
impl VerifyingKey {
    pub(super) fn read(_: Algorithm, _: &str) -> Result<Self, JwtKeyError> {
        Err(JwtKeyError(
            "the sandbox was built without the feature `jwt`".into(),
        ))
    }

    pub(super) fn signed(&self, _: &str, _: &[u8]) -> bool {
        match *self {}
    }
}

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtKeyError(String);

impl fmt::Display for JwtKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JwtKeyError {}
