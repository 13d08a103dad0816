//! `--verify`: reads the devices that a run signed out, or the users that it locked, again.

use std::io;
use std::sync::{Mutex, PoisonError};

use easemob_admin_ops::jobs::verify::{self, Ended, USERS_PER_REQUEST, Verified};
use easemob_admin_ops::jobs::verify_locks::{self, BannedUser, LockVerdict, VerifiedLocks};
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::commands::runs::history::unreadable;
use crate::context::{Context, Session};
use crate::drive::{Done, Driven};
use crate::exit::{self, Exit};
use crate::summary::SecondReading;

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
    let ended = ended_by(context, &parsed(id)?)?;
    reread(context, session, driven, ended).await;
    Ok(())
}

/// Reads the users that a run banned, or found banned, again, with a row per user and the counts in the summary.
///
/// # Errors
/// When the run cannot be read.
pub async fn run_locks(
    context: &Context,
    session: &Session,
    driven: &mut Driven<'_, LockReport>,
    header: &Header,
) -> Result<(), CommandError> {
    let id = parsed(&header.run)?;
    let (count, users) = verify_locks::banned(context.stores()?.runs(), &id)?;
    let bar = context.bar(count, "verifying");
    let verified = Mutex::new(VerifiedLocks::default());
    let batches = Batches {
        users,
        size: verify_locks::at_once(count, header.reading),
    };
    let work = async |users: Vec<BannedUser>| {
        let verdicts = verify_locks::verify(&session.server, &users).await;
        if let Some(bar) = &bar {
            bar.advance(users.len() as u64);
        }
        let mut done = Done::default();
        for (user, verdict) in users.iter().zip(verdicts) {
            verified
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .count(&verdict);
            done.reports.push(LockReport::verified(user, &verdict));
            if let LockVerdict::Unknown(error) = verdict {
                done.failures.push(*error);
            }
        }
        done
    };
    driven.afterwards(batches, work).await;
    let mut verified = verified.into_inner().unwrap_or_else(PoisonError::into_inner);
    verified.missed(count);
    driven.summary().verified = Some(SecondReading::Locks(verified));
    Ok(())
}

/// Users that are read together.
struct Batches<I> {
    users: I,
    size: usize,
}

impl<T, I: Iterator<Item = io::Result<T>>> Iterator for Batches<I> {
    type Item = io::Result<Vec<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch: io::Result<Vec<T>> = self.users.by_ref().take(self.size).collect();
        match batch {
            Ok(users) if users.is_empty() => None,
            batch => Some(batch),
        }
    }
}

fn parsed(id: &str) -> Result<RunId, CommandError> {
    RunId::parse(id).ok_or_else(|| CommandError::new(exit::INTERNAL, t!("the run has no id")))
}

/// Returns the users whose devices a run signed out.
///
/// # Errors
/// When the run cannot be read.
fn ended_by(context: &Context, id: &RunId) -> Result<Vec<Ended>, CommandError> {
    let stores = context.stores()?;
    let runs = stores.runs();
    verify::ended(runs.items(id)?, runs.records(id)?).map_err(unreadable(id))
}

/// Reads the signed-out devices again, with a row per device and the counts in the summary.
async fn reread(
    context: &Context,
    session: &Session,
    driven: &mut Driven<'_, DeviceReport>,
    ended: Vec<Ended>,
) {
    let bar = context.bar(ended.len() as u64, "verifying");
    let verified = Mutex::new(Verified::default());
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
                verified
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .count(verdict);
                done.reports
                    .push(DeviceReport::verified(user, &device, verdict, error.as_ref()));
            }
            done.failures.extend(error);
        }
        done
    };
    driven.afterwards(batches, work).await;
    let mut verified = verified.into_inner().unwrap_or_else(PoisonError::into_inner);
    verified.missed(devices);
    driven.summary().verified = Some(SecondReading::Devices(verified));
}

/// Returns the exit code of a run, which the second reading can make worse.
#[must_use]
pub fn worse(verified: Option<SecondReading>, exit: Exit) -> Exit {
    let Some(verified) = verified.filter(|_| exit == exit::OK) else {
        return exit;
    };
    let (unsettled, changed_since) = match verified {
        SecondReading::Devices(devices) => (devices.still_online + devices.unknown, devices.signed_in_again),
        SecondReading::Locks(users) => (users.still_online + users.unknown, users.not_banned),
    };
    if unsettled > 0 {
        exit::FAILED_RETRY
    } else if changed_since > 0 {
        exit::FINDINGS
    } else {
        exit::OK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_reading_makes_only_a_success_worse() {
        let locks = |still_online, not_banned, unknown| {
            Some(SecondReading::Locks(VerifiedLocks {
                holds: 7,
                still_online,
                not_banned,
                unknown,
            }))
        };
        for (verified, exit, expected) in [
            (None, exit::OK, exit::OK),
            (locks(0, 0, 0), exit::OK, exit::OK),
            (locks(1, 0, 0), exit::OK, exit::FAILED_RETRY),
            (locks(0, 0, 1), exit::OK, exit::FAILED_RETRY),
            (locks(0, 1, 0), exit::OK, exit::FINDINGS),
            (locks(1, 1, 0), exit::OK, exit::FAILED_RETRY),
            (locks(1, 1, 1), exit::FAILED_FINAL, exit::FAILED_FINAL),
        ] {
            assert_eq!(worse(verified, exit), expected, "{verified:?}");
        }
    }

    #[test]
    fn users_are_read_in_batches_and_an_error_is_one() {
        let users = (0..5).map(Ok).chain([Err(io::Error::other("damaged"))]);
        let batches: Vec<_> = Batches { users, size: 2 }.collect();
        let sizes: Vec<_> = batches
            .iter()
            .map(|batch| batch.as_ref().ok().map(Vec::len))
            .collect();
        assert_eq!(sizes, [Some(2), Some(2), None]);
    }
}
