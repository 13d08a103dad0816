//! Reads a journal line by line.

use std::io::{self, BufRead, BufReader, Read};

use crate::run::journal::header::{AnyFormat, FORMAT, Header};
use crate::run::journal::record::Record;

/// The longest line except the first, including its end; a file with longer lines is not a journal.
///
/// A line names all devices of a user, at most as many as fit into one answer of the server: 16 MiB.
pub(super) const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// The longest first line: it contains the exemptions of the run, which may be a list of many users.
const LONGEST_HEADER: u64 = 1024 * 1024 * 1024;

/// Why a journal cannot be used. It is left unchanged.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The journal cannot be read.
    #[error("cannot read the journal")]
    Io(#[from] io::Error),
    /// The journal has no complete first line.
    #[error("the run was never started: its journal has no header")]
    NoHeader,
    /// It was written by a newer version.
    #[error(
        "the journal has format {format} of easemob-admin {}, but this version reads up to {FORMAT}; use a newer \
         easemob-admin",
        tool.as_deref().unwrap_or("(unknown version)")
    )]
    Newer {
        /// Its format.
        format: u32,
        /// The version that wrote it.
        tool: Option<String>,
    },
    /// A line other than the last is damaged.
    #[error("line {line} of the journal is damaged")]
    Damaged {
        /// The line, counted from 1.
        line: u64,
        /// The cause.
        source: serde_json::Error,
    },
    /// A line is longer than any that this program writes.
    #[error("line {line} of the journal is longer than {longest} bytes, so it is damaged")]
    TooLong {
        /// The line, counted from 1.
        line: u64,
        /// The longest allowed length, including the line end.
        longest: u64,
    },
}

/// Reads the header and then the records of a journal.
///
/// A last line without a line end, or with one but damaged inside, is skipped: it was never acknowledged.
pub struct Reader<R> {
    source: BufReader<R>,
    line: u64,
    /// The number of bytes of complete lines read so far.
    good: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is missing, or has a newer format.
    pub fn open(source: R) -> Result<(Header, Self), JournalError> {
        let mut this = Self {
            source: BufReader::with_capacity(64 * 1024, source),
            line: 0,
            good: 0,
        };
        let Some(line) = this.next_line()? else {
            return Err(JournalError::NoHeader);
        };
        let damaged = |source| JournalError::Damaged { line: 1, source };
        let any: AnyFormat = serde_json::from_slice(&line).map_err(damaged)?;
        if any.format > FORMAT {
            return Err(JournalError::Newer {
                format: any.format,
                tool: any.tool,
            });
        }
        let header = serde_json::from_slice(&line).map_err(damaged)?;
        this.good = line.len() as u64;
        Ok((header, this))
    }

    /// Returns the number of bytes up to the end of the last good line.
    #[must_use]
    pub fn good_bytes(&self) -> u64 {
        self.good
    }

    /// Returns the next record, or `None` at the end.
    ///
    /// # Errors
    /// When a line other than the last is damaged, or any line is too long: such a line is not an incomplete
    /// end, and skipping it would lose what follows.
    pub fn next_record(&mut self) -> Result<Option<Record>, JournalError> {
        let Some(line) = self.next_line()? else {
            return Ok(None);
        };
        match serde_json::from_slice(&line) {
            Ok(record) => {
                self.good += line.len() as u64;
                Ok(Some(record))
            }
            Err(_) if self.source.fill_buf()?.is_empty() => Ok(None),
            Err(source) => Err(JournalError::Damaged {
                line: self.line,
                source,
            }),
        }
    }

    /// Returns the next complete line with its end.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        let mut line = Vec::new();
        let longest = if self.line == 0 {
            LONGEST_HEADER
        } else {
            LONGEST_LINE
        };
        (&mut self.source).take(longest).read_until(b'\n', &mut line)?;
        self.line += 1;
        if line.len() as u64 == longest && !line.ends_with(b"\n") {
            let line = self.line;
            return Err(JournalError::TooLong { line, longest });
        }
        Ok(line.ends_with(b"\n").then_some(line))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::run::job::Action;
    use crate::run::journal::header::{Durability, Operator};
    use crate::run::journal::record::{End, Outcome, State};

    fn header() -> Header {
        Header {
            format: FORMAT,
            run: "20260101-000000-abcdef".into(),
            created: Timestamp::UNIX_EPOCH,
            tool: "0.1.0".into(),
            app: "acme#chat".into(),
            app_root: "http://127.0.0.1/acme/chat".into(),
            sandbox: false,
            profile: None,
            operator: Operator::named("ann", "here"),
            reason: Some("test".into()),
            ticket: None,
            action: Action::Ban { looks_first: true },
            source: "the command line".into(),
            items: 3,
            input_sha256: String::new(),
            allowance: None,
            durability: Durability::Batch,
            reading: crate::status_first::Reading::default(),
            priority: crate::run::direction::Priority::Normal,
        }
    }

    fn journal(records: &[Record]) -> Vec<u8> {
        let mut text = serde_json::to_vec(&header()).unwrap();
        text.push(b'\n');
        for record in records {
            serde_json::to_writer(&mut text, record).unwrap();
            text.push(b'\n');
        }
        text
    }

    fn done(n: u64) -> Record {
        Record::Outcome(Outcome {
            n,
            at: 1,
            state: State::Done,
            server_at: None,
            ended: Vec::new(),
            failed: Vec::new(),
            basis: None,
        })
    }

    #[test]
    fn reads_what_was_written() {
        let records = [
            done(0),
            Record::End(End {
                at: 2,
                stopped: Some("interrupted".into()),
                process: None,
            }),
        ];
        let text = journal(&records);
        let (read, reader) = Reader::open(&text[..]).unwrap();
        assert_eq!(read, header());
        let read: Result<Vec<_>, _> = reader.collect();
        assert_eq!(read.unwrap(), records);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let text = b"{\"easemob_admin_journal\":2,\"anything\":true}\n";
        assert!(matches!(
            Reader::open(&text[..]),
            Err(JournalError::Newer { format: 2, .. })
        ));
        assert!(matches!(
            Reader::open(&b"{\"easemob"[..]),
            Err(JournalError::NoHeader)
        ));
        assert!(matches!(Reader::open(&b""[..]), Err(JournalError::NoHeader)));
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error() {
        let mut text = journal(&[done(0), done(1), done(2)]);
        let second = text.iter().position(|byte| *byte == b'\n').unwrap() + 3;
        text[second] = b'#';
        let (_, reader) = Reader::open(&text[..]).unwrap();
        let errors: Vec<_> = reader.filter_map(Result::err).collect();
        assert!(
            matches!(errors[0], JournalError::Damaged { line: 2, .. }),
            "{errors:?}"
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_no_torn_end() {
        let mut text = journal(&[done(0)]);
        let good = text.len();
        text.resize(good + usize::try_from(LONGEST_LINE).unwrap(), b' ');
        text.extend_from_slice(b"\n");
        text.extend_from_slice(&journal(&[done(1)])[good..]);
        let (_, mut reader) = Reader::open(&text[..]).unwrap();
        assert_eq!(reader.next_record().unwrap(), Some(done(0)));
        let error = reader.next_record().unwrap_err();
        assert!(matches!(error, JournalError::TooLong { line: 3, .. }), "{error}");
    }

    proptest! {
        #[test]
        fn a_torn_journal_gives_the_whole_lines_before_the_tear(cut in 0_usize..600, garbage: bool) {
            let text = journal(&[done(0), done(1), done(2)]);
            let cut = cut.min(text.len());
            let mut torn = text[..cut].to_vec();
            let whole = torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            if garbage {
                // A block of zeros with a line end, as some file systems leave after a power failure.
                torn.truncate(whole);
                torn.extend_from_slice(&[0; 16]);
                torn.push(b'\n');
            }
            match Reader::open(&torn[..]) {
                Err(JournalError::NoHeader | JournalError::Damaged { line: 1, .. }) => prop_assert_eq!(whole, 0),
                Err(other) => prop_assert!(false, "{other}"),
                Ok((_, mut reader)) => {
                    let mut read = 0;
                    while reader.next_record().unwrap().is_some() {
                        read += 1;
                    }
                    let lines = torn[..whole].split(|byte| *byte == b'\n').count() - 1;
                    prop_assert_eq!(read + 1, lines);
                    prop_assert_eq!(reader.good_bytes(), whole as u64);
                }
            }
        }
    }
}
