//! The text of a key: `ea_ID_SECRET`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The fewest characters of a secret: 32 of base64 are 192 bits.
const SHORTEST: usize = 32;
/// The most characters of a key.
const LONGEST: usize = 256;

/// The id and the secret of a key. Its secret is never shown.
#[derive(Clone)]
pub(crate) struct Token {
    id: String,
    secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Returns true for what can be the id of a key.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Token {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn random() -> std::io::Result<Self> {
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        getrandom::fill(&mut id)
            .and_then(|()| getrandom::fill(&mut secret))
            .map_err(std::io::Error::other)?;
        Ok(Self {
            id: format!("{:012x}", u64::from_ne_bytes(id) >> 16),
            secret: URL_SAFE_NO_PAD.encode(secret),
        })
    }

    /// Returns the same secret under another id.
    pub(crate) fn with_id(self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..self
        }
    }

    /// Reads one; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix("ea_")?.split_once('_')?;
        let good = text.len() <= LONGEST && is_id(id) && secret.len() >= SHORTEST && is_id(secret);
        good.then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// Returns its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the text, which contains the secret.
    pub(crate) fn reveal(&self) -> String {
        format!("ea_{}_{}", self.id, self.secret)
    }

    /// Returns the digest that is kept. The secret has 192 bits or more, so nobody can guess it from that.
    pub(crate) fn digest(&self) -> String {
        format!("{:x}", Sha256::digest(self.secret.as_bytes()))
    }

    /// Returns true if a kept digest is of this secret, in a time that says nothing about where they differ.
    pub(crate) fn is_of(&self, digest: &str) -> bool {
        self.digest().as_bytes().ct_eq(digest.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_shows_no_secret() {
        let token = Token::random().unwrap();
        let read = Token::parse(&token.reveal()).unwrap();
        assert!(read.is_of(&token.digest()) && read.id() == token.id());
        assert!(!format!("{token:?}").contains(&token.secret));
        assert!(!token.is_of(&Token::random().unwrap().digest()));
        for text in [
            "",
            "ea_",
            "ea_a_short",
            "ea__0123456789012345678901234567890123",
            "eb_a_0123456789012345678901234567890123",
            "ea_a_01234567890123456789012345678901 x",
        ] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
