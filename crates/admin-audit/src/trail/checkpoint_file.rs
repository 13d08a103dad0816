//! The file with the signed heads of a trail, one per line.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::key::{PublicKey, SigningKey};
use crate::naming::HEADS;
use crate::trail::access::{self, Closed};

/// The longest checkpoint, in bytes.
const LONGEST: u64 = 8 * 1024;

/// The file to which a trail's heads are appended.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    file: File,
    path: PathBuf,
}

impl CheckpointFile {
    pub(super) fn open(directory: &Path) -> Result<Self, AuditError> {
        let path = directory.join(HEADS);
        let mut options = access::private();
        options.read(true).create(true).append(true);
        let file = access::open(&path, &options, Closed::ToWriting)?;
        Ok(Self { file, path })
    }

    /// Returns the last checkpoint. Removes an incomplete line that a crash left after it.
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

    /// Returns true if nothing was ever written.
    pub(super) fn is_empty(&self) -> Result<bool, AuditError> {
        Ok(self.length()? == 0)
    }

    /// Signs and appends a head, and returns it as a compact JWS.
    pub(super) fn add(&mut self, checkpoint: &Checkpoint, key: &SigningKey) -> Result<String, AuditError> {
        let jws = checkpoint.sign(key).map_err(|problem| AuditError::Key {
            path: self.path.clone(),
            problem,
        })?;
        let length = self.length()?;
        let written = self
            .file
            .write_all(format!("{jws}\n").as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // If the rest cannot be removed now, the next reader of the last checkpoint removes it.
            let _ = self.file.set_len(length);
            AuditError::io("signed", &self.path)(error)
        })?;
        Ok(jws)
    }

    fn length(&self) -> Result<u64, AuditError> {
        let metadata = self.file.metadata().map_err(AuditError::io("read", &self.path))?;
        Ok(metadata.len())
    }

    fn tail(&mut self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        // Enough for two lines: an incomplete one and the one before.
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
    use crate::chain::Chain;
    use crate::event_time::EventTime;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint {
            size,
            ..Checkpoint::of(&Chain::new("test"), EventTime::from_millis(1))
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
        let text = std::fs::read_to_string(home.path().join(HEADS)).unwrap();
        assert_eq!(text.lines().count(), 40);
        assert!(
            text.lines()
                .all(|jws| Checkpoint::verified(jws, key.public()).is_ok())
        );
    }
}
