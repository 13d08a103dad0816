//! The work of one process on a run: from the first note on record to the last.

use std::io;
use std::path::PathBuf;

use easemob_admin_audit::{AuditTrail, directory_name};
use easemob_admin_ops::record::sink::AuditSink;
use easemob_admin_ops::record::taken_over::take_over;
use easemob_admin_ops::run::directory::OpenRun;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::journal::record::{Begin, End, Record};
use easemob_admin_ops::run::recorder::{Note, RecordError, Recorder, Sink};
use easemob_admin_ops::run::resume::{Which, remaining};
use easemob_admin_ops::schedule::pipeline::Stop;
use jiff::Timestamp;

use super::operator::operator;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::disk_hint::disk_hint;
use crate::drive::{Driven, Run, RunRow};
use crate::exit;
use crate::summary::{Summary, Words};

/// The work of one process on a run.
pub struct Attempt<'a> {
    /// What the command was run with.
    pub context: &'a Context,
    /// The server.
    pub session: &'a Session,
    /// What the run is about.
    pub header: Header,
    /// How far the run had come before.
    pub before: Counts,
    /// What is recorded by.
    pub recorder: Recorder,
    summary: Summary,
}

impl<'a> Attempt<'a> {
    /// Opens everything that is written to, and notes that somebody starts to work.
    ///
    /// # Errors
    /// When something cannot be written; then nothing may be sent.
    pub async fn begin(
        context: &'a Context,
        session: &'a Session,
        open: OpenRun,
        which: Which,
        mut summary: Summary,
    ) -> Result<(Self, impl Iterator<Item = io::Result<Task>> + use<>), CommandError> {
        let (items, again) = (open.items()?, open.items()?);
        let (header, mut progress, mut journal) = open.into_journal();
        let kept = trail_of(
            context,
            header.sandbox,
            header.profile.as_deref(),
            &header.app_root,
        )?;
        take_over(&kept.0, &header.run, again, &mut progress, &mut journal).map_err(|error| {
            let what = "cannot compare the run with the audit trail, so nothing was sent";
            let hint = "check the trail: easemob-admin audit verify";
            CommandError::new(exit::INTERNAL, what).because(error).hint(hint)
        })?;
        let before = progress.counts();
        summary.users = which.count(&before);
        summary.leave(which.leaves(&before));
        summary.run = Some(header.run.clone());
        summary.reason.clone_from(&header.reason);
        summary.ticket.clone_from(&header.ticket);
        let trail = open_trail(
            context,
            header.sandbox,
            header.profile.as_deref(),
            &header.app_root,
        )?;
        let sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(AuditSink::new(trail, header.clone(), progress.outstanding())),
            Box::new(journal),
        ];
        let recorder = Recorder::start(sinks, header.durability, now)
            .map_err(|error| CommandError::new(exit::INTERNAL, "cannot start to record").because(error))?;
        let begin = Begin {
            at: now(),
            tool: env!("CARGO_PKG_VERSION").into(),
            operator: operator(session.subject.clone(), context.environment.get("SUDO_USER")),
            pid: std::process::id(),
        };
        let noted = recorder.record(Note::of_run(Record::Begin(begin))).await;
        noted.map_err(|error| {
            let what = "the record of the run cannot be written, so nothing was sent";
            let hint = disk_hint(&error, "nothing was sent; see the cause above");
            CommandError::new(exit::INTERNAL, what).because(error).hint(hint)
        })?;
        let tasks = remaining(items, progress, which);
        let this = Self {
            context,
            session,
            header,
            before,
            recorder,
            summary,
        };
        Ok((this, tasks))
    }

    /// Begins to report.
    #[must_use]
    pub fn drive<R: RunRow>(&self, verb: &'static str, words: Words) -> Driven<'a, R> {
        Driven::begin(Run {
            context: self.context,
            session: self.session,
            command: self.header.action.command(),
            verb,
            words,
            acts: true,
            summary: self.summary.clone(),
        })
    }

    /// Notes that the work has ended, and waits until everything is on disk.
    pub async fn end<R: RunRow>(self, driven: &mut Driven<'_, R>) {
        let stopped = driven.stop().map(|stop| stop.word().to_owned());
        if let Err(error) = self.close(stopped).await {
            driven.stop_because(Stop::Record(error));
        }
    }

    /// Notes that the work has ended, and why if it was stopped, and waits until everything is on disk.
    ///
    /// # Errors
    /// When something could not be put on record.
    pub async fn close(self, stopped: Option<String>) -> Result<(), RecordError> {
        let end = End { at: now(), stopped };
        let noted = self.recorder.record(Note::of_run(Record::End(end))).await;
        noted.and(self.recorder.close())
    }
}

/// Opens the audit trail of a profile, which proves that it can be written.
fn open_trail(
    context: &Context,
    sandbox: bool,
    profile: Option<&str>,
    app_root: &str,
) -> Result<AuditTrail, CommandError> {
    let (directory, name) = trail_of(context, sandbox, profile, app_root)?;
    Ok(AuditTrail::open(&directory, &name)?)
}

/// Returns the directory of the audit trail of a profile, and its name.
fn trail_of(
    context: &Context,
    sandbox: bool,
    profile: Option<&str>,
    app_root: &str,
) -> Result<(PathBuf, String), CommandError> {
    let name = directory_name(sandbox, profile, app_root);
    Ok((context.places()?.audit().join(&name), name))
}

/// Proves that an act on this server could be put on record, before the first request is sent.
///
/// # Errors
/// When it could not; then nothing may be sent.
pub fn prove_recordable(context: &Context, session: &Session) -> Result<(), CommandError> {
    let profile = session.profile.as_deref();
    open_trail(context, session.is_sandbox(), profile, &session.app_root).map(drop)
}

/// The time in milliseconds since 1970.
#[must_use]
pub fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
