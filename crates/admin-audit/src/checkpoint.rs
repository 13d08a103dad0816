//! Signed heads of the trail, in the spirit of C2SP tlog-checkpoint: origin, size and root hash.
//!
//! One compact JWS (EdDSA) per line of `checkpoints.jws`. Besides the tree head it names the hashes of the last
//! entry and of the line before it, so that a verifier can tell a changed last entry from a rewritten trail.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tlog_tiles::Hash;

use crate::access::{self, Closed};
use crate::chain::Chain;
use crate::error::AuditError;
use crate::event_time::EventTime;
use crate::key::{PublicKey, SigningKey, is_of_kind};

const FILE: &str = "checkpoints.jws";
/// The type that the signature covers.
const KIND: &str = "easemob-admin-checkpoint+jwt";
/// No checkpoint is longer.
const LONGEST: u64 = 8 * 1024;

/// A head of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which trail.
    pub origin: String,
    /// How many entries.
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
    pub(super) fn of(chain: &Chain, time: EventTime) -> Self {
        Self {
            origin: chain.origin().to_owned(),
            size: chain.size(),
            root: chain.root().to_string(),
            last: chain.last().to_string(),
            before: chain.before().map(|hash| hash.to_string()),
            time,
        }
    }

    /// Checks a compact JWS.
    ///
    /// # Errors
    /// When it is not signed by `key`, or is no checkpoint; the text says which.
    pub fn verified(jws: &str, key: &PublicKey) -> Result<Self, String> {
        key.verify(KIND, jws.trim())
    }

    /// Returns true if a text has the form of a signed checkpoint, whoever signed it.
    pub(super) fn is_meant_by(jws: &str) -> bool {
        is_of_kind(jws, KIND)
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

/// Where the checkpoints of a trail are.
pub(super) fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// A checkpoint, or what is wrong with it, and the line it is on.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) line: u64,
    pub(super) jws: String,
    pub(super) checkpoint: Result<Checkpoint, String>,
}

/// Reads a file of checkpoints; an incomplete last line counts as broken.
pub(super) fn read(path: &Path, key: &PublicKey) -> Result<Vec<Read>, AuditError> {
    let failed = |error| AuditError::io("read", path)(error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut reader = BufReader::new(file);
    let mut found = Vec::new();
    loop {
        let mut bytes = Vec::new();
        if (&mut reader)
            .take(LONGEST)
            .read_until(b'\n', &mut bytes)
            .map_err(failed)?
            == 0
        {
            return Ok(found);
        }
        let whole = bytes.last() == Some(&b'\n');
        let jws = String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
        let checkpoint = if whole {
            key.verify(KIND, &jws)
        } else {
            Err("it is incomplete".into())
        };
        found.push(Read {
            line: found.len() as u64 + 1,
            jws,
            checkpoint,
        });
    }
}

/// The file to which a trail's heads are added.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    file: File,
    path: PathBuf,
}

impl CheckpointFile {
    pub(super) fn open(directory: &Path) -> Result<Self, AuditError> {
        let path = file(directory);
        let mut options = access::private();
        options.read(true).create(true).append(true);
        let file = access::open(&path, &options, Closed::ToWriting)?;
        Ok(Self { file, path })
    }

    /// Returns the last checkpoint. What a crash left unfinished behind it is cut off.
    pub(super) fn last(&mut self, key: &PublicKey) -> Result<Option<Checkpoint>, AuditError> {
        let mut tail = self.tail().map_err(AuditError::io("read", &self.path))?;
        let length = self.length()?;
        let end = tail
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        if end < tail.len() {
            let torn = (tail.len() - end) as u64;
            self.file
                .set_len(length - torn)
                .map_err(AuditError::io("repaired", &self.path))?;
            tail.truncate(end);
        }
        let Some((_, lines)) = tail.split_last() else {
            return Ok(None);
        };
        let start = lines
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let jws = String::from_utf8_lossy(&lines[start..]);
        let broken = |problem| AuditError::Damaged {
            path: self.path.clone(),
            line: 0,
            problem: format!("the last checkpoint: {problem}"),
        };
        Checkpoint::verified(&jws, key).map(Some).map_err(broken)
    }

    /// Signs and adds a head.
    pub(super) fn add(&mut self, checkpoint: &Checkpoint, key: &SigningKey) -> Result<(), AuditError> {
        let jws = key.sign(KIND, checkpoint).map_err(|problem| AuditError::Key {
            path: self.path.clone(),
            problem,
        })?;
        let length = self.length()?;
        let written = self
            .file
            .write_all(format!("{jws}\n").as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // A rest that cannot be cut off now is cut off by the next reader of the last checkpoint.
            let _ = self.file.set_len(length);
            AuditError::io("signed", &self.path)(error)
        })
    }

    fn length(&self) -> Result<u64, AuditError> {
        let metadata = self.file.metadata().map_err(AuditError::io("read", &self.path))?;
        Ok(metadata.len())
    }

    fn tail(&mut self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        // Two lines' worth: an unfinished one and the one before.
        self.file
            .seek(SeekFrom::Start(length.saturating_sub(2 * LONGEST)))?;
        let mut tail = Vec::new();
        self.file.read_to_end(&mut tail)?;
        Ok(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint {
            origin: "test".into(),
            size,
            root: tlog_tiles::EMPTY_HASH.to_string(),
            last: Hash::default().to_string(),
            before: None,
            time: EventTime::from_millis(1),
        }
    }

    #[test]
    fn an_unfinished_checkpoint_is_cut_off_and_the_one_before_counts() {
        let home = tempfile::tempdir().unwrap();
        let key = SigningKey::create(home.path()).unwrap();
        let mut file = CheckpointFile::open(home.path()).unwrap();
        assert_eq!(file.last(key.public()).unwrap(), None);
        for size in 1..=40 {
            file.add(&checkpoint(size), &key).unwrap();
        }
        file.file.write_all(b"eyJhbGciOi").unwrap();
        assert_eq!(file.last(key.public()).unwrap(), Some(checkpoint(40)));
        let read = read(&super::file(home.path()), key.public()).unwrap();
        assert_eq!(read.len(), 40);
        assert!(read.iter().all(|read| read.checkpoint.is_ok()));
    }

    #[test]
    fn the_note_has_the_three_lines_of_c2sp() {
        assert_eq!(
            checkpoint(7).note(),
            "test\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
        );
    }
}
