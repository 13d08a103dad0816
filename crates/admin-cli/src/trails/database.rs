//! Trails in PostgreSQL.

use easemob_admin_audit::{Against, Entry, Filter, PublicKey, Verification};
use easemob_admin_store_pg::trail::{PgSearch, PgTrail, PgTrails, TrailError};
use easemob_admin_words::t;

use super::{CannotVerify, Found, Trail, Trails};
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
        Ok(Box::new(TrailInDatabase { trail, place }))
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
}

impl Trail for TrailInDatabase {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn is_there(&self) -> bool {
        self.trail.is_some()
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, CommandError> {
        let Some(trail) = &self.trail else {
            return Ok(Box::new(InDatabase(None)));
        };
        let mut search = trail.search(filter);
        if let Some(most) = newest {
            search = search.newest(most)?;
        }
        Ok(Box::new(InDatabase(Some(search))))
    }

    fn verify(&self, against: &Against) -> Result<Verification, CannotVerify> {
        let trail = self.existing().map_err(CannotVerify::Store)?;
        trail.verify(against).map_err(|error| match error {
            TrailError::Audit(error) => CannotVerify::Audit(error),
            error => CannotVerify::Store(error.into()),
        })
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
