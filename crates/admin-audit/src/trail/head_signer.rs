//! The key of a trail whose lines are elsewhere, and the heads that it signed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::chain::Chain;
use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::event_time::EventTime;
use crate::key::{PublicKey, SigningKey};
use crate::limits::Limits;
use crate::naming::HEADS;
use crate::trail::access;
use crate::trail::checkpoint_file::CheckpointFile;
use crate::trail::key_files::private_file;
use crate::trail::lock::TrailLock;

/// A key, and the heads that it signed, in a directory of this account, for a trail whose lines are elsewhere.
///
/// Others who can change the lines cannot change these heads, so each of them proves all lines that it covers. All calls
/// block; several processes may use the same directory.
#[derive(Debug)]
pub struct HeadSigner {
    directory: PathBuf,
    lock: TrailLock,
    key: SigningKey,
    heads: CheckpointFile,
}

impl HeadSigner {
    /// Opens the directory, and creates it and the key on first use.
    ///
    /// # Errors
    /// When others may change the directory, a file cannot be used, or there are heads but no key.
    pub fn open(directory: &Path) -> Result<Self, AuditError> {
        access::own_directory(directory)?;
        let lock = TrailLock::open(directory, Limits::default().lock_wait)?;
        let held = lock.hold()?;
        let mut heads = CheckpointFile::open(directory)?;
        let key = match SigningKey::load(directory)? {
            Some(key) => key,
            None if heads.is_empty()? => SigningKey::create(directory)?,
            None => {
                let path = private_file(directory);
                return Err(AuditError::NoKey { path });
            }
        };
        heads.last(key.public())?;
        drop(held);
        Ok(Self {
            directory: directory.to_owned(),
            lock,
            key,
            heads,
        })
    }

    /// Returns the key that checks the heads.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        self.key.public()
    }

    /// Returns the last head.
    ///
    /// # Errors
    /// When it cannot be read, or was not signed by this key.
    pub fn last(&mut self) -> Result<Option<Checkpoint>, AuditError> {
        let _held = self.lock.hold()?;
        self.heads.last(self.key.public())
    }

    /// Signs the state after a line, and returns the head as a compact JWS; `None` if a head of as many entries is signed.
    ///
    /// Sign only a state that [`Verifier::chain`](crate::Verifier::chain) returned after it began with the last head.
    ///
    /// # Errors
    /// When the last head cannot be read, or the head cannot be signed or written.
    pub fn sign(&mut self, chain: &Chain, time: impl Into<EventTime>) -> Result<Option<String>, AuditError> {
        let _held = self.lock.hold()?;
        let last = self.heads.last(self.key.public())?;
        if last.is_some_and(|last| last.size >= chain.size()) {
            return Ok(None);
        }
        let head = Checkpoint::of(chain, time.into());
        self.heads.add(&head, &self.key).map(Some)
    }

    /// Signs the state after an earlier line, to seal an archive that ends there, and returns the head as a compact JWS. It does
    /// not become the last head.
    ///
    /// Sign only a state that [`Verifier::chain`](crate::Verifier::chain) returned on the way to the last head.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn seal(&self, chain: &Chain, time: impl Into<EventTime>) -> Result<String, AuditError> {
        let head = Checkpoint::of(chain, time.into());
        head.sign(&self.key).map_err(|problem| AuditError::Key {
            path: private_file(&self.directory),
            problem,
        })
    }

    /// Returns the path of the file with the heads, one compact JWS per line.
    #[must_use]
    pub fn heads_file(&self) -> PathBuf {
        heads_file(&self.directory)
    }
}

/// What a directory of a [`HeadSigner`] holds against a trail: the key, and the heads that it signed.
#[derive(Debug, Clone)]
pub struct SignedHeads {
    /// The key that checks the heads.
    pub key: PublicKey,
    /// The file of the heads.
    pub file: PathBuf,
    /// The heads, one compact JWS per line.
    pub heads: Vec<u8>,
}

impl SignedHeads {
    /// Reads key and heads; `None` if the directory has no key. Writes nothing.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, AuditError> {
        let key = match PublicKey::of_trail(directory) {
            Err(AuditError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            key => key?,
        };
        let file = heads_file(directory);
        let heads = match fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            heads => heads.map_err(AuditError::io("read", &file))?,
        };
        Ok(Some(Self { key, file, heads }))
    }
}

fn heads_file(directory: &Path) -> PathBuf {
    directory.join(HEADS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::kind::Kind;

    fn event() -> Event {
        Event::new(EventTime::from_millis(1), Kind::Intent)
    }

    #[test]
    fn each_state_is_signed_once_by_a_key_that_stays() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("new");
        assert!(SignedHeads::read(&directory).unwrap().is_none());
        let mut chain = Chain::new("test");
        let mut expected = 0;
        for size in 1..4 {
            chain.extend(&event()).unwrap();
            let mut signer = HeadSigner::open(&directory).unwrap();
            assert_eq!(signer.last().unwrap().map_or(0, |head| head.size), expected);
            let jws = signer
                .sign(&chain, EventTime::from_millis(size))
                .unwrap()
                .unwrap();
            let head = Checkpoint::verified(&jws, signer.key()).unwrap();
            assert_eq!(head, Checkpoint::of(&chain, EventTime::from_millis(size)));
            assert_eq!(signer.sign(&chain, EventTime::from_millis(9)).unwrap(), None);
            expected = chain.size();
            let read = SignedHeads::read(&directory).unwrap().unwrap();
            assert_eq!(read.key.id(), signer.key().id());
            assert_eq!(
                read.heads.split(|byte| *byte == b'\n').count() as u64,
                expected + 1
            );
        }
    }

    #[test]
    fn a_key_that_was_lost_is_not_made_again() {
        let home = tempfile::tempdir().unwrap();
        let mut chain = Chain::new("test");
        chain.extend(&event()).unwrap();
        let mut signer = HeadSigner::open(home.path()).unwrap();
        signer.sign(&chain, EventTime::from_millis(1)).unwrap();
        fs::remove_file(private_file(home.path())).unwrap();
        let error = HeadSigner::open(home.path()).unwrap_err();
        assert!(matches!(error, AuditError::NoKey { .. }), "{error}");
    }
}
