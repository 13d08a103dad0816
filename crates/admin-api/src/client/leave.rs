//! Whether requests may be sent, by the word of somebody else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often a call asks that waits for leave.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Decides before each request whether it may be sent: for work that another process may take over meanwhile.
#[derive(Clone)]
pub struct Leave(Arc<dyn Fn() -> LeaveNow + Send + Sync>);

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveNow {
    /// It may be sent.
    Given,
    /// It may not be sent yet: the call waits, and asks again.
    NotYet,
    /// It will never be allowed: the call is given up.
    Never,
}

impl Leave {
    /// Asks this function, which must not block.
    pub fn new(ask: impl Fn() -> LeaveNow + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// Returns leave that is always given.
    #[must_use]
    pub fn always() -> Self {
        Self::new(|| LeaveNow::Given)
    }

    /// Returns whether a request may be sent now.
    #[must_use]
    pub fn now(&self) -> LeaveNow {
        (self.0)()
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leave").finish_non_exhaustive()
    }
}
