//! `store import`: brings the records of the data directory into the database.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use easemob_admin_audit::{Against, AuditError, AuditTrail, PublicKey, Verification, verify};
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::locks::sqlite::SqliteLocks;
use easemob_admin_ops::locks::store::{Listing, LockStore as _};
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::store::{RunError, RunStore};
use easemob_admin_ops::stores::{DataDirectory, Stores};
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::locks::PgLockStores;
use easemob_admin_store_pg::logins::PgLoginStores;
use easemob_admin_store_pg::runs::PgRuns;
use easemob_admin_store_pg::trail::PgTrails;
use easemob_admin_store_pg::trail::archive::Archive;
use easemob_admin_words::{t, told_later};
use serde::Serialize;

use super::database;
use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::ownership::require_data;
use crate::render::report::{Report, Row, unwritten_rows};
use crate::stores::files;

/// Arguments of `store import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin store import --store postgres://ann@db.example.com/team
  EASEMOB_DATA_DIR=/mnt/old-laptop easemob-admin store import --store postgres://ann@db.example.com/team

Brings in the runs, locks and logins of the data directory, which stays as it is. What is in the database already is left \
alone, so the command can be repeated. The audit trail of the data directory is not brought in: two trails cannot become \
one. It is signed, and stays where it is as an archive, which `audit log` and `audit verify` on this machine read beside the \
trail in the database. Stop every other command on this machine first, so that nothing is added to the files afterwards.")]
pub struct ImportArgs {}

#[derive(Debug, Serialize)]
struct ImportRow {
    what: &'static str,
    name: String,
    result: String,
}

impl Row for ImportRow {
    const COLUMNS: &'static [&'static str] = &["what", "name", "result"];

    fn cells(&self) -> Vec<String> {
        vec![self.what.to_owned(), self.name.clone(), self.result.clone()]
    }
}

#[derive(Debug, Default, Serialize)]
struct ImportSummary {
    runs: usize,
    locks: usize,
    logins: usize,
    trails: usize,
    skipped: usize,
}

/// What became of a run.
enum Brought {
    In,
    Already,
    /// Another process works on it.
    Busy,
}

/// Runs the command.
///
/// # Errors
/// When something cannot be read or written. What was brought in before is there.
pub fn run(context: &Context, _: &ImportArgs) -> Result<Exit, CommandError> {
    require_data(context)?;
    let (address, password) = database(context)?;
    let database = Database::open(&address, &password)?;
    let places = context.places()?;
    let (data, stores) = (files(&places), Stores::on_disk(places.data()));
    let mut report = context.local_report::<ImportRow>("store import", false)?;
    let mut summary = ImportSummary::default();

    let trails = PgTrails::in_database(database.clone(), data.keys());
    let to = PgRuns::in_database(database.clone(), trails.clone());
    let from = stores.runs();
    for id in from.list()? {
        let brought = import_run(from, &to, &id)?;
        let result = match brought {
            Brought::In => told_later!("imported"),
            Brought::Already => told_later!("already there"),
            Brought::Busy => told_later!("skipped: another process is working on it"),
        };
        summary.runs += usize::from(matches!(brought, Brought::In));
        summary.skipped += usize::from(matches!(brought, Brought::Busy));
        told(&mut report, "run", id.to_string(), result)?;
    }
    import_locks(
        &data,
        &PgLockStores::in_database(database.clone()),
        &mut report,
        &mut summary,
    )?;
    let to = PgLoginStores::in_database(database);
    for target in stores.logins().targets()? {
        let Some(from) = stores.logins().kept(&target)? else {
            continue;
        };
        let is_new = to.import(&target, &*from)?;
        summary.logins += usize::from(is_new);
        let result = if is_new {
            told_later!("imported")
        } else {
            told_later!("already there")
        };
        told(&mut report, "logins", target, result)?;
    }
    seal_trails(context, &data, &trails, &mut report, &mut summary)?;
    report.finish(&summary).map_err(unwritten_rows)?;
    tell(context, &data, &summary);
    Ok(if summary.skipped > 0 { exit::BUSY } else { exit::OK })
}

fn tell(context: &Context, data: &DataDirectory, summary: &ImportSummary) {
    let ImportSummary {
        runs, locks, logins, ..
    } = summary;
    context.ui.say(t!(
        "imported runs: {runs}, locks: {locks}, targets with logins: {logins}"
    ));
    if data.trails().is_dir() {
        context.ui.note(t!(
            "the audit trails stay in {} as archives; keep them there, or read a copy with: easemob-admin audit log --dir DIR",
            data.trails().display()
        ));
    }
}

/// Signs the end of each trail of the data directory, and enters it as an archive.
fn seal_trails(
    context: &Context,
    data: &DataDirectory,
    to: &PgTrails,
    report: &mut Report,
    summary: &mut ImportSummary,
) -> Result<(), CommandError> {
    let host = operator(None, context.environment.get("SUDO_USER")).host;
    let below = match std::fs::read_dir(data.trails()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        below => below.map_err(unreadable(&data.trails()))?,
    };
    for entry in below {
        let directory = entry.map_err(unreadable(&data.trails()))?.path();
        let Some(name) = directory
            .file_name()
            .and_then(|name| name.to_str())
            .map(str::to_owned)
        else {
            continue;
        };
        if !directory.is_dir() {
            continue;
        }
        let directory = std::path::absolute(&directory).map_err(unreadable(&directory))?;
        let result = match sealed(&directory, &name, &host) {
            Ok(Some(archive)) => {
                let is_new = to.enter_archive(&name, &archive)?;
                summary.trails += usize::from(is_new);
                if is_new {
                    told_later!("sealed where it is").to_owned()
                } else {
                    told_later!("already there").to_owned()
                }
            }
            Ok(None) => continue,
            Err(why) => {
                summary.skipped += 1;
                format!("skipped: {why}")
            }
        };
        told(report, "trail", name, &result)?;
    }
    Ok(())
}

/// Signs the end of a trail in files, verifies it, and returns what is known of it; `None` if it has no entries.
fn sealed(directory: &Path, name: &str, host: &str) -> Result<Option<Archive>, String> {
    let in_words = |error: AuditError| with_causes(&error);
    let seal = || -> Result<Verification, AuditError> {
        AuditTrail::open(directory, name)?.checkpoint(SystemTime::now())?;
        verify(directory, &Against::default())
    };
    let found = seal().map_err(in_words)?;
    if let Some(problem) = found.problems.first() {
        return Err(format!("it was changed: {problem}"));
    }
    let Some(head) = found.head.filter(|_| found.size > found.first) else {
        return Ok(None);
    };
    Ok(Some(Archive {
        origin: head.checkpoint.origin,
        first: found.first,
        size: found.size,
        head: head.jws,
        key: PublicKey::of_trail(directory).map_err(in_words)?.pem(),
        host: host.to_owned(),
        directory: directory.display().to_string(),
    }))
}

fn import_run(from: &dyn RunStore, to: &PgRuns, id: &RunId) -> Result<Brought, CommandError> {
    let seen = from.see(id)?;
    if seen.running {
        return Ok(Brought::Busy);
    }
    if seen.progress.was_cut_off() {
        // The trail may have outcomes that the journal lost with the process.
        let mut open = match from.open(id) {
            Err(RunError::Busy(..)) => return Ok(Brought::Busy),
            open => open?,
        };
        let restored = open.held.into_record(&open.header, &mut open.progress);
        drop(restored.map_err(|error: CannotBegin| CommandError::from(error))?);
    }
    let (mut items, mut records) = (from.items(id)?, from.records(id)?);
    let brought = to.import(id, seen.header, &mut items, &mut records)?;
    Ok(if brought { Brought::In } else { Brought::Already })
}

fn import_locks(
    data: &DataDirectory,
    to: &PgLockStores,
    report: &mut Report,
    summary: &mut ImportSummary,
) -> Result<(), CommandError> {
    for place in names_of(&data.locks())? {
        // Without a server, the locks of all servers count.
        let from = SqliteLocks::open(data.locks().join(format!("{place}.sqlite")), None)?;
        let new = to.import(&place, &from.list(Listing::All)?, from.lifted_last()?)?;
        summary.locks += new;
        told(report, "locks", place, &format!("{new} new"))?;
    }
    Ok(())
}

/// Returns the names of the targets that have locks, or locks of an earlier version.
fn names_of(locks: &Path) -> Result<Vec<String>, CommandError> {
    let entries = match std::fs::read_dir(locks) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable(locks))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(unreadable(locks))?.file_name();
        let name = file.to_str().and_then(|name| name.rsplit_once('.'));
        names.extend(
            name.filter(|(_, end)| matches!(*end, "sqlite" | "json"))
                .map(|(name, _)| name.to_owned()),
        );
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> CommandError {
    move |error| CommandError::new(exit::INTERNAL, t!("cannot read {}", path.display())).because(error)
}

fn told(report: &mut Report, what: &'static str, name: String, result: &str) -> Result<(), CommandError> {
    let result = result.to_owned();
    report
        .row(&ImportRow { what, name, result })
        .map(drop)
        .map_err(unwritten_rows)
}
