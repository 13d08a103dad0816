//! The ten minutes under which the service stores posts, and which of them belong to gaps. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::logins::store::Gap;

/// How long the posts are from that the service stores under one key, in milliseconds.
pub const SLICE_MS: i64 = 10 * 60_000;

/// How long the service stores posts, in milliseconds.
pub const STORED_MS: i64 = 3 * 24 * 60 * 60_000;

/// How much later than its event a post may have failed, in milliseconds: two waits of a minute for an answer, and a lost
/// network that is noticed late. Whether a key is the time of the event or of the failure is not documented.
pub const LATE_MS: i64 = 5 * 60_000;

/// How often a key may be asked for; the service advises against more.
pub const MOST_TIMES: u64 = 10;

/// The time zones that the keys may have, unless it is given: UTC, and that of China, which the vendor's examples have.
/// Which one it is, is not documented.
pub const LIKELY_ZONES: [Zone; 2] = [
    Zone::UTC,
    Zone {
        ahead_ms: 8 * 60 * 60_000,
    },
];

/// The time zone of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    ahead_ms: i64,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self { ahead_ms: 0 };

    /// Reads `Z`, or how far it is ahead of UTC, such as `+08:00`; nothing if the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if matches!(text, "Z" | "z" | "UTC") {
            return Some(Self::UTC);
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let number = |text: &str, most: i64| -> Option<i64> {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: i64 = text.parse().ok()?;
            (digits && number <= most).then_some(number)
        };
        let minutes = number(hours, 14)? * 60 + number(minutes, 59)?;
        Some(Self {
            ahead_ms: sign * minutes * 60_000,
        })
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.ahead_ms / 60_000;
        let sign = if minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

/// Returns when the ten minutes of a key begin, in milliseconds since 1970; nothing if it is not `yyyyMMddHHmm`.
#[must_use]
pub fn begin_ms(date: &str, zone: Zone) -> Option<i64> {
    if date.len() != 12 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let civil = DateTime::strptime("%Y%m%d%H%M", date).ok()?;
    let there = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(there.as_millisecond() - zone.ahead_ms)
}

/// Returns the first millisecond of the ten minutes that a time is in.
#[must_use]
pub fn slice_of(at_ms: i64, zone: Zone) -> i64 {
    let there = at_ms.saturating_add(zone.ahead_ms);
    (there - there.rem_euclid(SLICE_MS)).saturating_sub(zone.ahead_ms)
}

/// Returns whether posts about a gap may be stored under the ten minutes that begin then.
#[must_use]
pub fn concerns(gap: &Gap, begin_ms: i64) -> bool {
    begin_ms <= gap.until_ms.saturating_add(LATE_MS) && begin_ms + SLICE_MS + LATE_MS > gap.since_ms
}

/// Returns whether nothing is added to the ten minutes any more, and whatever arrives about them now was stored.
#[must_use]
pub fn is_over(begin_ms: i64, now_ms: i64) -> bool {
    begin_ms + SLICE_MS + 2 * LATE_MS <= now_ms
}

/// Returns the zones in which no key begins later than now: nothing has been stored in the future.
#[must_use]
pub fn possible_zones<'a>(
    zones: &[Zone],
    dates: &(impl Iterator<Item = &'a str> + Clone),
    now_ms: i64,
) -> Vec<Zone> {
    let is_past = |zone: Zone, date: &str| begin_ms(date, zone).is_none_or(|begin| begin <= now_ms + LATE_MS);
    let mut possible = zones.to_vec();
    possible.retain(|zone| dates.clone().all(|date| is_past(*zone, date)));
    possible
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gap(since_ms: i64, until_ms: i64) -> Gap {
        Gap {
            since_ms,
            until_ms,
            why: "test".into(),
        }
    }

    #[test]
    fn zones_are_read_as_they_are_written() {
        for text in ["+00:00", "+08:00", "-03:30", "+05:45", "+14:00"] {
            assert_eq!(Zone::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Zone::parse("Z"), Some(Zone::UTC));
        for text in [
            "", "8", "+8:00", "08:00", "+15:00", "+08:60", "+0800", "+0８:00", "+ 8:00", "--8:00",
        ] {
            assert_eq!(Zone::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_a_time_in_its_zone() {
        let [utc, china] = LIKELY_ZONES;
        assert_eq!(begin_ms("202109091440", utc), Some(1_631_198_400_000));
        assert_eq!(
            begin_ms("202109091440", china),
            Some(1_631_198_400_000 - 8 * 3_600_000)
        );
        for text in [
            "",
            "20210909144",
            "2021090914400",
            "202113091440",
            "20210909144x",
            "202102301440",
        ] {
            assert_eq!(begin_ms(text, utc), None, "{text}");
        }
    }

    #[test]
    fn a_key_of_the_future_shows_that_the_zone_is_another() {
        // The example of the vendor's page: the answer is of 13:10 UTC, and its newest key is 14:50.
        let dates = ["202109091440", "202109091450"];
        let possible = possible_zones(&LIKELY_ZONES, &dates.into_iter(), 1_631_193_031_254);
        assert_eq!(possible, LIKELY_ZONES[1..]);
    }

    proptest! {
        #[test]
        fn whatever_of_a_gap_failed_in_time_is_under_a_key_that_concerns_it(
            since in 0_i64..10_000_000, length in 0_i64..10_000_000, at in 0.0_f64..1.0, late in 0_i64..=LATE_MS,
            of_the_failure: bool,
        ) {
            let gap = gap(since, since + length);
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a place in the gap")]
            let at_ms = since + (length as f64 * at) as i64;
            let stored_at = if of_the_failure { at_ms + late } else { at_ms };
            prop_assert!(concerns(&gap, slice_of(stored_at, Zone::UTC)));
        }

        #[test]
        fn every_time_is_in_its_ten_minutes(at_ms in 0_i64..4_000_000_000_000, zone in 0_usize..2) {
            let zone = LIKELY_ZONES[zone];
            let begin = slice_of(at_ms, zone);
            prop_assert!(begin <= at_ms && at_ms < begin + SLICE_MS);
            prop_assert_eq!((begin + zone.ahead_ms) % SLICE_MS, 0);
        }

        #[test]
        fn no_key_far_from_a_gap_is_asked_for(since in 100_000_000_i64..200_000_000, length in 0_i64..9_000_000) {
            let gap = gap(since, since + length);
            prop_assert!(!concerns(&gap, since - SLICE_MS - LATE_MS));
            prop_assert!(!concerns(&gap, since + length + LATE_MS + 1));
        }
    }
}
