//! A run's own copy of its input: one JSON object per line, written once, read by every attempt.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use crate::files::digest::Hashed;
use crate::run::item::Item;

/// Writes items, one after the other.
pub struct Writer {
    out: Hashed<BufWriter<File>>,
    count: u64,
}

impl Writer {
    /// Writes to a new file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            out: Hashed::new(BufWriter::new(file)),
            count: 0,
        }
    }

    /// Adds one item.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, item: &Item) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, item)?;
        self.out.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }

    /// Returns the file, the number of items, and the digest of the file.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self) -> io::Result<(File, u64, String)> {
        let (out, sha256) = self.out.finish();
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.count, sha256))
    }
}

/// Writes items to a new file and returns their number and the digest of the file.
///
/// # Errors
/// When an item cannot be read, or the disk is full.
pub fn write(file: File, items: impl Iterator<Item = io::Result<Item>>) -> io::Result<(u64, String)> {
    let mut writer = Writer::new(file);
    for item in items {
        writer.push(&item?)?;
    }
    let (file, count, sha256) = writer.finish()?;
    file.sync_all()?;
    Ok((count, sha256))
}

/// Streams the items of a file.
///
/// # Errors
/// When it cannot be opened.
pub fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Item>> + use<>> {
    items(File::open(path)?)
}

/// Streams the items of an open file, from its start.
///
/// # Errors
/// When it cannot be read.
pub fn items(mut file: File) -> io::Result<impl Iterator<Item = io::Result<Item>> + use<>> {
    file.rewind()?;
    let lines = BufReader::with_capacity(64 * 1024, file).split(b'\n');
    Ok(lines.zip(0_u64..).map(|(line, number)| {
        let item: Item = serde_json::from_slice(&line?)?;
        Ok(Item { number, ..item })
    }))
}
