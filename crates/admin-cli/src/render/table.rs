//! Aligned columns for people.

use std::borrow::Cow;
use std::io::{self, Write};

use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_words::{Language, chinese, spoken, t, translated};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tabled::builder::Builder;
use tabled::grid::util::string::get_text_width;
use tabled::settings::object::Columns;
use tabled::settings::{Color, Padding, Style, Width};

use super::{Header, Record, Sink};

/// Rows that are measured together to find the column widths.
const BATCH: usize = 500;

/// What a cell without a value shows.
const NOTHING: &str = "-";

/// Spaces between two columns.
const GAP: usize = 2;
/// Longer words are broken rather than shortened.
const LONGEST_WORD: usize = 48;

/// What columns may be shortened to where the terminal is too narrow for their words, and for sentences, which wrap: the
/// first pair that fits.
const SHORTEST: [(usize, usize); 4] = [(14, 20), (12, 12), (12, 8), (8, 8)];

/// The terminal that shows a table.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// Its width in columns.
    pub width: usize,
    /// Whether it shows colours.
    pub color: bool,
    /// The time zone of whoever reads it.
    pub zone: TimeZone,
}

/// Writes a table, in batches when there are many rows.
pub struct Table<W> {
    out: W,
    columns: Option<Vec<&'static str>>,
    terminal: Option<Terminal>,
    rows: Vec<Vec<String>>,
    /// The widths found in the first batch; later batches follow them where their cells fit.
    widths: Option<Vec<usize>>,
    /// How times are shown, which the first batch decides.
    times: &'static str,
    /// The places of columns that may be left out, and how many of them are, which the first batch decides.
    least: Vec<usize>,
    left_out: usize,
}

impl<W: Write> Table<W> {
    /// Creates the format for a writer, which may be a terminal.
    pub fn new(out: W, header: &Header, terminal: Option<Terminal>) -> Self {
        Self {
            out,
            columns: header.columns.clone(),
            least: header.least.clone(),
            left_out: 0,
            terminal,
            rows: Vec::new(),
            widths: None,
            times: WHOLE_TIME,
        }
    }

    /// Writes the gathered rows; `all` says that there are no rows before or after them.
    fn write_batch(&mut self, all: bool) -> io::Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        let width = self.terminal.as_ref().map(|terminal| terminal.width);
        if let Some(Terminal { width, zone, .. }) = &self.terminal {
            let whole = localized(&rows, zone, self.times);
            if self.widths.is_none() && needed(&whole) > *width {
                self.times = SHORT_TIME;
                rows = localized(&rows, zone, self.times);
            } else {
                rows = whole;
            }
        }
        let widths = if let Some(widths) = self.widths.take() {
            leave_out(&mut rows, &self.least[..self.left_out]);
            widths
        } else {
            let speaks = self.terminal.is_some();
            let title = |name: &&str| {
                let name = name.replace('_', " ");
                let shown = if speaks { translated(&name) } else { &name };
                shown.to_uppercase()
            };
            let titles = self.columns.iter().flatten().map(title).collect::<Vec<_>>();
            if !titles.is_empty() {
                rows.insert(0, titles);
            }
            if all && needed(&rows) > width.unwrap_or(usize::MAX) {
                drop_empty_columns(&mut rows, self.columns.is_some());
            }
            while self.left_out < self.least.len() && !keeps_first(&rows, width) {
                self.left_out += 1;
                leave_out(&mut rows, &[place_after(&self.least, self.left_out)]);
            }
            widths(&rows, width)
        };
        let colors = self.colors(&rows);
        if width.is_some() {
            for row in &mut rows {
                for (cell, width) in row.iter_mut().zip(&widths) {
                    shorten_words(cell, *width);
                }
            }
        }
        let mut table = rows.into_iter().collect::<Builder>().build();
        table.with(Style::empty()).with(Padding::new(0, GAP, 0, 0));
        for (column, width) in widths.iter().enumerate() {
            if self.terminal.is_some() {
                table.modify(Columns::one(column), Width::wrap(*width).keep_words(true));
            }
            table.modify(Columns::one(column), Width::increase(*width));
        }
        for (place, color) in colors {
            table.modify(place, color);
        }
        self.widths = Some(widths);
        for line in table.to_string().lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        self.out.flush()
    }

    /// Returns the colours of the cells that have a meaning.
    fn colors(&self, rows: &[Vec<String>]) -> Vec<((usize, usize), Color)> {
        if !self.terminal.as_ref().is_some_and(|terminal| terminal.color) {
            return Vec::new();
        }
        let cells = rows.iter().zip(0..).flat_map(|(row, at)| {
            row.iter()
                .zip(0..)
                .filter_map(move |(cell, column)| Some(((at, column), color_of(cell)?)))
        });
        cells.collect()
    }
}

/// The colours of outcomes and states.
const COLORS: [(Color, &[&str]); 4] = [
    (
        Color::FG_RED,
        &[
            "failed",
            "refused",
            "unknown",
            "unreadable",
            "run unreadable",
            "overdue",
            "drifted",
            "still online",
            "signed in again",
            "no longer banned",
            "not verified",
            "FAIL",
        ],
    ),
    (
        Color::FG_GREEN,
        &[
            "logged out",
            "banned",
            "unbanned",
            "locked",
            "extended",
            "unlocked",
            "set",
            "verified gone",
            "verified locked",
            "done",
            "ok",
        ],
    ),
    (
        Color::FG_YELLOW,
        &["unfinished", "running", "not started", "lock in progress", "warn"],
    ),
    (
        Color::FG_BRIGHT_BLACK,
        &[
            "kept",
            "gone",
            "nothing to do",
            "unchanged",
            "already banned",
            "banned before",
            "already locked",
            "not banned",
            "not locked",
            "lifted since",
            "changed since",
            "time over",
            NOTHING,
        ],
    ),
];

/// The columns that have outcomes, states and other words of this program, which a terminal shows in the language of whoever
/// reads it.
const OF_WORDS: [&str; 13] = [
    "check", "active", "outcome", "state", "status", "result", "verdict", "answer", "mode", "change", "fits",
    "event", "stopped",
];

/// Returns the colour of an outcome or a state, whatever column it stands in.
fn color_of(cell: &str) -> Option<Color> {
    let named = |words: &&[&str]| words.iter().any(|word| translated(word) == cell);
    let color = COLORS.into_iter().find(|(_, words)| named(words));
    match color {
        Some((color, _)) => Some(color),
        None => cell.starts_with(t!("would ")).then_some(Color::FG_YELLOW),
    }
}

/// Shortens the words of a cell that have no room in its column, in the middle: ids of one kind often begin alike.
fn shorten_words(cell: &mut String, width: usize) {
    if cell.split(' ').all(|word| get_text_width(word) <= width) {
        return;
    }
    let words: Vec<_> = cell.split(' ').map(|word| shortened(word, width)).collect();
    *cell = words.join(" ");
}

fn shortened(word: &str, width: usize) -> Cow<'_, str> {
    if get_text_width(word) <= width {
        return word.into();
    }
    let room = width.saturating_sub(1);
    let fits = |characters: &mut dyn Iterator<Item = char>, room: usize| -> Vec<char> {
        let mut used = 0;
        characters
            .take_while(|character| {
                used += get_text_width(character.encode_utf8(&mut [0; 4]));
                used <= room
            })
            .collect()
    };
    let tail = fits(&mut word.chars().rev(), room / 2);
    let head = fits(&mut word.chars(), room - room / 2);
    head.into_iter()
        .chain(['…'])
        .chain(tail.into_iter().rev())
        .collect::<String>()
        .into()
}

/// A time that `--since` takes as it is.
const WHOLE_TIME: &str = "%FT%T%:z";
/// A time where there is no room for the year.
const SHORT_TIME: &str = "%m-%dT%T";

/// Returns the rows with times as whoever reads the terminal has them on the wall.
fn localized(rows: &[Vec<String>], zone: &TimeZone, format: &str) -> Vec<Vec<String>> {
    let cell = |cell: &String| local(cell, zone, format).unwrap_or_else(|| cell.clone());
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// Returns a time in a format, if the text is one.
fn local(text: &str, zone: &TimeZone, format: &str) -> Option<String> {
    // Every other text is told by its first character, or by its length.
    if !(20..=35).contains(&text.len()) || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    Some(time.to_zoned(zone.clone()).strftime(format).to_string())
}

/// Returns the width of the lines if no cell is wrapped.
fn needed(rows: &[Vec<String>]) -> usize {
    widths(rows, None).iter().map(|width| width + GAP).sum::<usize>() - GAP
}

/// Removes the columns that are empty below their title, if they have one.
fn drop_empty_columns(rows: &mut [Vec<String>], titled: bool) {
    let below = usize::from(titled);
    let filled: Vec<bool> = (0..rows[0].len())
        .map(|column| rows[below..].iter().any(|row| row[column] != NOTHING))
        .collect();
    for row in rows {
        let mut filled = filled.iter();
        row.retain(|_| filled.next() == Some(&true));
    }
}

/// Returns true if the columns fit, and the first one is not shortened.
fn keeps_first(rows: &[Vec<String>], terminal: Option<usize>) -> bool {
    let widths_in = widths(rows, terminal);
    let line: usize = widths_in.iter().map(|width| width + GAP).sum();
    let fits = terminal.is_none_or(|terminal| line <= terminal + GAP);
    fits && widths_in.first() == widths(rows, None).first()
}

/// Returns the place of the last of `left_out` columns, once the ones before it are gone.
fn place_after(least: &[usize], left_out: usize) -> usize {
    let place = least[left_out - 1];
    place - least[..left_out - 1].iter().filter(|gone| **gone < place).count()
}

/// Removes the columns at these places.
fn leave_out(rows: &mut [Vec<String>], places: &[usize]) {
    for row in rows {
        let mut place = 0..;
        row.retain(|_| place.next().is_none_or(|place| !places.contains(&place)));
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
    let sentences = |column: usize| rows.iter().skip(1).any(|row| row[column].contains(' '));
    let room = terminal.saturating_sub(GAP * widths.len().saturating_sub(1));
    let fits = |least: &Vec<usize>| least.iter().sum::<usize>() <= room;
    let shortened = |(word, sentence): (usize, usize)| -> Vec<usize> {
        let shortest = |column: usize| if sentences(column) { sentence } else { word };
        let columns = widths.iter().zip(0..);
        columns
            .map(|(width, column)| shortest(column).min(*width))
            .collect()
    };
    let whole_words = least.iter().zip(shortened(SHORTEST[0])).zip(0..);
    let readable = whole_words.map(|((word, sentence), column)| {
        if sentences(column) {
            sentence.max(*word)
        } else {
            *word
        }
    });
    let least = [readable.collect(), least]
        .into_iter()
        .chain(SHORTEST.map(shortened))
        .find(fits);
    let Some(least) = least else {
        // The terminal wraps such lines itself. Narrow columns would only turn each line into a stack of pieces.
        return widths.into_iter().map(|width| width.min(LONGEST_WORD)).collect();
    };
    while widths.iter().sum::<usize>() > room {
        let wide = (0..widths.len()).filter(|column| widths[*column] > least[*column]);
        // The first column says what a row is about, so it stays whole as long as possible.
        if let Some(widest) = wide.max_by_key(|column| (*column > 0, widths[*column])) {
            widths[widest] -= 1;
        }
    }
    widths
}

impl<W: Write + Send> Sink for Table<W> {
    fn row(&mut self, record: &Record) -> io::Result<()> {
        let speaks = self.terminal.is_some() && spoken() != Language::English;
        let cell = |(column, text): (usize, &String)| {
            if text.is_empty() {
                return NOTHING.to_owned();
            }
            let name = self.columns.as_ref().and_then(|columns| columns.get(column));
            let word = name
                .filter(|name| speaks && OF_WORDS.contains(name))
                .and_then(|_| chinese(&text.replace('_', " ")));
            word.map_or_else(|| harmless(text).into_owned(), str::to_owned)
        };
        let cells = record.cells().iter().enumerate().map(cell).collect();
        self.rows.push(cells);
        if self.rows.len() >= BATCH {
            self.write_batch(false)
        } else {
            Ok(())
        }
    }

    fn catch_up(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.write_batch(false)
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
            columns: Some(vec!["run", "note", "reason"]),
            least: Vec::new(),
        };
        let mut out = Vec::new();
        let terminal = Terminal {
            width: terminal,
            color: false,
            zone: TimeZone::fixed(jiff::tz::offset(8)),
        };
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

    #[test]
    fn ids_are_shortened_where_they_have_no_room() {
        let web = "webim_chrome_1764411363000_a1b2c3";
        let text = written(50, &[["20261125-014825-91839d", web, "no answer within 15 s"]]);
        insta::assert_snapshot!(text, @r"
        RUN                     NOTE          REASON
        20261125-014825-91839d  webim_…1b2c3  no answer
                                              within 15 s
        ");
        assert!(text.lines().all(|line| get_text_width(line) <= 50), "{text}");
        assert_eq!(shortened("批量用户批量用户", 9), "批量…用户");
        assert_eq!(shortened("ann", 3), "ann");
    }

    #[test]
    fn times_are_those_of_the_reader() {
        let text = written(
            80,
            &[["2026-11-25T20:48:25.123Z", "2026", "20261125-014825-91839d"]],
        );
        assert!(
            text.contains("2026-11-26T04:48:25+08:00  2026  20261125-014825-91839d"),
            "{text}"
        );
    }

    #[test]
    fn times_lose_the_year_before_anything_is_shortened() {
        let row = [
            "2026-11-25T20:48:25.123Z",
            "ios_1",
            "passwords were leaked by a partner",
        ];
        let text = written(50, &[row]);
        assert!(
            text.contains("11-26T04:48:25  ios_1  passwords were leaked"),
            "{text}"
        );
    }

    #[test]
    fn what_an_outcome_means_has_a_colour() {
        let terminal = Terminal {
            width: 80,
            color: true,
            zone: TimeZone::UTC,
        };
        let header = Header {
            command: "sessions logout",
            sandbox: false,
            app: None,
            columns: Some(vec!["user", "outcome"]),
            least: Vec::new(),
        };
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, &header, Some(terminal));
        for cells in [["ann", "logged out"], ["bob", "failed"], ["eve", "kept"]] {
            let cells = cells.map(str::to_owned).to_vec();
            table.row(&Record::Cells(cells)).unwrap();
        }
        table.finish("").unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap().replace('\u{1b}', "<esc>"), @r"
        USER  OUTCOME
        ann   <esc>[32mlogged out<esc>[39m
        bob   <esc>[31mfailed    <esc>[39m
        eve   <esc>[90mkept      <esc>[39m
        ");
    }

    #[test]
    fn every_outcome_has_a_colour() {
        for outcome in easemob_admin_ops::report::Outcome::ALL {
            let word = outcome.as_str().replace('_', " ");
            assert!(color_of(&word).is_some(), "{word}");
        }
    }

    #[test]
    fn columns_are_left_out_before_the_first_is_shortened() {
        let rows = [
            ["20261129-135748-0a1b2c", "done", "a reason of several words"],
            ["20261129-135749-0a1b2d", "failed", "another"],
        ];
        let shown = |width: usize, least: Vec<usize>| {
            let header = Header {
                command: "runs list",
                sandbox: false,
                app: None,
                columns: Some(vec!["run", "state", "reason"]),
                least,
            };
            let mut out = Vec::new();
            let terminal = Terminal {
                width,
                color: false,
                zone: TimeZone::UTC,
            };
            let mut table = Table::new(&mut out, &header, Some(terminal));
            for row in rows {
                let cells = row.iter().map(|cell| (*cell).to_owned()).collect();
                table.row(&Record::Cells(cells)).unwrap();
            }
            table.finish("").unwrap();
            String::from_utf8(out).unwrap()
        };
        let ids = |text: &str| rows.iter().filter(|row| text.contains(row[0])).count();
        assert!(shown(80, vec![1, 2]).contains("REASON"));
        let narrow = shown(31, vec![2, 1]);
        assert!(
            !narrow.contains("REASON") && narrow.contains("STATE") && ids(&narrow) == 2,
            "{narrow}"
        );
        let narrower = shown(24, vec![1, 2]);
        assert!(
            !narrower.contains("STATE") && !narrower.contains("REASON") && ids(&narrower) == 2,
            "{narrower}"
        );
    }
}
