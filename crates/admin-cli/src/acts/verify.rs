//! `--verify`: reads the devices that a run signed out again.

use easemob_admin_words::t;
use std::cell::RefCell;

use easemob_admin_ops::jobs::verify::{self, Ended, USERS_PER_REQUEST, Verified};
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::run::id::RunId;

use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::drive::{Done, Driven};
use crate::exit::{self, Exit};

/// Reads the devices that the run `id` signed out again, with a row per device and the counts in the summary.
///
/// # Errors
/// When the run cannot be read.
pub async fn run(
    context: &Context,
    session: &Session,
    driven: &mut Driven<'_, DeviceReport>,
    id: &str,
) -> Result<(), CommandError> {
    let id = RunId::parse(id).ok_or_else(|| CommandError::new(exit::INTERNAL, t!("the run has no id")))?;
    let ended = ended_by(context, &id)?;
    reread(context, session, driven, ended).await;
    Ok(())
}

/// Returns the users whose devices a run signed out.
///
/// # Errors
/// When the run cannot be read.
fn ended_by(context: &Context, id: &RunId) -> Result<Vec<Ended>, CommandError> {
    let stores = context.stores()?;
    let runs = stores.runs();
    verify::ended(runs.items(id)?, runs.records(id)?)
        .map_err(|error| CommandError::new(exit::INTERNAL, t!("cannot read run {id}")).because(error))
}

/// Reads the signed-out devices again, with a row per device and the counts in the summary.
async fn reread(
    context: &Context,
    session: &Session,
    driven: &mut Driven<'_, DeviceReport>,
    ended: Vec<Ended>,
) {
    let bar = context.bar(ended.len() as u64, "verifying");
    let verified = RefCell::new(Verified::default());
    let devices: u64 = ended.iter().map(|user| user.ended.len() as u64).sum();
    let batches = ended.chunks(USERS_PER_REQUEST).map(|users| Ok(users.to_vec()));
    let work = async |users: Vec<Ended>| {
        let read = verify::verify(&session.server, &users).await;
        if let Some(bar) = &bar {
            bar.advance(users.len() as u64);
        }
        let mut done = Done::default();
        for (user, (verdicts, error)) in users.iter().zip(read) {
            for (device, verdict) in verdicts {
                verified.borrow_mut().count(verdict);
                done.reports
                    .push(DeviceReport::verified(user, &device, verdict, error.as_ref()));
            }
            done.failures.extend(error);
        }
        done
    };
    driven.afterwards(batches, work).await;
    let mut verified = verified.into_inner();
    verified.missed(devices);
    driven.summary().verified = Some(verified);
}

/// Returns the exit code of a run, which the second reading can make worse.
#[must_use]
pub fn worse(verified: Option<Verified>, exit: Exit) -> Exit {
    let Some(verified) = verified.filter(|_| exit == exit::OK) else {
        return exit;
    };
    if verified.still_online + verified.unknown > 0 {
        exit::FAILED_RETRY
    } else if verified.signed_in_again > 0 {
        exit::FINDINGS
    } else {
        exit::OK
    }
}
