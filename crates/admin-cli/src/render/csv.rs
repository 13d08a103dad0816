//! Comma-separated values with a header. The summary goes to stderr only.

use std::borrow::Cow;
use std::io::{self, Write};

use super::text::harmless;
use super::{Header, Record, Sink};

/// Writes one line per row.
pub struct Csv<W: Write> {
    out: csv::Writer<W>,
    columns: Option<&'static [&'static str]>,
}

impl<W: Write> Csv<W> {
    /// Binds the format to a writer.
    pub fn new(out: W, header: &Header) -> Self {
        Self {
            out: csv::Writer::from_writer(out),
            columns: Some(header.columns),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        match self.columns.take() {
            Some(columns) => self.out.write_record(columns).map_err(io::Error::from),
            None => Ok(()),
        }
    }
}

impl<W: Write + Send> Sink for Csv<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        self.open()?;
        for cell in record.cells() {
            self.out.write_field(&*guarded(harmless(cell)))?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, _: &str) -> io::Result<()> {
        self.open()?;
        self.out.flush()
    }
}

/// Keeps a spreadsheet from taking a name for a formula, as OWASP advises: a leading apostrophe.
fn guarded(cell: Cow<'_, str>) -> Cow<'_, str> {
    let looks_like_formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    if looks_like_formula {
        Cow::Owned(format!("'{cell}"))
    } else {
        cell
    }
}
