//! A temporary copy of the good lines, written once and streamed any number of times.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use easemob_admin_api::UserId;

use super::duplicates::Repeats;

/// One user of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line of the input, counted from 1; for users given as arguments, their position.
    pub line: u64,
    /// The user.
    pub user: UserId,
}

/// Writes the copy.
pub struct Writer {
    file: BufWriter<File>,
}

impl Writer {
    /// Creates an unnamed temporary file, which disappears with the process.
    ///
    /// # Errors
    /// When the temporary directory cannot be written.
    pub fn create() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(tempfile::tempfile()?),
        })
    }

    /// Adds one user.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, line: u64, user: &UserId) -> io::Result<()> {
        // A user id contains no control characters, so it contains neither tab nor newline.
        writeln!(self.file, "{line}\t{user}", user = user.as_str())
    }

    /// Finishes writing.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self, repeats: Repeats) -> io::Result<Spool> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Spool { file, repeats })
    }
}

/// Streams the users, each once.
#[derive(Debug)]
pub struct Spool {
    file: File,
    repeats: Repeats,
}

impl Spool {
    /// Starts again at the first user. An earlier stream must not be used any more.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn stream(&self) -> io::Result<impl Iterator<Item = io::Result<Entry>> + use<>> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let repeats = self.repeats.clone();
        let lines = BufReader::new(file).lines().zip(0_u64..);
        Ok(lines
            .filter(move |(_, index)| !repeats.contains(*index))
            .map(|(line, _)| parse(&line?)))
    }
}

fn parse(line: &str) -> io::Result<Entry> {
    let entry = line.split_once('\t').and_then(|(line, user)| {
        Some(Entry {
            line: line.parse().ok()?,
            user: UserId::parse(user).ok()?,
        })
    });
    entry.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the temporary copy of the list was changed",
        )
    })
}
