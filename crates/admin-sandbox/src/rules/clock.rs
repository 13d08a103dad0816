use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The latest time that there is, in milliseconds since 1970: the last number that is exact in JSON everywhere.
pub(crate) const LATEST_MS: u64 = 1 << 53;

/// The time the sandbox believes in; tests move it forward by hand.
///
/// Clones share one time. It never goes back. Token lifetimes, mutes, sign-in times and JWT expiry follow
/// it; rate limits follow real time, since a client's pacing does.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_sandbox::SandboxClock;
///
/// let clock = SandboxClock::manual(1_000);
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now_ms(), 3_000);
/// ```
#[derive(Debug, Clone)]
pub struct SandboxClock {
    start_ms: Option<u64>,
    offset_ms: Arc<AtomicU64>,
}

impl SandboxClock {
    /// Returns a clock that follows the system's, plus whatever it is moved by hand.
    #[must_use]
    pub fn system() -> Self {
        Self {
            start_ms: None,
            offset_ms: Arc::default(),
        }
    }

    /// Returns a clock that stands still at `start_ms` (milliseconds since 1970) until moved by hand.
    #[must_use]
    pub fn manual(start_ms: u64) -> Self {
        Self {
            start_ms: Some(start_ms),
            offset_ms: Arc::default(),
        }
    }

    /// Returns the time in milliseconds since 1970, 2^53 at the latest.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.start_ms
            .unwrap_or_else(system_ms)
            .saturating_add(self.offset_ms())
            .min(LATEST_MS)
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let add = |offset: u64| Some(offset.saturating_add(by).min(LATEST_MS));
        // The closure never declines, so there is no failure to handle.
        let _ = self
            .offset_ms
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }

    /// Moves the time forward so far that it was moved by `offset_ms` in all.
    pub(crate) fn advance_to_offset(&self, offset_ms: u64) {
        self.offset_ms.fetch_max(offset_ms, Ordering::AcqRel);
    }

    pub(crate) fn is_manual(&self) -> bool {
        self.start_ms.is_some()
    }

    pub(crate) fn offset_ms(&self) -> u64 {
        self.offset_ms.load(Ordering::Acquire)
    }
}

impl Default for SandboxClock {
    fn default() -> Self {
        Self::system()
    }
}

fn system_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_time() {
        let clock = SandboxClock::manual(5);
        clock.clone().advance(Duration::from_millis(7));
        assert_eq!(clock.now_ms(), 12);
    }

    #[test]
    fn time_has_an_end() {
        let clock = SandboxClock::manual(5);
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now_ms(), LATEST_MS);
        assert_eq!(SandboxClock::manual(u64::MAX).now_ms(), LATEST_MS);
    }

    #[test]
    fn an_offset_is_not_counted_twice() {
        let clock = SandboxClock::manual(0);
        clock.advance(Duration::from_millis(7));
        clock.advance_to_offset(7);
        assert_eq!(clock.now_ms(), 7);
        clock.advance_to_offset(9);
        assert_eq!(clock.now_ms(), 9);
    }

    #[test]
    fn the_system_clock_can_be_moved_too() {
        let clock = SandboxClock::system();
        let before = clock.now_ms();
        clock.advance(Duration::from_secs(60 * 60));
        assert!(clock.now_ms() >= before + 3_600_000);
    }
}
