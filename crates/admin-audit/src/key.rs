//! The Ed25519 key that signs checkpoints: the home of key files and of the signature library in this crate.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pem::Pem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::{self, Closed};
use crate::error::AuditError;
use crate::tree::line_hash;

const PRIVATE_FILE: &str = "key.pem";
const PUBLIC_FILE: &str = "key.pub.pem";
const PRIVATE_TAG: &str = "PRIVATE KEY";
const PUBLIC_TAG: &str = "PUBLIC KEY";
/// What precedes the 32 bytes of an Ed25519 key in `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// A key file is far smaller.
const LARGEST_FILE: u64 = 16 * 1024;

/// The key that signs; it stays in the directory of the trail.
pub(super) struct SigningKey {
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
    /// Reads the key of the trail; none if there is none.
    pub(super) fn load(directory: &Path) -> Result<Option<Self>, AuditError> {
        let path = private_file(directory);
        let mut options = access::private();
        options.read(true);
        let file = match access::open(&path, &options, Closed::Entirely) {
            Ok(file) => file,
            Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(LARGEST_FILE)
            .read_to_string(&mut text)
            .map_err(AuditError::io("read", &path))?;
        let der = decode(&path, &text, PRIVATE_TAG)?;
        Self::from_der(&path, &der).map(Some)
    }

    /// Makes a key, kept for this account only, and its public half beside it.
    pub(super) fn create(directory: &Path) -> Result<Self, AuditError> {
        let path = private_file(directory);
        let wrong = |problem: &str| AuditError::Key {
            path: path.clone(),
            problem: problem.to_owned(),
        };
        let der = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new())
            .map_err(|_| wrong("no key can be made"))?;
        let key = Self::from_der(&path, der.as_ref())?;
        let private = pem::encode(&Pem::new(PRIVATE_TAG, der.as_ref()));
        write_whole(&directory.join(PUBLIC_FILE), key.public.pem().as_bytes())?;
        write_whole(&path, private.as_bytes())?;
        access::sync_directory(directory)?;
        Ok(key)
    }

    fn from_der(path: &Path, der: &[u8]) -> Result<Self, AuditError> {
        let wrong = |problem: String| AuditError::Key {
            path: path.to_owned(),
            problem,
        };
        let pair =
            Ed25519KeyPair::from_pkcs8(der).map_err(|_| wrong("it is no Ed25519 private key".into()))?;
        let public = pair
            .public_key()
            .as_der()
            .map_err(|_| wrong("its public half cannot be derived".into()))?;
        Ok(Self {
            private: EncodingKey::from_ed_der(der),
            public: PublicKey::from_der(public.as_ref()).map_err(wrong)?,
        })
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims as a compact JWS that names this key and `kind`.
    pub(super) fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.public.id());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(|error| error.to_string())
    }
}

impl PublicKey {
    /// Reads a key in PEM form (`BEGIN PUBLIC KEY`) from a file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no Ed25519 public key.
    pub fn read(path: &Path) -> Result<Self, AuditError> {
        let mut text = String::new();
        fs::File::open(path)
            .and_then(|file| file.take(LARGEST_FILE).read_to_string(&mut text))
            .map_err(AuditError::io("read", path))?;
        let der = decode(path, &text, PUBLIC_TAG)?;
        Self::from_der(&der).map_err(|problem| AuditError::Key {
            path: path.to_owned(),
            problem,
        })
    }

    /// Reads the key that lies in the directory of a trail.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn of_trail(directory: &Path) -> Result<Self, AuditError> {
        Self::read(&public_file(directory))
    }

    fn from_der(der: &[u8]) -> Result<Self, String> {
        match der.strip_prefix(&ED25519_PREFIX) {
            Some(raw) if raw.len() == 32 => Ok(Self {
                der: der.to_owned(),
                decoding: DecodingKey::from_ed_der(raw),
            }),
            _ => Err("it is no Ed25519 public key".into()),
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
            Err(format!("it is signed, but it is no {kind}"))
        }
    }

    fn why(&self, jws: &str, error: &jsonwebtoken::errors::Error) -> String {
        match self.other_signer(jws) {
            Some(other) => format!("it is signed by another key ({other})"),
            None => format!("its signature does not hold ({error})"),
        }
    }

    /// Returns the id of the key that a compact JWS says it is signed by, if it is not this one.
    pub(super) fn other_signer(&self, jws: &str) -> Option<String> {
        let header = jsonwebtoken::decode_header(jws.trim()).ok()?;
        header.kid.filter(|kid| *kid != self.id())
    }
}

/// Returns true if a text has the form of a compact JWS of this `kind`, whoever signed it.
pub(super) fn is_of_kind(jws: &str, kind: &str) -> bool {
    jsonwebtoken::decode_header(jws.trim()).is_ok_and(|header| header.typ.as_deref() == Some(kind))
}

/// Returns where the private key of a trail is.
pub(super) fn private_file(directory: &Path) -> PathBuf {
    directory.join(PRIVATE_FILE)
}

/// Returns where the public key of a trail is.
pub(super) fn public_file(directory: &Path) -> PathBuf {
    directory.join(PUBLIC_FILE)
}

fn decode(path: &Path, text: &str, tag: &str) -> Result<Vec<u8>, AuditError> {
    match pem::parse(text) {
        Ok(found) if found.tag() == tag => Ok(found.into_contents()),
        _ => Err(AuditError::Key {
            path: path.to_owned(),
            problem: format!("it is no PEM file with a {tag}"),
        }),
    }
}

/// Writes a file so that it is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), AuditError> {
    let temporary = path.with_extension("new");
    let mut options = access::private();
    options.write(true).create(true).truncate(true);
    let mut file = access::open(&temporary, &options, Closed::Entirely)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(AuditError::io("written", path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Claims = BTreeMap<String, u64>;

    fn claims() -> Claims {
        BTreeMap::from([("size".to_owned(), 7)])
    }

    #[test]
    fn what_is_signed_is_verified_by_the_exported_key_only() {
        let home = tempfile::tempdir().unwrap();
        assert!(SigningKey::load(home.path()).unwrap().is_none());
        let made = SigningKey::create(home.path()).unwrap();
        let key = SigningKey::load(home.path()).unwrap().unwrap();
        assert_eq!(key.public().id(), made.public().id());
        let jws = key.sign("test+jwt", &claims()).unwrap();
        let public = PublicKey::of_trail(home.path()).unwrap();
        assert_eq!(public.verify::<Claims>("test+jwt", &jws), Ok(claims()));
        assert!(public.verify::<Claims>("other+jwt", &jws).is_err());
        let away = tempfile::tempdir().unwrap();
        let other = SigningKey::create(away.path()).unwrap();
        let error = other.public().verify::<Claims>("test+jwt", &jws).unwrap_err();
        assert!(error.contains("another key"), "{error}");
    }

    #[test]
    fn the_private_key_is_never_shown() {
        let home = tempfile::tempdir().unwrap();
        let key = SigningKey::create(home.path()).unwrap();
        let secret = fs::read_to_string(private_file(home.path())).unwrap();
        let body = secret.lines().nth(1).unwrap();
        assert!(!format!("{key:?}").contains(&body[24..]));
        fs::write(private_file(home.path()), secret.replace(&body[..8], "AAAAAAAA")).unwrap();
        let error = SigningKey::load(home.path()).unwrap_err();
        assert!(!error.to_string().contains(&body[24..]), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        SigningKey::create(home.path()).unwrap();
        let path = private_file(home.path());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SigningKey::load(home.path()).unwrap_err();
        assert!(error.hint().contains("chmod"), "{error}");
    }
}
