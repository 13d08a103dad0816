//! What became of calls that changed something, for whoever lost the answer.

use easemob_admin_ops::documents::Kept;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Operation, OperationState};
use jiff::{SignedDuration, Timestamp};

use super::orphans;
use crate::service::Service;

/// How long it can be asked for. The audit trail keeps it for ever.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// After how long a call whose process said nothing more counts as unknown: no call takes longer.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// How many old ones are removed with each new one.
const SWEPT: u32 = 4;

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "operation")
}

/// Returns an id that no other call has, and that sorts by time.
pub(crate) fn new_id(now: Timestamp) -> std::io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let random = u64::from_ne_bytes(random);
    Ok(format!("{:012x}{random:016x}", now.as_millisecond()))
}

/// Keeps a call that is about to be sent, and removes some that are old.
pub(super) fn begin(service: &Service, operation: &Operation) -> Result<(), StoreError> {
    let kept = kept(service);
    // Nobody else has the id.
    let _ = kept.put(&operation.id, operation, None)?;
    let old = operation.at - KEPT_FOR;
    let is_old = |operation: &Operation| operation.at < old;
    for (id, oldest) in kept.page(None, SWEPT)? {
        if is_old(&oldest) {
            kept.remove_if(&id, is_old)?;
        }
    }
    Ok(())
}

/// Keeps what became of a call.
pub(super) fn end(service: &Service, operation: &Operation) -> Result<(), StoreError> {
    let _ = kept(service).change(&operation.id, |_: Operation| operation.clone())?;
    orphans::forget(service, &operation.id)
}

/// Returns a call as it is kept.
pub(super) fn read(service: &Service, id: &str) -> Result<Option<Operation>, StoreError> {
    let found = kept(service).get::<Operation>(id)?;
    Ok(found.map(|(operation, _)| operation))
}

/// Returns a call of an app.
pub(crate) fn find(service: &Service, app: &str, id: &str) -> Result<Option<Operation>, StoreError> {
    let found = read(service, id)?.filter(|found| found.app == app);
    Ok(found.map(|operation| settled(operation, service.now())))
}

/// Returns true if no call takes as long as the one with this id has.
pub(super) fn is_overdue(id: &str, now: Timestamp) -> bool {
    let sent = id.get(..12).and_then(|time| i64::from_str_radix(time, 16).ok());
    let sent = sent.and_then(|time| Timestamp::from_millisecond(time).ok());
    sent.is_none_or(|sent| now.duration_since(sent) > LONGEST)
}

/// A call whose process was killed before it had an answer may have been done.
fn settled(mut operation: Operation, now: Timestamp) -> Operation {
    if operation.state == OperationState::Sent && now.duration_since(operation.at) > LONGEST {
        operation.state = OperationState::Unknown;
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let at = |second| new_id(Timestamp::from_second(second).unwrap()).unwrap();
        assert!(at(1) < at(2) && at(1_700_000_000) < at(1_800_000_000));
        assert_ne!(at(1), at(1));
        let now = |second| Timestamp::from_second(second).unwrap();
        assert!(!is_overdue(&at(1_000), now(1_600)) && is_overdue(&at(1_000), now(1_601)));
    }

    #[test]
    fn what_a_killed_process_sent_is_unknown_after_a_while() {
        let sent = Operation {
            id: "1".into(),
            app: "prod".into(),
            call: "users.ban".into(),
            users: vec!["ann".into()],
            device: None,
            by: "bob".into(),
            reason: "leak".into(),
            ticket: None,
            at: Timestamp::from_second(0).unwrap(),
            state: OperationState::Sent,
            ended: None,
            status: None,
            error: None,
        };
        let state = |second| settled(sent.clone(), Timestamp::from_second(second).unwrap()).state;
        assert_eq!(
            (state(600), state(601)),
            (OperationState::Sent, OperationState::Unknown)
        );
    }
}
