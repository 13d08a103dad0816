//! Output formats: one file per format behind one small trait.
//!
//! Commands pass rows as they arrive, and a summary at the end; the format decides what to write when. Adding
//! a format changes no command.

pub mod csv;
pub mod json;
pub mod jsonl;
pub mod markdown;
pub mod names;
pub mod report;
pub mod table;
pub mod view;
pub mod yaml;

use std::io;

/// The formats of `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    #[default]
    Table,
    /// One JSON document with rows and summary
    Json,
    /// One JSON object per row, as they arrive
    Jsonl,
    /// Comma-separated values with a header, as they arrive
    Csv,
    /// One YAML document with rows and summary
    Yaml,
    /// One id per line, for `--from -`
    Name,
    /// The failures of a run as a list of users; only for `runs show`
    #[value(hide = true)]
    Failures,
}

/// A row as the format needs it.
#[derive(Debug)]
pub enum Record {
    /// The row in the language of the format.
    Text(String),
    /// One text per column.
    Cells(Vec<String>),
}

impl Record {
    /// Returns the texts of the columns.
    #[must_use]
    pub fn cells(&self) -> &[String] {
        match self {
            Self::Cells(cells) => cells,
            Self::Text(_) => &[],
        }
    }

    /// Returns the row in the language of the format.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Cells(_) => "null",
        }
    }
}

/// What a document says about itself.
#[derive(Debug, Clone)]
pub struct Header {
    /// The command, such as `devices list`.
    pub command: &'static str,
    /// Whether the sandbox answered.
    pub sandbox: bool,
    /// The app, if any.
    pub app: Option<String>,
    /// The names of the columns; none leaves out the titles.
    pub columns: Option<Vec<&'static str>>,
    /// The places of columns that a narrow terminal leaves out, the first of them first.
    pub least: Vec<usize>,
}

/// One output format, writing to one writer.
pub trait Sink: Send {
    /// Writes a row, or holds it back until enough is known to write it.
    ///
    /// # Errors
    /// When the writer fails.
    fn row(&mut self, record: &Record) -> io::Result<()>;

    /// Flushes what was written, in formats that are read while they grow.
    ///
    /// # Errors
    /// When the writer fails.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Writes what is held back, because the next row may be long in coming.
    ///
    /// # Errors
    /// When the writer fails.
    fn catch_up(&mut self) -> io::Result<()> {
        self.flush()
    }

    /// Writes what is left and the end of the document; `summary` is serialised JSON.
    ///
    /// # Errors
    /// When the writer fails.
    fn finish(&mut self, summary: &str) -> io::Result<()>;
}
