//! A run's own copy of its input: one JSON object per line, written once, read by every attempt.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use crate::bulk::digest::Hashed;
use crate::bulk::item::Item;

/// Writes items to a new file and returns how many there are and the digest of the file.
///
/// # Errors
/// When an item cannot be read, or the disk is full.
pub fn write(file: File, items: impl Iterator<Item = io::Result<Item>>) -> io::Result<(u64, String)> {
    let mut out = Hashed::new(BufWriter::new(file));
    let mut count = 0;
    for item in items {
        serde_json::to_writer(&mut out, &item?)?;
        out.write_all(b"\n")?;
        count += 1;
    }
    let (out, sha256) = out.finish();
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok((count, sha256))
}

/// Streams the items of a file.
///
/// # Errors
/// When it cannot be opened.
pub fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Item>> + use<>> {
    let lines = BufReader::with_capacity(64 * 1024, File::open(path)?).split(b'\n');
    Ok(lines.zip(0_u64..).map(|(line, number)| {
        let item: Item = serde_json::from_slice(&line?)?;
        Ok(Item { number, ..item })
    }))
}
