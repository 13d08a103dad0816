//! Time, passed in so that tests need none.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use tokio::time::Instant;

/// What a [`Clock`] returns when asked to sleep.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time and of sleep.
///
/// ```
/// use easemob_admin_api::transport::clock::{Clock, SystemClock};
///
/// assert!(SystemClock.system_time() > std::time::UNIX_EPOCH);
/// ```
pub trait Clock: Send + Sync + Debug {
    /// Returns the monotonic time.
    fn now(&self) -> Instant;

    /// Returns the time of day, for `Retry-After` dates and for the expiry of signed tokens.
    fn system_time(&self) -> SystemTime;

    /// Sleeps until a time; at once if it has passed.
    fn sleep_until(&self, deadline: Instant) -> Sleep;
}

/// The clock of the machine and the timer of tokio, which follows `tokio::time::pause` in tests.
///
/// ```
/// use easemob_admin_api::transport::clock::{Clock, SystemClock};
///
/// assert!(SystemClock.now() <= SystemClock.now());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(deadline))
    }
}
