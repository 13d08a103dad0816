//! Aligned columns for the eye.

use std::io::{self, Write};

use tabled::builder::Builder;
use tabled::grid::util::string::get_text_width;
use tabled::settings::object::Columns;
use tabled::settings::{Padding, Style, Width};

use super::text::harmless;
use super::{Header, Record, Sink};

/// Rows that are looked at together to find the column widths.
const BATCH: usize = 500;

/// Blanks between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this, whatever the terminal.
const NARROWEST: usize = 4;

/// Writes a table, in batches when there are many rows.
pub struct Table<W> {
    out: W,
    columns: &'static [&'static str],
    terminal: Option<usize>,
    rows: Vec<Vec<String>>,
    /// The widths found in the first batch; later ones line up with it wherever their cells fit.
    widths: Option<Vec<usize>>,
}

impl<W: Write> Table<W> {
    /// Binds the format to a writer; `terminal` is the width of the terminal, if there is one.
    pub fn new(out: W, header: &Header, terminal: Option<usize>) -> Self {
        Self {
            out,
            columns: header.columns,
            terminal,
            rows: Vec::new(),
            widths: None,
        }
    }

    fn write_batch(&mut self) -> io::Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        let widths = if let Some(widths) = self.widths.take() {
            widths
        } else {
            rows.insert(
                0,
                self.columns
                    .iter()
                    .map(|name| name.replace('_', " ").to_uppercase())
                    .collect(),
            );
            widths(&rows, self.columns.len(), self.terminal)
        };
        let mut table = rows.into_iter().collect::<Builder>().build();
        table.with(Style::empty()).with(Padding::new(0, GAP, 0, 0));
        for (column, width) in widths.iter().enumerate() {
            if self.terminal.is_some() {
                table.modify(Columns::one(column), Width::wrap(*width).keep_words(true));
            }
            table.modify(Columns::one(column), Width::increase(*width));
        }
        self.widths = Some(widths);
        for line in table.to_string().lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        self.out.flush()
    }
}

/// Returns the width of each column: what its cells need, less where the terminal has no room for that.
fn widths(rows: &[Vec<String>], columns: usize, terminal: Option<usize>) -> Vec<usize> {
    let needed = |column: usize| {
        rows.iter()
            .map(|row| get_text_width(&row[column]))
            .max()
            .unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns).map(needed).collect();
    let room = terminal.map_or(usize::MAX, |width| {
        width.saturating_sub(GAP * columns.saturating_sub(1))
    });
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    widths
}

impl<W: Write + Send> Sink for Table<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        let cell = |text: &String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                harmless(text).into_owned()
            }
        };
        self.rows.push(record.cells().iter().map(cell).collect());
        if self.rows.len() >= BATCH {
            self.write_batch()
        } else {
            Ok(())
        }
    }

    fn finish(&mut self, _: &str) -> io::Result<()> {
        if self.rows.is_empty() {
            self.out.flush()
        } else {
            self.write_batch()
        }
    }
}
