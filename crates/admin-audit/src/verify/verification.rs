//! The result of verifying.

use std::path::PathBuf;

use serde::Serialize;

use crate::checkpoint::Checkpoint;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file. For lines that are not in files, the file that would contain them, below the name of the
    /// trail.
    pub file: PathBuf,
    /// The line in the file, from 1.
    pub line: u64,
    /// The number of the first bad entry, if an entry is bad.
    pub seq: Option<u64>,
    /// The problem.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, line {}: ", self.file.display(), self.line)?;
        match self.seq {
            Some(seq) => write!(f, "entry {seq} {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// The findings.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// The name of the trail, if it has any line.
    pub origin: Option<String>,
    /// How many files, or segments of lines that are not in files, were read.
    pub files: u64,
    /// The first entry that was read; earlier ones are not here.
    pub first: u64,
    /// One more than the number of the last entry that was verified.
    pub size: u64,
    /// How many checkpoints match the entries.
    pub checkpoints: u64,
    /// How many checkpoints cover entries that are not here, so that only their signature was checked.
    pub unchecked: u64,
    /// How many of the matching checkpoints were stored elsewhere.
    pub kept: u64,
    /// The last matching checkpoint, as signed: the head to store elsewhere.
    pub head: Option<Head>,
    /// The id of the key.
    pub key_id: String,
    /// Whether the key was stored elsewhere; a key beside the entries can be replaced together with them.
    pub key_was_kept: bool,
    /// The problems, the first bad entry first.
    pub problems: Vec<Problem>,
    /// Whether a key or heads were stored elsewhere, but there is nothing to compare them with.
    pub unproved: bool,
    /// Whether any problem is one of the trail, and not only of a head that was stored elsewhere.
    pub trail_is_bad: bool,
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// The signature, as a compact JWS.
    pub jws: String,
}

impl Verification {
    /// Returns true if there is no problem.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns how many entries no checkpoint covers: their removal would go unnoticed.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        let signed = self.head.as_ref().map_or(0, |head| head.checkpoint.size);
        self.size.saturating_sub(signed.max(self.first))
    }
}
