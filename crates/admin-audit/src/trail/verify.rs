//! Verifies a trail in a directory, or a copy of one, on all cores, in constant memory and without writing anything.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;

use crate::error::AuditError;
use crate::key::PublicKey;
use crate::trail::blocks::Block;
use crate::trail::digested::digested;
use crate::trail::snapshot;
use crate::verify::{Verification, Verifier};

/// The evidence, outside the trail itself, to verify a trail against.
#[derive(Debug, Clone, Default)]
pub struct Against {
    /// A public key that was stored elsewhere; otherwise the key in the directory is used.
    pub key: Option<PublicKey>,
    /// A file of checkpoints that was stored elsewhere.
    pub checkpoints: Option<PathBuf>,
}

/// Verifies the trail in `directory`.
///
/// # Errors
/// When a file or the key cannot be read, the key belongs to another trail, the file of stored heads contains
/// none, or there is no trail. Problems of the trail itself are not errors.
pub fn verify(directory: &Path, against: &Against) -> Result<Verification, AuditError> {
    let (extents, heads) = snapshot::with_heads(directory)?;
    let mut verifier = match &against.key {
        Some(key) => {
            if heads.is_empty() {
                refuse_other_key(directory, key)?;
            }
            Verifier::with_kept_key(directory, key, &heads)?
        }
        None => Verifier::new(directory, &PublicKey::of_trail(directory)?, &heads),
    };
    if let Some(path) = &against.checkpoints {
        verifier = verifier.with_kept_heads(path, snapshot::heads(path)?)?;
    } else if extents.is_empty() && heads.is_empty() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        return Err(AuditError::io("found", directory)(missing));
    }
    digested(&extents, workers(), |block| verify_block(&mut verifier, block))?;
    Ok(verifier.finish())
}

/// Returns how many threads compute digests. One core is not worth sharing with another thread.
fn workers() -> usize {
    thread::available_parallelism().map_or(0, |cores| if cores.get() == 1 { 0 } else { cores.get() })
}

fn verify_block(verifier: &mut Verifier, block: &Block) -> ControlFlow<()> {
    if block.begins {
        verifier.segment(block.segment)?;
    }
    for (line, digest) in block.lines() {
        verifier.digested_line(block.segment, line, digest)?;
    }
    if block.torn {
        verifier.torn()?;
    }
    ControlFlow::Continue(())
}

/// If nothing is signed, only the key beside the entries distinguishes one trail from another.
fn refuse_other_key(directory: &Path, key: &PublicKey) -> Result<(), AuditError> {
    match PublicKey::of_trail(directory) {
        Ok(beside) if beside.id() != key.id() => Err(AuditError::OtherKey {
            path: directory.to_owned(),
            signer: beside.id(),
        }),
        _ => Ok(()),
    }
}
