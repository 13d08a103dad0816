//! Signs the end of a trail with the key of this machine, after following the lines from its last head on.

use std::sync::Arc;
use std::time::SystemTime;

use deadpool_postgres::Object;
use easemob_admin_audit::{Chain, Checkpoint, HeadSigner, Problem, SignedHeads, Verifier};
use easemob_admin_ops::store_error::StoreError;

use crate::statement::{column, execute, field, number, query_opt};
use crate::trail::append::state;
use crate::trail::beginning::{FirstLine, SaidToBeArchived};
use crate::trail::heads::NewHead;
use crate::trail::{PgTrail, TrailError};

/// What is wrong with a trail that is shorter than it was.
const MISSING: &str = "lines that were there are missing at the end";

/// A place between two lines, with the state of the chain there.
#[derive(Debug, Clone)]
struct Place {
    chain: Chain,
    /// The number of lines before it.
    lines: u64,
    segment: u64,
    /// How many of them are in that segment.
    segment_lines: u64,
}

impl PgTrail {
    /// Opens the key of this machine, makes it on first use, and enters its public half. Blocks the thread.
    ///
    /// # Errors
    /// When the key or the database cannot be used, or the trail is shorter than what this machine signed.
    pub fn signer(&self) -> Result<HeadSigner, TrailError> {
        let mut signer = HeadSigner::open(&self.keys)?;
        let end = self.end().map_err(|error| self.failed(error))?;
        if signer.last()?.is_some_and(|last| last.size > end.chain.size()) {
            return Err(TrailError::Changed(self.problem(end.lines + 1, MISSING)));
        }
        let (id, key, pem) = (self.id, signer.key().id(), signer.key().pem());
        let entered = self.database.read(move |connection| async move {
            let enter = "INSERT INTO easemob_admin.trail_signer (trail, key, pem) VALUES ($1, $2, $3) \
                         ON CONFLICT DO NOTHING";
            execute(&connection, enter, &[&id, &key, &pem]).await
        });
        entered.map_err(|error| self.failed(error))?;
        Ok(signer)
    }

    /// Follows the lines from the last head of this machine on, and signs their end. Blocks the thread.
    ///
    /// # Errors
    /// When a line does not follow from the one before, or those that were signed are missing, or the lines cannot be read
    /// or the head not be signed. Nothing is signed then.
    pub fn sign(&self, signer: &mut HeadSigner, time: SystemTime) -> Result<(), TrailError> {
        let last = signer.last()?;
        let start = match &last {
            Some(last) => self.place_of(&signer.key().id(), last)?,
            None => None,
        };
        let end = self.end().map_err(|error| self.failed(error))?;
        let first = self.first_line().map_err(|error| self.failed(error))?;
        // What was removed cannot be followed: the trail must say itself that it was archived.
        let start = start.filter(|place| place.lines >= first.number);
        let place = self.follow(signer, start, first, end.lines)?;
        if place.chain != end.chain || last.is_some_and(|last| last.size > place.chain.size()) {
            return Err(TrailError::Changed(
                self.problem(place.segment_lines + 1, MISSING),
            ));
        }
        let Some(jws) = signer.sign(&place.chain, time)? else {
            return Ok(());
        };
        if let Some(listener) = &self.signing.listener {
            listener.signed(NewHead {
                origin: self.origin.clone(),
                size: place.chain.size(),
                head: jws.clone(),
                key: signer.key().clone(),
            });
        }
        let (id, key) = (self.id, signer.key().id());
        let written = self
            .database
            .read(move |connection| write(connection, id, key, jws, place));
        written.map_err(|error| self.failed(error))
    }

    /// Returns the place of a head, if the database has it and it is the one that was signed.
    fn place_of(&self, key: &str, head: &Checkpoint) -> Result<Option<Place>, TrailError> {
        let (id, key, size) = (self.id, key.to_owned(), column(head.size));
        let found = self.database.read(move |connection| async move {
            let wanted = "SELECT chain, lines, segment, segment_lines FROM easemob_admin.trail_head WHERE trail = $1 \
                          AND key = $2 AND size = $3";
            let Some(row) = query_opt(&connection, wanted, &[&id, &key, &size]).await? else {
                return Ok(None);
            };
            let Ok(chain) = serde_json::from_str(field(&row, 0)?) else {
                return Ok(None);
            };
            let (lines, segment, segment_lines) = (number(&row, 1)?, number(&row, 2)?, number(&row, 3)?);
            Ok(Some(Place {
                chain,
                lines,
                segment,
                segment_lines,
            }))
        });
        let found = found.map_err(|error| self.failed(error))?;
        // Without it, the lines are followed from the first one on.
        Ok(found.filter(|place| Checkpoint::of(&place.chain, head.time) == *head))
    }

    /// Follows the lines up to a number of lines.
    fn follow(
        &self,
        signer: &HeadSigner,
        start: Option<Place>,
        first: FirstLine,
        end: u64,
    ) -> Result<Place, TrailError> {
        let begins_with = if start.is_some() { 0 } else { first.entry };
        let mut archived = SaidToBeArchived::default();
        let (mut verifier, mut place) = if let Some(start) = start {
            let mut verifier = Verifier::new(&self.origin, signer.key(), "");
            let _ = verifier.begin_after(start.segment, start.segment_lines, start.chain.clone());
            (verifier, start)
        } else {
            let own = SignedHeads::read(&self.keys)?.map_or_else(Vec::new, |own| own.heads);
            let place = Place {
                chain: Chain::new(&self.origin),
                lines: first.number,
                segment: first.entry,
                segment_lines: 0,
            };
            (Verifier::new(&self.origin, signer.key(), own), place)
        };
        for line in self.lines(place.lines, end) {
            let line = line.map_err(|error| self.failed(error))?;
            if line.segment != place.segment {
                (place.segment, place.segment_lines) = (line.segment, 0);
            }
            archived.note(&line.text);
            place.lines += 1;
            place.segment_lines += 1;
            if verifier.line(line.segment, &line.text).is_break() {
                break;
            }
        }
        if let Some(what) = archived.problem(begins_with) {
            return Err(TrailError::Changed(self.problem(1, &what)));
        }
        match verifier.chain() {
            Some(chain) if place.lines == end => {
                place.chain = chain.clone();
                Ok(place)
            }
            _ => {
                let mut problems = verifier.finish().problems.into_iter();
                let missing = || self.problem(place.segment_lines + 1, "lines are missing");
                Err(TrailError::Changed(problems.next().unwrap_or_else(missing)))
            }
        }
    }

    pub(super) fn problem(&self, line: u64, what: &str) -> Problem {
        Problem {
            file: (&self.origin).into(),
            line,
            seq: None,
            what: what.to_owned(),
        }
    }
}

async fn write(
    connection: Arc<Object>,
    trail: i32,
    key: String,
    jws: String,
    place: Place,
) -> Result<(), StoreError> {
    let write = "INSERT INTO easemob_admin.trail_head (trail, key, size, jws, chain, lines, segment, segment_lines) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let chain = state(&place.chain)?;
    let numbers = [
        place.chain.size(),
        place.lines,
        place.segment,
        place.segment_lines,
    ]
    .map(column);
    let [size, lines, segment, segment_lines] = numbers;
    execute(
        &connection,
        write,
        &[
            &trail,
            &key,
            &size,
            &jws,
            &chain,
            &lines,
            &segment,
            &segment_lines,
        ],
    )
    .await?;
    Ok(())
}
