//! Signed heads of the trail, modelled on C2SP tlog-checkpoint: origin, size and root hash.
//!
//! Each is one compact JWS (EdDSA). In addition to the tree head it contains the hashes of the last entry and
//! of the line before it, so that a verifier can distinguish a changed last entry from a rewritten trail.

use serde::{Deserialize, Serialize};
use tlog_tiles::Hash;

use crate::chain::Chain;
use crate::event_time::EventTime;
use crate::key::{PublicKey, SigningKey, is_of_kind, unsigned};

/// The type covered by the signature.
pub(super) const KIND: &str = "easemob-admin-checkpoint+jwt";

/// A head of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The name of the trail.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the Merkle tree over these entries, in base64.
    pub root: String,
    /// The SHA-256 of the last entry's line.
    pub last: String,
    /// The SHA-256 of the line before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// When it was signed.
    pub time: EventTime,
}

impl Checkpoint {
    /// Creates the head of a trail in the state `chain`.
    #[must_use]
    pub fn of(chain: &Chain, time: EventTime) -> Self {
        Self {
            origin: chain.origin().to_owned(),
            size: chain.size(),
            root: chain.root().to_string(),
            last: chain.last().to_string(),
            before: chain.before_last().map(|hash| hash.to_string()),
            time,
        }
    }

    /// Signs the head as a compact JWS.
    ///
    /// # Errors
    /// When the key cannot sign; the text is the reason.
    pub fn sign(&self, key: &SigningKey) -> Result<String, String> {
        key.sign(KIND, self)
    }

    /// Checks a compact JWS.
    ///
    /// # Errors
    /// When it is not signed by `key`, or is not a checkpoint; the text is the reason.
    pub fn verified(jws: &str, key: &PublicKey) -> Result<Self, String> {
        key.verify(KIND, jws.trim())
    }

    /// Returns true if a text has the form of a signed checkpoint, regardless of the signer.
    pub(super) fn is_meant_by(jws: &str) -> bool {
        is_of_kind(jws, KIND)
    }

    /// Returns the name of the trail that a compact JWS says it is about, whoever signed it.
    pub(super) fn origin_of(jws: &str) -> Option<String> {
        unsigned::<Self>(jws).map(|head| head.origin)
    }

    /// Returns the head as the three lines of a C2SP checkpoint.
    #[must_use]
    pub fn note(&self) -> String {
        let root = Hash::parse_hash(&self.root).unwrap_or_default();
        tlog_tiles::Checkpoint::new(&self.origin, self.size, root, "")
            .map(|note| String::from_utf8_lossy(&note.to_bytes()).into_owned())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_has_the_three_lines_of_c2sp() {
        let checkpoint = Checkpoint {
            size: 7,
            ..Checkpoint::of(&Chain::new("test"), EventTime::from_millis(1))
        };
        assert_eq!(
            checkpoint.note(),
            "test\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
        );
    }
}
