//! One JSON document, written as the rows arrive.

use std::io::{self, Write};

use serde_json::json;

use super::{Header, Record, Sink};

/// The version of the document's format. It changes only if readers could break.
pub const SCHEMA: u32 = 1;

/// Writes one document.
pub struct Json<W> {
    out: W,
    header: Header,
    rows: u64,
}

impl<W: Write> Json<W> {
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
            r#"{{"schema":{SCHEMA},"command":{},"sandbox":{sandbox},"app":{},"rows":["#,
            json!(command),
            json!(app)
        )
    }
}

impl<W: Write + Send> Sink for Json<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        if self.rows == 0 {
            self.open()?;
        }
        let separator = if self.rows == 0 { "\n" } else { ",\n" };
        self.rows += 1;
        write!(self.out, "{separator}{}", record.text())
    }

    fn catch_up(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, summary: &str) -> io::Result<()> {
        if self.rows == 0 {
            self.open()?;
        }
        let end = if self.rows == 0 { "" } else { "\n" };
        writeln!(self.out, "{end}],\"summary\":{summary}}}")?;
        self.out.flush()
    }
}
