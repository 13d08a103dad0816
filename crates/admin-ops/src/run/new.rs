//! Records a new run before anything is sent.

use std::io;

use jiff::Timestamp;

use crate::run::direction::Priority;
use crate::run::id::RunId;
use crate::run::item::Item;
use crate::run::job::Action;
use crate::run::journal::header::{Durability, FORMAT, Header, Operator};
use crate::run::store::{OpenRun, RunError, RunStore};
use crate::status_first::Reading;
use crate::target::Target;

/// Why a run is made, and how durably it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mandate {
    /// The reason.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
    /// When records are written to disk.
    pub durability: Durability,
    /// How urgent it is.
    pub priority: Priority,
}

/// The action of a new run, and its mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The action for each user.
    pub action: Action,
    /// The reason, ticket and durability.
    pub mandate: Mandate,
    /// A description of where the users come from.
    pub source: String,
    /// The most devices that may be signed out; `None` for no limit.
    pub allowance: Option<u64>,
    /// How it is found out who is online.
    pub reading: Reading,
    /// Its id, if the caller chose one; such an id need not sort after those of other runs.
    pub id: Option<RunId>,
}

impl NewRun {
    /// Creates a run without a limit on devices, for users that a program names.
    #[must_use]
    pub fn new(action: Action, mandate: Mandate) -> Self {
        Self {
            action,
            mandate,
            source: "a program".into(),
            allowance: None,
            reading: Reading::default(),
            id: None,
        }
    }

    /// Writes the run and its items. `random` distinguishes runs that are created in the same microsecond.
    ///
    /// # Errors
    /// When an item cannot be read or the run cannot be written. Nothing may be sent, and nothing is left
    /// behind then.
    pub fn create(
        self,
        runs: &dyn RunStore,
        target: &Target,
        operator: Operator,
        now: Timestamp,
        random: u32,
        mut items: impl Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError> {
        let id = self.id.unwrap_or_else(|| {
            // If the runs cannot be listed, creating one fails with the same cause.
            let newest = runs.list().ok().and_then(|mut runs| runs.pop());
            RunId::after(newest.as_ref(), now, random)
        });
        let header = Header {
            format: FORMAT,
            run: id.to_string(),
            created: now,
            tool: env!("CARGO_PKG_VERSION").into(),
            app: target.app.clone(),
            app_root: target.app_root.clone(),
            sandbox: target.sandbox,
            profile: target.profile.clone(),
            operator,
            reason: self.mandate.reason,
            ticket: self.mandate.ticket,
            action: self.action,
            source: self.source,
            items: 0,
            input_sha256: String::new(),
            allowance: self.allowance,
            durability: self.mandate.durability,
            reading: self.reading,
            priority: self.mandate.priority,
        };
        runs.create(&id, header, &mut items)
    }
}
