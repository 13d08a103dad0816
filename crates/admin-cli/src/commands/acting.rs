//! Arguments of commands that change something, and the confirmation before they do.

use clap::{Args, ValueEnum};
use easemob_admin_ops::run::direction::Priority;
use easemob_admin_ops::run::journal::header::Durability;
use easemob_admin_words::t;

use crate::acts::attempt::prove_recordable;
use crate::command_error::CommandError;
use crate::confirm::{Question, confirm};
use crate::context::{Context, Session};
use crate::exit;
use crate::ownership::{require_data, require_settings};
use crate::summary::Summary;

/// The reason, and how to confirm.
#[derive(Debug, Clone, Args)]
pub struct Acting {
    /// Why this is done; required except on the sandbox
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The ticket that this belongs to
    #[arg(long, value_name = "ID")]
    pub ticket: Option<String>,
    /// Only read, and show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// When the record of each request is written to disk
    #[arg(long, value_name = "WHEN", default_value = "batch")]
    pub durability: DurabilityArg,
    /// How urgent it is: workers take the users of more urgent runs first
    #[arg(long, value_name = "PRIORITY", default_value = "normal")]
    pub priority: PriorityArg,
    /// Only record the run, and leave the work to `easemob-admin work` on any machine; needs a database (--store)
    #[arg(long, conflicts_with = "dry_run")]
    pub detach: bool,
}

/// The values of `--priority`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum PriorityArg {
    /// Before everything else
    Incident,
    /// The work of the day
    #[default]
    Normal,
    /// What can wait
    Nightly,
}

impl From<PriorityArg> for Priority {
    fn from(argument: PriorityArg) -> Self {
        match argument {
            PriorityArg::Incident => Self::Incident,
            PriorityArg::Normal => Self::Normal,
            PriorityArg::Nightly => Self::Nightly,
        }
    }
}

/// The values of `--durability`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum DurabilityArg {
    /// Within a tenth of a second; a crash of the program loses nothing, a power failure up to a tenth of a
    /// second
    #[default]
    Batch,
    /// Before the request is sent
    Each,
}

impl From<DurabilityArg> for Durability {
    fn from(argument: DurabilityArg) -> Self {
        match argument {
            DurabilityArg::Batch => Self::Batch,
            DurabilityArg::Each => Self::Each,
        }
    }
}

impl Acting {
    /// Checks that a reason is given where one is required, and that the act can be recorded.
    ///
    /// # Errors
    /// When there is no reason and the server is not the sandbox, or if the audit trail cannot be written. A
    /// dry run needs neither.
    pub fn require_record(&self, context: &Context, session: &Session) -> Result<(), CommandError> {
        if self.dry_run {
            return Ok(());
        }
        self.require_reason(session)?;
        if self.detach {
            require_shared(context)?;
        }
        require_data(context)?;
        if session.profile.is_some() {
            require_settings(context)?;
        }
        prove_recordable(context, session)
    }

    fn require_reason(&self, session: &Session) -> Result<(), CommandError> {
        let given = self
            .reason
            .as_deref()
            .is_some_and(|reason| !reason.trim().is_empty());
        if given || session.is_sandbox() {
            return Ok(());
        }
        Err(CommandError::new(
            exit::USAGE,
            t!("a reason is required to change anything on a server"),
        )
        .hint(t!("add --reason TEXT, and --ticket ID if there is one")))
    }

    /// Asks for confirmation, unless `--yes` was given or the run is dry.
    ///
    /// # Errors
    /// When the answer is not a clear yes, or if there is no terminal to ask on.
    pub fn confirm(
        &self,
        context: &Context,
        session: &Session,
        users: u64,
        act: &str,
    ) -> Result<(), CommandError> {
        self.ask(context, session, users, false, act)
    }

    /// Asks as [`confirm`](Self::confirm) does, but for the app key: the act affects every user of the app.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    pub fn confirm_whole_app(
        &self,
        context: &Context,
        session: &Session,
        act: &str,
    ) -> Result<(), CommandError> {
        self.ask(context, session, 0, true, act)
    }

    fn ask(
        &self,
        context: &Context,
        session: &Session,
        users: u64,
        whole_app: bool,
        act: &str,
    ) -> Result<(), CommandError> {
        if self.dry_run {
            return Ok(());
        }
        session.announce(&context.ui);
        let place = if session.is_sandbox() {
            t!(" (sandbox)")
        } else {
            ""
        };
        let question = Question {
            app: session.app.clone(),
            users,
            whole_app,
            act: t!("{act} of {}{place}", session.app),
            can_be_dry: true,
        };
        confirm(&context.ui, self.yes, &question)
    }

    /// Puts the reason into the summary.
    pub fn record(&self, summary: &mut Summary) {
        summary.dry_run = self.dry_run;
        summary.reason.clone_from(&self.reason);
        summary.ticket.clone_from(&self.ticket);
    }
}

/// Refuses records that are files of this machine, which no worker reads.
///
/// # Errors
/// When no database is configured, or it cannot be used.
pub fn require_shared(context: &Context) -> Result<(), CommandError> {
    if !context.records()?.in_files {
        return Ok(());
    }
    Err(CommandError::new(
        exit::USAGE,
        t!("the records are files of this machine, so there are no workers"),
    )
    .hint(t!(
        "keep them in a database: --store postgres://USER@HOST/DATABASE (see docs/team.md)"
    )))
}

/// Returns `1 user` or `5 users`.
#[must_use]
pub fn users(count: u64) -> String {
    counted(count, "user")
}

/// Returns `1 device` or `5 devices`.
#[must_use]
pub fn devices(count: u64) -> String {
    counted(count, "device")
}

/// Returns a number with its noun, whose plural ends in `s`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
