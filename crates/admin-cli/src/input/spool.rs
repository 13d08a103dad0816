//! A temporary copy of the good lines, written once and streamed any number of times.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Seek, Write};
use std::sync::Arc;

use easemob_admin_api::UserId;
use easemob_admin_ops::files::temporary::temporary_file;

use super::duplicates::Repeats;

/// One user of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line of the input, counted from 1; for users given as arguments, their position.
    pub line: u64,
    /// The user.
    pub user: UserId,
}

/// The largest copy that is kept in memory, in bytes: a few thousand users.
const IN_MEMORY: usize = 64 * 1024;

/// Writes the copy.
pub struct Writer {
    /// What is not in the file yet.
    buffer: Vec<u8>,
    /// `None` as long as the copy is small.
    file: Option<File>,
}

impl Writer {
    /// Begins an empty copy. A large one is written to an unnamed temporary file.
    #[must_use]
    pub fn create() -> Self {
        Self {
            buffer: Vec::new(),
            file: None,
        }
    }

    /// Adds one user.
    ///
    /// # Errors
    /// When the temporary directory cannot be written, or the disk is full.
    pub fn push(&mut self, line: u64, user: &UserId) -> io::Result<()> {
        // A user id contains no control characters, so it contains neither tab nor newline.
        writeln!(self.buffer, "{line}\t{user}", user = user.as_str())?;
        if self.buffer.len() < IN_MEMORY {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(temporary_file()?),
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Finishes writing.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self, repeats: Repeats) -> io::Result<Spool> {
        let copy = match self.file {
            None => Copy::Memory(self.buffer.into()),
            Some(mut file) => {
                file.write_all(&self.buffer)?;
                Copy::File(file)
            }
        };
        Ok(Spool { copy, repeats })
    }
}

#[derive(Debug)]
enum Copy {
    Memory(Arc<[u8]>),
    File(File),
}

/// Streams the users, each once.
#[derive(Debug)]
pub struct Spool {
    copy: Copy,
    repeats: Repeats,
}

impl Spool {
    /// Starts again at the first user. An earlier stream must not be used any more.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn stream(&self) -> io::Result<impl Iterator<Item = io::Result<Entry>> + Send + use<>> {
        let copy: Box<dyn BufRead + Send> = match &self.copy {
            Copy::Memory(copy) => Box::new(Cursor::new(Arc::clone(copy))),
            Copy::File(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Box::new(BufReader::new(file))
            }
        };
        let repeats = self.repeats.clone();
        let lines = copy.lines().zip(0_u64..);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_copy_and_a_large_one_are_streamed_alike() {
        for users in [0_u64, 1, 4_000, 20_000] {
            let mut writer = Writer::create();
            for line in 0..users {
                writer
                    .push(line, &UserId::parse(format!("user{line}")).unwrap())
                    .unwrap();
            }
            assert_eq!(writer.file.is_some(), users > 4_000);
            let spool = writer.finish(Repeats::default()).unwrap();
            for _ in 0..2 {
                let lines = spool.stream().unwrap().map(|entry| entry.unwrap());
                let wrong = lines.zip(0..).find(|(entry, line)| {
                    entry.line != *line || entry.user.as_str() != format!("user{line}")
                });
                assert!(wrong.is_none(), "{wrong:?}");
                assert_eq!(spool.stream().unwrap().count() as u64, users);
            }
        }
    }
}
