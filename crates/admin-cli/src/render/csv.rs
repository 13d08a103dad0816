//! Comma-separated values with a header. The summary goes to stderr only.

use std::borrow::Cow;
use std::io::{self, Write};

use easemob_admin_ops::names::harmless::one_line;

use super::{Header, Record, Sink};

/// Writes one line per row.
pub struct Csv<W: Write> {
    out: csv::Writer<W>,
    columns: Option<Vec<&'static str>>,
}

impl<W: Write> Csv<W> {
    /// Creates the format for a writer.
    pub fn new(out: W, header: &Header) -> Self {
        Self {
            out: csv::Writer::from_writer(out),
            columns: header.columns.clone(),
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
            self.out.write_field(&*guarded(one_line(cell)))?;
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

/// Prevents a spreadsheet from interpreting a name as a formula, as OWASP advises, with a leading apostrophe.
///
/// Ids of users and devices are left alone: a `-bob` does no harm in a spreadsheet, and is read back as
/// `-bob`.
fn guarded(cell: Cow<'_, str>) -> Cow<'_, str> {
    let in_ids = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    let looks_like_formula = match cell.chars().next() {
        Some('=' | '\t' | '\r') => true,
        Some('+' | '-' | '@') => !cell.chars().skip(1).all(in_ids) && cell.parse::<f64>().is_err(),
        _ => false,
    };
    if looks_like_formula {
        Cow::Owned(format!("'{cell}"))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_ids_are_left_alone() {
        for text in ["-bob", "@x", "+86.ann", "-1.5", "ann", "", "+1e3"] {
            assert_eq!(guarded(text.into()), text);
        }
        for text in ["=1+1", "@SUM(A1)", "-2+cmd|' /C calc'!A0", "+A1*2"] {
            assert_eq!(guarded(text.into()), format!("'{text}"));
        }
    }
}
