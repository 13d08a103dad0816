//! `limits check --snapshot`: compares a stored scan with a policy, without sending a request.

use easemob_admin_api::{DeviceId, UserId};
use easemob_admin_ops::logins::ages::signed_in_at;
use easemob_admin_ops::logins::store::{LoginStore, SeenDevice as StoredDevice};
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::calls::SeenDevice;
use easemob_admin_words::t;
use serde::Serialize;

use super::{CheckRow, compared, verdict};
use crate::command_error::CommandError;
use crate::commands::acting::{counted, users};
use crate::commands::logins::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::present::rows::ReadFailure;
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
        report: context.report::<CheckRow>(session, "limits check", None)?,
        totals: Totals::default(),
        selection,
        line: 0,
        failure: None,
    };
    let mut user = String::new();
    let mut devices: Vec<SeenDevice> = Vec::new();
    store.each_device(snapshot.id, &mut |owner, device| {
        if owner != user {
            rows.user(&user, std::mem::take(&mut devices));
            owner.clone_into(&mut user);
        }
        devices.extend(seen(&*store, owner, device));
    })?;
    rows.user(&user, devices);
    store.each_not_known(snapshot.id, &mut |not_known| {
        rows.not_known(&not_known.user, &not_known.why);
    })?;
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
    line: u64,
    failure: Option<std::io::Error>,
}

impl Rows<'_> {
    /// Compares one user, given all of the user's devices.
    fn user(&mut self, user: &str, devices: Vec<SeenDevice>) {
        let Some(item) = self.item(user).filter(|_| !devices.is_empty()) else {
            return;
        };
        let done = compared(&item, Ok(devices), self.selection, &mut self.totals);
        for row in &done.reports {
            self.row(row);
        }
    }

    fn not_known(&mut self, user: &str, why: &str) {
        if let Some(item) = self.item(user) {
            self.row(&CheckRow {
                failure: ReadFailure::because(why),
                ..CheckRow::new(&item, "failed")
            });
        }
    }

    fn item(&mut self, user: &str) -> Option<Item> {
        let user = UserId::parse(user).ok()?;
        self.line += 1;
        Some(Item::new(self.line - 1, self.line, user))
    }

    fn row(&mut self, row: &CheckRow) {
        if self.failure.is_none() {
            self.failure = self.report.row(row).err();
        }
    }
}

/// Returns a stored device as a device list would have shown it; `None` if its id or the user name is not
/// valid.
fn seen(store: &dyn LoginStore, user: &str, device: StoredDevice) -> Option<SeenDevice> {
    let id = DeviceId::parse(device.resource).ok()?;
    let user = UserId::parse(user).ok()?;
    Some(SeenDevice {
        signed_in_at: signed_in_at(store, &user, &id),
        id,
        name: device.name,
        uuid: None,
    })
}
