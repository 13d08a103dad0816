//! Reads entries one after the other, without verifying them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::error::AuditError;
use super::line::{Entry, Header};
use super::lines::Line;
use super::snapshot::{Extent, ExtentLines, extents};

/// The entries of a trail, oldest first, in flat memory.
///
/// A line that cannot be read is an error, after which the next line follows. When there are no more,
/// [`read_on`](Self::read_on) finds what was appended since.
pub struct Entries {
    directory: PathBuf,
    waiting: VecDeque<Extent>,
    /// Whose trail it is, by the header that was read last.
    origin: Option<String>,
    current: Option<(Extent, ExtentLines)>,
}

impl Entries {
    /// Opens the trail in `directory`; there are no entries if there is none.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(directory: &Path) -> Result<Self, AuditError> {
        Ok(Self {
            directory: directory.to_owned(),
            waiting: extents(directory)?.into(),
            origin: None,
            current: None,
        })
    }

    /// Returns the id of an entry that was read just now, which no other entry has: a user whose act failed and was
    /// tried again has several.
    #[must_use]
    pub fn id_of(&self, entry: &Entry) -> String {
        format!("{}/{}", self.origin.as_deref().unwrap_or_default(), entry.seq)
    }

    /// Makes what was appended since available.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn read_on(&mut self) -> Result<(), AuditError> {
        let mut now = extents(&self.directory)?;
        if let Some((read, lines)) = self.current.take() {
            now.retain(|extent| extent.first >= read.first);
            if let Some(same) = now.first().filter(|extent| extent.first == read.first).cloned() {
                let lines = same.lines_after(lines.number(), lines.offset())?;
                self.current = Some((same, lines));
                now.remove(0);
            }
        }
        self.waiting = now.into();
        Ok(())
    }

    fn next_line(&mut self) -> Result<Option<Entry>, AuditError> {
        loop {
            if let Some((extent, lines)) = &mut self.current {
                let reading = AuditError::io("read", &extent.path);
                let at_header = lines.number() == 0;
                if let Some(Line::Whole(line)) = lines.next().map_err(reading)? {
                    if at_header {
                        self.origin = serde_json::from_slice(line)
                            .ok()
                            .map(|header: Header| header.origin);
                        continue;
                    }
                    let parsed = serde_json::from_slice(line);
                    return parsed.map(Some).map_err(|error| AuditError::Damaged {
                        path: extent.path.clone(),
                        line: lines.number(),
                        problem: error.to_string(),
                    });
                }
                if self.waiting.is_empty() {
                    return Ok(None);
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

impl Iterator for Entries {
    type Item = Result<Entry, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::UNIX_EPOCH;

    use super::super::event::Event;
    use super::super::trail::{AuditTrail, Limits};
    use super::super::words::Kind;
    use super::*;

    fn numbers(entries: &mut Entries) -> Vec<u64> {
        entries.map(|entry| entry.unwrap().seq).collect()
    }

    #[test]
    fn what_is_appended_later_follows() {
        let home = tempfile::tempdir().unwrap();
        let limits = Limits {
            file_bytes: 500,
            ..Limits::default()
        };
        let mut entries = Entries::open(home.path()).unwrap();
        assert!(numbers(&mut entries).is_empty());
        let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
        let mut expected = 0;
        for size in [1, 3, 2, 20, 1] {
            entries.read_on().unwrap();
            assert!(numbers(&mut entries).is_empty());
            for _ in 0..size {
                trail.append(&[Event::new(UNIX_EPOCH, Kind::Intent)]).unwrap();
            }
            entries.read_on().unwrap();
            let found = numbers(&mut entries);
            assert_eq!(found, (expected..expected + size).collect::<Vec<_>>());
            expected += size;
        }
        assert_eq!(numbers(&mut Entries::open(home.path()).unwrap()).len(), 27);
    }

    #[test]
    fn each_entry_has_an_id_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "prod").unwrap();
        let twice = [(); 2].map(|()| Event::new(UNIX_EPOCH, Kind::Outcome));
        trail.append(&twice).unwrap();
        let mut entries = Entries::open(home.path()).unwrap();
        let mut ids = Vec::new();
        while let Some(entry) = entries.next() {
            ids.push(entries.id_of(&entry.unwrap()));
        }
        assert_eq!(ids, ["prod/0", "prod/1"]);
    }

    #[test]
    fn a_damaged_line_hides_no_other() {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        trail
            .append(&[(); 3].map(|()| Event::new(UNIX_EPOCH, Kind::Intent)))
            .unwrap();
        let path = home.path().join("entries-000000000000.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen(r#""seq":1"#, r#""seq":x"#, 1)).unwrap();
        let found: Vec<_> = Entries::open(home.path()).unwrap().collect();
        assert!(matches!(
            &found[..],
            [Ok(_), Err(AuditError::Damaged { line: 3, .. }), Ok(_)]
        ));
    }
}
