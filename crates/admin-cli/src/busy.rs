//! Recognises errors that mean that another process is at work, or that a database is away.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use easemob_admin_audit::AuditError;
use easemob_admin_ops::store_error::StoreError;

use crate::exit::{self, Exit};

/// Returns the exit code for records that cannot be read or written: busy, a database that is away, or a fault of the
/// machine.
#[must_use]
pub(crate) fn exit_of(error: &(dyn StdError + 'static)) -> Exit {
    known(error).unwrap_or(exit::INTERNAL)
}

/// Returns the exit code of the first cause that has one of its own, however deep in the chain.
fn known(error: &(dyn StdError + 'static)) -> Option<Exit> {
    if let Some(error) = error.downcast_ref::<AuditError>() {
        return matches!(error, AuditError::Busy { .. }).then_some(exit::BUSY);
    }
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Away(_) | StoreError::ServiceAway(_)) => return Some(exit::UNREACHABLE),
        Some(StoreError::ServiceRefused(_)) => return Some(exit::REFUSED),
        Some(StoreError::Busy(_)) => return Some(exit::BUSY),
        _ => {}
    }
    let io = error
        .downcast_ref::<io::Error>()
        .or_else(|| error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref));
    match io.and_then(io::Error::get_ref) {
        Some(inner) => known(inner),
        None => error.source().and_then(known),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use easemob_admin_ops::run::attempt::CannotBegin;
    use easemob_admin_ops::run::recorder::RecordError;

    use super::*;

    #[test]
    fn a_trail_that_another_process_holds_is_busy_wherever_that_is_found() {
        let busy = || AuditError::Busy {
            path: "lock".into(),
            waited: Duration::from_secs(1),
        };
        let rows: Vec<(Box<dyn StdError>, Exit)> = vec![
            (Box::new(busy()), exit::BUSY),
            (Box::new(RecordError::from(io::Error::other(busy()))), exit::BUSY),
            (
                Box::new(CannotBegin::Compare(io::Error::other(busy()))),
                exit::BUSY,
            ),
            (
                Box::new(CannotBegin::Record(io::Error::other(busy()).into())),
                exit::BUSY,
            ),
            (
                Box::new(RecordError::from(io::Error::other(StoreError::Away(
                    "cut".into(),
                )))),
                exit::UNREACHABLE,
            ),
            (Box::new(io::Error::other("anything")), exit::INTERNAL),
            (Box::new(RecordError::Fenced), exit::INTERNAL),
        ];
        for (error, expected) in rows {
            assert_eq!(exit_of(error.as_ref()), expected, "{error:?}");
        }
    }
}
