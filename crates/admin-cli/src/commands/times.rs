//! How rows show times.

use std::time::Duration;

use easemob_admin_api::UnixMillis;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// Returns the time in RFC 3339, in UTC.
#[must_use]
pub fn rfc3339(time: UnixMillis) -> Option<String> {
    let millis = i64::try_from(time.0).ok()?;
    Timestamp::from_millisecond(millis)
        .ok()
        .map(|time| time.to_string())
}

/// Returns the time of a record, given in milliseconds since 1970, in RFC 3339.
#[must_use]
pub fn rfc3339_signed(millis: i64) -> Option<String> {
    Timestamp::from_millisecond(millis)
        .ok()
        .map(|time| time.to_string())
}

/// Returns the time without fractions, for tables.
#[must_use]
pub fn short(time: Option<&str>) -> String {
    let time = time.unwrap_or_default();
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

/// Returns the time of this machine, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Parses a point in time, or how long ago it was; a day has 24 hours.
///
/// # Errors
/// When it is neither.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let wrong = || "give a time such as 2026-01-31T09:30:00Z, or how long ago, such as 24h or 30d".to_owned();
    let ago: Span = text.parse().map_err(|_| wrong())?;
    let ago = ago
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Timestamp::now()
        .checked_sub(ago.abs())
        .map_err(|error| error.to_string())
}

/// Parses a duration; a day has 24 hours.
///
/// # Errors
/// When it is not a duration, or it is zero.
pub fn lasting(text: &str) -> Result<Duration, String> {
    let wrong = || "give a time such as 30m, 10h or 3d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let time = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(time)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_kept_for_programs_only() {
        let text = rfc3339(UnixMillis(1_700_000_000_123));
        assert_eq!(text.as_deref(), Some("2023-11-14T22:13:20.123Z"));
        assert_eq!(short(text.as_deref()), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn moments_are_times_or_ages() {
        for (text, hours) in [("24h", 24), ("2d", 48), ("1d12h", 36)] {
            let ago = Timestamp::now().duration_since(moment(text).unwrap());
            assert!((ago.as_secs() - hours * 3_600).abs() < 60, "{text}: {ago:?}");
        }
        assert_eq!(moment("2026-01-31T09:30:00Z").unwrap().as_second(), 1_769_851_800);
        assert!(moment("yesterday").is_err() && moment("2mo").is_err());
    }

    #[test]
    fn what_lasts_may_last_days() {
        for (text, hours) in [("3d", 72), ("1d12h", 36), ("72h", 72)] {
            assert_eq!(lasting(text), Ok(Duration::from_secs(hours * 60 * 60)), "{text}");
        }
        assert_eq!(lasting("90s"), Ok(Duration::from_secs(90)));
        for text in ["", "5", "-5s", "0s", "2mo", "soon"] {
            assert!(lasting(text).is_err(), "{text}");
        }
    }
}
