//! Trails in files.

use std::ops::Range;
use std::path::PathBuf;

use easemob_admin_audit::{
    Against, Entry, Filter, PublicKey, Search, StoredLines, Verification, stored_heads, verify,
};

use super::{Found, Lines, Place, Trail, TrailError, Trails};

/// Trails below one directory.
#[derive(Debug)]
pub struct TrailsInFiles(pub PathBuf);

/// The trail in a directory, which need not exist.
#[derive(Debug)]
pub struct TrailInDirectory(pub PathBuf);

impl Trails for TrailsInFiles {
    fn names(&self) -> Result<Vec<String>, TrailError> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        Ok(entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    fn of(&self, name: &str) -> Result<Box<dyn Trail>, TrailError> {
        Ok(Box::new(TrailInDirectory(self.0.join(name))))
    }

    fn place(&self) -> Place {
        Place::Directory(self.0.clone())
    }
}

impl Trail for TrailInDirectory {
    fn place(&self) -> Place {
        Place::Directory(self.0.clone())
    }

    fn is_there(&self) -> bool {
        self.0.is_dir()
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, TrailError> {
        let mut search = Search::open(&self.0, filter)?;
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
        let mut search = Search::open(&self.0, filter)?.between(numbers);
        if let Some(most) = newest {
            search = search.newest(most)?;
        }
        Ok(Box::new(InFiles(search)))
    }

    fn lines(&self, from: u64) -> Result<Lines, TrailError> {
        let lines = StoredLines::open(&self.0, from)?;
        Ok(Box::new(lines.map(|line| line.map_err(TrailError::Audit))))
    }

    fn heads(&self, key: &PublicKey) -> Result<Vec<u8>, TrailError> {
        // A trail in files has one key.
        if self.key()?.id() == key.id() {
            Ok(stored_heads(&self.0)?)
        } else {
            Ok(Vec::new())
        }
    }

    fn verify(&self, against: &Against) -> Result<Verification, TrailError> {
        Ok(verify(&self.0, against)?)
    }

    fn key(&self) -> Result<PublicKey, TrailError> {
        Ok(PublicKey::of_trail(&self.0)?)
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
