//! Signatures of tokens: the home of the crypto library outside of TLS.
//!
//! The library is called directly. What a program has chosen for itself, for its own tokens or its own TLS, is neither
//! needed nor changed.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use ring as crypto;

use std::fmt;

use crypto::hmac;
use crypto::rand::SystemRandom;
use crypto::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::jwt::JwtAlgorithm;
use super::key_form::{other_form, other_kind};
use crate::error::SignError;

/// A key that signs.
pub(super) enum SigningKey {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    Hs256(Box<hmac::Key>),
}

impl SigningKey {
    /// Reads a private key in PEM form.
    pub(super) fn from_pem(algorithm: JwtAlgorithm, pem: &[u8]) -> Result<Self, SignError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| problem(&other_form(pem)))?;
        let key = match (algorithm, &der) {
            (JwtAlgorithm::EdDsa, PrivateKeyDer::Pkcs8(key)) => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).map(Self::EdDsa)
            }
            (JwtAlgorithm::Es256, PrivateKeyDer::Pkcs8(key)) => p256(key.secret_pkcs8_der()).map(Self::Es256),
            (JwtAlgorithm::Rs256, PrivateKeyDer::Pkcs8(key)) => {
                RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map(Self::Rs256)
            }
            (JwtAlgorithm::Rs256, PrivateKeyDer::Pkcs1(key)) => {
                RsaKeyPair::from_der(key.secret_pkcs1_der()).map(Self::Rs256)
            }
            _ => {
                return Err(problem(&other_form(pem)));
            }
        };
        key.map_err(|error| {
            let what = other_kind(der.secret_der(), algorithm);
            problem(&format!("{what} ({error})"))
        })
    }

    /// Takes a secret that the server has too.
    pub(super) fn from_secret(secret: &[u8]) -> Self {
        Self::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The name of the algorithm, as the header of a token has it (RFC 7518).
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::EdDsa(_) => JwtAlgorithm::EdDsa.name(),
            Self::Es256(_) => JwtAlgorithm::Es256.name(),
            Self::Rs256(_) => JwtAlgorithm::Rs256.name(),
            Self::Hs256(_) => "HS256",
        }
    }

    /// Signs a message.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        let failed = |_| problem("the signature failed");
        match self {
            Self::EdDsa(key) => Ok(key.sign(message).as_ref().to_vec()),
            Self::Es256(key) => key
                .sign(&random, message)
                .map(|made| made.as_ref().to_vec())
                .map_err(failed),
            Self::Rs256(key) => {
                let mut made = vec![0; length(key)];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut made)
                    .map_err(failed)?;
                Ok(made)
            }
            Self::Hs256(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

/// The length of a signature, in bytes.
#[cfg(feature = "aws-lc-rs")]
fn length(key: &RsaKeyPair) -> usize {
    key.public_modulus_len()
}

#[cfg(not(feature = "aws-lc-rs"))]
fn length(key: &RsaKeyPair) -> usize {
    key.public().modulus_len()
}

#[cfg(feature = "aws-lc-rs")]
fn p256(der: &[u8]) -> Result<EcdsaKeyPair, crypto::error::KeyRejected> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
}

#[cfg(not(feature = "aws-lc-rs"))]
fn p256(der: &[u8]) -> Result<EcdsaKeyPair, crypto::error::KeyRejected> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
}

fn problem(text: &str) -> SignError {
    SignError {
        problem: text.to_owned(),
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, [redacted])", self.algorithm())
    }
}
