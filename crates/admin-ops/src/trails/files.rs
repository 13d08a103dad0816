//! Trails in files.

use std::ops::Range;
use std::path::PathBuf;

use easemob_admin_audit::{
    Against, Entry, Filter, PublicKey, Search, SearchMemory, StoredLines, Verification, stored_heads, verify,
};

use super::{Found, Lines, Place, Trail, TrailError, Trails};

/// Trails below one directory.
#[derive(Debug)]
pub struct TrailsInFiles {
    directory: PathBuf,
    memory: SearchMemory,
}

/// The trail in a directory, which need not exist.
#[derive(Debug)]
pub struct TrailInDirectory {
    directory: PathBuf,
    memory: SearchMemory,
}

impl TrailsInFiles {
    /// Finds the trails below `directory`. One value for all searches of a process makes them faster.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        let memory = SearchMemory::default();
        Self { directory, memory }
    }
}

impl TrailInDirectory {
    /// Finds the trail in `directory`.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        let memory = SearchMemory::default();
        Self { directory, memory }
    }
}

impl Trails for TrailsInFiles {
    fn names(&self) -> Result<Vec<String>, TrailError> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        Ok(entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    fn of(&self, name: &str) -> Result<Box<dyn Trail>, TrailError> {
        Ok(Box::new(TrailInDirectory {
            directory: self.directory.join(name),
            memory: self.memory.clone(),
        }))
    }

    fn place(&self) -> Place {
        Place::Directory(self.directory.clone())
    }
}

impl Trail for TrailInDirectory {
    fn place(&self) -> Place {
        Place::Directory(self.directory.clone())
    }

    fn is_there(&self) -> bool {
        self.directory.is_dir()
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, TrailError> {
        let mut search = Search::open_with(&self.directory, filter, &self.memory)?;
        if let Some(most) = newest {
            search = search.newest(most)?;
        }
        Ok(Box::new(InFiles(search)))
    }

    fn search_between(
        &self,
        filter: Filter,
        numbers: Range<u64>,
        newest: Option<u64>,
    ) -> Result<Box<dyn Found>, TrailError> {
        let mut search = Search::open_with(&self.directory, filter, &self.memory)?.between(numbers);
        if let Some(most) = newest {
            search = search.newest(most)?;
        }
        Ok(Box::new(InFiles(search)))
    }

    fn lines(&self, from: u64) -> Result<Lines, TrailError> {
        let lines = StoredLines::open(&self.directory, from)?;
        Ok(Box::new(lines.map(|line| line.map_err(TrailError::Audit))))
    }

    fn heads(&self, key: &PublicKey) -> Result<Vec<u8>, TrailError> {
        // A trail in files has one key.
        if self.key()?.id() == key.id() {
            Ok(stored_heads(&self.directory)?)
        } else {
            Ok(Vec::new())
        }
    }

    fn verify(&self, against: &Against) -> Result<Verification, TrailError> {
        Ok(verify(&self.directory, against)?)
    }

    fn key(&self) -> Result<PublicKey, TrailError> {
        Ok(PublicKey::of_trail(&self.directory)?)
    }
}

struct InFiles(Search);

impl Iterator for InFiles {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(TrailError::Audit))
    }
}

impl Found for InFiles {
    fn id_of(&self, entry: &Entry) -> String {
        self.0.id_of(entry)
    }

    fn read_on(&mut self) -> Result<(), TrailError> {
        Ok(self.0.read_on()?)
    }

    fn is_torn(&self) -> bool {
        self.0.is_torn()
    }
}
