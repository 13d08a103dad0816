//! Reads a file line by line in constant memory.

use std::io::{self, BufRead};

use crate::line::LONGEST_LINE;

/// Lines of a file, each without its end.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    reader: R,
    buffer: Vec<u8>,
    place: Place,
}

/// A place between two lines: the lines before it, and their size in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) offset: u64,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line with its end.
    Whole(&'a [u8]),
    /// Bytes without a line end, at the end of the file or longer than a line may be.
    Torn(&'a [u8]),
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::starting_at(reader, Place::default())
    }

    /// Continues at a place.
    pub(super) fn starting_at(reader: R, place: Place) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            place,
        }
    }

    /// Returns the next line, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut limited = io::Read::take(&mut self.reader, LONGEST_LINE as u64 + 1);
        if limited.read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        if self.buffer.last() == Some(&b'\n') {
            self.place.number += 1;
            self.place.offset += self.buffer.len() as u64;
            self.buffer.pop();
            Ok(Some(Line::Whole(&self.buffer)))
        } else {
            Ok(Some(Line::Torn(&self.buffer)))
        }
    }

    /// Returns the number of complete lines read, which is the number of the last one.
    pub(super) fn number(&self) -> u64 {
        self.place.number
    }

    /// Returns the size of these lines in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.place.offset
    }

    /// Returns the place after these lines.
    pub(super) fn place(&self) -> Place {
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_torn() {
        let mut lines = LineReader::new(&b"a\n\nb"[..]);
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"a")));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"")));
        assert_eq!((lines.number(), lines.offset()), (2, 3));
        assert_eq!(lines.next().unwrap(), Some(Line::Torn(b"b")));
        assert_eq!((lines.number(), lines.offset()), (2, 3));
    }

    #[test]
    fn no_line_fills_the_memory() {
        let endless = vec![b'x'; 3 * LONGEST_LINE];
        let mut lines = LineReader::new(&endless[..]);
        let Some(Line::Torn(bytes)) = lines.next().unwrap() else {
            panic!("a line was found")
        };
        assert_eq!(bytes.len(), LONGEST_LINE + 1);
    }
}
