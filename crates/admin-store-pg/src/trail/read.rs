//! The trails, as commands and services read them.

use std::ops::Range;
use std::path::Path;

use easemob_admin_audit::{Against, Entry, Filter, PublicKey, Verification};
use easemob_admin_ops::trails::in_order::{Part, all};
use easemob_admin_ops::trails::{
    ArchiveBeside, ArchiveFound, Found, Lines, Place, Trail, TrailError, TrailInDirectory, Trails,
};

use tokio::sync::watch;

use super::archive::Archive;
use super::{PgSearch, PgTrail, PgTrails};

/// The trail of a target; there is none before the first change.
struct TrailInDatabase {
    trail: Option<PgTrail>,
    trails: PgTrails,
    name: String,
    place: Place,
}

impl Trails for PgTrails {
    fn names(&self) -> Result<Vec<String>, TrailError> {
        self.places()
    }

    fn of(&self, name: &str) -> Result<Box<dyn Trail>, TrailError> {
        let trail = self.kept(name)?;
        let shown = trail.as_ref().map_or(name, |trail| trail.origin());
        let place = Place::Database {
            trail: Some(shown.to_owned()),
            database: self.database.address().to_string(),
        };
        Ok(Box::new(TrailInDatabase {
            trail,
            trails: self.clone(),
            name: name.to_owned(),
            place,
        }))
    }

    fn place(&self) -> Place {
        Place::Database {
            trail: None,
            database: self.database.address().to_string(),
        }
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.appended.changes(&self.database))
    }
}

impl TrailInDatabase {
    fn existing(&self) -> Result<&PgTrail, TrailError> {
        self.trail
            .as_ref()
            .ok_or_else(|| TrailError::Missing(self.place.clone()))
    }

    /// Returns the archives of entries that the database does not have.
    fn archived(&self) -> Result<Vec<Archive>, TrailError> {
        let mut archives = self.trails.archives(&self.name)?;
        if let Some(trail) = &self.trail {
            let first = trail.first_entry()?;
            archives.retain(|archive| archive.origin != trail.origin() || archive.size <= first);
        }
        Ok(archives)
    }
}

fn beside(archive: &Archive) -> ArchiveBeside {
    ArchiveBeside {
        origin: archive.origin.clone(),
        first: archive.first,
        size: archive.size,
        host: archive.host.clone(),
        directory: archive.directory.clone(),
    }
}

fn verified(archive: &Archive) -> ArchiveFound {
    let directory = Path::new(&archive.directory);
    if !directory.is_dir() {
        return ArchiveFound::NotHere;
    }
    match archive.problem(directory) {
        Ok(None) => ArchiveFound::Holds,
        Ok(Some(problem)) => ArchiveFound::Problem(problem),
        Err(error) => ArchiveFound::Problem(error.to_string()),
    }
}

impl Trail for TrailInDatabase {
    fn place(&self) -> Place {
        self.place.clone()
    }

    fn is_there(&self) -> bool {
        self.trail.is_some()
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, TrailError> {
        let in_database = |newest: Option<u64>| -> Result<Box<dyn Found>, TrailError> {
            let mut search = self.trail.as_ref().map(|trail| trail.search(filter.clone()));
            if let Some(most) = newest {
                search = search.map(|search| search.newest(most)).transpose()?;
            }
            Ok(Box::new(InDatabase(search)))
        };
        let mut here = self.archived()?;
        here.retain(|archive| Path::new(&archive.directory).is_dir());
        if here.is_empty() {
            return in_database(newest);
        }
        let mut parts: Vec<Part<'_>> = Vec::new();
        for archive in here {
            let filter = filter.clone();
            let archived = TrailInDirectory::new(archive.directory.into());
            parts.push(Box::new(move |newest| archived.search(filter.clone(), newest)));
        }
        parts.push(Box::new(in_database));
        all(&parts, newest)
    }

    fn search_between(
        &self,
        filter: Filter,
        numbers: Range<u64>,
        newest: Option<u64>,
    ) -> Result<Box<dyn Found>, TrailError> {
        let Some(trail) = &self.trail else {
            return Ok(Box::new(InDatabase(None)));
        };
        let mut search = trail.search(filter).between(numbers)?;
        if let Some(most) = newest {
            search = search.newest(most)?;
        }
        Ok(Box::new(InDatabase(Some(search))))
    }

    fn end(&self) -> Result<u64, TrailError> {
        self.trail.as_ref().map_or(Ok(0), PgTrail::size)
    }

    fn lines(&self, from: u64) -> Result<Lines, TrailError> {
        match &self.trail {
            Some(trail) => trail.lines_from_entry(from),
            None => Ok(Box::new(std::iter::empty())),
        }
    }

    fn heads(&self, key: &PublicKey) -> Result<Vec<u8>, TrailError> {
        self.existing()?.heads_of(key).map(String::into_bytes)
    }

    fn keys(&self) -> Result<Vec<PublicKey>, TrailError> {
        let own = self.key()?;
        let mut keys = self.existing()?.signers()?;
        keys.retain(|key| key.id() != own.id());
        keys.insert(0, own);
        Ok(keys)
    }

    fn verify(&self, against: &Against) -> Result<Verification, TrailError> {
        self.existing()?.verify(against)
    }

    fn first_entry(&self) -> Result<u64, TrailError> {
        self.trail.as_ref().map_or(Ok(0), PgTrail::first_entry)
    }

    fn archives(&self) -> Result<Vec<ArchiveBeside>, TrailError> {
        Ok(self.archived()?.iter().map(beside).collect())
    }

    fn verify_archives(&self) -> Result<Vec<(ArchiveBeside, ArchiveFound)>, TrailError> {
        let archives = self.archived()?;
        Ok(archives
            .iter()
            .map(|archive| (beside(archive), verified(archive)))
            .collect())
    }

    fn key(&self) -> Result<PublicKey, TrailError> {
        self.existing()?.public_key()
    }
}

struct InDatabase(Option<PgSearch>);

impl Iterator for InDatabase {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.next()
    }
}

impl Found for InDatabase {
    fn id_of(&self, entry: &Entry) -> String {
        self.0
            .as_ref()
            .map(|search| search.id_of(entry))
            .unwrap_or_default()
    }

    /// Whatever was appended is found by itself.
    fn read_on(&mut self) -> Result<(), TrailError> {
        Ok(())
    }

    fn is_torn(&self) -> bool {
        false
    }
}
