//! `logins export`: writes the devices of a snapshot, for analysis elsewhere.

use clap::Args;
use serde::Serialize;

use super::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::command_error::CommandError;
use crate::commands::times::rfc3339_signed;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `logins export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins export -o csv > devices.csv
  easemob-admin logins export 7 -o jsonl

One row per device, and one for each user whose devices are not known (`unknown` or `failed`). Users without a device \
have no row; `logins count` shows how many there are.")]
pub struct ExportArgs {
    /// The snapshot: a number, `latest` or `previous`
    #[arg(value_name = "SNAPSHOT", default_value = "latest")]
    snapshot: SnapshotName,
}

#[derive(Debug, Serialize)]
struct ExportRow {
    snapshot: i64,
    user: String,
    state: String,
    resource: String,
    platform: String,
    name: Option<String>,
    signed_in_at: Option<String>,
    why: String,
}

impl Row for ExportRow {
    const COLUMNS: &'static [&'static str] = &[
        "snapshot",
        "user",
        "state",
        "resource",
        "platform",
        "name",
        "signed_in_at",
        "why",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.snapshot.to_string(),
            self.user.clone(),
            self.state.clone(),
            self.resource.clone(),
            self.platform.clone(),
            self.name.clone().unwrap_or_default(),
            self.signed_in_at.clone().unwrap_or_default(),
            self.why.clone(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    rows: u64,
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read, or the snapshot does not exist.
pub fn run(context: &Context, args: &ExportArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let snapshot = find(context, &*store, args.snapshot)?;
    warn_of_incomplete(context, &*store, &snapshot)?;
    let mut report = context.local_report::<ExportRow>("logins export", context.globals.sandbox)?;
    let (mut rows, mut failure) = (0, None);
    let mut write = |row: ExportRow| {
        rows += 1;
        if failure.is_none() {
            failure = report.row(&row).err();
        }
    };
    let id = snapshot.id;
    store.each_device(id, &mut |user, device| {
        write(ExportRow {
            snapshot: id,
            user: user.to_owned(),
            state: "online".into(),
            resource: device.resource,
            platform: device.platform,
            name: device.name,
            signed_in_at: device.signed_in_ms.and_then(rfc3339_signed),
            why: String::new(),
        });
    })?;
    store.each_not_known(id, &mut |not_known| {
        write(ExportRow {
            snapshot: id,
            user: not_known.user,
            state: not_known.state,
            resource: String::new(),
            platform: String::new(),
            name: None,
            signed_in_at: None,
            why: not_known.why,
        });
    })?;
    if let Some(error) = failure {
        return Err(unwritten_rows(error));
    }
    report.finish(&Summary { rows }).map_err(unwritten_rows)?;
    Ok(exit::OK)
}
