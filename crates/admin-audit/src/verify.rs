//! Verifies a trail, or a copy of one, in flat memory and without writing anything.

mod walk;

use std::path::{Path, PathBuf};

use serde::Serialize;
use walk::Walk;

use crate::checkpoint::{self, Checkpoint};
use crate::error::AuditError;
use crate::key::PublicKey;
use crate::snapshot;

/// What a trail is verified against, besides itself.
#[derive(Debug, Clone, Default)]
pub struct Against {
    /// A public key that was kept elsewhere; else the one that lies in the directory.
    pub key: Option<PublicKey>,
    /// A file of checkpoints that was kept elsewhere.
    pub checkpoints: Option<PathBuf>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
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
#[derive(Debug, Clone)]
pub struct Verification {
    /// Which trail it is, if there is any file of it.
    pub origin: Option<String>,
    /// How many files were read.
    pub files: u64,
    /// The first entry that was read; those before are in files that are not here.
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

/// A checkpoint to compare with, and where it is from.
#[derive(Debug, Clone)]
struct Claim {
    checkpoint: Checkpoint,
    jws: String,
    file: PathBuf,
    line: u64,
    kept: bool,
}

/// Verifies the trail in `directory`.
///
/// # Errors
/// When a file or the key cannot be read, the key is that of another trail, what should hold kept heads holds none,
/// or there is no trail; what is wrong with a trail is no error.
pub fn verify(directory: &Path, against: &Against) -> Result<Verification, AuditError> {
    let key = match &against.key {
        Some(key) => key.clone(),
        None => PublicKey::of_trail(directory)?,
    };
    let (extents, own) = snapshot::with_checkpoints(directory, &key)?;
    if against.key.is_some()
        && let Some(signer) = signed_by_another(directory, &own, &key)
    {
        let path = directory.to_owned();
        return Err(AuditError::OtherKey { path, signer });
    }
    let kept = match &against.checkpoints {
        Some(path) => read_kept(path, &key)?,
        None => Vec::new(),
    };
    let mut claims = Vec::new();
    let mut problems = Vec::new();
    let mut own_is_bad = false;
    let own_file = checkpoint::file(directory);
    let sources = [(&own_file, own, false)]
        .into_iter()
        .chain(against.checkpoints.as_ref().map(|path| (path, kept, true)));
    for (file, read, kept) in sources {
        for checkpoint::Read {
            line,
            jws,
            checkpoint,
        } in read
        {
            let file = file.clone();
            match checkpoint {
                Ok(checkpoint) => claims.push(Claim {
                    checkpoint,
                    jws,
                    file,
                    line,
                    kept,
                }),
                Err(what) => {
                    own_is_bad |= !kept;
                    problems.push(Problem {
                        file,
                        line,
                        seq: None,
                        what: format!("the checkpoint is not valid: {what}"),
                    });
                }
            }
        }
    }
    if extents.is_empty() && claims.is_empty() && problems.is_empty() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(AuditError::io("found", directory)(missing));
    }
    claims.sort_by_key(|claim| claim.checkpoint.size);
    let mut found = Walk::new(directory, &extents, claims).run()?;
    found.trail_is_bad = own_is_bad || !found.problems.is_empty();
    found.problems.append(&mut problems);
    let mut unproved = |file: &Path, what: String| {
        found.unproved = true;
        found.problems.push(Problem {
            file: file.to_owned(),
            line: 0,
            seq: None,
            what,
        });
    };
    if against.key.is_some() && found.checkpoints == 0 {
        unproved(
            &own_file,
            "the key signs no head of these entries, so that it proves nothing of them".into(),
        );
    }
    if let Some(file) = against.checkpoints.as_ref().filter(|_| found.kept == 0) {
        let what = "none of the kept heads is about entries that are here, so that they prove nothing";
        unproved(file, what.into());
    }
    found.key_id = key.id();
    found.key_was_kept = against.key.is_some();
    Ok(found)
}

/// Returns the key that signs all heads of a trail, if that is not `key`.
fn signed_by_another(directory: &Path, own: &[checkpoint::Read], key: &PublicKey) -> Option<String> {
    if own.is_empty() {
        let there = PublicKey::of_trail(directory).ok()?.id();
        return (there != key.id()).then_some(there);
    }
    let mut signers = own.iter().map(|read| key.other_signer(&read.jws));
    let signer = signers.next().flatten()?;
    signers.all(|other| other.is_some()).then_some(signer)
}

/// A kept checkpoint may have lost the end of its line on its way.
fn read_kept(path: &Path, key: &PublicKey) -> Result<Vec<checkpoint::Read>, AuditError> {
    let mut read = checkpoint::read(path, key)?;
    for one in &mut read {
        if one.checkpoint.is_err() {
            one.checkpoint = Checkpoint::verified(&one.jws, key);
        }
    }
    read.retain(|one| !one.jws.trim().is_empty());
    if !read.iter().any(|one| Checkpoint::is_meant_by(&one.jws)) {
        return Err(AuditError::NotA {
            path: path.to_owned(),
            expected: "file of kept heads",
        });
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
