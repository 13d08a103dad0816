//! How rows show times.

use std::time::Duration;

use easemob_admin_api::UnixMillis;
use easemob_admin_words::t;
use jiff::civil::DateTime;
use jiff::{Span, SpanRelativeTo, Timestamp, Zoned};

/// Returns a time as data has it: RFC 3339, in UTC, with milliseconds.
#[must_use]
pub fn in_utc(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Does the same to a time of the server.
#[must_use]
pub fn rfc3339(time: UnixMillis) -> Option<String> {
    rfc3339_signed(i64::try_from(time.0).ok()?)
}

/// Does the same to the time of a record, given in milliseconds since 1970.
#[must_use]
pub fn rfc3339_signed(millis: i64) -> Option<String> {
    Timestamp::from_millisecond(millis).ok().map(in_utc)
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
    moment_seen_at(text, &Zoned::now())
}

/// Reads what `text` means to somebody whose clock shows `now`: a time without an offset is one of that clock.
fn moment_seen_at(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<Zoned>() {
        return Ok(time.timestamp());
    }
    let wrong = || {
        t!("give a time such as 2026-01-31T09:30:00Z, 2026-01-31 09:30 or 2026-01-31, how long ago, such as 24h or 30d, \
         or `today` or `yesterday`")
            .to_owned()
    };
    let day = match text {
        "today" => Some(now.date().into()),
        "yesterday" => Some(now.date().yesterday().map_err(|_| wrong())?.into()),
        // A date alone is the begin of the day.
        _ => text.parse::<DateTime>().ok(),
    };
    if let Some(day) = day {
        let time = day.to_zoned(now.time_zone().clone()).map_err(|_| wrong())?;
        return Ok(time.timestamp());
    }
    let ago: Span = text.parse().map_err(|_| wrong())?;
    let ago = ago
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    now.timestamp()
        .checked_sub(ago.abs())
        .map_err(|error| error.to_string())
}

/// Parses a duration; a day has 24 hours.
///
/// # Errors
/// When it is not a duration, or it is zero.
pub fn lasting(text: &str) -> Result<Duration, String> {
    let wrong = || t!("give a time such as 30m, 10h or 3d").to_owned();
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
        let whole = rfc3339(UnixMillis(1_700_000_000_000));
        assert_eq!(whole.as_deref(), Some("2023-11-14T22:13:20.000Z"));
    }

    #[test]
    fn moments_are_times_of_the_clock_on_the_wall_or_ages() {
        let now: Zoned = "2026-02-01T10:00:00+08:00[Asia/Shanghai]".parse().unwrap();
        for (text, expected) in [
            ("24h", "2026-01-31T02:00:00Z"),
            ("1d12h", "2026-01-30T14:00:00Z"),
            ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
            ("2026-01-31T09:30:00+02:00", "2026-01-31T07:30:00Z"),
            ("2026-01-31T09:30[Europe/Berlin]", "2026-01-31T08:30:00Z"),
            ("2026-01-31T09:30", "2026-01-31T01:30:00Z"),
            ("2026-01-31 09:30:15", "2026-01-31T01:30:15Z"),
            ("2026-01-31", "2026-01-30T16:00:00Z"),
            ("today", "2026-01-31T16:00:00Z"),
            ("yesterday", "2026-01-30T16:00:00Z"),
        ] {
            let found = moment_seen_at(text, &now);
            assert_eq!(found, Ok(expected.parse().unwrap()), "{text}");
        }
        for text in ["", "tomorrow", "2mo", "31.01.2026", "2026-02-30", "99"] {
            assert!(moment_seen_at(text, &now).is_err(), "{text}");
        }
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
