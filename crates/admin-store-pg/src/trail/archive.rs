//! Old entries of a trail are sealed in an archive of files, and removed from the database by the account that owns it.
//!
//! Nothing is removed whose archive was not read again, verified, and compared with the database line by line. The removal is
//! an entry of the trail, which is signed before anything is removed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use easemob_admin_audit::{
    Against, ArchiveWriter, Checkpoint, Event, EventTime, PublicKey, SignedHeads, Verification, Verifier,
    archived_lines, verify,
};
use easemob_admin_ops::store_error::StoreError;

use crate::statement::{column, execute, field, number, query, query_opt};
use crate::trail::beginning::ENTRIES;
use crate::trail::{PgTrail, PgTrails, TrailError, append, at};
use crate::transaction::Transaction;

/// How long a removal waits for those who use the table.
const PATIENCE: &str = "SET LOCAL lock_timeout = '5s';";

/// How often it is tried.
const TRIES: u32 = 20;

/// Adds parts of five million lines each, until there is room for twenty million.
pub(crate) const MAKE_ROOM: &str = "SELECT easemob_admin.add_trail_parts(5000000, 20000000)";

/// An archive that the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The name of its trail: another one than that of the database if a machine had it in files.
    pub origin: String,
    /// The number of its first entry.
    pub first: u64,
    /// The number of entries at its end.
    pub size: u64,
    /// The head that seals it, as a compact JWS.
    pub head: String,
    /// The key that checks the head, in PEM form.
    pub key: String,
    /// The machine that sealed it.
    pub host: String,
    /// Its directory there.
    pub directory: String,
}

/// Why entries cannot be archived or removed. Nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The trail cannot be used, or was changed.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// The archive is not what it must be.
    #[error("cannot trust the archive: {0}")]
    Archive(String),
    /// The account may not remove entries.
    #[error("cannot remove entries of the trail: this account does not own the tables")]
    NotTheOwner,
}

impl From<easemob_admin_audit::AuditError> for ArchiveError {
    fn from(error: easemob_admin_audit::AuditError) -> Self {
        Self::Trail(error.into())
    }
}

impl PgTrails {
    /// Enters an archive of a target, unless it is there already, and returns whether it is new. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn enter_archive(&self, place: &str, archive: &Archive) -> Result<bool, TrailError> {
        let (place, archive) = (place.to_owned(), archive.clone());
        let entered = self.database.read(move |connection| async move {
            let enter = "INSERT INTO easemob_admin.trail_archive (place, origin, first, size, head, key, host, directory) \
                         SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT FROM easemob_admin.trail_archive \
                         WHERE place = $1 AND origin = $2 AND size = $4 AND host = $7 AND directory = $8)";
            let (first, size) = (column(archive.first), column(archive.size));
            let Archive {
                origin,
                head,
                key,
                host,
                directory,
                ..
            } = &archive;
            execute(
                &connection,
                enter,
                &[&place, origin, &first, &size, head, key, host, directory],
            )
            .await
        });
        Ok(entered.map_err(|error| at(&self.database, error))? > 0)
    }

    /// Returns the archives of a target in the order in which they were sealed, each directory as it was sealed last. Blocks
    /// the thread.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn archives(&self, place: &str) -> Result<Vec<Archive>, TrailError> {
        let place = place.to_owned();
        let read = self.database.read_again(move |connection| {
            let place = place.clone();
            async move {
                let wanted = "SELECT origin, (SELECT min(first) FROM easemob_admin.trail_archive o WHERE o.place = a.place AND \
                              o.origin = a.origin AND o.host = a.host AND o.directory = a.directory), size, head, key, host, \
                              directory FROM easemob_admin.trail_archive a WHERE place = $1 AND NOT EXISTS (SELECT FROM \
                              easemob_admin.trail_archive n WHERE n.place = a.place AND n.origin = a.origin AND n.host = a.host \
                              AND n.directory = a.directory AND n.number > a.number) ORDER BY number";
                let rows = query(&connection, wanted, &[&place]).await?;
                let archives = rows.iter().map(|row| {
                    Ok(Archive {
                        origin: field(row, 0)?,
                        first: number(row, 1)?,
                        size: number(row, 2)?,
                        head: field(row, 3)?,
                        key: field(row, 4)?,
                        host: field(row, 5)?,
                        directory: field(row, 6)?,
                    })
                });
                archives.collect::<Result<Vec<_>, StoreError>>()
            }
        });
        read.map_err(|error| at(&self.database, error))
    }
}

impl Archive {
    /// Verifies the archive in a directory, which may be a copy, and returns the first problem. Writes nothing.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn problem(&self, directory: &Path) -> Result<Option<String>, easemob_admin_audit::AuditError> {
        let key = match PublicKey::from_pem(&self.key) {
            Ok(key) => key,
            Err(why) => return Ok(Some(format!("the database has no usable key of it: {why}"))),
        };
        let sealed = match Checkpoint::verified(&self.head, &key) {
            Ok(sealed) => sealed,
            Err(why) => return Ok(Some(format!("the head that sealed it is not valid: {why}"))),
        };
        let against = Against {
            key: Some(key),
            checkpoints: None,
        };
        let found = verify(directory, &against)?;
        Ok(unlike(&found, &sealed))
    }
}

/// Returns how an archive differs from what sealed it.
fn unlike(found: &Verification, sealed: &Checkpoint) -> Option<String> {
    if let Some(problem) = found.problems.first() {
        return Some(problem.to_string());
    }
    let head = found.head.as_ref().map(|head| &head.checkpoint);
    if found.origin.as_ref() != Some(&sealed.origin) {
        return Some(format!("it is not of the trail {}", sealed.origin));
    }
    if found.size < sealed.size || head.is_none_or(|head| head.size < sealed.size) {
        return Some(format!("it had {} entries when it was sealed", sealed.size));
    }
    let is_same = head.is_some_and(|head| head.size > sealed.size || head.root == sealed.root);
    (!is_same).then(|| "it differs from what was sealed".to_owned())
}

impl PgTrail {
    /// Writes the oldest segments, whose entries are all older than `before`, to a directory, seals it with the key of this
    /// machine, and reads it again. Nothing is removed. `None` if there is nothing as old as that. Blocks the thread.
    ///
    /// # Errors
    /// When the trail was changed, or the archive cannot be written, or is not what was written.
    pub fn archive(
        &self,
        directory: &Path,
        before: SystemTime,
        host: &str,
    ) -> Result<Option<Archive>, ArchiveError> {
        let failed = |error| ArchiveError::from(self.failed(error));
        let signer = self.signer()?;
        self.verified_for_archive()?;
        let segments = self.segments().map_err(failed)?;
        let before = EventTime::from(before);
        let is_old = |segment: &crate::trail::beginning::SegmentOfTrail| {
            segment
                .newest
                .is_some_and(|newest| newest.as_millis() < before.as_millis())
        };
        let old = segments.values().take_while(|segment| is_old(segment)).count();
        // The last one is still written to.
        let Some(next) = segments.values().nth(old.min(segments.len().saturating_sub(1))) else {
            return Ok(None);
        };
        let first = self.first_line().map_err(failed)?;
        if next.line <= first.number {
            return Ok(None);
        }
        let mut writer = ArchiveWriter::new(directory, signer.key())?;
        let own = SignedHeads::read(&self.keys)?.map_or_else(Vec::new, |own| own.heads);
        let mut verifier = Verifier::new(&self.origin, signer.key(), own);
        for line in self.lines(first.number, next.line) {
            let line = line.map_err(failed)?;
            if verifier.line(line.segment, &line.text).is_break() {
                break;
            }
            writer.line(line.segment, &line.text)?;
        }
        let Some(chain) = verifier.chain().filter(|chain| chain.size() == next.first) else {
            let problem = verifier.finish_range().problems.into_iter().next();
            let problem =
                problem.map_or_else(|| "lines are missing".to_owned(), |problem| problem.to_string());
            return Err(ArchiveError::Archive(problem));
        };
        let head = signer.seal(chain, SystemTime::now())?;
        let heads = self.heads_of(signer.key())?;
        let earlier = heads.lines().map(str::to_owned).filter(|head| {
            Checkpoint::verified(head, signer.key()).is_ok_and(|known| known.size <= next.first)
        });
        writer.finish(&earlier.chain([head.clone()]).collect::<Vec<_>>())?;
        let archive = Archive {
            origin: self.origin.clone(),
            first: first.entry,
            size: next.first,
            head,
            key: signer.key().pem(),
            host: host.to_owned(),
            directory: directory.display().to_string(),
        };
        match archive.problem(directory)? {
            None => Ok(Some(archive)),
            Some(problem) => Err(ArchiveError::Archive(problem)),
        }
    }

    /// Returns how many of the first entries of the database a directory has, after it was read again, verified and compared
    /// line by line. Blocks the thread.
    ///
    /// # Errors
    /// When the trail was changed, or anything differs.
    pub fn archived_in(&self, directory: &Path) -> Result<u64, ArchiveError> {
        self.verified_for_archive()?;
        let found = verify(directory, &Against::default())?;
        if let Some(problem) = found.problems.first() {
            return Err(ArchiveError::Archive(problem.to_string()));
        }
        if found.unsigned() > 0 || found.origin.as_ref() != Some(&self.origin) {
            let what = format!("it is not a sealed part of the trail {}", self.origin);
            return Err(ArchiveError::Archive(what));
        }
        let first = self.first_line().map_err(|error| self.failed(error))?;
        if found.size <= first.entry {
            return Ok(found.size);
        }
        let segments = self.segments().map_err(|error| self.failed(error))?;
        let Some(end) = segments.get(&found.size).map(|segment| segment.line) else {
            let what = format!("no part of the trail ends with {} entries", found.size);
            return Err(ArchiveError::Archive(what));
        };
        let archived = archived_lines(directory)?;
        let mut archived =
            archived.skip_while(|line| matches!(line, Ok((segment, _)) if *segment < first.entry));
        for line in self.lines(first.number, end) {
            let line = line.map_err(|error| self.failed(error))?;
            match archived.next().transpose()? {
                Some((segment, text)) if segment == line.segment && text == line.text => {}
                _ => {
                    let what = format!("its entries from {} on differ from the database", line.segment);
                    return Err(ArchiveError::Archive(what));
                }
            }
        }
        if archived.next().is_some() {
            return Err(ArchiveError::Archive("it has more than that".into()));
        }
        Ok(found.size)
    }

    /// Removes the first `entries` entries, which a directory [has](Self::archived_in), and returns how many were there. The
    /// `event` says who removed them and why; it is an entry of the trail before anything is removed. A removal that was
    /// interrupted is continued. Blocks the thread.
    ///
    /// # Errors
    /// When the account does not own the tables, the archive is not what it must be, or the database fails. What is there
    /// then is a whole trail.
    pub fn remove_archived(&self, directory: &Path, mut event: Event) -> Result<u64, ArchiveError> {
        if !self.owns_lines()? {
            return Err(ArchiveError::NotTheOwner);
        }
        let entries = self.archived_in(directory)?;
        let first = self.first_line().map_err(|error| self.failed(error))?;
        if entries <= first.entry {
            return Ok(0);
        }
        event.details.insert(ENTRIES.into(), entries.into());
        event.details.insert("first".into(), first.entry.into());
        event
            .details
            .insert("directory".into(), directory.display().to_string().into());
        let mut signer = self.signer()?;
        self.sign(&mut signer, SystemTime::now())?;
        self.append_alone(event).map_err(|error| self.failed(error))?;
        self.sign(&mut signer, SystemTime::now())?;
        let segments = self.segments().map_err(|error| self.failed(error))?;
        let ends = segments
            .values()
            .skip(1)
            .take_while(|segment| segment.first <= entries);
        for end in ends {
            self.remove_before(end.line).map_err(|error| self.failed(error))?;
        }
        Ok(entries - first.entry)
    }

    fn verified_for_archive(&self) -> Result<(), ArchiveError> {
        let found = self.verify(&Against::default())?;
        match found.problems.into_iter().next() {
            None => Ok(()),
            Some(problem) => Err(TrailError::Changed(problem).into()),
        }
    }

    fn owns_lines(&self) -> Result<bool, TrailError> {
        let owns = self.database.read(|connection| async move {
            let wanted = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'easemob_admin.trail_line'::regclass";
            let row = query_opt(&connection, wanted, &[]).await?;
            row.map_or(Ok(false), |row| field(&row, 0))
        });
        owns.map_err(|error| self.failed(error))
    }

    fn append_alone(&self, event: Event) -> Result<(), StoreError> {
        let transaction = Transaction::begin(&self.database)?;
        let (id, limits, events) = (self.id, self.limits, Arc::new(vec![event]));
        transaction.ask(move |connection| append(connection, id, events, limits))?;
        transaction.commit()
    }

    /// Removes the lines before one, with whole parts of the table where they have no others.
    fn remove_before(&self, line: u64) -> Result<(), StoreError> {
        for tried in 1.. {
            match self.remove_before_once(column(line)) {
                // Those who use the table are not kept waiting.
                Err(StoreError::Busy(_)) if tried < TRIES => std::thread::sleep(Duration::from_millis(500)),
                removed => return removed,
            }
        }
        Ok(())
    }

    fn remove_before_once(&self, line: i64) -> Result<(), StoreError> {
        let transaction = Transaction::begin_with(&self.database, PATIENCE)?;
        let id = self.id;
        transaction.ask(move |connection| async move {
            let whole = "SELECT name FROM easemob_admin.trail_part WHERE behind <= $1 ORDER BY behind";
            for row in query(&connection, whole, &[&line]).await? {
                let name: String = field(&row, 0)?;
                let name = name.replace('"', "\"\"");
                let others = format!(
                    "SELECT EXISTS (SELECT FROM easemob_admin.\"{name}\" WHERE trail < $1) OR \
                     EXISTS (SELECT FROM easemob_admin.\"{name}\" WHERE trail > $1)"
                );
                let row = query_opt(&connection, &others, &[&id]).await?;
                if !row.map_or(Ok(true), |row| field(&row, 0))? {
                    execute(&connection, &format!("DROP TABLE easemob_admin.\"{name}\""), &[]).await?;
                }
            }
            let remove = "DELETE FROM easemob_admin.trail_line WHERE trail = $1 AND number < $2";
            execute(&connection, remove, &[&id, &line]).await?;
            query(&connection, MAKE_ROOM, &[]).await?;
            Ok(())
        })?;
        transaction.commit()
    }
}
