//! Requests that got no answer, and what is known of their arrival.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// What is known about the arrival of a request at the server.
///
/// ```
/// use easemob_admin_api::transport::retry::{CallState, Decision, Delivery, Failure, RetryPolicy, decide};
/// use easemob_admin_api::endpoint::Effect;
///
/// // A logout whose connection was cut may have happened: it is not sent again.
/// let call = CallState::first(Effect::Once);
/// let cut = Failure::new(Delivery::Unknown, true);
/// assert_eq!(decide(&RetryPolicy::default(), &call, &cut, 0.5), Decision::Permanent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It never left, or no connection was made.
    NotSent,
    /// It arrived and was refused without effect.
    Rejected,
    /// It may have taken effect.
    Unknown,
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub(crate) struct TransportError {
    delivery: Delivery,
    headline: &'static str,
    permanent: bool,
    no_connection: bool,
    given_up: bool,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl TransportError {
    pub(crate) fn new(delivery: Delivery, headline: &'static str) -> Self {
        Self {
            delivery,
            headline,
            permanent: false,
            no_connection: false,
            given_up: false,
            cause: None,
        }
    }

    pub(crate) fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// Takes over the cause that a layer below has boxed already.
    pub(crate) fn caused_by_any(mut self, cause: Box<dyn StdError + Send + Sync>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn no_connection() -> Self {
        Self {
            no_connection: true,
            ..Self::new(Delivery::NotSent, "no connection to the server")
        }
    }

    pub(crate) fn no_connection_in_time() -> Self {
        Self {
            headline: "no connection to the server within the time-out",
            ..Self::no_connection()
        }
    }

    pub(crate) fn no_answer_in_time() -> Self {
        Self::new(Delivery::Unknown, "no answer within the time-out")
    }

    pub(crate) fn broke_before_the_answer() -> Self {
        Self::new(Delivery::Unknown, "the connection broke before the answer")
    }

    pub(crate) fn answer_broke_off() -> Self {
        Self::new(Delivery::Unknown, "the answer broke off")
    }

    /// The caller's time was over; a request that was on its way then may arrive.
    pub(crate) fn deadline_passed(on_its_way: bool) -> Self {
        let delivery = if on_its_way {
            Delivery::Unknown
        } else {
            Delivery::NotSent
        };
        Self::new(delivery, "the deadline of the call has passed")
    }

    /// The caller no longer wants to wait.
    pub(crate) fn given_up() -> Self {
        Self {
            given_up: true,
            ..Self::new(
                Delivery::NotSent,
                "given up while waiting for its turn; it was not sent",
            )
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// True if there was nobody to send it to; a request that cannot be made was not sent either.
    pub(super) fn is_no_connection(&self) -> bool {
        self.no_connection
    }

    pub(super) fn headline(&self) -> &'static str {
        self.headline
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.headline)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn StdError + 'static))
    }
}
