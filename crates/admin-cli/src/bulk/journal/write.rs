//! Appends to a journal.

use std::fs::File;
use std::io::{self, Write};

use super::record::Record;
use crate::bulk::recorder::{Note, Sink};

/// Appends records to the journal of one run.
#[derive(Debug)]
pub struct JournalFile {
    file: File,
    block: Vec<u8>,
}

impl JournalFile {
    /// Appends to `file`, whose position is its end.
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
    /// When the disk is full or gone.
    pub fn append<'a>(&mut self, records: impl Iterator<Item = &'a Record>) -> io::Result<()> {
        self.block.clear();
        for record in records {
            serde_json::to_writer(&mut self.block, record)?;
            self.block.push(b'\n');
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
