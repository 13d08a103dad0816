//! Splits bytes into lines of bounded length, and recognises input that is not a text file.

use std::io::{self, BufRead};

use crate::files::encoding::{Foreign, by_beginning, not_utf8, with_nul};

/// The longest line that is read; longer than any user id.
const MAX_LINE: usize = 4096;

/// Why the input as a whole is not a list.
#[derive(Debug, thiserror::Error)]
pub enum NotText {
    /// It contains NUL bytes.
    #[error("line {0} contains a NUL byte, so this is a binary file and not a list of users")]
    Binary(u64),
    /// It is another kind of file, or text in another encoding.
    #[error("line {line} is {}", foreign.words())]
    Foreign {
        /// The first line that shows it.
        line: u64,
        /// What it is.
        foreign: Foreign,
    },
    /// It cannot be read.
    #[error("reading stopped at line {line}")]
    Io {
        /// The line at which reading failed.
        line: u64,
        /// The cause.
        source: io::Error,
    },
}

/// One line of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A user, without surrounding spaces.
    User(String),
    /// Blank, or a comment.
    Nothing,
    /// Longer than any user id.
    TooLong,
}

/// Reads the lines of a text.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Starts at the first byte of `from`.
    pub fn new(from: R) -> Self {
        Self { from, number: 0 }
    }

    /// Returns the next line with its number, counted from 1.
    ///
    /// # Errors
    /// When the input is not text or cannot be read.
    pub fn next_line(&mut self) -> Result<Option<(u64, Line)>, NotText> {
        let number = self.number + 1;
        let io = |source| NotText::Io { line: number, source };
        let mut bytes = Vec::new();
        let mut too_long = false;
        loop {
            let chunk = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(io)?,
            };
            if chunk.is_empty() {
                break;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if part.contains(&0) {
                bytes.extend_from_slice(part);
                return Err(holding_nul(number, &bytes));
            }
            let room = MAX_LINE.saturating_sub(bytes.len());
            too_long |= part.len() > room;
            bytes.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.from.consume(used);
            if end.is_some() {
                self.number = number;
                return Ok(Some((number, cut(number, &bytes, too_long)?)));
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.number = number;
        Ok(Some((number, cut(number, &bytes, too_long)?)))
    }
}

fn holding_nul(line: u64, bytes: &[u8]) -> NotText {
    let foreign = match line {
        1 => by_beginning(bytes).unwrap_or_else(|| with_nul(bytes)),
        _ => Foreign::Binary,
    };
    match foreign {
        Foreign::Binary => NotText::Binary(line),
        foreign => NotText::Foreign { line, foreign },
    }
}

fn cut(number: u64, bytes: &[u8], too_long: bool) -> Result<Line, NotText> {
    let foreign = |foreign| NotText::Foreign {
        line: number,
        foreign,
    };
    if let Some(other) = by_beginning(bytes).filter(|_| number == 1) {
        return Err(foreign(other));
    }
    if too_long {
        return Ok(Line::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| foreign(not_utf8(bytes)))?;
    let text = if number == 1 {
        text.strip_prefix('\u{FEFF}').unwrap_or(text)
    } else {
        text
    };
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Nothing);
    }
    Ok(Line::User(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8], buffer: usize) -> Result<Vec<(u64, Line)>, NotText> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, bytes));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line()? {
            found.push(line);
        }
        Ok(found)
    }

    fn users(text: &str) -> Vec<(u64, String)> {
        let named = |(number, line)| match line {
            Line::User(name) => Some((number, name)),
            _ => None,
        };
        all(text.as_bytes(), 8)
            .unwrap()
            .into_iter()
            .filter_map(named)
            .collect()
    }

    #[test]
    fn editors_leave_all_sorts_of_things() {
        let text = "\u{FEFF}ann\r\n\r\n# vip\n  bob \t\n批量\ncarl";
        let expected =
            [(1, "ann"), (4, "bob"), (5, "批量"), (6, "carl")].map(|(at, name)| (at, name.to_owned()));
        assert_eq!(users(text), expected);
    }

    #[test]
    fn what_is_not_text_is_named() {
        assert!(matches!(all(b"ann\nb\0b", 64), Err(NotText::Binary(2))));
        let foreign = |bytes: &[u8], buffer| match all(bytes, buffer) {
            Err(NotText::Foreign { line, foreign }) => (line, foreign),
            other => panic!("{other:?}"),
        };
        for buffer in [8, 64] {
            assert_eq!(foreign(b"\xFF\xFEa\0n\0", buffer), (1, Foreign::Utf16));
            assert_eq!(foreign(b"\xFF\xFE(u7b\n\0", buffer), (1, Foreign::Utf16));
            assert_eq!(foreign(b"a\0n\0n\0\n\0b\0", buffer), (1, Foreign::Utf16Le));
            assert_eq!(foreign(b"\0a\0n\0n\0\n\0b", buffer), (1, Foreign::Utf16Be));
            assert_eq!(foreign(b"PK\x03\x04\x14\0\0\0", buffer), (1, Foreign::Archive));
            assert_eq!(foreign(b"ann\n\xE6\x89\n", buffer), (2, Foreign::Other));
            assert_eq!(foreign(b"ann\n\xd5\xc5\xc8\xfd\n", buffer), (2, Foreign::Gbk));
        }
    }

    #[test]
    fn a_long_line_takes_no_memory() {
        let text = format!("ann\n{}\nbob", "x".repeat(MAX_LINE * 3));
        assert_eq!(all(text.as_bytes(), 64).unwrap()[1], (2, Line::TooLong));
        assert_eq!(users(&text), [(1, "ann".to_owned()), (3, "bob".to_owned())]);
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(text in "([a-z# \u{6279}\r\n]|\n){0,60}", buffer in 1_usize..9) {
            let expected: Vec<String> = text.split('\n').map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
            let found: Vec<String> = all(text.as_bytes(), buffer).unwrap().into_iter().filter_map(|(_, line)| match line {
                Line::User(name) => Some(name),
                _ => None,
            }).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), buffer in 1_usize..9) {
            let _ = all(&bytes, buffer);
        }
    }
}
