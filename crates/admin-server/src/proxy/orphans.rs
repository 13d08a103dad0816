//! Calls whose process was killed while they were sent: nobody else will say what became of them.

use std::time::Duration;

use easemob_admin_ops::documents::lease::hold;
use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Operation, OperationState};
use serde::{Deserialize, Serialize};

use super::{operations, records};
use crate::problem::Refusal;
use crate::service::Service;

/// How long a process that is not heard of counts as alive. It is heard of every few seconds.
const ALIVE: Duration = Duration::from_secs(30);

/// Who sends a call, for as long as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sender {
    process: String,
    /// The key with which somebody asked for it.
    pub(super) key: String,
    /// How many users it can change, if it does not name them.
    pub(super) size: Option<u64>,
}

impl Sender {
    pub(super) fn of(service: &Service, key: &str, size: Option<u64>) -> Self {
        Self {
            process: service.name().to_owned(),
            key: key.to_owned(),
            size,
        }
    }
}

fn senders(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "operation-sender")
}

/// Notes who sends a call. There is a note for each call whose outcome is not on record.
pub(super) fn note(service: &Service, operation: &str, sender: &Sender) -> Result<(), StoreError> {
    // Nobody else has the id.
    senders(service).put(operation, sender, None).map(drop)
}

/// Removes the note: what became of the call is on record.
pub(super) fn forget(service: &Service, operation: &str) -> Result<(), StoreError> {
    let kept = senders(service);
    if let Some((_, revision)) = kept.get::<Sender>(operation)? {
        // If somebody else took it over, it is theirs.
        let _ = kept.remove(operation, revision)?;
    }
    Ok(())
}

/// Tells other processes that this one is alive.
pub(crate) fn sign_of_life(service: &Service) -> Result<(), StoreError> {
    if !service.is_in_files() {
        let _ = hold(service.documents(), &life(service.name()), service.name(), ALIVE)?;
    }
    Ok(())
}

fn life(process: &str) -> String {
    format!("process/{process}")
}

/// Records that nobody knows what became of the calls of processes that were killed.
///
/// # Errors
/// When the records cannot be read or written. What is left is tried again.
pub(crate) fn settle(service: &Service) -> Result<(), Refusal> {
    for (id, sender) in senders(service).all::<Sender>()? {
        // What became of one of this process may be what could not be recorded.
        if !operations::is_overdue(&id, service.now()) && !is_dead(service, &sender.process)? {
            continue;
        }
        // Only one of several processes goes on; if that dies, another one does.
        let Some((sender, revision)) = senders(service).get::<Sender>(&id)? else {
            continue;
        };
        let mine = Sender {
            process: service.name().to_owned(),
            ..sender
        };
        if senders(service).put(&id, &mine, Some(revision))? != Put::Changed {
            settle_one(service, &id, &mine)?;
        }
    }
    Ok(())
}

/// With files, nobody but this process sends anything.
fn is_dead(service: &Service, process: &str) -> Result<bool, StoreError> {
    if process == service.name() {
        return Ok(false);
    }
    // A life that can be taken over has ended.
    Ok(service.is_in_files()
        || hold(
            service.documents(),
            &life(process),
            service.name(),
            Duration::ZERO,
        )?)
}

fn settle_one(service: &Service, id: &str, sender: &Sender) -> Result<(), Refusal> {
    let sent = operations::read(service, id)?.filter(|found| found.state == OperationState::Sent);
    let Some(sent) = sent else {
        return Ok(forget(service, id)?);
    };
    // Another process may have the app.
    let Some(app) = service.apps().get(&sent.app) else {
        return Ok(());
    };
    let unknown = Operation {
        state: OperationState::Unknown,
        ended: Some(service.now()),
        error: Some("the process of the service ended before it recorded an answer".into()),
        ..sent
    };
    tracing::warn!(
        operation = id,
        call = unknown.call,
        "the outcome of a call is unknown: its process recorded none"
    );
    let outcomes = records::outcomes(service, app, &unknown, sender, &[], None);
    service.stores().runs().enter(&app.target, &outcomes)?;
    Ok(operations::end(service, &unknown)?)
}
