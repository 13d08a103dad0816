//! The audit trail in PostgreSQL: the lines, the chain and the tree are those of a trail in files.
//!
//! The lines of all writers have one order: whoever appends holds the row of the trail. The signing key is never in the
//! database. Each machine has a key of its own in its data directory, with the heads that it signed: before it signs, it
//! follows the lines from its last head on. So whatever a superuser of the database changes, the heads of any machine that
//! signed it show.

mod append;
mod appended;
pub mod archive;
mod beginning;
pub mod heads;
mod lines;
mod read;
mod search;
mod sign;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use easemob_admin_audit::{Chain, Limits};
use easemob_admin_ops::store_error::StoreError;

pub(crate) use self::append::append;
use self::appended::Appended;
use self::heads::{EVERY, HeadListener};
pub use self::search::PgSearch;
use crate::database::Database;
use crate::statement::{execute, field, query, query_opt};
pub use easemob_admin_ops::trails::TrailError;

/// The audit trails of all targets, in one database. Clones share them.
#[derive(Debug, Clone)]
pub struct PgTrails {
    database: Database,
    keys: PathBuf,
    limits: Limits,
    signing: Signing,
    appended: Arc<Appended>,
}

/// When to sign, and who hears of it.
#[derive(Debug, Clone)]
struct Signing {
    /// How long entries may be without a head, while more are added.
    every: Duration,
    listener: Option<Arc<dyn HeadListener>>,
}

/// The audit trail of one target.
#[derive(Debug, Clone)]
pub struct PgTrail {
    database: Database,
    id: i32,
    origin: String,
    keys: PathBuf,
    limits: Limits,
    signing: Signing,
}

impl PgTrails {
    /// Uses the trails in this database. `keys` is the directory for the keys of this machine, which need not exist yet.
    #[must_use]
    pub fn in_database(database: Database, keys: PathBuf) -> Self {
        Self {
            database,
            keys,
            limits: Limits::default(),
            signing: Signing {
                every: EVERY,
                listener: None,
            },
            appended: Arc::default(),
        }
    }

    /// Tells `listener` of each head that this process signs.
    #[must_use]
    pub fn with_listener(mut self, listener: Arc<dyn HeadListener>) -> Self {
        self.signing.listener = Some(listener);
        self
    }

    /// Sets how long entries of a run may be without a head while it goes on, [two minutes](EVERY) by default.
    #[must_use]
    pub fn with_heads_every(mut self, every: Duration) -> Self {
        self.signing.every = every;
        self
    }

    /// Uses other limits of segments and heads.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the names of the targets that have a trail, in order. Blocks the thread.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn places(&self) -> Result<Vec<String>, TrailError> {
        let places = self.database.read(|connection| async move {
            let wanted = "SELECT place FROM easemob_admin.trail ORDER BY place";
            let rows = query(&connection, wanted, &[]).await?;
            rows.iter().map(|row| field(row, 0)).collect()
        });
        places.map_err(|source| at(&self.database, source))
    }

    /// Returns the trail of a target, if there is one. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn kept(&self, place: &str) -> Result<Option<PgTrail>, TrailError> {
        let asked = place.to_owned();
        let found = self.database.read(|connection| find(connection, asked));
        let found = found.map_err(|source| at(&self.database, source))?;
        Ok(found.map(|(id, origin)| self.trail(id, origin)))
    }

    /// Returns the trail of a target, and makes it if there is none. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn of(&self, place: &str) -> Result<PgTrail, TrailError> {
        let asked = place.to_owned();
        let found = self.database.read(|connection| find_or_make(connection, asked));
        let (id, origin) = found.map_err(|source| at(&self.database, source))?;
        Ok(self.trail(id, origin))
    }

    fn trail(&self, id: i32, origin: String) -> PgTrail {
        PgTrail {
            database: self.database.clone(),
            id,
            keys: self.keys.join(&origin),
            origin,
            limits: self.limits,
            signing: self.signing.clone(),
        }
    }
}

impl PgTrail {
    /// Returns the name of the trail, which no trail in another database has.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the directory with the key of this machine and the heads that it signed.
    #[must_use]
    pub fn keys(&self) -> &Path {
        &self.keys
    }

    pub(crate) fn id(&self) -> i32 {
        self.id
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn heads_every(&self) -> Duration {
        self.signing.every
    }

    fn failed(&self, source: StoreError) -> TrailError {
        at(&self.database, source)
    }
}

fn at(database: &Database, source: StoreError) -> TrailError {
    TrailError::Store {
        place: database.address().to_string(),
        source,
    }
}

async fn find(connection: Arc<Object>, place: String) -> Result<Option<(i32, String)>, StoreError> {
    let wanted = "SELECT id, origin FROM easemob_admin.trail WHERE place = $1";
    let found = query_opt(&connection, wanted, &[&place]).await?;
    found
        .map(|row| Ok((field(&row, 0)?, field(&row, 1)?)))
        .transpose()
}

async fn find_or_make(connection: Arc<Object>, place: String) -> Result<(i32, String), StoreError> {
    if let Some(found) = find(Arc::clone(&connection), place.clone()).await? {
        return Ok(found);
    }
    let store = "SELECT left(id::text, 8) FROM easemob_admin.store";
    let store = query_opt(&connection, store, &[]).await?;
    let store: String = store.map_or(Ok(String::new()), |row| field(&row, 0))?;
    let origin = format!("{place}@{store}");
    let mut chain = Chain::new(&origin);
    let header = chain.begin_segment();
    let bytes = append::bytes_of(&header);
    // The one who comes second finds the trail of the first.
    let enter = "WITH made AS (INSERT INTO easemob_admin.trail (place, origin, chain, segment, segment_bytes, lines) \
                VALUES ($1, $2, $3, 0, $4, 1) ON CONFLICT (place) DO NOTHING RETURNING id) \
                INSERT INTO easemob_admin.trail_line (trail, number, segment, started, line) \
                SELECT id, 0, 0, false, $5 FROM made";
    let state = append::state(&chain)?;
    execute(
        &connection,
        enter,
        &[&place, &origin, &state, &bytes, &header.as_bytes()],
    )
    .await?;
    let made = find(connection, place).await?;
    made.ok_or_else(|| StoreError::Failed("the trail was removed while it was made".into()))
}
