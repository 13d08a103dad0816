//! Entries as events of a stream (`text/event-stream`), several at a time.

use std::io;
use std::ops::Range;

use axum::body::Bytes;
use easemob_admin_audit::Entry;

/// Entries that follow each other.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    events: Vec<Event>,
    text: Bytes,
}

#[derive(Debug, Clone)]
struct Event {
    number: u64,
    run: Option<String>,
    text: Range<usize>,
}

/// A batch in progress.
#[derive(Debug, Default)]
pub(super) struct Draft {
    events: Vec<Event>,
    text: Vec<u8>,
}

impl Draft {
    /// Adds an entry. Its number is the id of the event, from which a reader goes on.
    pub(super) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        let start = self.text.len();
        self.text
            .extend_from_slice(format!("id: {}\ndata: ", entry.seq).as_bytes());
        serde_json::to_writer(&mut self.text, entry)?;
        self.text.extend_from_slice(b"\n\n");
        self.events.push(Event {
            number: entry.seq,
            run: entry.event.run.clone(),
            text: start..self.text.len(),
        });
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the batch, if there is anything in it.
    pub(super) fn finish(self) -> Option<Batch> {
        let Self { events, text } = self;
        (!events.is_empty()).then(|| Batch {
            events,
            text: text.into(),
        })
    }
}

impl Batch {
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn first(&self) -> u64 {
        self.events.first().map_or(0, |event| event.number)
    }

    /// Returns the number after the last one.
    pub(super) fn end(&self) -> u64 {
        self.events.last().map_or(0, |event| event.number + 1)
    }

    /// Returns the events from a number on, of one run or of all.
    pub(super) fn from(&self, number: u64, run: Option<&str>) -> Bytes {
        let later = &self.events[self.events.partition_point(|event| event.number < number)..];
        let Some(run) = run else {
            let start = later.first().map_or(self.text.len(), |event| event.text.start);
            return self.text.slice(start..);
        };
        let mut text = Vec::new();
        for event in later.iter().filter(|event| event.run.as_deref() == Some(run)) {
            text.extend_from_slice(&self.text[event.text.clone()]);
        }
        text.into()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use easemob_admin_audit::{Event, EventTime, Kind};
    use serde_json::json;

    use super::*;

    pub(crate) fn entry(number: u64, run: &str) -> Entry {
        let mut event = Event::new(EventTime::from_millis(0), Kind::Intent);
        event.run = Some(run.to_owned());
        let mut line = serde_json::to_value(&event).unwrap();
        line["v"] = json!(1);
        line["seq"] = json!(number);
        line["prev"] = json!("");
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn a_reader_gets_what_is_new_of_its_run() {
        let mut draft = Draft::default();
        assert!(Draft::default().finish().is_none());
        for number in 5..9 {
            draft
                .push(&entry(number, if number % 2 == 0 { "even" } else { "odd" }))
                .unwrap();
        }
        let batch = draft.finish().unwrap();
        assert_eq!((batch.first(), batch.end()), (5, 9));
        let ids = |number, run| -> Vec<String> {
            let text = String::from_utf8(batch.from(number, run).to_vec()).unwrap();
            assert!(text.is_empty() || text.ends_with("}\n\n"));
            text.lines()
                .filter_map(|line| line.strip_prefix("id: "))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(ids(0, None), ["5", "6", "7", "8"]);
        assert_eq!(ids(7, None), ["7", "8"]);
        assert_eq!(ids(0, Some("even")), ["6", "8"]);
        assert_eq!(ids(7, Some("even")), ["8"]);
        assert!(ids(9, None).is_empty() && ids(9, Some("odd")).is_empty());
    }
}
