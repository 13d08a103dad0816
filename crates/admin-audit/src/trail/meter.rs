//! Counts the bytes that are read from files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number of bytes that many files add to.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

/// A file whose bytes are counted as they are read.
#[derive(Debug)]
pub(super) struct Metered {
    file: File,
    meter: Meter,
}

impl Meter {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self, file: File) -> Metered {
        let meter = self.clone();
        Metered { file, meter }
    }
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.meter.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
