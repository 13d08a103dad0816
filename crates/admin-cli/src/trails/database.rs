//! Trails in PostgreSQL.

use std::path::Path;

use easemob_admin_audit::{Against, Entry, Filter, PublicKey, Verification};
use easemob_admin_store_pg::trail::archive::Archive;
use easemob_admin_store_pg::trail::{PgSearch, PgTrail, PgTrails, TrailError};
use easemob_admin_words::t;

use super::beside::{Part, all};
use super::{ArchiveBeside, ArchiveFound, CannotVerify, Found, Trail, TrailInDirectory, Trails};
use crate::command_error::CommandError;
use crate::exit;

/// The trails in one database.
pub struct TrailsInDatabase {
    /// The trails.
    pub trails: PgTrails,
    /// The database, for people.
    pub place: String,
}

/// The trail of a target; there is none before the first change.
struct TrailInDatabase {
    trail: Option<PgTrail>,
    trails: PgTrails,
    name: String,
    place: String,
}

impl Trails for TrailsInDatabase {
    fn names(&self) -> Result<Vec<String>, CommandError> {
        Ok(self.trails.places()?)
    }

    fn of(&self, name: &str) -> Result<Box<dyn Trail>, CommandError> {
        let trail = self.trails.kept(name)?;
        let shown = trail.as_ref().map_or(name, |trail| trail.origin());
        let place = t!("{shown} in the {}", self.place);
        Ok(Box::new(TrailInDatabase {
            trail,
            trails: self.trails.clone(),
            name: name.to_owned(),
            place,
        }))
    }

    fn place(&self) -> String {
        t!("the {}", self.place)
    }
}

impl TrailInDatabase {
    fn existing(&self) -> Result<&PgTrail, CommandError> {
        let missing = || CommandError::new(exit::USAGE, t!("there is no audit trail of {}", self.place));
        self.trail.as_ref().ok_or_else(missing)
    }

    /// Returns the archives of entries that the database does not have.
    fn archived(&self) -> Result<Vec<Archive>, CommandError> {
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

impl ArchiveFound {
    fn of(archive: &Archive) -> Self {
        let directory = Path::new(&archive.directory);
        if !directory.is_dir() {
            return Self::NotHere;
        }
        match archive.problem(directory) {
            Ok(None) => Self::Holds,
            Ok(Some(problem)) => Self::Problem(problem),
            Err(error) => Self::Problem(error.to_string()),
        }
    }
}

impl Trail for TrailInDatabase {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn is_there(&self) -> bool {
        self.trail.is_some()
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, CommandError> {
        let in_database = |newest: Option<u64>| -> Result<Box<dyn Found>, CommandError> {
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
            let archived = TrailInDirectory(archive.directory.into());
            parts.push(Box::new(move |newest| archived.search(filter.clone(), newest)));
        }
        parts.push(Box::new(in_database));
        all(&parts, newest)
    }

    fn verify(&self, against: &Against) -> Result<Verification, CannotVerify> {
        let trail = self.existing().map_err(CannotVerify::Store)?;
        trail.verify(against).map_err(|error| match error {
            TrailError::Audit(error) => CannotVerify::Audit(error),
            error => CannotVerify::Store(error.into()),
        })
    }

    fn first_entry(&self) -> Result<u64, CommandError> {
        self.trail
            .as_ref()
            .map_or(Ok(0), |trail| Ok(trail.first_entry()?))
    }

    fn archives(&self) -> Result<Vec<ArchiveBeside>, CommandError> {
        Ok(self.archived()?.iter().map(beside).collect())
    }

    fn verify_archives(&self) -> Result<Vec<(ArchiveBeside, ArchiveFound)>, CommandError> {
        let archives = self.archived()?;
        Ok(archives
            .iter()
            .map(|archive| (beside(archive), ArchiveFound::of(archive)))
            .collect())
    }

    fn key(&self) -> Result<PublicKey, CommandError> {
        Ok(self.existing()?.public_key()?)
    }
}

struct InDatabase(Option<PgSearch>);

impl Iterator for InDatabase {
    type Item = Result<Entry, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.as_mut()?.next()?.map_err(CommandError::from))
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
    fn read_on(&mut self) -> Result<(), CommandError> {
        Ok(())
    }

    fn is_torn(&self) -> bool {
        false
    }
}
