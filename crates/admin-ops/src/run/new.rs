//! Puts a new run on record, before anything is sent.

use std::io;

use jiff::Timestamp;

use crate::run::id::RunId;
use crate::run::item::Item;
use crate::run::job::Action;
use crate::run::journal::header::{Durability, FORMAT, Header, Operator};
use crate::run::store::{OpenRun, RunError, RunStore};
use crate::target::Target;

/// Why something is done, and how safely it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mandate {
    /// Why.
    pub reason: Option<String>,
    /// The ticket it belongs to.
    pub ticket: Option<String>,
    /// When the bytes of a record are on disk.
    pub durability: Durability,
}

/// What a new run does, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// What is done to each user.
    pub action: Action,
    /// Why.
    pub mandate: Mandate,
    /// Where the users come from, in words.
    pub source: String,
    /// How many devices may be ended; nothing for no limit.
    pub allowance: Option<u64>,
}

impl NewRun {
    /// A run without a limit of devices, of users that a program named.
    #[must_use]
    pub fn new(action: Action, mandate: Mandate) -> Self {
        Self {
            action,
            mandate,
            source: "a program".into(),
            allowance: None,
        }
    }

    /// Writes the run and its items. `random` tells runs of one microsecond apart.
    ///
    /// # Errors
    /// When an item cannot be read or the run cannot be written; then nothing may be sent, and nothing is left behind.
    pub fn create(
        self,
        runs: &dyn RunStore,
        target: &Target,
        operator: Operator,
        now: Timestamp,
        random: u32,
        mut items: impl Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError> {
        let id = RunId::new(now, random);
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
        };
        runs.create(&id, header, &mut items)
    }
}
