//! Why a service cannot be used.

use std::error::Error as StdError;

use easemob_admin_api::NoToken;
use easemob_admin_ops::store_error::StoreError;

use crate::api::Problem;

/// Why a request to a service brought nothing. It never has the key.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The service refused.
    #[error("{0}")]
    Refused(Problem),
    /// Something in between answered, such as a gateway with a page of its own.
    #[error("something other than the service answered at {url} (HTTP {status})")]
    Foreign {
        /// The address of the service.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// It cannot be reached.
    #[error("cannot reach the service at {url}")]
    Away {
        /// The address of the service.
        url: String,
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Nobody is signed in, or the sign-in cannot be renewed. Nothing was sent.
    #[error("there is no token for the service at {url}")]
    NoToken {
        /// The address of the service.
        url: String,
        /// Why there is none.
        source: NoToken,
    },
    /// The answer broke off, did not come in time, or is not of the form that this version knows.
    #[error("the answer of the service at {url} cannot be used: {why}")]
    Unusable {
        /// The address of the service.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ServiceError {
    /// Returns the last part of the kind of problem, such as `busy`, if the service refused.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => problem.kind.strip_prefix("/problems/"),
            _ => None,
        }
    }

    /// Returns what the service says to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => problem.hint.as_deref(),
            _ => None,
        }
    }

    /// Returns true if the service answered and said no for good, as opposed to one that is away or in trouble.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status < 500,
            Self::NoToken { source, .. } => source.is_refusal(),
            _ => false,
        }
    }

    /// Returns true if sending the same request again may help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.retry_may_help,
            Self::NoToken { source, .. } => !source.is_refusal(),
            Self::Foreign { status, .. } => *status >= 500,
            Self::Away { .. } | Self::Unusable { .. } => true,
        }
    }
}

impl From<ServiceError> for StoreError {
    fn from(error: ServiceError) -> Self {
        if error.is_refusal() {
            Self::ServiceRefused(Box::new(error))
        } else {
            Self::ServiceAway(Box::new(error))
        }
    }
}
