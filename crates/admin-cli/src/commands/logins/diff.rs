//! `logins diff`: what differs between two snapshots.

use clap::Args;
use serde::Serialize;

use super::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::logins::store::{Change, ChangeKind, LoginStore};
use crate::render::report::Row;

/// Arguments of `logins diff`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins diff
  easemob-admin logins diff 3 7 -o csv
  easemob-admin logins diff --growth 20

A device that is gone of a user whose devices are not known any more is `not_known_later`, not `signed_out`. With \
--growth the exit code is 11 if there are more than P percent more devices than before.")]
pub struct DiffArgs {
    /// The earlier snapshot: a number, `latest` or `previous`
    #[arg(value_name = "A", default_value = "previous")]
    from: SnapshotName,
    /// The later snapshot
    #[arg(value_name = "B", default_value = "latest")]
    to: SnapshotName,
    /// Look whether devices grew by more than P percent
    #[arg(long, value_name = "P")]
    growth: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct DiffRow(Change);

impl Row for DiffRow {
    const COLUMNS: &'static [&'static str] = &["user", "resource", "platform", "kind"];
    const TABLE: &'static [&'static str] = &["user", "device", "platform", "change"];

    fn cells(&self) -> Vec<String> {
        let Change {
            user,
            resource,
            platform,
            kind,
        } = &self.0;
        vec![
            user.clone(),
            resource.clone(),
            platform.clone(),
            kind.word().to_owned(),
        ]
    }
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    from: i64,
    to: i64,
    devices_before: u64,
    devices_after: u64,
    signed_in: u64,
    signed_out: u64,
    not_known: u64,
}

/// Runs the command.
///
/// # Errors
/// When what is kept cannot be read, or there is no such snapshot.
pub fn run(context: &Context, args: &DiffArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let (from, to) = (find(&store, args.from)?, find(&store, args.to)?);
    if from.source != to.source {
        context.ui.warn(format_args!(
            "snapshots {} and {} are of different users",
            from.id, to.id
        ));
    }
    warn_of_incomplete(context, &from);
    warn_of_incomplete(context, &to);
    let mut summary = Summary {
        from: from.id,
        to: to.id,
        devices_before: from.counts.devices,
        devices_after: to.counts.devices,
        ..Summary::default()
    };
    let mut report = context.local_report::<DiffRow>("logins diff", context.globals.sandbox);
    let mut failure = None;
    store.each_change(from.id, to.id, &mut |change| {
        *match change.kind {
            ChangeKind::SignedIn => &mut summary.signed_in,
            ChangeKind::SignedOut => &mut summary.signed_out,
            ChangeKind::NotKnownEarlier | ChangeKind::NotKnownLater => &mut summary.not_known,
        } += 1;
        if failure.is_none() {
            failure = report.row(&DiffRow(change)).err();
        }
    })?;
    let output =
        |error| CommandError::new(exit::INTERNAL, "the rows cannot be written to stdout").because(error);
    if let Some(error) = failure {
        return Err(output(error));
    }
    report.finish(&summary).map_err(output)?;
    context.ui.say(format_args!(
        "snapshot {} to {}: {} devices, then {}: {} signed in, {} signed out, {} not known",
        summary.from,
        summary.to,
        summary.devices_before,
        summary.devices_after,
        summary.signed_in,
        summary.signed_out,
        summary.not_known
    ));
    Ok(match args.growth {
        Some(percent) if grew(summary.devices_before, summary.devices_after, percent) => exit::FINDINGS,
        _ => exit::OK,
    })
}

/// Returns whether there are more than `percent` more than before; from none, anything is more.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn grew(before: u64, after: u64, percent: f64) -> bool {
    after as f64 > before as f64 * (1.0 + percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_of_what_was_before() {
        assert!(!grew(100, 120, 20.0) && grew(100, 121, 20.0));
        assert!(grew(0, 1, 20.0) && !grew(0, 0, 20.0) && !grew(100, 50, 20.0));
    }
}
