//! Recognises errors that mean that another process is at work.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use easemob_admin_audit::AuditError;

use crate::exit::{self, Exit};

/// Returns the exit code for records that cannot be read or written: busy, or a fault of the machine.
#[must_use]
pub(crate) fn exit_of(error: &(dyn StdError + 'static)) -> Exit {
    if is_busy(error) {
        exit::BUSY
    } else {
        exit::INTERNAL
    }
}

/// Returns whether another process holds the audit trail, however deep in the chain.
fn is_busy(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<AuditError>() {
        return matches!(error, AuditError::Busy { .. });
    }
    let io = error
        .downcast_ref::<io::Error>()
        .or_else(|| error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref));
    match io.and_then(io::Error::get_ref) {
        Some(inner) => is_busy(inner),
        None => error.source().is_some_and(is_busy),
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
            (Box::new(io::Error::other("anything")), exit::INTERNAL),
            (Box::new(RecordError::Fenced), exit::INTERNAL),
        ];
        for (error, expected) in rows {
            assert_eq!(exit_of(error.as_ref()), expected, "{error:?}");
        }
    }
}
