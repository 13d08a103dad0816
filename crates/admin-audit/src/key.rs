//! The Ed25519 key that signs heads. Only this module uses the signature library.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::KeypairBytes;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
};
use ed25519_dalek::{SECRET_KEY_LENGTH, Signature, Signer as _, VerifyingKey};
use pem::Pem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::tree::line_hash;

const PRIVATE_TAG: &str = "PRIVATE KEY";
const PUBLIC_TAG: &str = "PUBLIC KEY";
/// The only algorithm (RFC 8037).
const ALGORITHM: &str = "EdDSA";

/// The key that signs. Anybody with this key and the lines can rewrite the trail, so a store that several
/// accounts can write to never holds it.
pub struct SigningKey {
    private: ed25519_dalek::SigningKey,
    public: PublicKey,
}

/// The key that checks signatures.
#[derive(Clone)]
pub struct PublicKey {
    der: Vec<u8>,
    key: VerifyingKey,
}

/// What precedes the claims of a compact JWS.
#[derive(Serialize, Deserialize)]
struct Header {
    typ: Option<String>,
    alg: String,
    kid: Option<String>,
}

impl Header {
    fn of(jws: &str) -> Option<Self> {
        let (header, _) = jws.trim().split_once('.')?;
        part(header)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublicKey").field(&self.id()).finish()
    }
}

impl SigningKey {
    /// Creates a key and returns it in PEM form (`BEGIN PRIVATE KEY`), as [`from_pem`](Self::from_pem) reads
    /// it.
    ///
    /// # Errors
    /// When the system has no randomness; the text says so.
    pub fn generate_pem() -> Result<String, String> {
        let mut secret_key = [0; SECRET_KEY_LENGTH];
        getrandom::fill(&mut secret_key).map_err(|error| format!("no key can be made: {error}"))?;
        // Without the public half, as every version of OpenSSL reads it.
        let pair = KeypairBytes {
            secret_key,
            public_key: None,
        };
        let der = pair.to_pkcs8_der().map_err(|_| "no key can be made")?;
        Ok(pem::encode(&Pem::new(PRIVATE_TAG, der.as_bytes())))
    }

    /// Reads a key in PEM form.
    ///
    /// # Errors
    /// When it is not an Ed25519 private key; the text describes the problem and reveals nothing of the key.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let der = decode(text, PRIVATE_TAG)?;
        let private =
            ed25519_dalek::SigningKey::from_pkcs8_der(&der).map_err(|_| "it is no Ed25519 private key")?;
        let public = private.verifying_key().to_public_key_der();
        let public = public.map_err(|_| "its public half cannot be derived")?;
        Ok(Self {
            public: PublicKey::from_der(public.as_bytes())?,
            private,
        })
    }

    /// Returns the key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims as a compact JWS that contains the id of this key and `kind`.
    pub(super) fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, String> {
        let header = Header {
            typ: Some(kind.to_owned()),
            alg: ALGORITHM.to_owned(),
            kid: Some(self.public.id()),
        };
        let message = format!("{}.{}", encoded(&header)?, encoded(claims)?);
        let signature = self.private.sign(message.as_bytes());
        Ok(format!(
            "{message}.{}",
            URL_SAFE_NO_PAD.encode(signature.to_bytes())
        ))
    }
}

impl PublicKey {
    /// Reads a key in PEM form (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// When it is not an Ed25519 public key; the text says what is wrong.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        Self::from_der(&decode(text, PUBLIC_TAG)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, String> {
        let key = VerifyingKey::from_public_key_der(der).map_err(|_| "it is no Ed25519 public key")?;
        Ok(Self {
            der: der.to_owned(),
            key,
        })
    }

    /// Returns the key in PEM form.
    #[must_use]
    pub fn pem(&self) -> String {
        pem::encode(&Pem::new(PUBLIC_TAG, self.der.as_slice()))
    }

    /// Returns the id of the key: the SHA-256 of its DER form, in base64.
    #[must_use]
    pub fn id(&self) -> String {
        line_hash(&self.der).to_string()
    }

    /// Checks a compact JWS and returns its claims.
    pub(super) fn verify<C: DeserializeOwned>(&self, kind: &str, jws: &str) -> Result<C, String> {
        let (header, claims) = self.signed(jws).ok_or_else(|| self.why(jws))?;
        if header.typ.as_deref() == Some(kind) {
            part(claims).ok_or_else(|| "it is signed, but its claims cannot be read".into())
        } else {
            Err(format!("it is signed, but it is not a {kind}"))
        }
    }

    /// Returns the header and the claims of a compact JWS that this key signed.
    fn signed<'a>(&self, jws: &'a str) -> Option<(Header, &'a str)> {
        let (message, signature) = jws.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header = part(header).filter(|header: &Header| header.alg == ALGORITHM)?;
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        self.key.verify_strict(message.as_bytes(), &signature).ok()?;
        Some((header, claims))
    }

    fn why(&self, jws: &str) -> String {
        match self.other_signer(jws) {
            Some(other) => format!("it is signed by another key ({other})"),
            None => "its signature does not hold".into(),
        }
    }

    /// Returns the id of the key that a compact JWS says it is signed with, if it is not this one.
    pub(super) fn other_signer(&self, jws: &str) -> Option<String> {
        Header::of(jws)?.kid.filter(|kid| *kid != self.id())
    }
}

/// Returns true if a text has the form of a compact JWS of this `kind`, regardless of the signer.
pub(super) fn is_of_kind(jws: &str, kind: &str) -> bool {
    Header::of(jws).is_some_and(|header| header.typ.as_deref() == Some(kind))
}

/// Returns the claims of a compact JWS, whoever signed it.
pub(super) fn unsigned<C: DeserializeOwned>(jws: &str) -> Option<C> {
    part(jws.split('.').nth(1)?)
}

/// Reads a part of a compact JWS.
fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn encoded(part: &impl Serialize) -> Result<String, String> {
    let json = serde_json::to_vec(part).map_err(|error| error.to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn decode(text: &str, tag: &str) -> Result<Vec<u8>, String> {
    match pem::parse(text) {
        Ok(found) if found.tag() == tag => Ok(found.into_contents()),
        _ => Err(format!("it is not a PEM file with a {tag}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Claims = BTreeMap<String, u64>;

    fn claims() -> Claims {
        BTreeMap::from([("size".to_owned(), 7)])
    }

    fn key() -> (String, SigningKey) {
        let pem = SigningKey::generate_pem().unwrap();
        let key = SigningKey::from_pem(&pem).unwrap();
        (pem, key)
    }

    #[test]
    fn what_is_signed_is_verified_by_the_exported_key_only() {
        let (_, key) = key();
        let jws = key.sign("test+jwt", &claims()).unwrap();
        let public = PublicKey::from_pem(&key.public().pem()).unwrap();
        assert_eq!(public.verify::<Claims>("test+jwt", &jws), Ok(claims()));
        assert!(public.verify::<Claims>("other+jwt", &jws).is_err());
        let (_, other) = self::key();
        let error = other.public().verify::<Claims>("test+jwt", &jws).unwrap_err();
        assert!(error.contains("another key"), "{error}");
    }

    #[test]
    fn the_private_key_is_never_shown() {
        let (pem, key) = key();
        let body = pem.lines().nth(1).unwrap();
        assert!(!format!("{key:?}").contains(&body[24..]));
        let error = SigningKey::from_pem(&pem.replace(&body[..8], "AAAAAAAA")).unwrap_err();
        assert!(!error.contains(&body[24..]), "{error}");
    }

    #[test]
    fn each_half_is_refused_in_place_of_the_other() {
        let (pem, key) = key();
        let error = SigningKey::from_pem(&key.public().pem()).unwrap_err();
        assert_eq!(error, "it is not a PEM file with a PRIVATE KEY");
        let error = PublicKey::from_pem(&pem).unwrap_err();
        assert_eq!(error, "it is not a PEM file with a PUBLIC KEY");
    }
}
