//! The Ed25519 key that signs heads. Only this module uses the signature library.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pem::Pem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::tree::line_hash;

const PRIVATE_TAG: &str = "PRIVATE KEY";
const PUBLIC_TAG: &str = "PUBLIC KEY";
/// The bytes before the 32 bytes of an Ed25519 key in `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The key that signs. Anybody with this key and the lines can rewrite the trail, so a store that several
/// accounts can write to never holds it.
pub struct SigningKey {
    private: EncodingKey,
    public: PublicKey,
}

/// The key that checks signatures.
#[derive(Clone)]
pub struct PublicKey {
    der: Vec<u8>,
    decoding: DecodingKey,
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
        let der = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new())
            .map_err(|_| "cannot create a key")?;
        Ok(pem::encode(&Pem::new(PRIVATE_TAG, der.as_ref())))
    }

    /// Reads a key in PEM form.
    ///
    /// # Errors
    /// When it is not an Ed25519 private key; the text describes the problem and reveals nothing of the key.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let der = decode(text, PRIVATE_TAG)?;
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| "it is not an Ed25519 private key")?;
        let public = pair.public_key().as_der();
        let public = public.map_err(|_| "cannot derive its public half")?;
        Ok(Self {
            private: EncodingKey::from_ed_der(&der),
            public: PublicKey::from_der(public.as_ref())?,
        })
    }

    /// Returns the key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims as a compact JWS that contains the id of this key and `kind`.
    pub(super) fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.public.id());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(|error| error.to_string())
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
        match der.strip_prefix(&ED25519_PREFIX) {
            Some(raw) if raw.len() == 32 => Ok(Self {
                der: der.to_owned(),
                decoding: DecodingKey::from_ed_der(raw),
            }),
            _ => Err("it is not an Ed25519 public key".into()),
        }
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
    pub(super) fn verify<C: DeserializeOwned + Clone>(&self, kind: &str, jws: &str) -> Result<C, String> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let decoded = jsonwebtoken::decode::<C>(jws, &self.decoding, &validation)
            .map_err(|error| self.why(jws, &error))?;
        if decoded.header.typ.as_deref() == Some(kind) {
            Ok(decoded.claims)
        } else {
            Err(format!("it is signed, but it is not a {kind}"))
        }
    }

    fn why(&self, jws: &str, error: &jsonwebtoken::errors::Error) -> String {
        match self.other_signer(jws) {
            Some(other) => format!("it is signed by another key ({other})"),
            None => format!("its signature is not valid ({error})"),
        }
    }

    /// Returns the id of the key that a compact JWS says it is signed with, if it is not this one.
    pub(super) fn other_signer(&self, jws: &str) -> Option<String> {
        let header = jsonwebtoken::decode_header(jws.trim()).ok()?;
        header.kid.filter(|kid| *kid != self.id())
    }
}

/// Returns true if a text has the form of a compact JWS of this `kind`, regardless of the signer.
pub(super) fn is_of_kind(jws: &str, kind: &str) -> bool {
    jsonwebtoken::decode_header(jws.trim()).is_ok_and(|header| header.typ.as_deref() == Some(kind))
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
