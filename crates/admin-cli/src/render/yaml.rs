//! One YAML document, written as the rows arrive.

use std::borrow::Cow;
use std::io::{self, Write};

use easemob_admin_ops::names::harmless::harmless_yaml;
use serde::Serialize;
use serde_json::{Value, json};

use super::json::SCHEMA;
use super::{Header, Record, Sink};

/// Writes one document.
pub struct Yaml<W> {
    out: W,
    header: Header,
    rows: u64,
}

/// Returns a value as an element of a list.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn element(value: &impl Serialize) -> io::Result<String> {
    // A plain text of YAML has no escapes, so whoever would steer a terminal is written as JSON, which is YAML too.
    let json = serde_json::to_string(value)?;
    match harmless_yaml(&json) {
        Cow::Borrowed(_) => serde_saphyr::to_string(&[value]).map_err(io::Error::other),
        Cow::Owned(escaped) => Ok(format!("- {escaped}\n")),
    }
}

impl<W: Write> Yaml<W> {
    /// Creates the format for a writer; nothing is written before the first row or the end.
    pub fn new(out: W, header: Header) -> Self {
        Self { out, header, rows: 0 }
    }

    fn open(&mut self) -> io::Result<()> {
        let Header {
            command,
            sandbox,
            app,
            ..
        } = &self.header;
        write!(
            self.out,
            "schema: {SCHEMA}\ncommand: {}\nsandbox: {sandbox}\napp: {}\nrows:",
            json!(command),
            json!(app)
        )
    }
}

impl<W: Write + Send> Sink for Yaml<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        if self.rows == 0 {
            self.open()?;
            self.out.write_all(b"\n")?;
        }
        self.rows += 1;
        self.out.write_all(record.text().as_bytes())
    }

    fn catch_up(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, summary: &str) -> io::Result<()> {
        if self.rows == 0 {
            self.open()?;
            self.out.write_all(b" []\n")?;
        }
        let summary: Value = serde_json::from_str(summary)?;
        let summary = element(&json!({ "summary": summary }))?;
        // An element of a list begins with two characters that a member of the document lacks.
        for line in summary.lines() {
            writeln!(self.out, "{}", line.get(2..).unwrap_or_default())?;
        }
        self.out.flush()
    }
}
