//! One JSON object per line. The summary goes to stderr only.

use std::io::{self, Write};

use super::{Record, Sink};

/// Writes one line per row.
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Creates the format for a writer.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        self.out.write_all(record.text().as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, _: &str) -> io::Result<()> {
        self.out.flush()
    }
}
