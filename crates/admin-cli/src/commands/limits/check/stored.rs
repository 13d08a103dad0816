//! `limits check --snapshot`: compares a stored scan with a policy, without sending a request.

use easemob_admin_ops::policy::compared::{ComparedRow, Stored, compare, each_stored};
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_words::t;
use serde::Serialize;

use super::verdict;
use crate::command_error::CommandError;
use crate::commands::acting::{counted, users};
use crate::commands::logins::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::render::report::unwritten_rows;

#[derive(Debug, Serialize)]
struct Summary {
    snapshot: i64,
    users_over: u64,
    devices_over: u64,
    not_known: u64,
}

/// Compares a snapshot with a policy.
///
/// # Errors
/// When the login data cannot be read, or the snapshot does not exist.
pub(super) fn run(
    context: &Context,
    session: &Session,
    name: SnapshotName,
    selection: &Selection,
) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let snapshot = find(context, &*store, name)?;
    warn_of_incomplete(context, &*store, &snapshot)?;
    let mut rows = Rows {
        report: context.report::<ComparedRow>(session, "limits check", None)?,
        totals: Totals::default(),
        selection,
        failure: None,
    };
    each_stored(&*store, snapshot.id, &mut |item, stored| rows.user(item, stored))?;
    if let Some(error) = rows.failure {
        return Err(unwritten_rows(error));
    }
    let (totals, not_known) = (rows.totals, snapshot.counts.not_known());
    let summary = Summary {
        snapshot: snapshot.id,
        users_over: totals.users_over,
        devices_over: totals.over,
        not_known,
    };
    rows.report.finish(&summary).map_err(unwritten_rows)?;
    context.ui.say(t!(
        "snapshot {}: {} with devices: {} over the limits by {}, {not_known} not known",
        snapshot.id,
        users(totals.users),
        totals.users_over,
        counted(totals.over, "device")
    ));
    let read = if not_known > 0 || snapshot.finished_ms.is_none() {
        exit::FAILED_RETRY
    } else {
        exit::OK
    };
    Ok(verdict(&totals, read))
}

/// Writes the rows.
struct Rows<'a> {
    report: crate::render::report::Report,
    totals: Totals,
    selection: &'a Selection,
    failure: Option<std::io::Error>,
}

impl Rows<'_> {
    fn user(&mut self, item: &Item, stored: Stored) {
        match stored {
            Ok(devices) => {
                let (rows, _) = compare(item, &devices, self.selection, &mut self.totals);
                for row in &rows {
                    self.row(row);
                }
            }
            Err(not_known) => self.row(&ComparedRow::not_known(item, &not_known.why)),
        }
    }

    fn row(&mut self, row: &ComparedRow) {
        if self.failure.is_none() {
            self.failure = self.report.row(row).err();
        }
    }
}
