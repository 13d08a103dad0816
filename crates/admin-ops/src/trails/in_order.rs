//! Entries of several trails, one after the other: archives, and then the trail that is still written to.

use std::collections::VecDeque;

use easemob_admin_audit::Entry;

use super::{Found, TrailError};

/// Finds the entries of a part, of which only the newest may be wanted.
pub type Part<'a> = Box<dyn Fn(Option<u64>) -> Result<Box<dyn Found>, TrailError> + 'a>;

/// Finds the entries of all parts, the oldest first, of which only the newest may be wanted.
///
/// # Errors
/// When a part cannot be read.
pub fn all(parts: &[Part<'_>], newest: Option<u64>) -> Result<Box<dyn Found>, TrailError> {
    let mut found = VecDeque::new();
    let mut left = newest;
    for part in parts.iter().rev() {
        if left == Some(0) && !found.is_empty() {
            break;
        }
        let mut entries = Read::new(part(left)?);
        if let Some(left) = &mut left {
            // How many the earlier parts have to give is known only now.
            entries.read_ahead();
            *left = left.saturating_sub(entries.ahead.len() as u64);
        }
        found.push_front(entries);
    }
    Ok(Box::new(All {
        parts: found.into(),
        current: 0,
    }))
}

/// A part, of which some entries were read ahead.
struct Read {
    ahead: VecDeque<(Result<Entry, TrailError>, String)>,
    rest: Box<dyn Found>,
    id: String,
}

impl Read {
    fn new(rest: Box<dyn Found>) -> Self {
        Self {
            ahead: VecDeque::new(),
            rest,
            id: String::new(),
        }
    }

    fn read_ahead(&mut self) {
        while let Some(entry) = self.rest.next() {
            let id = entry
                .as_ref()
                .map(|entry| self.rest.id_of(entry))
                .unwrap_or_default();
            self.ahead.push_back((entry, id));
        }
    }
}

impl Iterator for Read {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((entry, id)) = self.ahead.pop_front() {
            self.id = id;
            return Some(entry);
        }
        let entry = self.rest.next()?;
        self.id = entry
            .as_ref()
            .map(|entry| self.rest.id_of(entry))
            .unwrap_or_default();
        Some(entry)
    }
}

struct All {
    parts: Vec<Read>,
    current: usize,
}

impl Iterator for All {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.parts.get_mut(self.current)?.next() {
                return Some(entry);
            }
            if self.current + 1 == self.parts.len() {
                return None;
            }
            self.current += 1;
        }
    }
}

impl Found for All {
    fn id_of(&self, _: &Entry) -> String {
        self.parts
            .get(self.current)
            .map(|part| part.id.clone())
            .unwrap_or_default()
    }

    /// Entries are added to the last part only.
    fn read_on(&mut self) -> Result<(), TrailError> {
        self.parts.last_mut().map_or(Ok(()), |last| last.rest.read_on())
    }

    fn is_torn(&self) -> bool {
        self.parts.iter().any(|part| part.rest.is_torn())
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_audit::{Event, EventTime, Kind};

    use super::*;

    struct Numbers(&'static str, VecDeque<u64>);

    impl Iterator for Numbers {
        type Item = Result<Entry, TrailError>;

        fn next(&mut self) -> Option<Self::Item> {
            let seq = self.1.pop_front()?;
            let event = Event::new(EventTime::from_millis(0), Kind::Intent);
            let mut line = serde_json::to_value(&event).unwrap();
            line["v"] = 1.into();
            line["seq"] = seq.into();
            line["prev"] = "".into();
            Some(Ok(serde_json::from_value(line).unwrap()))
        }
    }

    impl Found for Numbers {
        fn id_of(&self, entry: &Entry) -> String {
            format!("{}{}", self.0, entry.seq)
        }

        fn read_on(&mut self) -> Result<(), TrailError> {
            self.1.push_back(9);
            Ok(())
        }

        fn is_torn(&self) -> bool {
            false
        }
    }

    fn part(name: &'static str, count: u64) -> Part<'static> {
        Box::new(move |newest| {
            let first = newest.map_or(0, |newest| count.saturating_sub(newest));
            Ok(Box::new(Numbers(name, (first..count).collect())))
        })
    }

    #[test]
    fn the_newest_entries_of_all_parts_come_in_their_order() {
        for (newest, expected) in [
            (None, "a0 a1 b0 b1 b2"),
            (Some(9), "a0 a1 b0 b1 b2"),
            (Some(4), "a1 b0 b1 b2"),
            (Some(3), "b0 b1 b2"),
            (Some(1), "b2"),
        ] {
            let mut found = all(&[part("a", 2), part("b", 3)], newest).unwrap();
            let mut ids = Vec::new();
            while let Some(entry) = found.next() {
                ids.push(found.id_of(&entry.unwrap()));
            }
            assert_eq!(ids.join(" "), expected, "{newest:?}");
            found.read_on().unwrap();
            let entry = found.next().unwrap().unwrap();
            assert_eq!(found.id_of(&entry), "b9");
        }
    }
}
