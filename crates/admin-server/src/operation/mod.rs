//! What whoever runs the service needs: health, metrics, request ids, and notices.

mod health;
mod metrics;
pub mod notices;
mod requests;
mod sampled;
mod told;

pub(crate) use self::health::{Observed, observe};
pub(crate) use self::metrics::Metrics;
pub(crate) use self::requests::{follow_request, of_key};
pub(crate) use self::told::{policy_exceeded, run_ended, watch};
