//! Runs as directories, with the audit trails beside them as files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use easemob_admin_audit::{AuditError, AuditTrail, Event};

use crate::files::digest;
use crate::files::private::{create_new, make_directory, make_new_directory};
use crate::record::sink::{AuditSink, RunEvents, pruned};
use crate::record::taken_over::take_over;
use crate::run::attempt::CannotBegin;
use crate::run::id::RunId;
use crate::run::input;
use crate::run::item::Item;
use crate::run::journal::header::Header;
use crate::run::journal::progress::Progress;
use crate::run::journal::read::{JournalError, Reader};
use crate::run::journal::write::JournalFile;
use crate::run::run_record::{InOrder, RunRecord, Sink};
use crate::run::store::{HeldRun, Items, OpenRun, Pruning, Records, RunError, RunStore, SeenRun};
use crate::target::Target;

const JOURNAL: &str = "journal.jsonl";
/// How the name of the directory of a run ends that is being removed.
const REMOVED: &str = ".removed";
/// How the name of the directory of a run ends that is being written.
const BEGUN: &str = ".begun";
/// After this time, nobody writes it any more.
const GIVEN_UP: Duration = Duration::from_secs(24 * 60 * 60);
const INPUT: &str = "input.jsonl";

/// Stores each run in its own directory, and the trail of each target in another.
#[derive(Debug, Clone)]
pub struct RunDirectories {
    runs: PathBuf,
    trails: PathBuf,
}

/// A run whose journal is locked while this value lives.
#[derive(Debug)]
pub struct HeldDirectory {
    directory: PathBuf,
    trails: PathBuf,
    journal: File,
}

fn cannot(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let at = path.display().to_string();
    move |source| RunError::Io { what, at, source }
}

fn journal_of(run: &RunId) -> impl Fn(JournalError) -> RunError {
    let run = run.clone();
    move |source| RunError::Journal {
        run: run.clone(),
        source,
    }
}

/// Writes the beginning of a run, and returns its header and its locked journal.
fn begin(
    directory: &Path,
    mut header: Header,
    items: &mut dyn Iterator<Item = io::Result<Item>>,
) -> Result<(Header, File), RunError> {
    let path = directory.join(INPUT);
    let input = create_new(&path).map_err(cannot("cannot create", &path))?;
    (header.items, header.input_sha256) =
        input::write(input, items).map_err(cannot("cannot write", &path))?;
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
    let journal = write().map_err(cannot("cannot write", &path))?;
    Ok((header, journal))
}

/// Returns true if a directory beside the runs is what a process left that was killed.
fn is_rest(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_str().unwrap_or_default();
    if let Some(id) = name.strip_suffix(REMOVED) {
        return RunId::parse(id).is_some();
    }
    let begun = name.strip_suffix(BEGUN).and_then(|name| name.split_once('.'));
    let changed = entry.metadata().and_then(|metadata| metadata.modified());
    let age = changed.ok().and_then(|changed| changed.elapsed().ok());
    begun.is_some_and(|(id, _)| RunId::parse(id).is_some()) && age.is_some_and(|age| age > GIVEN_UP)
}

impl RunDirectories {
    /// Uses these directories for all runs and all trails; they need not exist yet.
    #[must_use]
    pub fn at(runs: PathBuf, trails: PathBuf) -> Self {
        Self { runs, trails }
    }

    fn directory_of(&self, id: &RunId) -> PathBuf {
        self.runs.join(id.as_str())
    }

    /// Makes the directory in which a run is written.
    fn make_begun(&self, id: &RunId) -> Result<PathBuf, RunError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        loop {
            let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
            let begun = self.runs.join(format!("{id}.{process}-{number}{BEGUN}"));
            match make_new_directory(&begun) {
                Ok(()) => return Ok(begun),
                // A process with the same number was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot("cannot create the run directory", &begun)(error)),
            }
        }
    }

    /// Keeps other processes from a run.
    fn lock(&self, id: &RunId) -> Result<File, RunError> {
        let path = self.directory_of(id).join(JOURNAL);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| missing_or(error, id, &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy(id.clone(), None)),
            Err(TryLockError::Error(error)) => Err(cannot("cannot lock", &path)(error)),
        }
    }

    /// Opens a run as [`RunStore::open`] does, and returns the directory that holds it.
    pub(crate) fn hold(&self, id: &RunId) -> Result<(Header, Progress, HeldDirectory), RunError> {
        let directory = self.directory_of(id);
        let path = directory.join(JOURNAL);
        let mut file = self.lock(id)?;
        let (header, mut reader) = Reader::open(&file).map_err(journal_of(id))?;
        let mut progress = Progress::new(header.jobs());
        while let Some(record) = reader.next_record().map_err(journal_of(id))? {
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
        let held = HeldDirectory {
            directory,
            trails: self.trails.clone(),
            journal: file,
        };
        Ok((header, progress, held))
    }
}

impl RunStore for RunDirectories {
    fn create(
        &self,
        id: &RunId,
        header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError> {
        make_directory(&self.runs).map_err(cannot("cannot create the directory of runs", &self.runs))?;
        // Others see all of a run or nothing, also if this process is killed.
        let begun = self.make_begun(id)?;
        let directory = self.directory_of(id);
        let complete = || {
            let (header, journal) = begin(&begun, header, items)?;
            fs::rename(&begun, &directory).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                    RunError::Exists(id.clone())
                }
                _ => cannot("cannot create the run directory", &directory)(error),
            })?;
            Ok::<_, RunError>((header, journal))
        };
        let (header, journal) = complete().inspect_err(|_| {
            // What remains is removed by the next pruning.
            let _ = fs::remove_dir_all(&begun);
        })?;
        File::open(&self.runs)
            .and_then(|runs| runs.sync_all())
            .map_err(cannot("cannot write", &self.runs))?;
        Ok(OpenRun {
            progress: Progress::new(header.jobs()),
            header,
            held: Box::new(HeldDirectory {
                directory,
                trails: self.trails.clone(),
                journal,
            }),
        })
    }

    fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        let (header, progress, held) = self.hold(id)?;
        Ok(OpenRun {
            header,
            progress,
            held: Box::new(held),
        })
    }

    fn see(&self, id: &RunId) -> Result<SeenRun, RunError> {
        let path = self.directory_of(id).join(JOURNAL);
        let file = File::open(&path).map_err(|error| missing_or(error, id, &path))?;
        // This lock would keep another process from starting, but only for an instant.
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
        let (header, mut reader) = Reader::open(file).map_err(journal_of(id))?;
        let mut seen = SeenRun::new(header, running);
        while let Some(record) = reader.next_record().map_err(journal_of(id))? {
            seen.note(record);
        }
        seen.state = seen.left_by_last_attempt();
        Ok(seen)
    }

    /// Directories without a journal are skipped, and a missing directory contains no runs.
    fn list(&self) -> Result<Vec<RunId>, RunError> {
        let entries = match fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot("cannot read", &self.runs)(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(cannot("cannot read", &self.runs))?;
            let id = entry.file_name().to_str().and_then(RunId::parse);
            ids.extend(id.filter(|_| entry.path().join(JOURNAL).exists()));
        }
        ids.sort();
        Ok(ids)
    }

    fn items(&self, id: &RunId) -> Result<Items, RunError> {
        let directory = self.directory_of(id);
        if !directory.is_dir() {
            return Err(RunError::NoSuchRun(id.to_string()));
        }
        items(&directory)
    }

    fn records(&self, id: &RunId) -> Result<Records, RunError> {
        let path = self.directory_of(id).join(JOURNAL);
        let file = File::open(&path).map_err(|error| missing_or(error, id, &path))?;
        let (_, reader) = Reader::open(file).map_err(journal_of(id))?;
        Ok(Box::new(reader.map(|record| record.map_err(io::Error::other))))
    }

    fn size(&self, id: &RunId) -> Result<u64, RunError> {
        let directory = self.directory_of(id);
        let size = |path: &Path| -> io::Result<u64> {
            let mut bytes = 0;
            for entry in fs::read_dir(path)? {
                bytes += entry?.metadata()?.len();
            }
            Ok(bytes)
        };
        size(&directory).map_err(|error| missing_or(error, id, &directory))
    }

    fn can_prune(&self) -> Result<(), RunError> {
        Ok(())
    }

    fn prune(&self, target: &Target, ids: &[RunId], pruning: &Pruning) -> Result<(), CannotBegin> {
        let mut held = Vec::with_capacity(ids.len());
        for id in ids {
            held.push(self.lock(id)?);
        }
        self.enter(target, &pruned(target, ids, pruning))?;
        for (id, _held) in ids.iter().zip(held) {
            let directory = self.directory_of(id);
            // With another name, it is not a run any more, whatever becomes of it.
            let removed = self.runs.join(format!("{id}{REMOVED}"));
            fs::rename(&directory, &removed)
                .and_then(|()| fs::remove_dir_all(&removed))
                .map_err(cannot("cannot remove", &directory))?;
        }
        Ok(())
    }

    fn remove_rest(&self) -> Result<(), RunError> {
        let entries = match fs::read_dir(&self.runs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(cannot("cannot read", &self.runs))?,
        };
        for entry in entries {
            let entry = entry.map_err(cannot("cannot read", &self.runs))?;
            if is_rest(&entry) {
                fs::remove_dir_all(entry.path()).map_err(cannot("cannot remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    fn enter(&self, target: &Target, events: &[Event]) -> Result<(), CannotBegin> {
        let mut trail = open_trail(&self.trails, target)?;
        trail.append(events)?;
        trail.checkpoint(SystemTime::now())?;
        Ok(())
    }

    fn can_record(&self, target: &Target) -> Result<(), CannotBegin> {
        open_trail(&self.trails, target)?;
        Ok(())
    }
}

impl HeldDirectory {
    /// Returns the sinks for the notes of the run: the trail, then the journal.
    pub(crate) fn sinks(
        self,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Vec<Box<dyn Sink>>, CannotBegin> {
        let target = Target::from(header);
        let items = self.items()?;
        let mut journal = JournalFile::new(self.journal);
        let trail = self.trails.join(target.name());
        take_over(&trail, &header.run, items, progress, &mut journal).map_err(CannotBegin::Compare)?;
        let trail = open_trail(&self.trails, &target)?;
        let events = RunEvents::new(header.clone(), progress.outstanding());
        let trail = AuditSink::new(trail, events);
        Ok(vec![Box::new(trail), Box::new(journal)])
    }
}

impl HeldRun for HeldDirectory {
    fn items(&self) -> Result<Items, RunError> {
        items(&self.directory)
    }

    fn into_record(
        self: Box<Self>,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Box<dyn RunRecord>, CannotBegin> {
        Ok(Box::new(InOrder(self.sinks(header, progress)?)))
    }
}

fn items(directory: &Path) -> Result<Items, RunError> {
    let path = directory.join(INPUT);
    let items = input::read(&path).map_err(cannot("cannot read", &path))?;
    Ok(Box::new(items))
}

fn open_trail(trails: &Path, target: &Target) -> Result<AuditTrail, AuditError> {
    AuditTrail::open(&trails.join(target.name()), &target.name())
}

fn missing_or(error: io::Error, id: &RunId, path: &Path) -> RunError {
    if error.kind() == io::ErrorKind::NotFound {
        RunError::NoSuchRun(id.to_string())
    } else {
        cannot("cannot open", path)(error)
    }
}
