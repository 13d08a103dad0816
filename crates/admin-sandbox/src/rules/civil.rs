//! Times as the service writes them in paths: `yyyyMMddHH` and `yyyyMMddHHmm`, in UTC.

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Writes a time down to the minute.
pub(crate) fn minute(at_ms: u64) -> String {
    let (year, month, day) = date(at_ms / DAY_MS);
    let minutes = at_ms % DAY_MS / 60_000;
    format!(
        "{year:04}{month:02}{day:02}{:02}{:02}",
        minutes / 60,
        minutes % 60
    )
}

/// Reads the beginning of an hour, in milliseconds since 1970; nothing if it is none.
pub(crate) fn hour(text: &str) -> Option<u64> {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().ok();
    let (year, month, day, hour) = (number(0..4)?, number(4..6)?, number(6..8)?, number(8..10)?);
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    let days = days(year, month, day);
    if date(days) != (year, month, day) {
        return None;
    }
    (hour < 24).then_some(days * DAY_MS + hour * HOUR_MS)
}

/// Returns year, month and day of a number of days since 1970 (the algorithm `civil_from_days` of Howard Hinnant).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// Returns the number of days since 1970, of years from then on (`days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day;
    let year_of_era = year % 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (year / 400 * 146_097 + day_of_era).saturating_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

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
