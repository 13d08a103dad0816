//! One id per line, which other commands take with `--from -`.

use std::io::{self, Write};

use easemob_admin_ops::names::harmless::one_line;

use super::{Record, Sink};

/// Writes the id of each row; rows about the same one, one after another, are one line.
pub struct Names<W> {
    out: W,
    last: String,
}

impl<W: Write> Names<W> {
    /// Creates the format for a writer.
    pub fn new(out: W) -> Self {
        Self {
            out,
            last: String::new(),
        }
    }
}

impl<W: Write + Send> Sink for Names<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        let Some(name) = record.cells().first().filter(|name| **name != self.last) else {
            return Ok(());
        };
        writeln!(self.out, "{}", one_line(name))?;
        self.last.clone_from(name);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, _: &str) -> io::Result<()> {
        self.out.flush()
    }
}
