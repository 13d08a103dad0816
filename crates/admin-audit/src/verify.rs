//! Verifies the lines of a trail one after the other, wherever they are stored.
//!
//! This is a fold: it reads nothing itself, accepts one line at a time and needs constant memory, so that
//! files, a database cursor and a stream can all be its source.

mod diagnosis;
mod heads;
mod suspect;
mod verification;

use std::ops::ControlFlow;
use std::path::PathBuf;

use diagnosis::missing;
use heads::{Claim, Heads};
use suspect::{Says, Suspect};
pub use verification::{Head, Problem, Verification};

use crate::chain::{Break, Chain, Digest};
use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::key::PublicKey;
use crate::line::LONGEST_LINE;
use crate::naming::{HEADS, segment_name};

/// A position among the lines; without a segment, before all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    segment: Option<u64>,
    line: u64,
}

impl Place {
    fn after(self) -> Self {
        Self {
            line: self.line + 1,
            ..self
        }
    }
}

/// Verifies lines one after the other, each against the line before and all against signed heads.
///
/// Heads are a text with one compact JWS per line, as [`Checkpoint::sign`] creates them, each line with its
/// end. A problem names the file with the bad line, or the file that would contain it if the trail were a
/// directory.
#[derive(Debug)]
pub struct Verifier {
    name: PathBuf,
    key: PublicKey,
    heads: Heads,
    /// The number of claims that were compared, or that cover entries before the first line.
    claims_done: usize,
    kept_heads: Option<PathBuf>,
    /// A file of stored heads that has none of this trail.
    heads_of_others: Option<PathBuf>,
    chain: Option<Chain>,
    /// The line that was read last.
    at: Place,
    /// The last line that followed from the one before.
    previous: Place,
    /// The line after the last matching checkpoint, and the number of the entry there.
    confirmed: (Place, u64),
    suspect: Option<Suspect>,
    /// Contains a problem as soon as a line is bad.
    found: Verification,
}

impl Verifier {
    /// Creates a verifier of the trail called `name`, with the key and the heads beside its lines.
    #[must_use]
    pub fn new(name: impl Into<PathBuf>, key: &PublicKey, heads: impl AsRef<[u8]>) -> Self {
        let name = name.into();
        let mut own = Heads::default();
        own.add(&name.join(HEADS), heads.as_ref(), key, false);
        let start = Place {
            segment: None,
            line: 1,
        };
        Self {
            name,
            key: key.clone(),
            heads: own,
            claims_done: 0,
            kept_heads: None,
            heads_of_others: None,
            chain: None,
            at: start,
            previous: start,
            confirmed: (start, 0),
            suspect: None,
            found: Verification {
                key_id: key.id(),
                ..Verification::default()
            },
        }
    }

    /// Creates a verifier with a key that was stored elsewhere: heads signed by another key do not count.
    ///
    /// # Errors
    /// When all heads are signed by another key.
    pub fn with_kept_key(
        name: impl Into<PathBuf>,
        key: &PublicKey,
        heads: impl AsRef<[u8]>,
    ) -> Result<Self, AuditError> {
        let mut verifier = Self::new(name, key, &heads);
        if let Some(signer) = heads::signed_by_another(heads.as_ref(), key) {
            let path = verifier.name;
            return Err(AuditError::OtherKey { path, signer });
        }
        verifier.found.key_was_kept = true;
        Ok(verifier)
    }

    /// Adds heads that were stored elsewhere, in `file`. Call it before the first line.
    ///
    /// # Errors
    /// When none of them has the form of a head.
    pub fn with_kept_heads(
        mut self,
        file: impl Into<PathBuf>,
        heads: impl AsRef<[u8]>,
    ) -> Result<Self, AuditError> {
        let path = file.into();
        if !heads::has_any(heads.as_ref()) {
            let expected = "file of stored heads";
            return Err(AuditError::NotA { path, expected });
        }
        self.heads.add(&path, heads.as_ref(), &self.key, true);
        self.kept_heads = Some(path);
        Ok(self)
    }

    /// Adds heads of the trail `origin` that were stored elsewhere, in `file`, whichever of `keys` signed them. Call it before
    /// the first line.
    ///
    /// A head names its key by the digest of that key, so the keys need not have been stored elsewhere: nobody can put another
    /// key in the place of one. The file may be a log with other lines, and with heads of other trails.
    ///
    /// # Errors
    /// When the file contains no head.
    pub fn with_heads_of_signers(
        mut self,
        file: impl Into<PathBuf>,
        heads: impl AsRef<[u8]>,
        origin: &str,
        keys: &[PublicKey],
    ) -> Result<Self, AuditError> {
        let path = file.into();
        if !heads::contains_any(heads.as_ref()) {
            let expected = "file of stored heads";
            return Err(AuditError::NotA { path, expected });
        }
        if self.heads.add_of_signers(&path, heads.as_ref(), origin, keys) {
            self.kept_heads = Some(path);
        } else {
            self.heads_of_others = Some(path);
        }
        Ok(self)
    }

    /// Starts a range: `chain` is the state after the first `lines` lines of `segment`, which are not
    /// verified.
    ///
    /// The next head proves that this state is correct.
    pub fn begin_after(&mut self, segment: u64, lines: u64, chain: Chain) -> ControlFlow<()> {
        self.found.files += 1;
        self.at = Place {
            segment: Some(segment),
            line: lines,
        };
        let begun = self.begin(chain);
        self.judged(begun)
    }

    /// Verifies the next line, without its end, of the segment that starts with entry `segment`.
    ///
    /// Returns `Break` as soon as something is wrong; later lines are ignored.
    pub fn line(&mut self, segment: u64, line: &[u8]) -> ControlFlow<()> {
        self.digested_line(segment, line, &Digest::of(line))
    }

    /// Verifies the next line, whose digest is known.
    pub(super) fn digested_line(&mut self, segment: u64, line: &[u8], digest: &Digest) -> ControlFlow<()> {
        if self.at.segment != Some(segment) {
            self.segment(segment)?;
        }
        let checked = self.check(segment, line, digest);
        self.judged(checked)
    }

    /// Starts a segment, which may turn out to be empty.
    pub(super) fn segment(&mut self, first: u64) -> ControlFlow<()> {
        self.end_segment()?;
        self.found.files += u64::from(self.suspect.is_none());
        self.at = Place {
            segment: Some(first),
            line: 0,
        };
        ControlFlow::Continue(())
    }

    /// Records that the rest has no line end, or is longer than any line.
    pub(super) fn torn(&mut self) -> ControlFlow<()> {
        let problem = if let Some(suspect) = self.suspect.take() {
            self.convict(&suspect, None)
        } else if self.at.line == 0 {
            self.no_header()
        } else {
            let what =
                "is incomplete: a crash, or a truncation; the next writer will remove it and report that";
            self.problem(self.at.after(), self.size(), what)
        };
        self.judged(Err(problem))
    }

    /// Returns the state after the lines so far, for the next head or range, or `None` after a bad line.
    #[must_use]
    pub fn chain(&self) -> Option<&Chain> {
        let is_good = self.found.problems.is_empty() && self.suspect.is_none();
        self.chain.as_ref().filter(|_| is_good)
    }

    /// Finishes at the end of the trail and returns the findings: a head of later entries means that the end
    /// was removed.
    #[must_use]
    pub fn finish(self) -> Verification {
        self.conclude(true)
    }

    /// Finishes before the end of the trail and returns the findings: heads of later entries count as
    /// unchecked.
    #[must_use]
    pub fn finish_range(self) -> Verification {
        self.conclude(false)
    }

    fn conclude(mut self, at_end: bool) -> Verification {
        let mut step = self.end_segment();
        if let Some(suspect) = self.suspect.take() {
            step = self.judged(Err(self.convict(&suspect, None)));
        }
        if step.is_continue() && at_end {
            self.found.problems.extend(self.cut_off());
        } else if step.is_continue() {
            self.found.unchecked += (self.heads.claims.len() - self.claims_done) as u64;
        }
        let mut found = self.found;
        found.trail_is_bad = self.heads.own_are_bad || !found.problems.is_empty();
        found.problems.append(&mut self.heads.problems);
        let mut unproved = |file: PathBuf, what: &str| {
            found.unproved = true;
            found.problems.push(Problem {
                file,
                line: 0,
                seq: None,
                what: what.to_owned(),
            });
        };
        if found.key_was_kept && found.checkpoints == 0 {
            let what = "the key has signed no head of these entries, so it proves nothing about them";
            unproved(self.name.join(HEADS), what);
        }
        if let Some(file) = self.heads_of_others {
            unproved(
                file,
                "none of the stored heads is of this trail, so they prove nothing",
            );
        }
        if let Some(file) = self.kept_heads.filter(|_| found.kept == 0) {
            let what = "none of the stored heads covers entries that are here, so they prove nothing";
            unproved(file, what);
        }
        found
    }

    fn judged(&mut self, checked: Result<(), Problem>) -> ControlFlow<()> {
        self.found.problems.extend(checked.err());
        if self.found.problems.is_empty() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn end_segment(&mut self) -> ControlFlow<()> {
        self.judged(Ok(()))?;
        let ended = match self.suspect.take() {
            Some(suspect) if suspect.segment_ended => Err(self.convict(&suspect, None)),
            Some(suspect) => {
                self.suspect = Some(Suspect {
                    segment_ended: true,
                    ..suspect
                });
                Ok(())
            }
            None if self.at.line == 0 => Err(self.no_header()),
            None => Ok(()),
        };
        self.judged(ended)
    }

    fn check(&mut self, segment: u64, line: &[u8], digest: &Digest) -> Result<(), Problem> {
        if !self.found.problems.is_empty() {
            return Ok(());
        }
        if let Some(suspect) = self.suspect.take() {
            return Err(self.convict(&suspect, Some(line)));
        }
        self.at = self.at.after();
        if line.len() > LONGEST_LINE || line.contains(&b'\n') {
            let what = "cannot be read: it is too long for a line, or more than one";
            return Err(self.problem(self.at, self.size(), what));
        }
        match &mut self.chain {
            Some(chain) if self.at.line > 1 => match chain.follow_digest(line, digest) {
                Ok(()) => {
                    self.previous = self.at;
                    self.found.size = chain.size();
                    self.compare()
                }
                Err(Break::Link { seq, prev }) => {
                    let says = Says::Entry { seq, prev };
                    self.suspect = Some(Suspect::new(self.at, chain, line, says));
                    Ok(())
                }
                Err(broken) => Err(self.problem(self.at, self.size(), in_words(broken))),
            },
            _ => self.header(segment, line),
        }
    }

    fn header(&mut self, segment: u64, line: &[u8]) -> Result<(), Problem> {
        let parsed = match Chain::from_header(line) {
            Ok(parsed) if parsed.size() == segment => parsed,
            Ok(_) => return Err(self.problem(self.at, None, "the header belongs to another file")),
            Err(broken) => return Err(self.problem(self.at, None, in_words(broken))),
        };
        let Some(chain) = &mut self.chain else {
            // Everything before the first entry is known; for a later segment, it is taken from the header.
            if parsed.size() == 0 && Chain::new(parsed.origin()).header().as_bytes() != line {
                return Err(self.problem(self.at, None, "the header was changed"));
            }
            return self.begin(parsed);
        };
        if chain.follow_header(line).is_ok() {
            self.previous = self.at;
            return Ok(());
        }
        let (expected, first) = (chain.size(), parsed.size());
        if first > expected {
            let what = format!("{}, but the next file exists", missing(expected, first));
            return Err(self.problem(self.previous.after(), Some(expected), what));
        }
        self.suspect = Some(Suspect::new(self.at, chain, line, Says::Header { first }));
        Ok(())
    }

    fn begin(&mut self, chain: Chain) -> Result<(), Problem> {
        let size = chain.size();
        self.found.origin = Some(chain.origin().to_owned());
        self.found.first = size;
        self.found.size = size;
        self.previous = self.at;
        self.confirmed = (self.at.after(), size);
        let claims = &self.heads.claims;
        self.claims_done = claims.partition_point(|claim| claim.checkpoint.size < size);
        self.found.unchecked = self.claims_done as u64;
        self.chain = Some(chain);
        self.compare()
    }

    /// Compares the state with the checkpoints at this size.
    fn compare(&mut self) -> Result<(), Problem> {
        let Some(chain) = &self.chain else { return Ok(()) };
        let claims = &self.heads.claims[self.claims_done..];
        let due = claims
            .iter()
            .take_while(|claim| claim.checkpoint.size <= chain.size());
        let due = &claims[..due.count()];
        if due.is_empty() {
            return Ok(());
        }
        let root = chain.root().to_string();
        for claim in due {
            let Checkpoint {
                origin, root: signed, ..
            } = &claim.checkpoint;
            if origin != chain.origin() {
                let what = format!(
                    "the checkpoint belongs to `{origin}`, but the trail to `{}`",
                    chain.origin()
                );
                return Err(Problem {
                    file: claim.file.clone(),
                    line: claim.line,
                    seq: None,
                    what,
                });
            }
            if *signed != root {
                return Err(self.disagreement(claim, chain));
            }
            self.found.checkpoints += 1;
            self.found.kept += u64::from(claim.kept);
            self.found.head = Some(Head {
                checkpoint: claim.checkpoint.clone(),
                jws: claim.jws.clone(),
            });
            self.claims_done += 1;
        }
        self.confirmed = (self.previous.after(), chain.size());
        Ok(())
    }

    /// Describes lines that match each other, but not a signed head.
    fn disagreement(&self, claim: &Claim, chain: &Chain) -> Problem {
        let signed = &claim.checkpoint;
        let last = chain.size().saturating_sub(1);
        let before = chain.before_last().map(|hash| hash.to_string());
        if before.is_some() && before == signed.before {
            let what = format!("was changed: the checkpoint of {} does not match it", signed.time);
            return self.problem(self.previous, Some(last), what);
        }
        let (place, first) = self.confirmed;
        let what = if first >= last {
            format!("differs from the one that was signed at {}", signed.time)
        } else {
            format!(
                "or a later one, up to entry {last}, differs from the one that was signed at {}: the trail was \
                 rewritten from here on",
                signed.time
            )
        };
        self.problem(place, Some(first), what)
    }

    /// Returns a problem if checkpoints cover entries after the last one.
    fn cut_off(&self) -> Option<Problem> {
        let furthest = &self.heads.claims.last()?.checkpoint;
        let size = self.found.size;
        (furthest.size > size).then(|| {
            let what = format!(
                "{}: the end was removed, as the checkpoint of {} shows",
                missing(size, furthest.size),
                furthest.time
            );
            self.problem(self.previous.after(), Some(size), what)
        })
    }

    fn no_header(&self) -> Problem {
        let what = "cannot be read: the file has no complete header";
        self.problem(self.at.after(), self.size(), what)
    }

    /// Returns the number of the next entry, if it is known.
    fn size(&self) -> Option<u64> {
        self.chain.as_ref().map(Chain::size)
    }

    fn problem(&self, place: Place, seq: Option<u64>, what: impl Into<String>) -> Problem {
        let Place { segment, line } = place;
        Problem {
            file: segment.map_or_else(|| self.name.clone(), |first| self.name.join(segment_name(first))),
            line,
            seq,
            what: what.into(),
        }
    }
}

fn in_words(broken: Break) -> String {
    match broken {
        Break::Unreadable(what) => format!("cannot be read: {what}"),
        Break::Newer(format) => {
            format!("has format {format}: it was changed, or written by a newer version of easemob-admin")
        }
        Break::Link { .. } | Break::Header => "does not follow from the line before".into(),
    }
}

#[cfg(test)]
mod tests;
