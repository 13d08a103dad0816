//! Records notes in groups, from its own thread, and acknowledges each when it is safe.
//!
//! The writer of a note waits for the acknowledgement. Notes that arrive while a block is being written go
//! into the next block together, so that one write, and one flush to disk, serves all of them: recording adds
//! to the latency of a request but does not reduce the rate.

use std::fmt;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use easemob_admin_api::{DeviceId, UserId};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::run::item::Item;
use crate::run::journal::header::Durability;
use crate::run::journal::record::{Intent, Outcome, Record};
use crate::run::run_record::{Recorded, RunRecord};

/// How long bytes may wait for the disk with [`Durability::Batch`].
pub const SYNC_EVERY: Duration = Duration::from_millis(100);

/// The largest block, so that the first notes do not wait for thousands of others.
const LARGEST_BLOCK: usize = 4096;

/// A record with what the audit trail needs to know about its item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The record of the journal.
    pub record: Record,
    /// The line and the user of the item.
    pub about: Option<(u64, UserId)>,
}

impl Note {
    /// Creates a note about the run as a whole.
    #[must_use]
    pub fn of_run(record: Record) -> Self {
        Self { record, about: None }
    }

    /// Creates a note about an item.
    #[must_use]
    pub fn of_item(item: &Item, record: Record) -> Self {
        Self {
            record,
            about: Some((item.line, item.user.clone())),
        }
    }

    /// Returns the number of its item; `None` if the note is about the run.
    #[must_use]
    pub fn item(&self) -> Option<u64> {
        match &self.record {
            Record::Intent(intent) => Some(intent.n),
            Record::Outcome(outcome) => Some(outcome.n),
            Record::Begin(_) | Record::End(_) | Record::Directed(_) => None,
        }
    }
}

/// Something cannot be recorded, so it must not be done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// Nothing can be recorded any more, so nothing may be sent any more.
    #[error("cannot write the record of the run, so nothing more is sent")]
    Failed(#[source] Arc<io::Error>),
    /// Another attempt is working on this item now, so nothing may be sent for it. The other items are not
    /// affected.
    #[error("another attempt is now working on this user")]
    Fenced,
}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

#[derive(Debug)]
struct Waiting {
    note: Note,
    safe: oneshot::Sender<Result<(), RecordError>>,
}

/// Returns the time in milliseconds since 1970.
pub type Clock = fn() -> i64;

/// How long to gather notes before writing a block, if the last block had [`MANY`]: a block costs about the
/// same however many notes it has.
const GATHER: Duration = Duration::from_micros(100);

/// A block of more notes than this shows that so many tasks are writing that gathering delays none of them
/// for long.
const MANY: usize = 8;

/// Accepts notes from any number of tasks.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    writing: Writing,
    failure: Arc<OnceLock<RecordError>>,
}

/// Where notes are written.
#[derive(Debug)]
enum Writing {
    Thread {
        queue: mpsc::Sender<Waiting>,
        writer: JoinHandle<Result<(), RecordError>>,
    },
    /// In the tasks themselves, in the same blocks each time: for reproducible simulations.
    #[cfg(test)]
    Here(Box<std::sync::Mutex<(Writer, Vec<Waiting>)>>),
}

impl Recorder {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(record: Box<dyn RunRecord>, durability: Durability, clock: Clock) -> io::Result<Self> {
        let (queue, notes) = mpsc::channel();
        let failure = Arc::new(OnceLock::new());
        let writer = Writer::new(record, durability, Arc::clone(&failure));
        let writer = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer.run(&notes))?;
        Ok(Self {
            clock,
            writing: Writing::Thread { queue, writer },
            failure,
        })
    }

    /// Starts without a thread: the first task that waits writes for all that wait.
    #[cfg(test)]
    pub(crate) fn here(record: Box<dyn RunRecord>, durability: Durability, clock: Clock) -> Self {
        let failure = Arc::new(OnceLock::new());
        let writer = Writer::new(record, durability, Arc::clone(&failure));
        Self {
            clock,
            writing: Writing::Here(Box::new(std::sync::Mutex::new((writer, Vec::new())))),
            failure,
        }
    }

    /// Records a note and waits until it is safe.
    ///
    /// # Errors
    /// When it cannot be written. Every later note fails too then.
    pub async fn record(&self, note: Note) -> Result<(), RecordError> {
        let (safe, wait) = oneshot::channel();
        let gone = || {
            let ended = || RecordError::from(io::Error::other("the recorder ended"));
            self.failure.get().cloned().unwrap_or_else(ended)
        };
        let waiting = Waiting { note, safe };
        match &self.writing {
            Writing::Thread { queue, .. } => queue.send(waiting).map_err(|_| gone())?,
            #[cfg(test)]
            Writing::Here(here) => {
                here.lock().unwrap().1.push(waiting);
                tokio::task::yield_now().await;
                let (writer, waiting) = &mut *here.lock().unwrap();
                writer.acknowledge(waiting);
            }
        }
        wait.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Records what is about to be sent for an item.
    ///
    /// # Errors
    /// When it cannot be written. Nothing may be sent then.
    pub async fn intend(
        &self,
        item: &Item,
        call: &str,
        devices: Vec<DeviceId>,
        kept: Vec<DeviceId>,
    ) -> Result<(), RecordError> {
        let intent = Intent {
            n: item.number,
            at: self.now(),
            call: call.into(),
            devices,
            kept,
        };
        self.record(Note::of_item(item, Record::Intent(intent))).await
    }

    /// Records the outcome of an item, if there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn settle(&self, item: &Item, outcome: Option<Outcome>) -> Result<(), RecordError> {
        match outcome {
            Some(outcome) => self.record(Note::of_item(item, Record::Outcome(outcome))).await,
            None => Ok(()),
        }
    }

    /// Returns the time in milliseconds since 1970, by the recorder's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Returns the time by the recorder's clock.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now()).unwrap_or_default()
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn close(self) -> Result<(), RecordError> {
        match self.writing {
            Writing::Thread { queue, writer } => {
                drop(queue);
                let panicked = |_| Err(RecordError::from(io::Error::other("the recorder panicked")));
                writer.join().unwrap_or_else(panicked)
            }
            #[cfg(test)]
            Writing::Here(here) => here.into_inner().unwrap().0.sync(),
        }
    }
}

struct Writer {
    record: Box<dyn RunRecord>,
    durability: Durability,
    failure: Arc<OnceLock<RecordError>>,
    unsynced_since: Option<Instant>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    fn new(record: Box<dyn RunRecord>, durability: Durability, failure: Arc<OnceLock<RecordError>>) -> Self {
        Self {
            record,
            durability,
            failure,
            unsynced_since: None,
        }
    }

    fn run(mut self, queue: &mpsc::Receiver<Waiting>) -> Result<(), RecordError> {
        let mut waiting = Vec::new();
        let mut many = false;
        loop {
            let first = match self.unsynced_since {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(since) => queue.recv_timeout(SYNC_EVERY.saturating_sub(since.elapsed())),
            };
            match first {
                Ok(first) => {
                    if self.durability == Durability::Batch && many {
                        std::thread::sleep(GATHER);
                    }
                    waiting.extend(std::iter::once(first).chain(queue.try_iter()).take(LARGEST_BLOCK));
                    many = waiting.len() > MANY;
                    self.acknowledge(&mut waiting);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self
                .unsynced_since
                .is_some_and(|since| since.elapsed() >= SYNC_EVERY)
            {
                // The next writer receives the error, and so does the caller that closes the recorder.
                let _ = self.sync();
            }
        }
        if self.unsynced_since.is_some() {
            self.sync()?;
        }
        self.failed()
    }

    fn failed(&self) -> Result<(), RecordError> {
        self.failure.get().cloned().map_or(Ok(()), Err)
    }

    /// Writes a block, and tells each waiting task whether it is safe.
    fn acknowledge(&mut self, waiting: &mut Vec<Waiting>) {
        let (block, safe): (Vec<Note>, Vec<_>) = waiting
            .drain(..)
            .map(|Waiting { note, safe }| (note, safe))
            .unzip();
        let written = self.write(&block);
        for (note, safe) in block.iter().zip(safe) {
            let told = match &written {
                Ok(recorded) if recorded.leaves_out(note) => Err(RecordError::Fenced),
                Ok(_) => Ok(()),
                Err(error) => Err(error.clone()),
            };
            // A task that was dropped no longer waits.
            let _ = safe.send(told);
        }
    }

    fn write(&mut self, block: &[Note]) -> Result<Recorded, RecordError> {
        self.failed()?;
        let recorded = self.record.record(block).map_err(|error| self.fail(error))?;
        match self.durability {
            Durability::Each => self.sync()?,
            Durability::Batch => {
                self.unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        Ok(recorded)
    }

    fn sync(&mut self) -> Result<(), RecordError> {
        self.failed()?;
        self.unsynced_since = None;
        self.record.sync().map_err(|error| self.fail(error))
    }

    fn fail(&self, error: io::Error) -> RecordError {
        self.failure.get_or_init(|| error.into()).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;
    use crate::run::journal::record::End;

    #[derive(Default)]
    struct Kept {
        blocks: Vec<usize>,
        syncs: usize,
        appended_after_sync: bool,
    }

    struct Memory {
        kept: Arc<Mutex<Kept>>,
        fails_at: Option<usize>,
        fenced: BTreeSet<u64>,
    }

    impl RunRecord for Memory {
        fn record(&mut self, notes: &[Note]) -> io::Result<Recorded> {
            let mut kept = self.kept.lock().map_err(|_| io::Error::other("poisoned"))?;
            if self.fails_at == Some(kept.blocks.len()) {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            kept.blocks.push(notes.len());
            kept.appended_after_sync = true;
            std::thread::sleep(Duration::from_millis(2));
            Ok(Recorded::Fenced(self.fenced.clone()))
        }

        fn sync(&mut self) -> io::Result<()> {
            let mut kept = self.kept.lock().map_err(|_| io::Error::other("poisoned"))?;
            kept.syncs += 1;
            kept.appended_after_sync = false;
            Ok(())
        }
    }

    fn note() -> Note {
        Note::of_run(Record::End(End {
            at: 0,
            stopped: None,
            process: None,
        }))
    }

    fn recorder(durability: Durability, fails_at: Option<usize>) -> (Recorder, Arc<Mutex<Kept>>) {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let sink = Memory {
            kept: Arc::clone(&kept),
            fails_at,
            fenced: BTreeSet::from([7]),
        };
        (Recorder::start(Box::new(sink), durability, || 0).unwrap(), kept)
    }

    #[tokio::test]
    async fn notes_that_arrive_together_are_written_together() {
        let (recorder, kept) = recorder(Durability::Each, None);
        let all = futures_util::future::join_all((0..200).map(|_| recorder.record(note()))).await;
        assert!(all.iter().all(Result::is_ok));
        recorder.close().unwrap();
        let kept = kept.lock().unwrap();
        assert_eq!(kept.blocks.iter().sum::<usize>(), 200);
        assert!(kept.blocks.len() < 20, "{:?}", kept.blocks);
        assert_eq!(
            kept.syncs,
            kept.blocks.len(),
            "each block is flushed before it is acknowledged"
        );
    }

    #[tokio::test]
    async fn a_batch_is_flushed_soon_and_at_the_end() {
        let (recorder, kept) = recorder(Durability::Batch, None);
        recorder.record(note()).await.unwrap();
        assert_eq!(kept.lock().unwrap().syncs, 0);
        let started = Instant::now();
        while kept.lock().unwrap().syncs == 0 {
            assert!(started.elapsed() < SYNC_EVERY * 50, "never flushed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        recorder.record(note()).await.unwrap();
        recorder.close().unwrap();
        assert!(!kept.lock().unwrap().appended_after_sync);
    }

    #[tokio::test]
    async fn what_another_attempt_works_on_is_refused_and_nothing_else() {
        let (recorder, _) = recorder(Durability::Batch, None);
        let item = |number| Item::new(number, number + 1, UserId::parse("ann").unwrap());
        let (ours, theirs) = (item(6), item(7));
        let intend = |item| recorder.intend(item, "users.ban", Vec::new(), Vec::new());
        let (of_ours, of_theirs, of_the_run) =
            tokio::join!(intend(&ours), intend(&theirs), recorder.record(note()));
        assert!(of_ours.is_ok() && of_the_run.is_ok());
        assert!(matches!(of_theirs, Err(RecordError::Fenced)), "{of_theirs:?}");
        recorder.close().unwrap();
    }

    #[tokio::test]
    async fn after_a_full_disk_nothing_is_acknowledged() {
        let (recorder, kept) = recorder(Durability::Batch, Some(1));
        recorder.record(note()).await.unwrap();
        let error = recorder.record(note()).await.unwrap_err();
        let RecordError::Failed(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(recorder.record(note()).await.is_err());
        assert!(recorder.close().is_err());
        assert_eq!(kept.lock().unwrap().blocks, [1]);
    }
}
