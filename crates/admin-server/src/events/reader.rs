//! One reader of a feed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use easemob_admin_ops::trails::{Found, TrailError};
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::batch::Draft;
use super::feed::{Ended, Feed, State, unwritten};
use crate::problem::{Kind, Refusal};

/// How often a reader without news hears that the connection stands.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The most entries that are read from the trail at once, so that heartbeats of a reader far behind are not late.
const MOST_ENTRIES: usize = 1_000;

/// The most that is sent at once.
const MOST_AT_ONCE: usize = 64 * 1024;

/// A reader: a position in a trail.
pub(crate) struct Reader {
    feed: Arc<Feed>,
    state: watch::Receiver<State>,
    /// The number of the next entry.
    next: u64,
    /// The run whose events are wanted, or all.
    run: Option<String>,
    /// The number of the next entry, as the reader was told.
    told: Option<u64>,
    /// Entries of the trail itself, for a reader that is behind.
    past: Option<Box<dyn Found>>,
    ended: bool,
}

impl Reader {
    /// Begins with an entry, or with the next one that is added. Blocks.
    ///
    /// # Errors
    /// When there is no such entry any more or yet, or the trail cannot be read.
    pub(crate) fn begin(feed: Arc<Feed>, from: Option<u64>, run: Option<String>) -> Result<Self, Refusal> {
        let state = feed.state();
        let now = state.borrow().next;
        let next = from.unwrap_or(now);
        if from.is_some() {
            let (first, end) = feed.bounds()?;
            if next > end {
                return Err(Refusal::of(Kind::BadRequest)
                    .detail(format!(
                        "the trail has no entry {} yet; the next one is {end}",
                        next - 1
                    ))
                    .hint("the position is of another trail; begin without one"));
            }
            if next < first {
                return Err(Refusal::of(Kind::Archived).detail(format!(
                    "the trail begins with entry {first}; entry {next} is in an archive"
                )));
            }
        }
        Ok(Self {
            feed,
            state,
            next,
            run,
            told: None,
            past: None,
            ended: false,
        })
    }

    /// Streams events and heartbeats until the feed ends.
    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::unfold(self, |mut reader| async move {
            Some((Ok(reader.next_piece().await?), reader))
        })
    }

    async fn next_piece(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if self.told.is_none() {
            return Some(self.position().into());
        }
        let heartbeat = Instant::now() + HEARTBEAT;
        loop {
            let state = self.state.borrow_and_update().clone();
            if self.next < state.next {
                match self.read(state.next).await {
                    Ok(piece) if piece.is_empty() => {}
                    Ok(piece) => {
                        self.told = Some(self.next);
                        return Some(piece);
                    }
                    Err(why) => return Some(self.end(&Ended::Unreadable(why))),
                }
                if Instant::now() < heartbeat {
                    continue;
                }
                return Some(self.heartbeat());
            }
            if let Some(ended) = &state.ended {
                return Some(self.end(ended));
            }
            tokio::select! {
                changed = self.state.changed() => {
                    // The feed lives as long as this.
                    changed.ok()?;
                }
                () = sleep_until(heartbeat) => return Some(self.heartbeat()),
            }
        }
    }

    /// Reads the next events, of which none may be wanted.
    async fn read(&mut self, end: u64) -> Result<Bytes, String> {
        if self.past.is_none()
            && let Some(batch) = self.feed.recent(self.next)
        {
            let piece = batch.from(self.next, self.run.as_deref());
            self.next = batch.end();
            return Ok(piece);
        }
        let (feed, past, from) = (Arc::clone(&self.feed), self.past.take(), self.next);
        let goes_on = past.is_some();
        let read = move || {
            let mut past = match past {
                Some(past) => past,
                None => feed.past(from, end)?,
            };
            let mut draft = Draft::default();
            while draft.bytes() < MOST_AT_ONCE && draft.len() < MOST_ENTRIES {
                let Some(entry) = past.next() else {
                    return Ok((draft.finish(), None));
                };
                draft.push(&entry?).map_err(unwritten)?;
            }
            Ok::<_, TrailError>((draft.finish(), Some(past)))
        };
        let read = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| error.to_string())?;
        let (batch, past) = read.map_err(|error| easemob_admin_ops::causes::with_causes(&error))?;
        let from = self.next;
        if let Some(batch) = batch {
            if batch.first() != from {
                return Err(format!("entry {from} is missing"));
            }
            self.next = batch.end();
            self.past = past;
            return Ok(batch.from(from, self.run.as_deref()));
        }
        if goes_on {
            // All that was there when it began has been read.
            Ok(Bytes::new())
        } else {
            Err(format!("entry {from} is missing"))
        }
    }

    /// Tells the reader where it is; this is no event.
    fn position(&mut self) -> String {
        self.told = Some(self.next);
        match self.next.checked_sub(1) {
            Some(last) => format!("id: {last}\n\n"),
            None => ":\n\n".to_owned(),
        }
    }

    fn heartbeat(&mut self) -> Bytes {
        if self.told == Some(self.next) {
            Bytes::from_static(b":\n\n")
        } else {
            // It need not look at the events of other runs again.
            format!(":\n{}", self.position()).into()
        }
    }

    fn end(&mut self, why: &Ended) -> Bytes {
        self.ended = true;
        let refusal = match why {
            Ended::Stopping => Refusal::stopping(),
            Ended::Unreadable(why) => Refusal::of(Kind::Broken)
                .detail(why.clone())
                .hint("find out what happened with: easemob-admin audit verify"),
        };
        let problem = serde_json::to_string(&refusal.problem()).unwrap_or_default();
        format!("event: problem\ndata: {problem}\n\n").into()
    }
}
