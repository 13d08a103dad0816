//! The signed heads to compare lines with.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::verification::Problem;
use crate::checkpoint::{Checkpoint, KIND};
use crate::key::PublicKey;

/// A signed head, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) checkpoint: Checkpoint,
    pub(super) jws: String,
    pub(super) file: PathBuf,
    pub(super) line: u64,
    pub(super) kept: bool,
}

/// All heads.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The signed ones, in the order of their sizes.
    pub(super) claims: Vec<Claim>,
    /// Problems of the others.
    pub(super) problems: Vec<Problem>,
    /// Whether any of the others is beside the lines.
    pub(super) own_are_bad: bool,
}

impl Heads {
    /// Adds the heads of one trail from a text that was stored elsewhere, each checked by the key that it names. What is not
    /// a head, or one of another trail, is left out: a log has other lines. Returns whether there was any.
    pub(super) fn add_of_signers(
        &mut self,
        file: &Path,
        text: &[u8],
        origin: &str,
        keys: &[PublicKey],
    ) -> bool {
        let before = self.claims.len() + self.problems.len();
        for (line, text, _) in lines(text) {
            let mut words = text.split(|letter: char| !is_of_a_head(letter));
            let Some(jws) = words.find(|word| Checkpoint::is_meant_by(word)) else {
                continue;
            };
            let signer = keys.iter().find(|key| key.other_signer(jws).is_none());
            let checked = signer.map_or_else(
                || {
                    Err(
                        "no key of the trail signs it: a key was removed, or it is of another trail"
                            .to_owned(),
                    )
                },
                |key| Checkpoint::verified(jws, key),
            );
            match checked {
                Ok(checkpoint) if checkpoint.origin != origin => {}
                Ok(checkpoint) => self.claims.push(Claim {
                    checkpoint,
                    jws: jws.to_owned(),
                    file: file.to_owned(),
                    line,
                    kept: true,
                }),
                // One of another trail, by its own word.
                Err(_)
                    if signer.is_none()
                        && Checkpoint::origin_of(jws).is_some_and(|other| other != origin) => {}
                Err(what) => self.problems.push(Problem {
                    file: file.to_owned(),
                    line,
                    seq: None,
                    what: format!("the checkpoint is not valid: {what}"),
                }),
            }
        }
        self.claims.sort_by_key(|claim| claim.checkpoint.size);
        self.claims.len() + self.problems.len() > before
    }

    /// Adds the heads of a text; `kept` says that they were stored elsewhere.
    pub(super) fn add(&mut self, file: &Path, text: &[u8], key: &PublicKey, kept: bool) {
        for (line, jws, is_whole) in lines(text) {
            let file = file.to_owned();
            let checked = match is_whole {
                // A stored head may have lost its line end, or gained an empty line, on its way.
                _ if kept && jws.trim().is_empty() => continue,
                _ if kept => Checkpoint::verified(&jws, key),
                true => key.verify(KIND, &jws),
                false => Err("it is incomplete".into()),
            };
            match checked {
                Ok(checkpoint) => self.claims.push(Claim {
                    checkpoint,
                    jws: jws.into_owned(),
                    file,
                    line,
                    kept,
                }),
                Err(what) => {
                    self.own_are_bad |= !kept;
                    self.problems.push(Problem {
                        file,
                        line,
                        seq: None,
                        what: format!("the checkpoint is not valid: {what}"),
                    });
                }
            }
        }
        self.claims.sort_by_key(|claim| claim.checkpoint.size);
    }
}

/// Returns the key that signs all heads of a text, if it is not `key`.
pub(super) fn signed_by_another(text: &[u8], key: &PublicKey) -> Option<String> {
    let mut signers = lines(text).map(|(_, jws, _)| key.other_signer(&jws));
    let signer = signers.next().flatten()?;
    signers.all(|other| other.is_some()).then_some(signer)
}

/// Returns true if any line of a text has the form of a head, regardless of the signer.
pub(super) fn has_any(text: &[u8]) -> bool {
    lines(text).any(|(_, jws, _)| Checkpoint::is_meant_by(&jws))
}

/// Returns true if any line of a text contains a head, regardless of the signer.
pub(super) fn contains_any(text: &[u8]) -> bool {
    lines(text).any(|(_, line, _)| {
        line.split(|letter| !is_of_a_head(letter))
            .any(Checkpoint::is_meant_by)
    })
}

/// Returns true for the letters of a compact JWS.
fn is_of_a_head(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// Returns the lines of a text with their numbers, and whether they have an end.
fn lines(text: &[u8]) -> impl Iterator<Item = (u64, Cow<'_, str>, bool)> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    (1..).zip(lines).map(|(number, line)| {
        let whole = line.strip_suffix(b"\n");
        (
            number,
            String::from_utf8_lossy(whole.unwrap_or(line)),
            whole.is_some(),
        )
    })
}
