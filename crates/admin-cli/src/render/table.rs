//! Aligned columns for people.

use std::io::{self, Write};

use easemob_admin_ops::names::harmless::harmless;
use tabled::builder::Builder;
use tabled::grid::util::string::get_text_width;
use tabled::settings::object::Columns;
use tabled::settings::{Padding, Style, Width};

use super::{Header, Record, Sink};

/// Rows that are measured together to find the column widths.
const BATCH: usize = 500;

/// What a cell without a value shows.
const NOTHING: &str = "-";

/// Spaces between two columns.
const GAP: usize = 2;
/// Words up to this width are never broken, whatever the terminal's width: the id of a device or run must be
/// copied whole.
const LONGEST_WORD: usize = 48;

/// Writes a table, in batches when there are many rows.
pub struct Table<W> {
    out: W,
    columns: &'static [&'static str],
    terminal: Option<usize>,
    rows: Vec<Vec<String>>,
    /// The widths found in the first batch; later batches follow them where their cells fit.
    widths: Option<Vec<usize>>,
}

impl<W: Write> Table<W> {
    /// Creates the format for a writer; `terminal` is the width of the terminal, if there is one.
    pub fn new(out: W, header: &Header, terminal: Option<usize>) -> Self {
        Self {
            out,
            columns: header.columns,
            terminal,
            rows: Vec::new(),
            widths: None,
        }
    }

    /// Writes the gathered rows; `all` says that there are no rows before or after them.
    fn write_batch(&mut self, all: bool) -> io::Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        let widths = if let Some(widths) = self.widths.take() {
            widths
        } else {
            let title = |name: &&str| name.replace('_', " ").to_uppercase();
            rows.insert(0, self.columns.iter().map(title).collect());
            if all && needed(&rows) > self.terminal.unwrap_or(usize::MAX) {
                drop_empty_columns(&mut rows);
            }
            widths(&rows, self.terminal)
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

/// Returns the width of the lines if no cell is wrapped.
fn needed(rows: &[Vec<String>]) -> usize {
    widths(rows, None).iter().map(|width| width + GAP).sum::<usize>() - GAP
}

/// Removes the columns that are empty below their title.
fn drop_empty_columns(rows: &mut [Vec<String>]) {
    let filled: Vec<bool> = (0..rows[0].len())
        .map(|column| rows[1..].iter().any(|row| row[column] != NOTHING))
        .collect();
    for row in rows {
        let mut filled = filled.iter();
        row.retain(|_| filled.next() == Some(&true));
    }
}

/// Returns the width of each column: what its cells need, or less if the terminal is too narrow.
fn widths(rows: &[Vec<String>], terminal: Option<usize>) -> Vec<usize> {
    let columns = 0..rows.first().map_or(0, Vec::len);
    let widest = |column: usize, width: fn(&str) -> usize| {
        rows.iter().map(|row| width(&row[column])).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = columns
        .clone()
        .map(|column| widest(column, get_text_width))
        .collect();
    let Some(terminal) = terminal else {
        return widths;
    };
    let longest_word = |text: &str| text.split(' ').map(get_text_width).max().unwrap_or(0);
    let least: Vec<usize> = columns
        .map(|column| widest(column, longest_word).min(LONGEST_WORD))
        .collect();
    let room = terminal.saturating_sub(GAP * widths.len().saturating_sub(1));
    if least.iter().sum::<usize>() > room {
        // The terminal wraps such lines itself, and an id is still copied whole. Narrow columns would only
        // turn each line into a stack of words.
        return widths.into_iter().map(|width| width.min(LONGEST_WORD)).collect();
    }
    while widths.iter().sum::<usize>() > room {
        let wide = widths
            .iter_mut()
            .zip(&least)
            .filter(|(width, least)| **width > **least);
        if let Some((widest, _)) = wide.max_by_key(|(width, _)| **width) {
            *widest -= 1;
        }
    }
    widths
}

impl<W: Write + Send> Sink for Table<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        let cell = |text: &String| {
            if text.is_empty() {
                NOTHING.to_owned()
            } else {
                harmless(text).into_owned()
            }
        };
        self.rows.push(record.cells().iter().map(cell).collect());
        if self.rows.len() >= BATCH {
            self.write_batch(false)
        } else {
            Ok(())
        }
    }

    fn finish(&mut self, _: &str) -> io::Result<()> {
        if self.rows.is_empty() {
            self.out.flush()
        } else {
            let all = self.widths.is_none();
            self.write_batch(all)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terminal: usize, rows: &[[&str; 3]]) -> String {
        let header = Header {
            command: "runs list",
            sandbox: false,
            app: None,
            columns: &["run", "note", "reason"],
        };
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, &header, Some(terminal));
        for row in rows {
            let cells = row.iter().map(|cell| (*cell).to_owned()).collect();
            table.row(&Record::Cells(cells)).unwrap();
        }
        table.finish("").unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ids_are_never_cut_and_sentences_are_wrapped() {
        let id = "20261125-014825-91839d";
        let text = written(40, &[[id, "", "passwords were leaked by a partner"]]);
        assert_eq!(
            text,
            "RUN                     REASON\n\
             20261125-014825-91839d  passwords were\n\
             \u{20}                       leaked by a\n\
             \u{20}                       partner\n"
        );
    }

    #[test]
    fn where_the_ids_alone_have_no_room_the_terminal_breaks_the_lines() {
        let id = "20261125-014825-91839d";
        let text = written(20, &[[id, "x", "passwords were leaked"]]);
        assert_eq!(
            text,
            "RUN                     NOTE  REASON\n\
             20261125-014825-91839d  x     passwords were leaked\n"
        );
    }

    #[test]
    fn empty_columns_stay_where_there_is_room_and_where_a_later_row_may_fill_them() {
        assert!(written(80, &[["a", "", "b"]]).starts_with("RUN  NOTE  REASON\n"));
        let rows = vec![["a", "", "several words of a reason"]; BATCH + 1];
        assert!(written(20, &rows).starts_with("RUN  NOTE  REASON\n"));
    }
}
