//! Creates, opens and lists the directories of runs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::files::digest;
use crate::files::private::{create_new, make_directory, make_new_directory};
use crate::run::id::RunId;
use crate::run::input;
use crate::run::item::Item;
use crate::run::journal::header::Header;
use crate::run::journal::progress::Progress;
use crate::run::journal::read::{JournalError, Reader};
use crate::run::journal::record::Record;
use crate::run::journal::write::JournalFile;

const JOURNAL: &str = "journal.jsonl";
const INPUT: &str = "input.jsonl";

/// The directory that holds all runs.
#[derive(Debug, Clone)]
pub struct Runs {
    root: PathBuf,
}

/// A run that this process works on; no other can.
#[derive(Debug)]
pub struct OpenRun {
    /// What it is about.
    pub header: Header,
    /// How far it has come.
    pub progress: Progress,
    directory: PathBuf,
    file: File,
}

/// A run as it is on disk, perhaps with another process at work on it.
#[derive(Debug)]
pub struct SeenRun {
    /// What it is about.
    pub header: Header,
    /// How far it has come.
    pub progress: Progress,
    /// When and why the last attempt ended; nothing while it goes on, or if it was killed.
    pub ended: Option<(i64, Option<String>)>,
    /// Whether a process works on it.
    pub running: bool,
}

impl SeenRun {
    /// Returns true if `runs resume` would find something to do.
    #[must_use]
    pub fn can_be_gone_on_with(&self) -> bool {
        let unfinished = self.progress.counts().unfinished() > 0;
        unfinished && !self.running && self.header.action.can_be_gone_on_with()
    }
}

/// Why a run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The text that names a run is empty, as that of a variable that is not set.
    #[error("no run is named: the id is empty")]
    NoName,
    /// There is no such run.
    #[error("there is no run `{0}`")]
    NoSuchRun(String),
    /// More than one id begins like this.
    #[error("`{0}` is the beginning of more than one run id")]
    Ambiguous(String),
    /// Another process works on it.
    #[error("another process works on the run {0}")]
    Busy(RunId),
    /// The journal cannot be used.
    #[error("the run {run} cannot be used")]
    Journal {
        /// The run.
        run: RunId,
        /// Why.
        source: JournalError,
    },
    /// The copy of the input is not the one that the run was begun with.
    #[error("the input of the run {0} was changed after the run was begun")]
    InputChanged(RunId),
    /// The directory cannot be read or written.
    #[error("{what} {}", path.display())]
    Io {
        /// What could not be done.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn cannot(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::Io { what, path, source }
}

impl Runs {
    /// Names the directory, which need not exist yet.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the directory of a run, which need not exist.
    #[must_use]
    pub fn directory_of(&self, id: &RunId) -> PathBuf {
        self.root.join(id.as_str())
    }

    /// Creates the directory of a run, and its journal with nothing but the header.
    ///
    /// `header` gets the number of items and the digest of the input.
    ///
    /// # Errors
    /// When the disk is full or may not be written; then nothing that could be resumed is left behind.
    pub fn create(
        &self,
        id: &RunId,
        items: impl Iterator<Item = io::Result<Item>>,
        header: impl FnOnce(u64, String) -> Header,
    ) -> Result<OpenRun, RunError> {
        let directory = self.directory_of(id);
        make_directory(&self.root).map_err(cannot("cannot create the directory of runs", &self.root))?;
        make_new_directory(&directory).map_err(cannot("cannot create the run directory", &directory))?;
        let begun = Self::begin(&directory, items, header);
        if begun.is_err() {
            // What cannot be removed is an empty run, which is never listed.
            let _ = fs::remove_dir_all(&directory);
        }
        begun
    }

    fn begin(
        directory: &Path,
        items: impl Iterator<Item = io::Result<Item>>,
        header: impl FnOnce(u64, String) -> Header,
    ) -> Result<OpenRun, RunError> {
        let path = directory.join(INPUT);
        let input = create_new(&path).map_err(cannot("cannot create", &path))?;
        let (count, sha256) = input::write(input, items).map_err(cannot("cannot write", &path))?;
        let header = header(count, sha256);
        let path = directory.join(JOURNAL);
        let write = || {
            let mut file = create_new(&path)?;
            file.try_lock()?;
            let mut line = serde_json::to_vec(&header)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_all()?;
            // The names of new files are on disk only when their directory is.
            File::open(directory)?.sync_all()?;
            Ok(file)
        };
        let file = write().map_err(cannot("cannot write", &path))?;
        Ok(OpenRun {
            progress: Progress::new(header.jobs()),
            header,
            directory: directory.to_owned(),
            file,
        })
    }

    /// Opens a run to go on with it.
    ///
    /// # Errors
    /// When another process works on it, or what it left behind is damaged.
    pub fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        let directory = self.directory_of(id);
        let path = directory.join(JOURNAL);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| missing_or(error, id, &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RunError::Busy(id.clone())),
            Err(TryLockError::Error(error)) => return Err(cannot("cannot lock", &path)(error)),
        }
        let journal = |source| RunError::Journal {
            run: id.clone(),
            source,
        };
        let (header, mut reader) = Reader::open(&file).map_err(journal)?;
        let mut progress = Progress::new(header.jobs());
        while let Some(record) = reader.next_record().map_err(journal)? {
            progress.note(record);
        }
        let good = reader.good_bytes();
        let mut cut = || {
            file.set_len(good)?;
            file.seek(SeekFrom::Start(good))
        };
        cut().map_err(cannot("cannot repair", &path))?;
        let path = directory.join(INPUT);
        let input = File::open(&path)
            .and_then(digest::of)
            .map_err(cannot("cannot read", &path))?;
        if input != header.input_sha256 {
            return Err(RunError::InputChanged(id.clone()));
        }
        Ok(OpenRun {
            header,
            progress,
            directory,
            file,
        })
    }

    /// Reads a run without working on it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn see(&self, id: &RunId) -> Result<SeenRun, RunError> {
        let path = self.directory_of(id).join(JOURNAL);
        let journal = |source| RunError::Journal {
            run: id.clone(),
            source,
        };
        let file = File::open(&path).map_err(|error| missing_or(error, id, &path))?;
        // A lock of our own would keep the owner from starting, but only for the blink of this test.
        let running = match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => {
                return Err(cannot("cannot look for the lock of", &path)(error));
            }
            Ok(()) => {
                file.unlock().map_err(cannot("cannot unlock", &path))?;
                false
            }
        };
        let (header, mut reader) = Reader::open(file).map_err(journal)?;
        let mut progress = Progress::new(header.jobs());
        let mut ended = None;
        while let Some(record) = reader.next_record().map_err(journal)? {
            match &record {
                Record::Begin(_) => ended = None,
                Record::End(end) => ended = Some((end.at, end.stopped.clone())),
                _ => {}
            }
            progress.note(record);
        }
        Ok(SeenRun {
            header,
            progress,
            ended,
            running,
        })
    }

    /// Returns the ids of all runs, oldest first. Directories without a journal are left out.
    ///
    /// # Errors
    /// When the directory cannot be read; one that does not exist holds no runs.
    pub fn list(&self) -> Result<Vec<RunId>, RunError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot("cannot read", &self.root)(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(cannot("cannot read", &self.root))?;
            let id = entry.file_name().to_str().and_then(RunId::parse);
            ids.extend(id.filter(|_| entry.path().join(JOURNAL).exists()));
        }
        ids.sort();
        Ok(ids)
    }

    /// Finds a run by its id, the unique beginning of its id, or the word `last`.
    ///
    /// # Errors
    /// When there is none, or more than one, or the text is empty: every id begins like that.
    pub fn find(&self, text: &str) -> Result<RunId, RunError> {
        if text.trim().is_empty() {
            return Err(RunError::NoName);
        }
        let mut ids = self.list()?;
        if text == "last" {
            return ids.pop().ok_or_else(|| RunError::NoSuchRun(text.into()));
        }
        let mut fitting = ids.into_iter().filter(|id| id.as_str().starts_with(text));
        match (fitting.next(), fitting.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => Err(RunError::Ambiguous(text.into())),
            (None, _) => Err(RunError::NoSuchRun(text.into())),
        }
    }

    /// Streams the items of a run.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn items(&self, id: &RunId) -> Result<impl Iterator<Item = io::Result<Item>> + use<>, RunError> {
        let path = self.directory_of(id).join(INPUT);
        input::read(&path).map_err(cannot("cannot read", &path))
    }

    /// Streams the records of a run.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn records(
        &self,
        id: &RunId,
    ) -> Result<impl Iterator<Item = Result<Record, JournalError>> + use<>, RunError> {
        let path = self.directory_of(id).join(JOURNAL);
        let file = File::open(&path).map_err(|error| missing_or(error, id, &path))?;
        let (_, reader) = Reader::open(file).map_err(|source| RunError::Journal {
            run: id.clone(),
            source,
        })?;
        Ok(reader)
    }
}

impl OpenRun {
    /// Streams the items.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn items(&self) -> Result<impl Iterator<Item = io::Result<Item>> + use<>, RunError> {
        let path = self.directory.join(INPUT);
        input::read(&path).map_err(cannot("cannot read", &path))
    }

    /// Hands out the journal to write to, which keeps the run locked as long as it is open.
    #[must_use]
    pub fn into_journal(self) -> (Header, Progress, JournalFile) {
        (self.header, self.progress, JournalFile::new(self.file))
    }
}

fn missing_or(error: io::Error, id: &RunId, path: &Path) -> RunError {
    if error.kind() == io::ErrorKind::NotFound {
        RunError::NoSuchRun(id.to_string())
    } else {
        cannot("cannot open", path)(error)
    }
}
