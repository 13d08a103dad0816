//! The runs of an app, kept by a service.

use std::io;
use std::sync::Arc;

use easemob_admin_audit::Event;
use easemob_admin_ops::files::temporary::temporary_file;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::input;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::run_record::RunRecord;
use easemob_admin_ops::run::store::{
    Direction, HeldRun, Items, ListedRun, OpenRun, Overview, Records, RunError, RunStore, SeenRun,
};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::target::Target;

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::Asking;
use crate::api::{NewRun, RecordedRun, RunView, Stop};

/// How often a run is sent, if it is not known whether it arrived: it has its id already, so it is made once.
const TIMES: u32 = 3;

/// The runs of one app of a service. The service works on them; this only makes, reads and stops them.
#[derive(Debug, Clone)]
pub struct RemoteRuns(Arc<ServiceApp>);

impl RemoteRuns {
    /// Uses the runs of an app.
    #[must_use]
    pub fn of(app: ServiceApp) -> Self {
        Self(Arc::new(app))
    }

    fn failed(&self, id: Option<&RunId>, error: ServiceError) -> RunError {
        match (error.kind(), id) {
            (Some("no-such-run"), Some(id)) => RunError::NoSuchRun(id.to_string()),
            (Some("other-content"), Some(id)) => RunError::Exists(id.clone()),
            (Some("busy"), Some(id)) => RunError::Busy(id.clone(), None),
            _ => RunError::Store {
                place: format!("the service at {}", self.0.service().url()),
                source: error.into(),
            },
        }
    }

    fn path(&self, id: &RunId, below: &str) -> String {
        self.0.path(&format!("runs/{id}{below}"))
    }

    fn held(&self, id: &RunId, header: Header, progress: Progress) -> OpenRun {
        let held = Held {
            runs: self.clone(),
            id: id.clone(),
        };
        OpenRun {
            header,
            progress,
            held: Box::new(held),
        }
    }

    fn post(&self, id: &RunId, below: &str, body: &impl serde::Serialize) -> Result<RunView, RunError> {
        let asking = Asking::post(self.path(id, below), body);
        let asking = asking.map_err(|error| self.failed(Some(id), self.0.service.unusable(error)))?;
        self.0
            .service
            .json(&asking)
            .map_err(|error| self.failed(Some(id), error))
    }
}

impl RunStore for RemoteRuns {
    fn create(
        &self,
        id: &RunId,
        header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError> {
        let lost = |source| RunError::Io {
            what: "cannot write the users of a run to a file in",
            at: std::env::temp_dir().display().to_string(),
            source,
        };
        let mut writer = input::Writer::new(temporary_file().map_err(lost)?);
        for item in items {
            writer.push(&item.map_err(lost)?).map_err(lost)?;
        }
        let (file, count, _) = writer.finish().map_err(lost)?;
        let new = NewRun {
            id: Some(id.to_string()),
            action: header.action,
            reason: header.reason,
            ticket: header.ticket,
            users: None,
            max_logouts: header.allowance,
            reading: header.reading,
            durability: header.durability,
            priority: header.priority,
            source: Some(header.source),
            dry_run: false,
            hold: true,
            break_glass: false,
        };
        let mut sent = 0;
        loop {
            sent += 1;
            let path = self.0.path("runs");
            let asking = if count == 0 {
                Asking::post(path, &new)
            } else {
                file.try_clone()
                    .and_then(|file| Asking::post_lines(path, &new, file))
            };
            match self.0.service.json::<RunView>(&asking.map_err(lost)?) {
                Ok(_) => break,
                Err(error) if error.may_pass() && sent < TIMES => {}
                Err(error) => return Err(self.failed(Some(id), error)),
            }
        }
        let listed = self.glance(id)?;
        let progress = Progress::new(listed.header.jobs());
        Ok(self.held(id, listed.header, progress))
    }

    fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        let seen = self.see(id)?;
        if seen.running {
            return Err(RunError::Busy(id.clone(), None));
        }
        Ok(self.held(id, seen.header, seen.progress))
    }

    fn see(&self, id: &RunId) -> Result<SeenRun, RunError> {
        let seen = self
            .0
            .service
            .json(&Asking::get(self.path(id, "/seen")).patient());
        seen.map_err(|error| self.failed(Some(id), error))
    }

    fn glance(&self, id: &RunId) -> Result<ListedRun, RunError> {
        let listed = self
            .0
            .service
            .json(&Asking::get(self.path(id, "/listed")).patient());
        listed.map_err(|error| self.failed(Some(id), error))
    }

    fn overview(&self) -> Result<Overview, RunError> {
        let runs: Vec<RecordedRun> = self
            .0
            .service
            .pages(&self.0.path("listed-runs"))
            .map_err(|error| self.failed(None, error))?;
        let named = runs.into_iter().rev().filter_map(|run| match run {
            RecordedRun::Listed(listed) => Some((RunId::parse(&listed.header.run)?, Ok(*listed))),
            RecordedRun::Unreadable { run, unreadable } => {
                let source = StoreError::ServiceRefused(unreadable.into());
                let place = format!("the service at {}", self.0.service().url());
                Some((RunId::parse(&run)?, Err(RunError::Store { place, source })))
            }
        });
        Ok(named.collect())
    }

    fn direct(&self, id: &RunId, direction: Direction) -> Result<(), RunError> {
        let reason = direction.reason.filter(|reason| !reason.trim().is_empty());
        let stop = Stop {
            reason: reason.unwrap_or_else(|| "no reason was given".into()),
        };
        let done = match direction.state {
            RunState::Paused => self.post(id, "/pause", &stop),
            RunState::Stopped => self.post(id, "/stop", &stop),
            RunState::Alone | RunState::Open => self.post(id, "/start", &serde_json::json!({})),
        };
        done.map(drop)
    }

    fn list(&self) -> Result<Vec<RunId>, RunError> {
        Ok(self.overview()?.into_iter().map(|(id, _)| id).collect())
    }

    fn items(&self, id: &RunId) -> Result<Items, RunError> {
        let lines = self
            .0
            .service
            .lines(Asking::get(self.path(id, "/items")).patient());
        let items = lines.map_err(|error| self.failed(Some(id), error))?.of::<Item>();
        Ok(Box::new(
            items.zip(0..).map(|(item, number)| Ok(Item { number, ..item? })),
        ))
    }

    fn records(&self, id: &RunId) -> Result<Records, RunError> {
        let lines = self
            .0
            .service
            .lines(Asking::get(self.path(id, "/records")).patient());
        let lines = lines.map_err(|error| self.failed(Some(id), error))?;
        Ok(Box::new(lines.of::<Record>()))
    }

    fn unsettled_records(&self, id: &RunId) -> Result<Records, RunError> {
        let path = self.path(id, "/records?unsettled=true");
        let lines = self.0.service.lines(Asking::get(path).patient());
        let lines = lines.map_err(|error| self.failed(Some(id), error))?;
        Ok(Box::new(lines.of::<Record>()))
    }

    fn enter(&self, _: &Target, _: &[Event]) -> Result<(), CannotBegin> {
        Err(self.only_the_service().into())
    }

    /// The service records each act before it sends anything, or refuses it.
    fn can_record(&self, _: &Target) -> Result<(), CannotBegin> {
        Ok(())
    }
}

impl RemoteRuns {
    fn only_the_service(&self) -> RunError {
        RunError::Store {
            place: format!("the service at {}", self.0.service().url()),
            source: StoreError::ServiceRefused("only the service itself works on its runs".into()),
        }
    }
}

/// A run that a service works on when it is started. It keeps nobody from it: the service does.
#[derive(Debug)]
struct Held {
    runs: RemoteRuns,
    id: RunId,
}

impl HeldRun for Held {
    fn items(&self) -> Result<Items, RunError> {
        self.runs.items(&self.id)
    }

    fn into_record(self: Box<Self>, _: &Header, _: &mut Progress) -> Result<Box<dyn RunRecord>, CannotBegin> {
        Err(self.runs.only_the_service().into())
    }
}
