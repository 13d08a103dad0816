//! The walk over all lines, which stops at the first that is bad.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tlog_tiles::Hash;

use super::{Claim, Head, Problem, Verification};
use crate::chain::{Break, Chain, read_link};
use crate::diagnosis::{Scene, judge, missing};
use crate::error::AuditError;
use crate::lines::Line;
use crate::snapshot::{Extent, ExtentLines};
use crate::tree::line_hash;

/// A place in a file.
#[derive(Debug, Clone, Default)]
struct Place {
    file: PathBuf,
    line: u64,
}

impl Place {
    fn problem(&self, seq: Option<u64>, what: impl Into<String>) -> Problem {
        Problem {
            file: self.file.clone(),
            line: self.line,
            seq,
            what: what.into(),
        }
    }
}

pub(super) struct Walk<'a> {
    extents: &'a [Extent],
    /// Sorted by size.
    claims: Vec<Claim>,
    /// Hashes of last entries that are signed.
    vouched: HashSet<String>,
    next_claim: usize,
    /// The line that was followed last.
    previous: Place,
    /// The line after the last checkpoint that agrees, and the number of the entry there.
    confirmed: (Place, u64),
    found: Verification,
}

impl<'a> Walk<'a> {
    pub(super) fn new(directory: &Path, extents: &'a [Extent], claims: Vec<Claim>) -> Self {
        let vouched = claims.iter().map(|claim| claim.checkpoint.last.clone()).collect();
        let start = Place {
            file: directory.to_owned(),
            line: 1,
        };
        Self {
            extents,
            claims,
            vouched,
            next_claim: 0,
            previous: start.clone(),
            confirmed: (start, 0),
            found: Verification {
                origin: None,
                files: 0,
                first: 0,
                size: 0,
                checkpoints: 0,
                unchecked: 0,
                kept: 0,
                head: None,
                key_id: String::new(),
                key_was_kept: false,
                problems: Vec::new(),
                unproved: false,
                trail_is_bad: false,
            },
        }
    }

    pub(super) fn run(mut self) -> Result<Verification, AuditError> {
        let problem = self.walk()?;
        if let Some(problem) = problem.or_else(|| self.cut_off()) {
            self.found.problems.push(problem);
        }
        Ok(self.found)
    }

    fn walk(&mut self) -> Result<Option<Problem>, AuditError> {
        let mut chain: Option<Chain> = None;
        for index in 0..self.extents.len() {
            let extent = &self.extents[index];
            self.found.files += 1;
            let mut lines = extent.lines()?;
            let current = match self.header(chain.take(), index, &mut lines)? {
                Ok(chain) => chain,
                Err(problem) => return Ok(Some(problem)),
            };
            let (after, problem) = self.entries(current, index, &mut lines)?;
            if problem.is_some() {
                return Ok(problem);
            }
            chain = Some(after);
        }
        Ok(None)
    }

    fn header(
        &mut self,
        before: Option<Chain>,
        index: usize,
        lines: &mut ExtentLines,
    ) -> Result<Result<Chain, Problem>, AuditError> {
        let extent = &self.extents[index];
        let place = Place {
            file: extent.path.clone(),
            line: 1,
        };
        let header = match read(lines, extent)? {
            Some(Line::Whole(header)) => header.to_vec(),
            Some(Line::Torn(_)) | None => {
                let seq = before.as_ref().map(Chain::size);
                return Ok(Err(
                    place.problem(seq, "cannot be read: the file has no whole header")
                ));
            }
        };
        let parsed = match Chain::from_header(&header) {
            Ok(parsed) if parsed.size() == extent.first => parsed,
            Ok(_) => return Ok(Err(place.problem(None, "the header belongs to another file"))),
            Err(broken) => return Ok(Err(place.problem(None, in_words(broken)))),
        };
        let Some(mut chain) = before else {
            // All that precedes the first entry is known; before later ones it is taken from the header.
            if parsed.size() == 0 && Chain::new(parsed.origin()).header().as_bytes() != header {
                return Ok(Err(place.problem(None, "the header was changed")));
            }
            self.begin(&parsed, place);
            return Ok(match self.compare(&parsed) {
                Some(problem) => Err(problem),
                None => Ok(parsed),
            });
        };
        let expected = chain.size();
        if chain.follow_header(&header).is_ok() {
            self.previous = place;
            return Ok(Ok(chain));
        }
        if parsed.size() > expected {
            let what = format!(
                "{}, although the next file is there",
                missing(expected, parsed.size())
            );
            return Ok(Err(self.after_previous().problem(Some(expected), what)));
        }
        let vouched = self.vouched_by_next(&header, index, lines)?.0;
        let seq = expected.saturating_sub(1);
        Ok(Err(if vouched && parsed.size() == expected {
            let what = "was changed: the header of the next file names another";
            self.previous.problem(Some(seq), what)
        } else if vouched && parsed.size() == seq {
            let what = "was put in: the header of the next file does not know it";
            self.previous.problem(Some(seq), what)
        } else {
            place.problem(None, "the header does not follow from the file before")
        }))
    }

    fn begin(&mut self, chain: &Chain, place: Place) {
        self.found.origin = Some(chain.origin().to_owned());
        self.found.first = chain.size();
        self.found.size = chain.size();
        let first_entry = Place {
            file: place.file.clone(),
            line: 2,
        };
        self.confirmed = (first_entry, chain.size());
        self.previous = place;
        let early = self
            .claims
            .partition_point(|claim| claim.checkpoint.size < chain.size());
        self.next_claim = early;
        self.found.unchecked = early as u64;
    }

    fn entries(
        &mut self,
        mut chain: Chain,
        index: usize,
        lines: &mut ExtentLines,
    ) -> Result<(Chain, Option<Problem>), AuditError> {
        let extent = &self.extents[index];
        loop {
            let place = Place {
                file: extent.path.clone(),
                line: lines.number() + 1,
            };
            let followed = match read(lines, extent)? {
                None => return Ok((chain, None)),
                Some(Line::Torn(_)) => {
                    let what = "is incomplete: a crash, or a cut; the next writer will cut it off and say so";
                    let seq = Some(chain.size());
                    return Ok((chain, Some(place.problem(seq, what))));
                }
                Some(Line::Whole(line)) => chain.follow(line).map_err(|broken| (broken, line.to_vec())),
            };
            match followed {
                Ok(()) => {
                    self.previous.line = place.line;
                    if self.previous.file != place.file {
                        self.previous.file = place.file;
                    }
                    self.found.size = chain.size();
                    if let Some(problem) = self.compare(&chain) {
                        return Ok((chain, Some(problem)));
                    }
                }
                Err((Break::Link { seq, prev }, line)) => {
                    let (vouched, next) = self.vouched_by_next(&line, index, lines)?;
                    let at_start = self.previous.line == 1;
                    let verdict = judge(&Scene {
                        expected: chain.size(),
                        tip: chain.tip(),
                        last: chain.last(),
                        before: chain.before(),
                        seq,
                        prev: Hash::parse_hash(&prev).ok(),
                        own: line_hash(&line),
                        vouched,
                        next,
                        previous: if at_start {
                            "the first entry names another header"
                        } else {
                            "the next entry names another"
                        },
                    });
                    let problem = match verdict {
                        verdict if verdict.previous && at_start => {
                            let what = format!("the header {}", verdict.what);
                            self.previous.problem(None, what)
                        }
                        verdict if verdict.previous => self.previous.problem(Some(verdict.seq), verdict.what),
                        verdict => place.problem(Some(verdict.seq), verdict.what),
                    };
                    return Ok((chain, Some(problem)));
                }
                Err((broken, _)) => {
                    let seq = Some(chain.size());
                    return Ok((chain, Some(place.problem(seq, in_words(broken)))));
                }
            }
        }
    }

    /// Asks the line after `line`, and the checkpoints, whether they know `line`; returns also the number of
    /// the line after, if that is an entry.
    fn vouched_by_next(
        &self,
        line: &[u8],
        index: usize,
        lines: &mut ExtentLines,
    ) -> Result<(bool, Option<u64>), AuditError> {
        #[derive(serde::Deserialize)]
        struct Any<'a> {
            seq: Option<u64>,
            #[serde(borrow)]
            prev: &'a str,
        }
        let own = line_hash(line).to_string();
        if self.vouched.contains(&own) {
            return Ok((true, None));
        }
        let mut following = match self.extents.get(index + 1) {
            Some(extent) => Some((extent.lines()?, extent)),
            None => None,
        };
        let next = match read(lines, &self.extents[index])? {
            None => match &mut following {
                Some((lines, extent)) => read(lines, extent)?,
                None => None,
            },
            next => next,
        };
        let Some(Line::Whole(next)) = next else {
            return Ok((false, None));
        };
        let Ok(Any { seq, prev }) = serde_json::from_slice::<Any<'_>>(next) else {
            return Ok((false, None));
        };
        let next_entry = seq.filter(|_| read_link(next).is_ok());
        Ok((prev == own, next_entry))
    }

    /// Compares the state with the checkpoints about it.
    fn compare(&mut self, chain: &Chain) -> Option<Problem> {
        if self.claims.get(self.next_claim)?.checkpoint.size > chain.size() {
            return None;
        }
        let root = chain.root().to_string();
        while let Some(claim) = self.claims.get(self.next_claim) {
            if claim.checkpoint.size > chain.size() {
                break;
            }
            if claim.checkpoint.origin != chain.origin() {
                let place = Place {
                    file: claim.file.clone(),
                    line: claim.line,
                };
                let what = format!(
                    "the checkpoint is of `{}`, the trail of `{}`",
                    claim.checkpoint.origin,
                    chain.origin()
                );
                return Some(place.problem(None, what));
            }
            if claim.checkpoint.root != root {
                return Some(self.disagreement(claim, chain));
            }
            self.found.checkpoints += 1;
            self.found.kept += u64::from(claim.kept);
            self.found.head = Some(Head {
                checkpoint: claim.checkpoint.clone(),
                jws: claim.jws.clone(),
            });
            self.next_claim += 1;
        }
        self.confirmed = (self.after_previous(), chain.size());
        None
    }

    fn after_previous(&self) -> Place {
        Place {
            file: self.previous.file.clone(),
            line: self.previous.line + 1,
        }
    }

    /// The lines agree with each other, but not with what was signed.
    fn disagreement(&self, claim: &Claim, chain: &Chain) -> Problem {
        let signed = &claim.checkpoint;
        let last = chain.size().saturating_sub(1);
        let before = chain.before().map(|hash| hash.to_string());
        if before.is_some() && before == signed.before {
            let what = format!("was changed: the checkpoint of {} names another", signed.time);
            return self.previous.problem(Some(last), what);
        }
        let (place, first) = &self.confirmed;
        let what = if *first >= last {
            format!("is not the one that was signed at {}", signed.time)
        } else {
            format!(
                "or a later one, up to entry {last}, is not the one that was signed at {}: from here on the \
                 trail was written anew",
                signed.time
            )
        };
        place.problem(Some(*first), what)
    }

    /// Checkpoints about entries after the last one.
    fn cut_off(&self) -> Option<Problem> {
        let furthest = self.claims.last()?;
        let size = self.found.size;
        (furthest.checkpoint.size > size).then(|| {
            let what = format!(
                "{}: the end was cut off, as the checkpoint of {} shows",
                missing(size, furthest.checkpoint.size),
                furthest.checkpoint.time
            );
            self.after_previous().problem(Some(size), what)
        })
    }
}

fn read<'l>(lines: &'l mut ExtentLines, extent: &Extent) -> Result<Option<Line<'l>>, AuditError> {
    lines.next().map_err(AuditError::io("read", &extent.path))
}

fn in_words(broken: Break) -> String {
    match broken {
        Break::Unreadable(what) => format!("cannot be read: {what}"),
        Break::Newer(format) => {
            format!("has the form {format}: it was changed, or written by a newer version of easemob-admin")
        }
        Break::Link { .. } | Break::Header => "does not follow from the line before".into(),
    }
}
