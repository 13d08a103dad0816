//! Until when a lease is known to last, by a clock of this machine that never stands still.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use easemob_admin_api::LeaveNow;

/// The end of a lease that somebody else has.
const LOST: u64 = 0;

/// The end of a lease, in milliseconds of [`now`].
#[derive(Debug)]
pub(super) struct Deadline(AtomicU64);

impl Deadline {
    pub(super) fn at(end: Duration) -> Self {
        Self(AtomicU64::new(milliseconds(end)))
    }

    /// Moves the end, unless the lease is lost, or is known to last longer.
    pub(super) fn extend(&self, end: Duration) {
        let later = |known| (known != LOST).then(|| milliseconds(end).max(known));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }

    /// Notes that somebody else has the lease, for good.
    pub(super) fn lose(&self) {
        self.0.store(LOST, Ordering::Release);
    }

    /// Returns whether a request that is sent now, and takes `longest`, ends before the lease does.
    pub(super) fn leave(&self, now: Duration, longest: Duration) -> LeaveNow {
        match self.0.load(Ordering::Acquire) {
            LOST => LeaveNow::Never,
            end if milliseconds(now.saturating_add(longest)) < end => LeaveNow::Given,
            _ => LeaveNow::NotYet,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the time since some moment in the past. It goes on while the process or the machine is suspended.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Returns the time since some moment in the past. It goes on while the process is suspended.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn now() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed() + Duration::from_secs(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_is_sent_that_may_outlast_the_lease() {
        let deadline = Deadline::at(SECOND * 45);
        for (now, leave) in [
            (0, LeaveNow::Given),
            (14, LeaveNow::Given),
            (15, LeaveNow::NotYet),
            (44, LeaveNow::NotYet),
            (1_000, LeaveNow::NotYet),
        ] {
            assert_eq!(deadline.leave(SECOND * now, SECOND * 30), leave, "{now}");
        }
        deadline.extend(SECOND * 60);
        // An answer that was overtaken by a later one takes nothing back.
        deadline.extend(SECOND * 50);
        assert_eq!(deadline.leave(SECOND * 29, SECOND * 30), LeaveNow::Given);
    }

    #[test]
    fn what_is_lost_is_never_had_again() {
        let deadline = Deadline::at(SECOND * 45);
        deadline.lose();
        deadline.extend(SECOND * 1_000);
        assert_eq!(deadline.leave(Duration::ZERO, SECOND), LeaveNow::Never);
    }

    #[test]
    fn the_clock_goes_on() {
        let before = now();
        assert!(before > Duration::ZERO && now() >= before);
    }
}
