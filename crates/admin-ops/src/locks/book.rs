//! The file that holds the locks of a profile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use easemob_admin_api::UserId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files::private::make_directory;
use crate::locks::guard::UserGuard;
use crate::locks::lock::{Lock, Locks};
use crate::run::recorder::RecordError;

/// The newest format that this version reads, and the one it writes.
const FORMAT: u32 = 1;

/// The locks of a profile on disk. Every change is written whole, to a new file that takes the old one's place.
///
/// A profile may come to name another server, whose users have nothing to do with those of the one before: what is
/// of another server stays in the file and is neither seen nor changed.
#[derive(Debug, Clone)]
pub struct LockBook {
    path: PathBuf,
    app_root: Option<String>,
}

/// What changes when the file does; nothing if there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Option<(SystemTime, u64, Vec<u8>)>);

/// How much of the beginning of a file is looked at: more than what comes before the locks.
const HEAD: u64 = 80;

#[derive(Serialize, Deserialize)]
struct Page {
    #[serde(rename = "easemob_admin_locks")]
    format: u32,
    /// How often the file was written, so that its beginning tells one content from another whatever the clock of
    /// the file system.
    #[serde(default)]
    edition: u64,
    locks: Vec<Lock>,
}

/// What a file holds, from the point of view of one server.
#[derive(Default)]
struct Content {
    edition: u64,
    ours: Locks,
    others: Vec<Lock>,
}

/// Why the locks cannot be used. The file is left as it is.
#[derive(Debug, thiserror::Error)]
#[error("the locks in {} cannot be used", path.display())]
pub struct LockBookError {
    path: PathBuf,
    source: io::Error,
}

impl From<LockBookError> for RecordError {
    fn from(error: LockBookError) -> Self {
        io::Error::other(error).into()
    }
}

impl LockBook {
    /// Names the file, which need not exist yet, and the server whose locks count; none for the embedded sandbox,
    /// which has a file of its own and another root each time.
    #[must_use]
    pub fn at(path: PathBuf, app_root: Option<String>) -> Self {
        Self { path, app_root }
    }

    /// Returns the root that new locks are entered with.
    #[must_use]
    pub fn app_root(&self) -> Option<&str> {
        self.app_root.as_deref()
    }

    /// Reads all locks; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or of a newer format.
    pub fn read(&self) -> Result<Locks, LockBookError> {
        Ok(self.load().map_err(|error| self.cannot(error))?.ours)
    }

    /// Reads the locks of other servers.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_others(&self) -> Result<Vec<Lock>, LockBookError> {
        Ok(self.load().map_err(|error| self.cannot(error))?.others)
    }

    /// Returns when locks that were due were lifted last, whoever did it here; nothing if nobody ever did, or if that
    /// cannot be told.
    ///
    /// # Errors
    /// When the note of it is there and cannot be read.
    pub fn lifted_last(&self) -> Result<Option<Timestamp>, LockBookError> {
        match fs::read_to_string(self.lifted_note()) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.cannot(error)),
        }
    }

    /// Notes that all locks that were due at that time have been lifted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note_lifted(&self, at: Timestamp) -> Result<(), LockBookError> {
        let path = self.lifted_note();
        let write = || {
            make_directory(path.parent().unwrap_or(Path::new(".")))?;
            let mut note = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
            writeln!(note, "{at}")?;
            note.persist(&path)?;
            io::Result::Ok(())
        };
        write().map_err(|error| self.cannot(error))
    }

    fn lifted_note(&self) -> PathBuf {
        self.path.with_extension("lifted")
    }

    /// Returns what changes when the file does.
    ///
    /// # Errors
    /// When the file is there and cannot be looked at.
    pub fn stamp(&self) -> Result<Stamp, LockBookError> {
        let look = || {
            let file = File::open(&self.path)?;
            let metadata = file.metadata()?;
            let mut head = Vec::new();
            file.take(HEAD).read_to_end(&mut head)?;
            io::Result::Ok((metadata.modified()?, metadata.len(), head))
        };
        match look() {
            Ok(stamp) => Ok(Stamp(Some(stamp))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stamp(None)),
            Err(error) => Err(self.cannot(error)),
        }
    }

    /// Waits until nobody else changes the ban of `user`.
    ///
    /// # Errors
    /// When the file of the guard cannot be used.
    pub async fn guard(&self, user: &UserId) -> Result<UserGuard, LockBookError> {
        let directory = self.path.with_extension("guards");
        UserGuard::take(&directory, user)
            .await
            .map_err(|error| self.cannot(error))
    }

    /// Waits until nobody changes the locks, and keeps everybody from it while the file is held.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn alone(&self) -> Result<File, LockBookError> {
        self.exclude().map_err(|error| self.cannot(error))
    }

    /// Changes the locks. Nobody else can change them at the same time, and the change is on disk when this
    /// returns.
    ///
    /// # Errors
    /// When the file cannot be read or written; then nothing has changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut Locks) -> T) -> Result<T, LockBookError> {
        let changed = || {
            let _alone = self.exclude()?;
            let mut content = self.load()?;
            let before = content.ours.clone();
            let result = change(&mut content.ours);
            if content.ours != before {
                self.save(content)?;
            }
            Ok(result)
        };
        changed().map_err(|error| self.cannot(error))
    }

    fn load(&self) -> io::Result<Content> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
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
        let (ours, others): (Vec<Lock>, _) = page.locks.into_iter().partition(|lock| self.is_ours(lock));
        let ours = ours.into_iter().map(|lock| (lock.user.folded(), lock));
        Ok(Content {
            edition: page.edition,
            ours: ours.collect(),
            others,
        })
    }

    /// A lock without root counts: when it was written, a book was taken to be of one server, and it is better
    /// lifted on the server of the profile than never.
    fn is_ours(&self, lock: &Lock) -> bool {
        match (&self.app_root, &lock.app_root) {
            (Some(here), Some(there)) => here == there,
            _ => true,
        }
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn exclude(&self) -> io::Result<File> {
        make_directory(self.directory())?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.with_extension("lock"))?;
        file.lock()?;
        Ok(file)
    }

    fn save(&self, content: Content) -> io::Result<()> {
        let directory = self.directory();
        // Private by the library's own default.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        let page = Page {
            format: FORMAT,
            edition: content.edition + 1,
            locks: content.ours.into_values().chain(content.others).collect(),
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
    use super::*;
    use crate::locks::lock::LockState;

    fn lock(name: &str) -> Lock {
        Lock::for_test(name, "r", LockState::Locked)
    }

    #[test]
    fn what_was_written_is_read_and_names_are_compared_without_case() {
        let home = tempfile::tempdir().unwrap();
        let book = LockBook::at(home.path().join("locks/prod.json"), None);
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
            let book = LockBook::at(path.clone(), None);
            assert!(book.read().is_err());
            assert!(
                book.change(|locks| locks.insert("ann".into(), lock("ann")))
                    .is_err()
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn the_locks_of_another_server_are_kept_and_not_seen() {
        let home = tempfile::tempdir().unwrap();
        let book = |root: &str| LockBook::at(home.path().join("prod.json"), Some(root.into()));
        let of = |root: Option<&str>, run: &str| Lock {
            app_root: root.map(str::to_owned),
            run: run.into(),
            ..lock("ann")
        };
        let (one, two) = (book("https://one/a/b"), book("https://two/a/b"));
        for (book, run) in [(&one, "1"), (&two, "2")] {
            book.change(|locks| locks.insert("ann".into(), of(book.app_root(), run)))
                .unwrap();
        }
        assert_eq!(one.read().unwrap()["ann"].run, "1");
        assert_eq!(two.read_others().unwrap(), [of(one.app_root(), "1")]);
        one.change(|locks| locks.remove("ann")).unwrap();
        assert_eq!(two.read().unwrap()["ann"].run, "2");

        one.change(|locks| locks.insert("ann".into(), of(None, "old")))
            .unwrap();
        assert_eq!(one.read().unwrap()["ann"].run, "old");
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let home = tempfile::tempdir().unwrap();
        let book = LockBook::at(home.path().join("prod.json"), None);
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
