//! Reads entries one after the other, without verifying them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::AuditError;
use crate::kind::Kind;
use crate::line::{Entry, FORMAT, Header, newer_format};
use crate::trail::line_reader::{Line, Place};
use crate::trail::snapshot::{Extent, ExtentLines, extents};

/// The entries of a trail, oldest first, in constant memory.
///
/// A line that is unreadable or has a newer format yields an error, and the next line follows. After the last
/// entry, [`read_on`](Self::read_on) makes entries available that were appended since then.
#[derive(Debug)]
pub struct Entries {
    directory: PathBuf,
    waiting: VecDeque<Extent>,
    /// The name of the trail, from the last header that was read.
    origin: Option<String>,
    current: Option<(Extent, ExtentLines)>,
    /// Whether the last line that was examined has no end.
    torn: bool,
}

/// The fields that show which run an entry belongs to.
#[derive(Debug, Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    run: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
}

impl Entries {
    /// Opens the trail in `directory`; a missing directory has no entries.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(directory: &Path) -> Result<Self, AuditError> {
        let mut entries = Self::none(directory);
        entries.waiting = extents(directory)?.into();
        Ok(entries)
    }

    /// Creates a reader of files that are still to be added.
    pub(super) fn none(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            waiting: VecDeque::new(),
            origin: None,
            current: None,
            torn: false,
        }
    }

    /// Continues with lines of another file after the last one. Notes the name of the trail from its header.
    pub(super) fn continue_with(&mut self, extent: Extent, lines: ExtentLines) -> Result<(), AuditError> {
        if lines.number() > 0 {
            self.note_origin(&extent)?;
        }
        self.current = Some((extent, lines));
        Ok(())
    }

    /// Forgets all files.
    pub(super) fn clear(&mut self) {
        *self = Self::none(&self.directory);
    }

    /// Notes the name of the trail from the header of a file that is not read from its start.
    fn note_origin(&mut self, extent: &Extent) -> Result<(), AuditError> {
        let mut lines = extent.few_lines_after(Place::default())?;
        if let Some(Line::Whole(line)) = lines.next().map_err(AuditError::io("read", &extent.path))?
            && let Ok(Header { origin, .. }) = serde_json::from_slice(line)
        {
            self.origin = Some(origin);
        }
        Ok(())
    }

    /// Opens the trail where the last attempt on `run` starts, or returns `None` if the run has no entries.
    ///
    /// Examines the files from the newest on, and goes back no further than necessary to find `most` entries
    /// of the run.
    ///
    /// # Errors
    /// When the directory or a file cannot be read.
    pub fn of_last_attempt(directory: &Path, run: &str, most: u64) -> Result<Option<Self>, AuditError> {
        let mut waiting: VecDeque<Extent> = VecDeque::new();
        let mut before: VecDeque<Extent> = extents(directory)?.into();
        let mut found = 0;
        while let Some(extent) = before.pop_back() {
            let (start, entries) = last_start(&extent, run)?;
            found += entries;
            let lines = match start {
                Some(place) => extent.lines_after(place)?,
                None if found < most && !before.is_empty() => {
                    waiting.push_front(extent);
                    continue;
                }
                None => extent.lines()?,
            };
            return Ok((start.is_some() || found > 0).then(|| Self {
                directory: directory.to_owned(),
                waiting,
                origin: None,
                current: Some((extent, lines)),
                torn: false,
            }));
        }
        Ok(None)
    }

    /// Returns true if the last line that was examined has no end: another process is writing it now, or was
    /// killed while writing.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// Returns the unique id of an entry that was just read.
    #[must_use]
    pub fn id_of(&self, entry: &Entry) -> String {
        entry.id(self.origin.as_deref().unwrap_or_default())
    }

    /// Makes entries available that were appended since then.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn read_on(&mut self) -> Result<(), AuditError> {
        let mut now = extents(&self.directory)?;
        if let Some((read, lines)) = self.current.take() {
            now.retain(|extent| extent.first >= read.first);
            if let Some(same) = now.first().filter(|extent| extent.first == read.first).cloned() {
                let lines = same.lines_after(lines.place())?;
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
                let next = lines.next().map_err(reading)?;
                self.torn = matches!(next, Some(Line::Torn(_)));
                if let Some(Line::Whole(line)) = next {
                    let newer = |format| AuditError::Newer {
                        path: extent.path.clone(),
                        format,
                    };
                    if at_header {
                        if let Some(format) = newer_format(line) {
                            return Err(newer(format));
                        }
                        self.origin = serde_json::from_slice(line)
                            .ok()
                            .map(|header: Header| header.origin);
                        continue;
                    }
                    return match serde_json::from_slice::<Entry>(line) {
                        Ok(entry) if entry.v <= FORMAT => Ok(Some(entry)),
                        Ok(entry) => Err(newer(entry.v)),
                        Err(error) => Err(newer_format(line).map_or_else(
                            || AuditError::Damaged {
                                path: extent.path.clone(),
                                line: lines.number(),
                                problem: error.to_string(),
                            },
                            newer,
                        )),
                    };
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

/// Returns the place before the last start of a run in a file, and how many entries of
/// the run follow, or are in the file at all.
fn last_start(extent: &Extent, run: &str) -> Result<(Option<Place>, u64), AuditError> {
    let mut lines = extent.lines()?;
    let (mut start, mut entries) = (None, 0);
    loop {
        let place = lines.place();
        let next = lines.next().map_err(AuditError::io("read", &extent.path))?;
        let Some(Line::Whole(line)) = next else {
            return Ok((start, entries));
        };
        let Ok(mark) = serde_json::from_slice::<Mark<'_>>(line) else {
            continue;
        };
        if mark.run.as_deref() != Some(run) {
            continue;
        }
        if mark.kind.as_deref() == Some(Kind::RunStarted.as_str()) {
            (start, entries) = (Some(place), 0);
        }
        entries += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::event::Event;
    use crate::trail::lock::TrailLock;
    use crate::trail::{AuditTrail, Limits};

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
    fn the_last_attempt_on_a_run_is_found_from_the_end() {
        use Kind::{Intent, Outcome, RunEnded, RunStarted};
        let a_run = |kind, run: &str| {
            let mut event = Event::new(UNIX_EPOCH, kind);
            event.run = Some(run.into());
            event
        };
        let attempt = [RunStarted, Intent, Outcome, RunEnded].map(|kind| a_run(kind, "a"));
        let other = [RunStarted, Intent, Outcome].map(|kind| a_run(kind, "b"));
        let long: Vec<Event> = std::iter::once(a_run(RunStarted, "a"))
            .chain((0..50).map(|_| a_run(Outcome, "a")))
            .collect();
        for file_bytes in [500, 2_000, 1 << 24] {
            for (parts, most, expected) in [
                (vec![], 9, None),
                (vec![&other[..]], 9, None),
                (vec![&attempt[..]], 9, Some(0..4)),
                (vec![&attempt[..], &other, &attempt, &other], 9, Some(7..14)),
                (vec![&other[..], &attempt, &other, &other], 9, Some(3..13)),
                (vec![&other[..], &long, &other], 99, Some(3..57)),
            ] {
                let home = tempfile::tempdir().unwrap();
                let limits = Limits {
                    file_bytes,
                    ..Limits::default()
                };
                let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
                for event in parts.concat() {
                    trail.append(&[event]).unwrap();
                }
                let found = Entries::of_last_attempt(home.path(), "a", most).unwrap();
                let found = found.map(|mut entries| numbers(&mut entries));
                assert_eq!(
                    found,
                    expected.map(Iterator::collect),
                    "{file_bytes} {most} {parts:?}"
                );
            }
        }
    }

    #[test]
    fn no_more_is_looked_at_than_it_takes() {
        let home = tempfile::tempdir().unwrap();
        let limits = Limits {
            file_bytes: 500,
            ..Limits::default()
        };
        let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
        let mut event = Event::new(UNIX_EPOCH, Kind::RunStarted);
        event.run = Some("a".into());
        trail.append(&[event.clone()]).unwrap();
        event.kind = Kind::Outcome;
        for _ in 0..50 {
            trail.append(&[event.clone()]).unwrap();
        }
        let mut entries = Entries::of_last_attempt(home.path(), "a", 9).unwrap().unwrap();
        let found = numbers(&mut entries);
        assert!((9..20).contains(&found.len()), "{found:?}");
        assert_eq!(found.last(), Some(&50));
    }

    #[test]
    fn a_torn_line_is_told_and_the_rest_is_read() {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        trail
            .append(&[(); 3].map(|()| Event::new(UNIX_EPOCH, Kind::Intent)))
            .unwrap();
        let path = home.path().join("entries-000000000000.jsonl");
        let whole = fs::read(&path).unwrap();
        for (cut, expected, torn) in [(0, 3, false), (1, 2, true), (20, 2, true)] {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut entries = Entries::open(home.path()).unwrap();
            assert_eq!(numbers(&mut entries).len(), expected);
            assert_eq!(entries.is_torn(), torn);
        }
        // The writer has completed it.
        fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        let mut entries = Entries::open(home.path()).unwrap();
        assert_eq!(numbers(&mut entries), [0, 1]);
        fs::write(&path, &whole).unwrap();
        entries.read_on().unwrap();
        assert_eq!(numbers(&mut entries), [2]);
        assert!(!entries.is_torn());
    }

    #[test]
    fn whoever_holds_the_lock_keeps_nobody_from_reading() {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        trail.append(&[Event::new(UNIX_EPOCH, Kind::Intent)]).unwrap();
        let lock = TrailLock::open(home.path(), Duration::ZERO).unwrap();
        let _held = lock.hold().unwrap();
        assert_eq!(numbers(&mut Entries::open(home.path()).unwrap()), [0]);
    }

    #[test]
    fn what_a_newer_version_wrote_is_no_entry() {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        trail
            .append(&[(); 2].map(|()| Event::new(UNIX_EPOCH, Kind::Intent)))
            .unwrap();
        let path = home.path().join("entries-000000000000.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        for (ours, newer, expected) in [
            (r#"{"format":1"#, r#"{"format":2"#, [false, true, true].as_slice()),
            (r#"{"v":1,"seq":0"#, r#"{"v":2,"seq":0"#, &[false, true]),
            (r#"{"v":1,"seq":0"#, r#"{"v":2,"number":0"#, &[false, true]),
        ] {
            fs::write(&path, text.replacen(ours, newer, 1)).unwrap();
            let found: Vec<_> = Entries::open(home.path()).unwrap().collect();
            assert!(
                matches!(&found[0], Err(AuditError::Newer { format: 2, .. })),
                "{newer}: {found:?}"
            );
            let read: Vec<bool> = found.iter().map(Result::is_ok).collect();
            assert_eq!(read, expected, "{newer}");
        }
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
