//! Finds the start of a run before its other entries, in segments that a search does not read otherwise.

use std::cell::OnceCell;

use crate::error::AuditError;
use crate::event::Event;
use crate::kind::Kind;
use crate::line::Entry;
use crate::trail::entries_at::entries_at;
use crate::trail::index::{Indexes, may_be_same_run};
use crate::trail::line_reader::Line;
use crate::trail::snapshot::Extent;

/// The starts of one run in a full segment, and the last one before.
#[derive(Debug)]
pub(super) struct RunStarts {
    here: Vec<(u64, Event)>,
    /// Without an event if the run has no earlier start.
    before: OnceCell<Option<Event>>,
}

impl RunStarts {
    pub(super) fn of(extent: &Extent, indexes: &mut Indexes, run: &str) -> Result<Self, AuditError> {
        let here = starts(extent, indexes, run)?;
        let before = OnceCell::new();
        Ok(Self { here, before })
    }

    /// Returns the last start before an offset in the segment, and looks for it in the segments `before` only if it
    /// must.
    pub(super) fn last_before(
        &mut self,
        offset: u64,
        before: &[Extent],
        indexes: &mut Indexes,
        run: &str,
    ) -> Result<Option<Event>, AuditError> {
        let here = self.here.partition_point(|(start, _)| *start < offset);
        if let Some((_, started)) = self.here[..here].last() {
            return Ok(Some(started.clone()));
        }
        if let Some(known) = self.before.get() {
            return Ok(known.clone());
        }
        let started = last_start(before, indexes, run)?;
        Ok(self.before.get_or_init(|| started).clone())
    }
}

/// Returns the last start of a run in the given segments, from the newest on.
pub(super) fn last_start(
    extents: &[Extent],
    indexes: &mut Indexes,
    run: &str,
) -> Result<Option<Event>, AuditError> {
    for extent in extents.iter().rev() {
        if let Some((_, started)) = starts(extent, indexes, run)?.pop() {
            return Ok(Some(started));
        }
    }
    Ok(None)
}

/// Returns all starts of a run in a full segment, with their offsets.
fn starts(extent: &Extent, indexes: &mut Indexes, run: &str) -> Result<Vec<(u64, Event)>, AuditError> {
    if let Some(offsets) = indexes.of(extent).and_then(|mut index| index.starts_of(run)) {
        let meant = |event: &Event| is_start(event, |id| may_be_same_run(id, run));
        if let Some(found) = entries_at(extent, &offsets, meant)? {
            let found = found.into_iter().map(|(offset, entry)| (offset, entry.event));
            return Ok(found
                .filter(|(_, event)| event.run.as_deref() == Some(run))
                .collect());
        }
    }
    let mut found = Vec::new();
    let mut lines = extent.lines()?;
    loop {
        let offset = lines.offset();
        let Some(Line::Whole(line)) = lines.next().map_err(AuditError::io("read", &extent.path))? else {
            return Ok(found);
        };
        if let Ok(Entry { event, .. }) = serde_json::from_slice(line)
            && is_start(&event, |id| id == run)
        {
            found.push((offset, event));
        }
    }
}

fn is_start(event: &Event, is_run: impl Fn(&str) -> bool) -> bool {
    event.kind == Kind::RunStarted && event.run.as_deref().is_some_and(is_run)
}
