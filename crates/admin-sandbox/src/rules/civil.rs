//! Times as the service writes them in paths: `yyyyMMddHH` and `yyyyMMddHHmm`, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Writes a time down to the minute.
pub(crate) fn minute(at_ms: u64) -> String {
    let at = i64::try_from(at_ms)
        .ok()
        .and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    at.unwrap_or(Timestamp::MAX).strftime("%Y%m%d%H%M").to_string()
}

/// Reads the beginning of an hour, in milliseconds since 1970; nothing if it is none.
pub(crate) fn hour(text: &str) -> Option<u64> {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let at = DateTime::strptime("%Y%m%d%H", text)
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()?;
    u64::try_from(at.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * 60 * 1_000;

    #[test]
    fn hours_are_read_and_minutes_written() {
        for (text, at_ms) in [
            ("1970010100", 0),
            ("2018112717", 1_543_338_000_000),
            ("2024022923", 1_709_247_600_000),
            ("2000030100", 951_868_800_000),
        ] {
            assert_eq!(hour(text), Some(at_ms), "{text}");
            assert_eq!(minute(at_ms), format!("{text}00"));
        }
        assert_eq!(minute(1_631_199_540_000), "202109091459");
        for text in [
            "",
            "201811271",
            "20181127170",
            "2018112724",
            "2018022900",
            "2018130100",
            "2018000100",
            "1969123123",
            "201811271x",
            "２０１８",
        ] {
            assert_eq!(hour(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_hour_is_read_as_it_was_written(hours in 0_u64..1_000_000) {
            let at_ms = hours * HOUR_MS;
            let text = minute(at_ms);
            proptest::prop_assert_eq!(hour(&text[..10]), Some(at_ms));
        }
    }
}
