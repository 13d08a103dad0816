//! Times as rows show them.

use easemob_admin_api::UnixMillis;
use jiff::Timestamp;

/// Returns the time in RFC 3339, in UTC.
#[must_use]
pub fn rfc3339(time: UnixMillis) -> Option<String> {
    let millis = i64::try_from(time.0).ok()?;
    Timestamp::from_millisecond(millis)
        .ok()
        .map(|time| time.to_string())
}

/// Returns the time of a record, in milliseconds since 1970, in RFC 3339.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_kept_for_programs_only() {
        let text = rfc3339(UnixMillis(1_700_000_000_123));
        assert_eq!(text.as_deref(), Some("2023-11-14T22:13:20.123Z"));
        assert_eq!(short(text.as_deref()), "2023-11-14T22:13:20Z");
    }
}
