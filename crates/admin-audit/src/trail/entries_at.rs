//! Reads single entries of a segment, at the offsets that an index has.

use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

use crate::error::AuditError;
use crate::event::Event;
use crate::line::{Entry, FORMAT};
use crate::trail::line_reader::{Line, LineReader};
use crate::trail::snapshot::Extent;

/// More than most lines have, and less than a system reads ahead.
const BUFFER: usize = 1024;

/// Returns the entries at `offsets`, each with its offset, or `None` if one of them is not the start of a line with an
/// entry that is `meant`: the index is wrong then.
pub(super) fn entries_at(
    extent: &Extent,
    offsets: &[u64],
    meant: impl Fn(&Event) -> bool,
) -> Result<Option<Vec<(u64, Entry)>>, AuditError> {
    let mut reader = BufReader::with_capacity(BUFFER, extent.open()?);
    let mut found = Vec::with_capacity(offsets.len());
    for &offset in offsets {
        let entry = entry_at(&mut reader, offset).map_err(AuditError::io("read", &extent.path))?;
        match entry.filter(|entry| entry.v <= FORMAT && meant(&entry.event)) {
            Some(entry) => found.push((offset, entry)),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn entry_at(reader: &mut (impl BufRead + Seek), offset: u64) -> io::Result<Option<Entry>> {
    let Some(before) = offset.checked_sub(1) else {
        return Ok(None);
    };
    reader.seek(SeekFrom::Start(before))?;
    let mut lines = LineReader::new(reader);
    if lines.next()? != Some(Line::Whole(b"")) {
        return Ok(None);
    }
    Ok(match lines.next()? {
        Some(Line::Whole(line)) => serde_json::from_slice(line).ok(),
        Some(Line::Torn(_)) | None => None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::kind::Kind;
    use crate::trail::AuditTrail;
    use crate::trail::snapshot::extents;

    #[test]
    fn only_the_start_of_an_entry_that_is_meant_is_read() {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        for user in ["ann", "bob", "eve"] {
            let mut event = Event::new(UNIX_EPOCH, Kind::Intent);
            event.user = Some(user.into());
            trail.append(&[event]).unwrap();
        }
        let extent = extents(home.path()).unwrap().remove(0);
        let mut lines = extent.lines().unwrap();
        let mut starts = vec![0];
        while lines.next().unwrap().is_some() {
            starts.push(lines.offset());
        }
        let read = |offsets: &[u64], user: &str| {
            let meant = |event: &Event| event.user.as_deref() == Some(user);
            let found = entries_at(&extent, offsets, meant).unwrap();
            found.map(|found| found.into_iter().map(|(_, entry)| entry.seq).collect::<Vec<_>>())
        };
        assert_eq!(read(&[starts[2]], "bob"), Some(vec![1]));
        assert_eq!(read(&[], "bob"), Some(vec![]));
        for wrong in [
            starts[0],
            starts[1],
            starts[2] - 1,
            starts[2] + 1,
            starts[4],
            starts[4] + 9,
        ] {
            assert_eq!(read(&[starts[2], wrong], "bob"), None, "{wrong}");
        }
    }
}
