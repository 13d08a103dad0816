//! Runs in memory, with their audit trails: for tests, and as the model of a store that is not a file.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use easemob_admin_audit::{Event, MemoryTrail, SigningKey};

use crate::files::digest;
use crate::record::sink::{RunEvents, ends_an_attempt};
use crate::run::attempt::CannotBegin;
use crate::run::id::RunId;
use crate::run::item::Item;
use crate::run::journal::header::Header;
use crate::run::journal::progress::Progress;
use crate::run::journal::record::Record;
use crate::run::recorder::Note;
use crate::run::run_record::{Recorded, RunRecord};
use crate::run::store::{HeldRun, Items, OpenRun, Records, RunError, RunStore, SeenRun};
use crate::target::Target;

/// Stores runs and trails while the process lives. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryRuns(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<RunId, Run>,
    /// By name of the target.
    trails: HashMap<String, MemoryTrail>,
}

#[derive(Debug)]
struct Run {
    header: Header,
    items: Arc<[Item]>,
    records: Vec<Record>,
    /// Whether an attempt is working on it.
    held: bool,
}

impl MemoryRuns {
    /// Passes the audit trail of a target to `look`; returns `None` if nothing was ever recorded there.
    pub fn trail<T>(&self, target: &Target, look: impl FnOnce(&MemoryTrail) -> T) -> Option<T> {
        self.kept().trails.get(&target.name()).map(look)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self, id: &RunId, items: Arc<[Item]>) -> HeldInMemory {
        HeldInMemory {
            runs: self.clone(),
            id: id.clone(),
            items,
        }
    }
}

impl Kept {
    fn run(&self, id: &RunId) -> Result<&Run, RunError> {
        self.runs
            .get(id)
            .ok_or_else(|| RunError::NoSuchRun(id.to_string()))
    }

    fn trail_of(&mut self, target: &Target) -> Result<&mut MemoryTrail, CannotBegin> {
        let new = match self.trails.entry(target.name()) {
            Entry::Occupied(trail) => return Ok(trail.into_mut()),
            Entry::Vacant(new) => new,
        };
        let key = SigningKey::generate_pem().and_then(|pem| SigningKey::from_pem(&pem));
        let key = key.map_err(|why| CannotBegin::Compare(io::Error::other(why)))?;
        let trail = MemoryTrail::new(new.key(), key);
        Ok(new.insert(trail))
    }
}

fn all(items: &Arc<[Item]>) -> Items {
    let items = Arc::clone(items);
    Box::new((0..items.len()).map(move |index| Ok(items[index].clone())))
}

impl RunStore for MemoryRuns {
    fn create(
        &self,
        id: &RunId,
        mut header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError> {
        let cannot = |what, source| RunError::Io {
            what,
            at: format!("run {id}"),
            source,
        };
        let items = items.collect::<io::Result<Vec<Item>>>();
        let items: Arc<[Item]> = items
            .map_err(|error| cannot("cannot keep the users of", error))?
            .into();
        header.items = items.len() as u64;
        let bytes = serde_json::to_vec(&*items).map_err(|error| cannot("cannot keep", error.into()))?;
        header.input_sha256 = digest::of(&bytes[..]).map_err(|error| cannot("cannot keep", error))?;
        let mut kept = self.kept();
        if kept.runs.contains_key(id) {
            return Err(RunError::Exists(id.clone()));
        }
        let run = Run {
            header: header.clone(),
            items: Arc::clone(&items),
            records: Vec::new(),
            held: true,
        };
        kept.runs.insert(id.clone(), run);
        Ok(OpenRun {
            progress: Progress::new(header.jobs()),
            header,
            held: Box::new(self.held(id, items)),
        })
    }

    fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        let mut kept = self.kept();
        let run = kept
            .runs
            .get_mut(id)
            .ok_or_else(|| RunError::NoSuchRun(id.to_string()))?;
        if run.held {
            return Err(RunError::Busy(id.clone(), None));
        }
        run.held = true;
        let mut progress = Progress::new(run.header.jobs());
        run.records
            .iter()
            .cloned()
            .for_each(|record| progress.note(record));
        Ok(OpenRun {
            header: run.header.clone(),
            progress,
            held: Box::new(self.held(id, Arc::clone(&run.items))),
        })
    }

    fn see(&self, id: &RunId) -> Result<SeenRun, RunError> {
        let kept = self.kept();
        let run = kept.run(id)?;
        let mut seen = SeenRun::new(run.header.clone(), run.held);
        run.records.iter().cloned().for_each(|record| seen.note(record));
        seen.state = seen.left_by_last_attempt();
        Ok(seen)
    }

    fn list(&self) -> Result<Vec<RunId>, RunError> {
        Ok(self.kept().runs.keys().cloned().collect())
    }

    fn items(&self, id: &RunId) -> Result<Items, RunError> {
        Ok(all(&self.kept().run(id)?.items))
    }

    fn records(&self, id: &RunId) -> Result<Records, RunError> {
        let records = self.kept().run(id)?.records.clone();
        Ok(Box::new(records.into_iter().map(Ok)))
    }

    fn enter(&self, target: &Target, events: &[Event]) -> Result<(), CannotBegin> {
        Ok(self.kept().trail_of(target)?.append(events)?)
    }

    fn can_record(&self, target: &Target) -> Result<(), CannotBegin> {
        self.kept().trail_of(target).map(drop)
    }
}

/// A run that is being worked on while this value lives.
#[derive(Debug)]
struct HeldInMemory {
    runs: MemoryRuns,
    id: RunId,
    items: Arc<[Item]>,
}

impl Drop for HeldInMemory {
    fn drop(&mut self) {
        if let Some(run) = self.runs.kept().runs.get_mut(&self.id) {
            run.held = false;
        }
    }
}

impl HeldRun for HeldInMemory {
    fn items(&self) -> Result<Items, RunError> {
        Ok(all(&self.items))
    }

    fn into_record(
        self: Box<Self>,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Box<dyn RunRecord>, CannotBegin> {
        let target = Target::from(header);
        self.runs.can_record(&target)?;
        Ok(Box::new(MemoryRecord {
            held: self,
            target,
            events: RunEvents::new(header.clone(), progress.outstanding()),
        }))
    }
}

/// Journal and trail of a run, which change together or not at all.
struct MemoryRecord {
    held: Box<HeldInMemory>,
    target: Target,
    events: RunEvents,
}

impl RunRecord for MemoryRecord {
    fn record(&mut self, notes: &[Note]) -> io::Result<Recorded> {
        let mut kept = self.held.runs.kept();
        let trail = kept.trail_of(&self.target).map_err(io::Error::other)?;
        trail.append(&self.events.of(notes)).map_err(io::Error::other)?;
        if ends_an_attempt(notes) {
            trail.checkpoint(SystemTime::now()).map_err(io::Error::other)?;
        }
        let run = kept.runs.get_mut(&self.held.id);
        let run = run.ok_or_else(|| io::Error::other("the run is gone"))?;
        run.records.extend(notes.iter().map(|note| note.record.clone()));
        Ok(Recorded::All)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
