//! Follows one trail.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use easemob_admin_audit::Filter;
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::trails::{Found, TrailError, Trails};
use tokio::sync::watch;

use super::batch::{Batch, Draft};

/// How often the follower looks where nobody says that something was added.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How often it looks where somebody should have said so.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);

/// How long it waits for more after something was added, so that a busy run is not read entry by entry.
const GATHER: Duration = Duration::from_millis(50);

/// How long it waits when the trail cannot be read.
const AGAIN: Duration = Duration::from_secs(2);

/// The most that is read at once.
const MOST_AT_ONCE: usize = 256 * 1024;

/// How much of the newest is kept for readers that are behind.
const KEPT: usize = 4 * 1024 * 1024;

/// What is added to one trail.
pub(crate) struct Feed {
    trails: Arc<dyn Trails>,
    name: String,
    recent: Mutex<Recent>,
    state: watch::Sender<State>,
}

/// Where the follower is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The number of the next entry.
    pub(super) next: u64,
    pub(super) ended: Option<Ended>,
}

/// Why nothing follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The service is stopping.
    Stopping,
    /// The trail cannot be read any further.
    Unreadable(String),
}

#[derive(Default)]
struct Recent {
    batches: VecDeque<Batch>,
    bytes: usize,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What was added, if anything was, and what goes on reading from there.
type Read = (Option<Batch>, Option<Box<dyn Found>>);

impl Feed {
    /// Begins at the end of the trail. Blocks.
    pub(super) fn begin(trails: Arc<dyn Trails>, name: &str) -> Result<Arc<Self>, TrailError> {
        let next = trails.of(name)?.end()?;
        let changes = trails.changes();
        let feed = Arc::new(Self {
            trails,
            name: name.to_owned(),
            recent: Mutex::default(),
            state: watch::Sender::new(State { next, ended: None }),
        });
        tokio::spawn(follow(Arc::downgrade(&feed), changes));
        Ok(feed)
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state.borrow().ended.is_some()
    }

    pub(super) fn end(&self) {
        self.state
            .send_modify(|state| state.ended = Some(Ended::Stopping));
    }

    /// Returns the batch with an entry, if it is still kept.
    pub(super) fn recent(&self, number: u64) -> Option<Batch> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent.batches.partition_point(|batch| batch.end() <= number);
        recent
            .batches
            .get(at)
            .filter(|batch| batch.first() <= number)
            .cloned()
    }

    /// Finds entries before `end` in the trail itself. Blocks.
    pub(super) fn past(&self, from: u64, end: u64) -> Result<Box<dyn Found>, TrailError> {
        self.trails
            .of(&self.name)?
            .search_between(Filter::default(), from..end, None)
    }

    /// Returns the number of the first entry that is there, and the number that the next one will have. Blocks.
    pub(super) fn bounds(&self) -> Result<(u64, u64), TrailError> {
        let trail = self.trails.of(&self.name)?;
        Ok((trail.first_entry()?, trail.end()?))
    }

    fn push(&self, batch: Batch) {
        let next = batch.end();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.bytes += batch.bytes();
        recent.batches.push_back(batch);
        while recent.bytes > KEPT && recent.batches.len() > 1 {
            let oldest = recent.batches.pop_front();
            recent.bytes -= oldest.map_or(0, |oldest| oldest.bytes());
        }
        drop(recent);
        self.state.send_modify(|state| state.next = next);
    }

    /// Reads what was added. Blocks.
    fn read(&self, found: Option<Box<dyn Found>>) -> Result<Read, TrailError> {
        let mut found = if let Some(mut found) = found {
            found.read_on()?;
            found
        } else {
            let next = self.state.borrow().next;
            let trail = self.trails.of(&self.name)?;
            // It is made by the first change.
            if !trail.is_there() {
                return Ok((None, None));
            }
            trail.search_between(Filter::default(), next..u64::MAX, None)?
        };
        let mut draft = Draft::default();
        while draft.bytes() < MOST_AT_ONCE {
            let Some(entry) = found.next() else { break };
            draft.push(&entry?).map_err(unwritten)?;
        }
        Ok((draft.finish(), Some(found)))
    }
}

pub(super) fn unwritten(error: std::io::Error) -> TrailError {
    TrailError::Audit(easemob_admin_audit::AuditError::Json(serde_json::Error::io(
        error,
    )))
}

/// Follows the trail as long as it has readers.
async fn follow(feed: Weak<Feed>, mut changes: Option<watch::Receiver<u64>>) {
    let mut found = None;
    loop {
        let Some(this) = feed.upgrade().filter(|feed| !feed.has_failed()) else {
            return;
        };
        let at = Arc::clone(&this);
        let taken = std::mem::take(&mut found);
        let Ok(read) = tokio::task::spawn_blocking(move || at.read(taken)).await else {
            return;
        };
        let mut pause = None;
        match read {
            Ok((batch, rest)) => {
                found = rest;
                let is_behind = batch.as_ref().is_some_and(|batch| batch.bytes() >= MOST_AT_ONCE);
                if let Some(batch) = batch {
                    this.push(batch);
                }
                if is_behind {
                    continue;
                }
            }
            // The database may be back soon; readers wait meanwhile.
            Err(error @ (TrailError::Store { .. } | TrailError::Missing(_))) => {
                tracing::warn!(
                    trail = this.name,
                    error = with_causes(&error),
                    "cannot follow the audit trail"
                );
                pause = Some(AGAIN);
            }
            // An entry that cannot be read must not be left out.
            Err(error) => {
                let why = with_causes(&error);
                tracing::error!(trail = this.name, error = why, "cannot follow the audit trail");
                this.state
                    .send_modify(|state| state.ended = Some(Ended::Unreadable(why.clone())));
                return;
            }
        }
        drop(this);
        wait(pause, &mut changes).await;
    }
}

async fn wait(pause: Option<Duration>, changes: &mut Option<watch::Receiver<u64>>) {
    match (pause, changes) {
        (Some(pause), _) => tokio::time::sleep(pause).await,
        (None, None) => tokio::time::sleep(LOOK_AGAIN).await,
        (None, Some(changes)) => {
            // Without a sender, this waits until it is time to look anyway.
            if let Ok(Ok(())) = tokio::time::timeout(LOOK_ANYWAY, changes.changed()).await {
                tokio::time::sleep(GATHER).await;
                changes.mark_unchanged();
            }
        }
    }
}
