//! Appends to a journal.

use std::fs::File;
use std::io::{self, Write};

use crate::run::journal::read::LONGEST_LINE;
use crate::run::journal::record::Record;
use crate::run::recorder::Note;
use crate::run::run_record::Sink;

/// Appends records to the journal of one run.
#[derive(Debug)]
pub struct JournalFile {
    file: File,
    block: Vec<u8>,
}

impl JournalFile {
    /// Creates a writer for `file`, whose position must be its end.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            file,
            block: Vec::new(),
        }
    }

    /// Appends records in one write.
    ///
    /// # Errors
    /// When the disk is full or gone, or a line would be too long to be read again. Nothing is written then.
    pub fn append<'a>(&mut self, records: impl Iterator<Item = &'a Record>) -> io::Result<()> {
        self.block.clear();
        for record in records {
            let start = self.block.len();
            serde_json::to_writer(&mut self.block, record)?;
            self.block.push(b'\n');
            let length = self.block.len() - start;
            if length as u64 > LONGEST_LINE {
                let what = format!("a record of {length} bytes is too long for a journal");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        }
        self.file.write_all(&self.block)
    }
}

impl Sink for JournalFile {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        self.append(notes.iter().map(|note| &note.record))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::record::End;

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let file = tempfile::tempfile().unwrap();
        let mut journal = JournalFile::new(file.try_clone().unwrap());
        let end = |length: usize| {
            Record::End(End {
                at: 1,
                stopped: Some("x".repeat(length)),
                process: None,
            })
        };
        let longest = usize::try_from(LONGEST_LINE).unwrap();
        assert!(journal.append([end(1), end(longest)].iter()).is_err());
        assert_eq!(file.metadata().unwrap().len(), 0);
        let rest = serde_json::to_string(&end(0)).unwrap().len() + 1;
        journal.append([end(longest - rest)].iter()).unwrap();
        assert_eq!(file.metadata().unwrap().len(), LONGEST_LINE);
    }
}
