//! Stores events in groups, and reports when each is on disk.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::logins::store::{Gap, LoginEvent, LoginStore, StoreError};

/// How many events may wait to be stored.
pub const QUEUE: usize = 8_192;

/// The most events that are stored in one step.
const GROUP: usize = 1_024;

/// A message to the recorder.
#[derive(Debug)]
enum Order {
    Keep(LoginEvent, oneshot::Sender<Kept>),
    Gap(Gap),
    Alive(i64),
}

/// The result of storing an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk.
    New,
    /// It was already on disk.
    Duplicate,
    /// It could not be written.
    Not,
}

/// Why an event is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// Too many events are waiting.
    Full,
    /// The recorder has ended.
    Gone,
}

/// A handle to the recorder; clones share it.
#[derive(Debug, Clone)]
pub struct Recorder {
    orders: mpsc::Sender<Order>,
}

impl Recorder {
    /// Starts a thread that writes to `store`; `now_ms` is the time in milliseconds since 1970.
    ///
    /// When the last handle is dropped, the thread ends after everything handed to it is on disk.
    pub fn start(
        mut store: Box<dyn LoginStore>,
        now_ms: impl Fn() -> i64 + Send + 'static,
        mut failed: impl FnMut(&StoreError) + Send + 'static,
    ) -> (Self, JoinHandle<()>) {
        let (orders, mut taken) = mpsc::channel(QUEUE);
        let thread = std::thread::spawn(move || {
            let mut group = Vec::with_capacity(GROUP);
            while taken.blocking_recv_many(&mut group, GROUP) > 0 {
                if let Err(error) = write(&mut *store, group.drain(..), now_ms()) {
                    failed(&error);
                }
            }
        });
        (Self { orders }, thread)
    }

    /// Passes an event to the recorder and waits until it is on disk.
    ///
    /// # Errors
    /// When too many events are waiting.
    pub async fn keep(&self, event: LoginEvent) -> Result<Kept, Busy> {
        let (done, kept) = oneshot::channel();
        self.orders
            .try_send(Order::Keep(event, done))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Busy::Full,
                mpsc::error::TrySendError::Closed(_) => Busy::Gone,
            })?;
        // A dropped answer means that the event was not stored.
        Ok(kept.await.unwrap_or(Kept::Not))
    }

    /// Records a period from which events may be missing.
    pub async fn gap(&self, gap: Gap) {
        // The recorder outlives all of its handles.
        let _ = self.orders.send(Order::Gap(gap)).await;
    }

    /// Records that the collector is running.
    pub async fn alive(&self, now_ms: i64) {
        let _ = self.orders.send(Order::Alive(now_ms)).await;
    }
}

/// Writes a group: all events in one step, then the collector's own notes.
///
/// A failed write does not stop the others: when events are lost, the gap must still be recorded.
fn write(
    store: &mut dyn LoginStore,
    group: impl Iterator<Item = Order>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (mut events, mut waiting, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for order in group {
        match order {
            Order::Keep(event, done) => {
                events.push(event);
                waiting.push(done);
            }
            note => notes.push(note),
        }
    }
    let mut written = Ok(());
    if !events.is_empty() {
        let new = store.record_events(&events, now_ms);
        let kept = |index: usize| match &new {
            Ok(new) if new[index] => Kept::New,
            Ok(_) => Kept::Duplicate,
            Err(_) => Kept::Not,
        };
        for (index, done) in waiting.into_iter().enumerate() {
            // The sender may have given up; the event is stored anyway.
            let _ = done.send(kept(index));
        }
        written = new.map(drop);
    }
    for note in notes {
        let done = match note {
            Order::Gap(gap) => store.record_gap(&gap),
            Order::Alive(now_ms) => store.set_alive(now_ms),
            Order::Keep(..) => Ok(()),
        };
        written = written.and(done);
    }
    written
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::logins::store::memory::MemoryLogins;
    use crate::logins::store::sqlite::SqliteLogins;
    use crate::logins::store::{LoginKind, Range};

    fn event(number: usize) -> LoginEvent {
        LoginEvent {
            call_id: number.to_string(),
            user: "ann".into(),
            resource: "ios_1".into(),
            platform: "ios".into(),
            kind: LoginKind::Login,
            at_ms: 1,
            // Large enough to fill a small disk soon.
            reason: "x".repeat(1_000),
        }
    }

    fn opened() -> (tempfile::TempDir, SqliteLogins) {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteLogins::open(&directory.path().join("app.sqlite")).unwrap();
        (directory, store)
    }

    #[tokio::test]
    async fn events_are_kept_once_and_before_that_is_said() {
        let store = MemoryLogins::default();
        let (recorder, thread) = Recorder::start(Box::new(store.clone()), || 7, |error| panic!("{error}"));
        assert_eq!(recorder.keep(event(1)).await, Ok(Kept::New));
        assert_eq!(recorder.keep(event(1)).await, Ok(Kept::Duplicate));
        recorder.alive(5).await;
        // Nobody waits for the answer, which may be there already; the event is stored anyway.
        let _ = recorder.keep(event(2)).now_or_never();
        drop(recorder);
        thread.join().unwrap();
        let counted = store.most_events(LoginKind::Login, Range::ALL, 1).unwrap();
        assert_eq!(
            (counted, store.alive().unwrap()),
            (vec![("ann".into(), 2)], Some(5))
        );
    }

    #[tokio::test]
    async fn on_a_full_disk_nothing_is_said_to_be_kept() {
        let (directory, store) = opened();
        store.limit_pages_for_test(60);
        let (recorder, thread) = Recorder::start(Box::new(store), || 7, |_| {});
        let mut kept = 0;
        for number in 0..500 {
            match recorder.keep(event(number)).await {
                Ok(Kept::New) => kept += 1,
                other => assert_eq!(other, Ok(Kept::Not)),
            }
        }
        assert!(kept > 0 && kept < 500, "{kept}");
        drop(recorder);
        thread.join().unwrap();
        let store = SqliteLogins::open(&directory.path().join("app.sqlite")).unwrap();
        let counted = store.most_events(LoginKind::Login, Range::ALL, 1).unwrap();
        assert_eq!(
            counted,
            [("ann".into(), kept)],
            "what was said to be kept is, and nothing else"
        );
    }

    #[tokio::test]
    async fn events_that_cannot_be_kept_do_not_take_a_gap_with_them() {
        let (directory, mut store) = opened();
        store.limit_pages_for_test(60);
        let gap = Gap {
            since_ms: 1,
            until_ms: 2,
            why: "test".into(),
        };
        let (done, kept) = oneshot::channel();
        let mut large = event(1);
        large.reason = "x".repeat(1_000_000);
        let group = [Order::Keep(large, done), Order::Gap(gap.clone()), Order::Alive(5)];
        assert!(write(&mut store, group.into_iter(), 7).is_err());
        assert_eq!(kept.await, Ok(Kept::Not));
        let store = SqliteLogins::open(&directory.path().join("app.sqlite")).unwrap();
        assert_eq!(
            (store.gaps(Range::ALL).unwrap(), store.alive().unwrap()),
            (vec![gap], Some(5))
        );
    }

    #[tokio::test]
    async fn a_slow_disk_fills_the_queue_and_no_more() {
        let (directory, store) = opened();
        let (recorder, thread) = Recorder::start(Box::new(store), || 7, |_| {});
        // Another process writes for long.
        let mut other = SqliteLogins::open(&directory.path().join("app.sqlite")).unwrap();
        let held = other.write().unwrap();
        let mut waiting = Vec::new();
        let full = (0..2 * QUEUE).find(|number| {
            let mut keeping = Box::pin(recorder.keep(event(*number)));
            let answer = keeping.as_mut().now_or_never();
            waiting.push(keeping);
            answer == Some(Err(Busy::Full))
        });
        assert!(full.is_some_and(|number| number >= QUEUE), "{full:?}");
        drop(held);
        let first = waiting.swap_remove(0).await;
        assert_eq!(first, Ok(Kept::New), "it waited its turn");
        drop(waiting);
        drop(recorder);
        thread.join().unwrap();
    }
}
