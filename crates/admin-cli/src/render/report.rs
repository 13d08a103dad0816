//! Reports: where commands write their rows.

use std::io::{self, Write};

use easemob_admin_ops::names::harmless::harmless_json;
use serde::Serialize;

use super::csv::Csv;
use super::json::Json;
use super::jsonl::JsonLines;
use super::table::Table;
use super::{Format, Header, Record, Sink};

/// A row of a report.
pub trait Row: Serialize {
    /// The names of the columns, as in the CSV header.
    const COLUMNS: &'static [&'static str];

    /// The names of the table's columns, which omit what people seldom need.
    const TABLE: &'static [&'static str] = Self::COLUMNS;

    /// Returns one text per column, empty if there is no value.
    fn cells(&self) -> Vec<String>;

    /// Returns one text per column of the table.
    fn table_cells(&self) -> Vec<String> {
        self.cells()
    }
}

/// Whether the reader is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The row was accepted.
    Listening,
    /// Stdout was closed; nothing more will be written.
    Gone,
}

/// Writes rows to stdout in one format.
pub struct Report {
    sink: Box<dyn Sink>,
    format: Format,
    tagged: bool,
    gone: bool,
}

/// A JSON line stands alone, so each line must say that it is not about a real server.
#[derive(Serialize)]
struct Tagged<'a, R> {
    #[serde(flatten)]
    row: &'a R,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<bool>,
}

impl Report {
    /// Creates the report; `width` is the width of the terminal, if there is one.
    #[must_use]
    pub fn new(format: Format, header: Header, out: Box<dyn Write + Send>, width: Option<usize>) -> Self {
        let tagged = header.sandbox && format == Format::Jsonl;
        let sink: Box<dyn Sink> = match format {
            Format::Table | Format::Failures => Box::new(Table::new(out, &header, width)),
            Format::Json => Box::new(Json::new(out, header)),
            Format::Jsonl => Box::new(JsonLines::new(out)),
            Format::Csv => Box::new(Csv::new(out, &header)),
        };
        Self {
            sink,
            format,
            tagged,
            gone: false,
        }
    }

    /// Writes one row, which is readable at once in formats that are read while they grow.
    ///
    /// # Errors
    /// When writing fails for another reason than a closed pipe, such as a full disk.
    pub fn row<R: Row>(&mut self, row: &R) -> io::Result<Reader> {
        self.buffer(row)?;
        self.flush()
    }

    /// Writes one row, which is readable only after [`flush`](Self::flush).
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn buffer<R: Row>(&mut self, row: &R) -> io::Result<Reader> {
        if self.gone {
            return Ok(Reader::Gone);
        }
        let record = match self.format {
            Format::Table | Format::Failures => Record::Cells(row.table_cells()),
            Format::Csv => Record::Cells(row.cells()),
            Format::Json | Format::Jsonl => {
                let sandbox = self.tagged.then_some(true);
                Record::Json(harmless_json(&serde_json::to_string(&Tagged { row, sandbox })?).into_owned())
            }
        };
        let written = self.sink.row(&record);
        self.judge(written)
    }

    /// Flushes the buffered rows.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn flush(&mut self) -> io::Result<Reader> {
        if self.gone {
            return Ok(Reader::Gone);
        }
        let flushed = self.sink.flush();
        self.judge(flushed)
    }

    /// Writes the end of the document.
    ///
    /// # Errors
    /// When writing fails for another reason than a closed pipe.
    pub fn finish(&mut self, summary: &impl Serialize) -> io::Result<Reader> {
        if self.gone {
            return Ok(Reader::Gone);
        }
        let summary = harmless_json(&serde_json::to_string(summary)?).into_owned();
        let written = self.sink.finish(&summary);
        self.judge(written)
    }

    fn judge(&mut self, written: io::Result<()>) -> io::Result<Reader> {
        match written {
            Ok(()) => Ok(Reader::Listening),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(Reader::Gone)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
