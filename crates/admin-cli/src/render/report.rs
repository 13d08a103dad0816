//! Reports: where commands write their rows.

use std::io::{self, Write};

use easemob_admin_ops::names::harmless::harmless_json;
use easemob_admin_words::{Language, t, within};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::csv::Csv;
use super::json::Json;
use super::jsonl::JsonLines;
use super::names::Names;
use super::table::{Table, Terminal};
use super::view::Shown;
use super::yaml::{self, Yaml};
use super::{Format, Header, Record, Sink};
use crate::command_error::CommandError;
use crate::exit;

/// Returns the error of a command whose rows cannot be written.
#[must_use]
pub fn unwritten_rows(error: io::Error) -> CommandError {
    CommandError::new(exit::INTERNAL, t!("cannot write the rows to stdout")).because(error)
}

/// A row of a report.
pub trait Row: Serialize {
    /// The names of the columns, as in the CSV header.
    const COLUMNS: &'static [&'static str];

    /// The names of the table's columns, which omit what people seldom need.
    const TABLE: &'static [&'static str] = Self::COLUMNS;

    /// The names of columns of the table that a terminal leaves out before it shortens the first one, in this order.
    const LEAST: &'static [&'static str] = &[];

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
    shown: Shown,
    /// The rows, with what decides their place, if they are sorted.
    held: Vec<(Vec<String>, Record)>,
    tagged: bool,
    /// Whether a person reads the rows as they are: what is read from a pipe has one language.
    on_screen: bool,
    gone: bool,
}

/// The chosen fields of a row, in the order in which they were named.
struct Chosen(Vec<(&'static str, Value)>);

impl Serialize for Chosen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
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
    /// Creates the report, for the terminal if there is one.
    #[must_use]
    pub fn new(
        format: Format,
        header: Header,
        shown: Shown,
        out: Box<dyn Write + Send>,
        terminal: Option<Terminal>,
    ) -> Self {
        let on_screen = terminal.is_some();
        let tagged = header.sandbox && format == Format::Jsonl;
        let sink: Box<dyn Sink> = match format {
            Format::Table | Format::Failures => Box::new(Table::new(out, &header, terminal)),
            Format::Yaml => Box::new(Yaml::new(out, header)),
            Format::Name => Box::new(Names::new(out)),
            Format::Json => Box::new(Json::new(out, header)),
            Format::Jsonl => Box::new(JsonLines::new(out)),
            Format::Csv => Box::new(Csv::new(out, &header)),
        };
        Self {
            sink,
            format,
            shown,
            held: Vec::new(),
            tagged,
            on_screen,
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
        let record = self.record(row)?;
        if self.shown.is_sorted() {
            self.held.push((self.shown.place(&row.cells()), record));
            return Ok(Reader::Listening);
        }
        let written = self.sink.row(&record);
        self.judge(written)
    }

    fn record<R: Row>(&self, row: &R) -> io::Result<Record> {
        let chosen = self.shown.columns.as_deref();
        let json = |row: &Value, column: usize| {
            let name = R::COLUMNS[column];
            (name, row.get(name).cloned().unwrap_or_default())
        };
        Ok(match (self.format, chosen) {
            (Format::Table | Format::Failures, None) if self.on_screen => Record::Cells(row.table_cells()),
            (Format::Table | Format::Failures, None) => {
                Record::Cells(within(Language::English, || row.table_cells()))
            }
            (Format::Name, _) => Record::Cells(name(row).into_iter().collect()),
            (Format::Csv, None) => Record::Cells(row.cells()),
            (Format::Table | Format::Failures | Format::Csv, Some(chosen)) => {
                let cells = row.cells();
                Record::Cells(chosen.iter().map(|column| cells[*column].clone()).collect())
            }
            (Format::Json | Format::Jsonl | Format::Yaml, None) => {
                let sandbox = self.tagged.then_some(true);
                self.text(&Tagged { row, sandbox })?
            }
            (Format::Json | Format::Jsonl | Format::Yaml, Some(chosen)) => {
                let row = serde_json::to_value(row)?;
                self.text(&Chosen(chosen.iter().map(|column| json(&row, *column)).collect()))?
            }
        })
    }

    fn text(&self, row: &impl Serialize) -> io::Result<Record> {
        Ok(Record::Text(if self.format == Format::Yaml {
            yaml::element(row)?
        } else {
            harmless_json(&serde_json::to_string(row)?).into_owned()
        }))
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

    /// Writes the rows that the format holds back, because the next one may be long in coming.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn catch_up(&mut self) -> io::Result<Reader> {
        if self.gone {
            return Ok(Reader::Gone);
        }
        let written = self.sink.catch_up();
        self.judge(written)
    }

    /// Writes the end of the document.
    ///
    /// # Errors
    /// When writing fails for another reason than a closed pipe.
    pub fn finish(&mut self, summary: &impl Serialize) -> io::Result<Reader> {
        if self.gone {
            return Ok(Reader::Gone);
        }
        let mut held = std::mem::take(&mut self.held);
        held.sort_by(|(one, _), (other, _)| self.shown.compare(one, other));
        for (_, record) in held {
            let written = self.sink.row(&record);
            if self.judge(written)? == Reader::Gone {
                return Ok(Reader::Gone);
            }
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

/// Returns the id of what a row is about: its user, or else what its first column names.
fn name<R: Row>(row: &R) -> Option<String> {
    let column = R::COLUMNS
        .iter()
        .position(|column| *column == "user")
        .unwrap_or(0);
    row.cells()
        .into_iter()
        .nth(column)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
