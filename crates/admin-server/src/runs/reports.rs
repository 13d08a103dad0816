//! What a run reports, one line of JSON each, for any number of readers at their own pace.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use easemob_admin_ops::operations::{Event, RunReport};
use futures_util::{Stream, stream};
use tempfile::NamedTempFile;
use tokio::sync::watch;

use crate::service::random_name;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// The reports of one attempt, in a file that goes away with them: memory does not depend on their number.
#[derive(Debug)]
pub(crate) struct Reports {
    /// Tells these reports from those of other attempts on the same run.
    attempt: String,
    file: NamedTempFile,
    lost: Mutex<bool>,
    written: watch::Sender<Written>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Written {
    bytes: u64,
    ended: bool,
}

impl Reports {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            attempt: random_name(),
            file: NamedTempFile::new()?,
            lost: Mutex::new(false),
            written: watch::Sender::default(),
        })
    }

    /// Adds a report. If the disk is full, the run goes on, and its readers are told that reports are missing.
    pub(super) fn push(&self, event: &Event) {
        let bytes = self.write(event);
        self.written.send_modify(|written| written.bytes += bytes);
    }

    /// Writes a report, and returns how long it is; nothing if the disk is full.
    fn write(&self, event: &Event) -> u64 {
        let mut line = serde_json::to_vec(event).unwrap_or_default();
        line.push(b'\n');
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if *lost || self.file.as_file().write_all(&line).is_err() {
            *lost = true;
            return 0;
        }
        line.len() as u64
    }

    /// Adds how the attempt ended, if that is known, and says that no more will follow: nobody hears of an end of a run that still
    /// seems to be worked on.
    pub(super) fn end_with(&self, report: Option<RunReport>) {
        let bytes = report.map_or(0, |report| self.write(&Event::Ended(report)));
        self.written.send_modify(|written| {
            written.bytes += bytes;
            written.ended = true;
        });
    }

    /// Says that no more will follow.
    pub(super) fn end(&self) {
        self.written.send_modify(|written| written.ended = true);
    }

    /// Returns the name of the attempt, which no other one has.
    pub(crate) fn attempt(&self) -> &str {
        &self.attempt
    }

    /// Returns true if nothing will follow.
    pub(super) fn has_ended(&self) -> bool {
        self.written.borrow().ended
    }

    /// Streams the lines from the one with this number on, and waits for those that are not there yet.
    pub(crate) fn lines(
        &self,
        from: u64,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        let reading = Reading {
            file: self.file.reopen()?,
            at: 0,
            skip: from,
            written: self.written.subscribe(),
        };
        Ok(stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|piece| (piece, reading)))
        }))
    }

    /// Returns true if reports are missing, because the disk was full.
    pub(crate) fn are_incomplete(&self) -> bool {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reading {
    file: File,
    at: u64,
    /// How many lines are still to be skipped.
    skip: u64,
    written: watch::Receiver<Written>,
}

impl Reading {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let written = *self.written.borrow_and_update();
            let left = written.bytes.saturating_sub(self.at);
            if left == 0 {
                if written.ended || self.written.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            }
            let mut piece = vec![0; usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))];
            let read = self.file.read_at(&mut piece, self.at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            piece.truncate(read);
            self.at += read as u64;
            let start = self.skipped(&piece);
            if start < piece.len() {
                return Ok(Some(Bytes::from(piece.split_off(start))));
            }
        }
    }

    /// Returns where the first line begins that is wanted.
    fn skipped(&mut self, piece: &[u8]) -> usize {
        let mut start = 0;
        while self.skip > 0 {
            let Some(end) = piece[start..].iter().position(|byte| *byte == b'\n') else {
                return piece.len();
            };
            start += end + 1;
            self.skip -= 1;
        }
        start
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use easemob_admin_ops::report::ban::BanReport;
    use easemob_admin_ops::run::item::Item;
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn event(number: u64) -> Event {
        let user = easemob_admin_api::UserId::parse(format!("user{number}")).unwrap();
        Event::Item(BanReport::cut_off(&Item::new(number, number + 1, user)).into())
    }

    #[test]
    fn no_two_attempts_have_one_name() {
        let [one, other] = [(), ()].map(|()| Reports::new().unwrap());
        assert_ne!(one.attempt(), other.attempt());
    }

    #[tokio::test]
    async fn a_reader_begins_anywhere_and_waits_for_the_rest() {
        let reports = Reports::new().unwrap();
        (0..3_000).for_each(|number| reports.push(&event(number)));
        for from in [0, 1, 2_999, 3_000] {
            let mut lines = pin!(reports.lines(from).unwrap());
            let mut read = Vec::new();
            let count = |read: &[u8]| String::from_utf8_lossy(read).lines().count() as u64;
            while count(&read) < 3_000 - from || read.last().is_some_and(|last| *last != b'\n') {
                read.extend(lines.next().await.unwrap().unwrap());
            }
            let text = String::from_utf8(read).unwrap();
            let first = text.lines().next();
            assert_eq!(
                first.is_some_and(|line| line.contains(&format!("user{from}\""))),
                from < 3_000
            );
        }
        let mut late = pin!(reports.lines(3_000).unwrap());
        assert!(late.next().now_or_never().is_none());
        reports.push(&event(3_000));
        assert!(late.next().await.unwrap().unwrap().ends_with(b"\n"));
        reports.end();
        assert!(late.next().await.is_none());
    }
}
