//! The lines of a trail as they are stored, for whoever verifies them elsewhere.

use std::collections::VecDeque;
use std::path::Path;

use crate::error::AuditError;
use crate::naming::HEADS;
use crate::trail::line_reader::Line;
use crate::trail::snapshot::{Extent, ExtentLines, extents, heads};

/// The lines of a trail, headers and entries, each without its end, as they were at one moment.
///
/// After a line that has no end where another file follows, or a file that cannot be read, nothing follows.
#[derive(Debug)]
pub struct StoredLines {
    waiting: VecDeque<Extent>,
    current: Option<(Extent, ExtentLines)>,
    /// How many lines of the first file are left out.
    skip: u64,
}

impl StoredLines {
    /// Opens the trail in `directory` at entry `from`. If that entry is the first of its segment, its header comes before it;
    /// a missing directory has no lines.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(directory: &Path, from: u64) -> Result<Self, AuditError> {
        let mut waiting: VecDeque<Extent> = extents(directory)?.into();
        while waiting.get(1).is_some_and(|next| next.first <= from) {
            waiting.pop_front();
        }
        let within = waiting
            .front()
            .map_or(0, |extent| from.saturating_sub(extent.first));
        Ok(Self {
            waiting,
            current: None,
            // The header is a line, too.
            skip: if within == 0 { 0 } else { within.saturating_add(1) },
        })
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, AuditError> {
        loop {
            if let Some((extent, lines)) = &mut self.current {
                match lines.next().map_err(AuditError::io("read", &extent.path))? {
                    Some(Line::Whole(_)) if self.skip > 0 => {
                        self.skip -= 1;
                        continue;
                    }
                    Some(Line::Whole(line)) => return Ok(Some(line.to_vec())),
                    Some(Line::Torn(_)) if !self.waiting.is_empty() => {
                        let (path, problem) = (extent.path.clone(), "a line has no end");
                        return Err(AuditError::Changed { path, problem });
                    }
                    // Another process is writing it.
                    Some(Line::Torn(_)) => return Ok(None),
                    None => {}
                }
            }
            let Some(extent) = self.waiting.pop_front() else {
                return Ok(None);
            };
            let lines = extent.lines()?;
            self.current = Some((extent, lines));
        }
    }
}

impl Iterator for StoredLines {
    type Item = Result<Vec<u8>, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_line();
        if next.is_err() {
            (self.current, self.waiting) = (None, VecDeque::new());
        }
        next.transpose()
    }
}

/// Reads the signed heads of the trail in `directory`, one compact JWS per line; a missing directory has none.
///
/// # Errors
/// When they cannot be read.
pub fn stored_heads(directory: &Path) -> Result<Vec<u8>, AuditError> {
    heads(&directory.join(HEADS))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::event::Event;
    use crate::key::PublicKey;
    use crate::kind::Kind;
    use crate::limits::Limits;
    use crate::trail::AuditTrail;
    use crate::verify::Verifier;

    #[test]
    fn what_is_stored_verifies_elsewhere_and_goes_on_anywhere() {
        let home = tempfile::tempdir().unwrap();
        assert!(StoredLines::open(home.path(), 0).unwrap().next().is_none());
        let limits = Limits {
            file_bytes: 700,
            ..Limits::default()
        };
        let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
        for _ in 0..20 {
            trail.append(&[Event::new(UNIX_EPOCH, Kind::Intent)]).unwrap();
        }
        trail.checkpoint(UNIX_EPOCH).unwrap();
        let all: Vec<Vec<u8>> = StoredLines::open(home.path(), 0)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let number = |line: &[u8], field: &str| {
            let line: serde_json::Value = serde_json::from_slice(line).unwrap();
            line[field].as_u64()
        };
        let key = PublicKey::of_trail(home.path()).unwrap();
        let mut verifier = Verifier::new("test", &key, stored_heads(home.path()).unwrap());
        let mut segment = 0;
        for line in &all {
            segment = number(line, "first").unwrap_or(segment);
            assert!(verifier.line(segment, line).is_continue());
        }
        let found = verifier.finish();
        assert!(found.holds() && found.files > 2 && found.size == 20, "{found:?}");
        assert_eq!(found.unsigned(), 0);
        for from in 0..22 {
            let rest: Vec<Vec<u8>> = StoredLines::open(home.path(), from)
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert!(all.ends_with(&rest), "{from}");
            let first = rest.iter().find_map(|line| number(line, "seq"));
            assert_eq!(first, (from < 20).then_some(from));
        }
        let last = fs::read_dir(home.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let last = last
            .filter(|path| path.extension().is_some_and(|form| form == "jsonl"))
            .max()
            .unwrap();
        let mut torn = fs::OpenOptions::new().append(true).open(last).unwrap();
        torn.write_all(b"{\"v\":1").unwrap();
        assert_eq!(StoredLines::open(home.path(), 0).unwrap().count(), all.len());
        assert!(StoredLines::open(home.path(), u64::MAX).unwrap().next().is_none());
    }
}
