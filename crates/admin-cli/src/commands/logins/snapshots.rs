//! `logins snapshots`: lists the stored scans.

use clap::Args;
use easemob_admin_ops::logins::store::{Counts, Snapshot};
use serde::Serialize;
use serde_json::value::RawValue;

use super::snapshot::kept;
use crate::command_error::CommandError;
use crate::commands::times::{rfc3339_signed, short};
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `logins snapshots`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins snapshots
  easemob-admin logins snapshots -o json

Oldest first. The source is `all`, or an identifier that is the same for the same list of users. The \
program is the version of easemob-admin that began the scan.")]
pub struct SnapshotsArgs {}

/// A snapshot as a row.
#[derive(Debug, Serialize)]
pub(super) struct SnapshotRow {
    snapshot: i64,
    source: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    limits: Option<Box<RawValue>>,
    program: Option<String>,
}

impl SnapshotRow {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        Self {
            snapshot: snapshot.id,
            source: snapshot.source.clone(),
            started_at: rfc3339_signed(snapshot.started_ms),
            finished_at: snapshot.finished_ms.and_then(rfc3339_signed),
            counts: snapshot.counts,
            // Omit limits that are not valid JSON.
            limits: snapshot
                .limits
                .clone()
                .and_then(|text| RawValue::from_string(text).ok()),
            program: snapshot.program.clone(),
        }
    }
}

impl Row for SnapshotRow {
    const COLUMNS: &'static [&'static str] = &[
        "snapshot",
        "source",
        "started_at",
        "finished_at",
        "users",
        "online",
        "offline",
        "changed",
        "unknown",
        "failed",
        "devices",
        "limits",
        "program",
    ];
    const TABLE: &'static [&'static str] = &[
        "snapshot",
        "started at",
        "complete",
        "users",
        "online",
        "devices",
        "offline",
        "not known",
    ];

    fn cells(&self) -> Vec<String> {
        let counts = &self.counts;
        let numbers = [
            counts.users,
            counts.online,
            counts.offline,
            counts.changed,
            counts.unknown,
            counts.failed,
            counts.devices,
        ];
        let mut cells = vec![
            self.snapshot.to_string(),
            self.source.clone(),
            self.started_at.clone().unwrap_or_default(),
            self.finished_at.clone().unwrap_or_default(),
        ];
        cells.extend(numbers.map(|number| number.to_string()));
        cells.push(self.limits.as_ref().map_or("", |limits| limits.get()).to_owned());
        cells.push(self.program.clone().unwrap_or_default());
        cells
    }

    fn table_cells(&self) -> Vec<String> {
        let counts = &self.counts;
        vec![
            self.snapshot.to_string(),
            short(self.started_at.as_deref()),
            if self.finished_at.is_some() { "yes" } else { "no" }.to_owned(),
            counts.users.to_string(),
            counts.online.to_string(),
            counts.devices.to_string(),
            (counts.offline + counts.changed).to_string(),
            counts.not_known().to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    snapshots: usize,
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read.
pub fn run(context: &Context, _: &SnapshotsArgs) -> Result<Exit, CommandError> {
    let snapshots = kept(context)?.snapshots()?;
    let mut report = context.local_report::<SnapshotRow>("logins snapshots", context.globals.sandbox)?;
    for snapshot in &snapshots {
        report.row(&SnapshotRow::new(snapshot)).map_err(unwritten_rows)?;
    }
    report
        .finish(&Summary {
            snapshots: snapshots.len(),
        })
        .map_err(unwritten_rows)?;
    Ok(exit::OK)
}
