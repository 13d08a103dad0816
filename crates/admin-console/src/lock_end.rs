//! When a lock ends.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

/// Returns the end of a lock of so many hours: on a full minute, so that a form that is sent twice asks for the same.
pub(crate) fn lock_end(now: Timestamp, hours: i64) -> Timestamp {
    let end = now + SignedDuration::from_hours(hours);
    let minute = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil);
    end.round(minute).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_never_shorter_than_it_was_asked_for() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let end = at("2026-11-30T11:05:00Z");
        assert_eq!(lock_end(at("2026-11-30T01:04:00.001Z"), 10), end);
        assert_eq!(lock_end(at("2026-11-30T01:04:59Z"), 10), end);
        assert_eq!(lock_end(at("2026-11-30T01:05:00Z"), 10), end);
    }
}
