//! Verifies a trail in a directory, or a copy of one, in constant memory and without writing anything.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::key::PublicKey;
use crate::trail::line_reader::Line;
use crate::trail::snapshot::{self, Extent};
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
    for extent in extents {
        if read(&extent, &mut verifier)?.is_break() {
            break;
        }
    }
    Ok(verifier.finish())
}

fn read(extent: &Extent, verifier: &mut Verifier) -> Result<ControlFlow<()>, AuditError> {
    if verifier.segment(extent.first).is_break() {
        return Ok(ControlFlow::Break(()));
    }
    let mut lines = extent.lines()?;
    while let Some(line) = lines.next().map_err(AuditError::io("read", &extent.path))? {
        let step = match line {
            Line::Whole(line) => verifier.line(extent.first, line),
            Line::Torn(_) => verifier.torn(),
        };
        if step.is_break() {
            return Ok(step);
        }
    }
    Ok(ControlFlow::Continue(()))
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
