//! The state of a trail at one moment, so that concurrent writers do not confuse readers.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Take};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::error::AuditError;
use crate::naming::HEADS;
use crate::trail::line_reader::{Line, LineReader, Place};
use crate::trail::lock::TrailLock;
use crate::trail::meter::{Meter, Metered};
use crate::trail::segment::segments;

/// A writer holds the lock only for the time of one block.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long a reader of entries waits for a writer, which may be stopped in the middle of a block.
const SHORT_WAIT: Duration = Duration::from_millis(100);

/// One file of entries, up to its length at that moment.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    pub(super) bytes: u64,
    /// Whether it gets the next entries.
    pub(super) is_last: bool,
    /// Counts the bytes read from all files of this moment.
    pub(super) meter: Meter,
}

/// The lines of one file.
pub(super) type ExtentLines = LineReader<BufReader<Take<Metered>>>;

impl Extent {
    /// Returns the directory of the trail.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }

    pub(super) fn lines(&self) -> Result<ExtentLines, AuditError> {
        self.lines_after(Place::default())
    }

    /// Continues at a place.
    pub(super) fn lines_after(&self, place: Place) -> Result<ExtentLines, AuditError> {
        self.buffered(64 * 1024, place)
    }

    /// Continues at a place, where no more than one or two lines are read.
    pub(super) fn few_lines_after(&self, place: Place) -> Result<ExtentLines, AuditError> {
        self.buffered(1024, place)
    }

    fn buffered(&self, bytes: usize, place: Place) -> Result<ExtentLines, AuditError> {
        let reader = BufReader::with_capacity(bytes, self.after(place.offset)?);
        Ok(LineReader::starting_at(reader, place))
    }

    /// Starts with the first line after `offset`, or with the first line of all if that is not an entry, which alone
    /// says how many lines are before it.
    pub(super) fn lines_near(&self, offset: u64) -> Result<ExtentLines, AuditError> {
        #[derive(Deserialize)]
        struct Numbered {
            seq: u64,
        }
        if let Some(offset) = offset.checked_sub(1) {
            let mut lines = self.few_lines_after(Place { number: 0, offset })?;
            let _rest = lines.next().map_err(AuditError::io("read", &self.path))?;
            let offset = lines.offset();
            if let Some(Line::Whole(line)) = lines.next().map_err(AuditError::io("read", &self.path))?
                && let Ok(Numbered { seq }) = serde_json::from_slice(line)
                && let Some(entries) = seq.checked_sub(self.first)
            {
                let number = entries + 1;
                return self.lines_after(Place { number, offset });
            }
        }
        self.lines()
    }

    /// Reads the bytes from `offset` on.
    pub(super) fn after(&self, offset: u64) -> Result<Take<Metered>, AuditError> {
        let mut file = self.open()?;
        file.seek(SeekFrom::Start(offset))
            .map_err(AuditError::io("read", &self.path))?;
        Ok(file.take(self.bytes.saturating_sub(offset)))
    }

    /// Opens the file, which may have grown since then.
    pub(super) fn open(&self) -> Result<Metered, AuditError> {
        let file = File::open(&self.path).map_err(AuditError::io("read", &self.path))?;
        Ok(self.meter.read(file))
    }
}

/// Returns the files of a trail with their current lengths.
///
/// Without the lock, the last line may lack its end, and entries may be read that a full disk makes the
/// writer undo.
pub(super) fn extents(directory: &Path) -> Result<Vec<Extent>, AuditError> {
    let lock = TrailLock::of_reader(directory, SHORT_WAIT);
    let _held = lock.as_ref().and_then(|lock| lock.share().ok());
    list(directory)
}

/// Returns the files, and the text of the heads at the same moment.
pub(super) fn with_heads(directory: &Path) -> Result<(Vec<Extent>, Vec<u8>), AuditError> {
    // A copy needs no lock, and may have none.
    let lock = TrailLock::of_reader(directory, LONGEST_WAIT);
    let _held = lock.as_ref().map(TrailLock::share).transpose()?;
    Ok((list(directory)?, heads(&directory.join(HEADS))?))
}

/// Reads a file of heads; a missing file has none.
pub(super) fn heads(path: &Path) -> Result<Vec<u8>, AuditError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(AuditError::io("read", path)),
    }
}

fn list(directory: &Path) -> Result<Vec<Extent>, AuditError> {
    let mut extents = Vec::new();
    let meter = Meter::default();
    for segment in segments(directory)? {
        match fs::metadata(&segment.path) {
            Ok(metadata) => extents.push(Extent {
                path: segment.path,
                first: segment.first,
                bytes: metadata.len(),
                is_last: false,
                meter: meter.clone(),
            }),
            // A file that could not be started is removed again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(AuditError::io("read", &segment.path)(error)),
        }
    }
    if let Some(last) = extents.last_mut() {
        last.is_last = true;
    }
    Ok(extents)
}
