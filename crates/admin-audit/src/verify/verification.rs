//! What verifying found.

use std::path::PathBuf;

use serde::Serialize;

use crate::checkpoint::Checkpoint;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file. Of lines that are not in files, the one that they would be in, below the name of the trail.
    pub file: PathBuf,
    /// The line in the file, from 1.
    pub line: u64,
    /// The number of the first bad entry, where an entry is bad.
    pub seq: Option<u64>,
    /// What is wrong.
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

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Which trail it is, if there is any line of it.
    pub origin: Option<String>,
    /// How many files, or segments of lines that are not in files, were read.
    pub files: u64,
    /// The first entry that was read; those before are not here.
    pub first: u64,
    /// One more than the number of the last entry that was verified.
    pub size: u64,
    /// How many checkpoints agree with the entries.
    pub checkpoints: u64,
    /// How many checkpoints are about entries that are not here, so that only their signature was checked.
    pub unchecked: u64,
    /// How many of the checkpoints that agree were kept elsewhere.
    pub kept: u64,
    /// The last checkpoint that agrees, as signed: the head to keep.
    pub head: Option<Head>,
    /// The id of the key.
    pub key_id: String,
    /// Whether the key was kept elsewhere; one that lies beside the entries can be exchanged with them.
    pub key_was_kept: bool,
    /// What is wrong, the first bad entry first.
    pub problems: Vec<Problem>,
    /// Whether a key or heads were kept and there is nothing that they could be compared with.
    pub unproved: bool,
    /// Whether any of that is wrong with the trail, and not only with a head that was kept elsewhere.
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
    /// Returns true if nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns how many entries no checkpoint covers: nobody would notice if these were cut off.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        let signed = self.head.as_ref().map_or(0, |head| head.checkpoint.size);
        self.size.saturating_sub(signed.max(self.first))
    }
}
