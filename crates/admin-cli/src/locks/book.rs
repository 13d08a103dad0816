//! The file that holds the locks of a profile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lock::{Lock, Locks};
use crate::private_files::make_directory;

/// The newest format that this version reads, and the one it writes.
const FORMAT: u32 = 1;

/// The locks of a profile on disk. Every change is written whole, to a new file that takes the old one's place.
#[derive(Debug, Clone)]
pub struct LockBook {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Page {
    #[serde(rename = "easemob_admin_locks")]
    format: u32,
    locks: Vec<Lock>,
}

/// Why the locks cannot be used. The file is left as it is.
#[derive(Debug, thiserror::Error)]
#[error("the locks in {} cannot be used", path.display())]
pub struct LockBookError {
    path: PathBuf,
    source: io::Error,
}

impl LockBook {
    /// Names the file, which need not exist yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Reads all locks; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or of a newer format.
    pub fn read(&self) -> Result<Locks, LockBookError> {
        self.load().map_err(|error| self.cannot(error))
    }

    /// Changes the locks. Nobody else can change them at the same time, and the change is on disk when this
    /// returns.
    ///
    /// # Errors
    /// When the file cannot be read or written; then nothing has changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut Locks) -> T) -> Result<T, LockBookError> {
        let changed = || {
            let directory = self.path.parent().unwrap_or(Path::new("."));
            make_directory(directory)?;
            let guard = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(self.path.with_extension("lock"))?;
            guard.lock()?;
            let mut locks = self.load()?;
            let before = locks.clone();
            let result = change(&mut locks);
            if locks != before {
                self.save(directory, locks)?;
            }
            Ok(result)
        };
        changed().map_err(|error| self.cannot(error))
    }

    fn load(&self) -> io::Result<Locks> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Locks::new()),
            Err(error) => return Err(error),
        };
        let page: Page = serde_json::from_slice(&text)?;
        if page.format > FORMAT {
            let what = format!(
                "it has format {}, and this version reads up to {FORMAT}",
                page.format
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(page
            .locks
            .into_iter()
            .map(|lock| (lock.user.folded(), lock))
            .collect())
    }

    fn save(&self, directory: &Path, locks: Locks) -> io::Result<()> {
        // Private by the library's own default.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        let page = Page {
            format: FORMAT,
            locks: locks.into_values().collect(),
        };
        let mut out = io::BufWriter::new(file.as_file_mut());
        serde_json::to_writer(&mut out, &page)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        File::open(directory)?.sync_all()
    }

    fn cannot(&self, source: io::Error) -> LockBookError {
        LockBookError {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::UserId;
    use jiff::Timestamp;

    use super::*;
    use crate::locks::lock::LockState;

    fn lock(name: &str) -> Lock {
        Lock {
            user: UserId::parse(name).unwrap(),
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            state: LockState::Locked,
            run: "r".into(),
            operator: "o".into(),
            reason: Some("test".into()),
            ticket: None,
        }
    }

    #[test]
    fn what_was_written_is_read_and_names_are_compared_without_case() {
        let home = tempfile::tempdir().unwrap();
        let book = LockBook::at(home.path().join("locks/prod.json"));
        assert!(book.read().unwrap().is_empty());
        book.change(|locks| locks.insert("ann".into(), lock("Ann")))
            .unwrap();
        assert_eq!(book.read().unwrap()["ann"], lock("Ann"));
        book.change(|locks| locks.remove("ann")).unwrap();
        assert!(book.read().unwrap().is_empty());
    }

    #[test]
    fn a_damaged_or_newer_file_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("prod.json");
        for content in ["{\"easemob_admin_locks\":2,\"locks\":[]}", "{", ""] {
            fs::write(&path, content).unwrap();
            let book = LockBook::at(path.clone());
            assert!(book.read().is_err());
            assert!(
                book.change(|locks| locks.insert("ann".into(), lock("ann")))
                    .is_err()
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let home = tempfile::tempdir().unwrap();
        let book = LockBook::at(home.path().join("prod.json"));
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let book = &book;
                scope.spawn(move || {
                    for number in 0..10 {
                        let name = format!("u{writer}-{number}");
                        book.change(|locks| locks.insert(name.clone(), lock(&name)))
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(book.read().unwrap().len(), 40);
    }
}
