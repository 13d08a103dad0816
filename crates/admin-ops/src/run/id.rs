//! The ids of runs, which sort by time: `20261123-113720-4f2a9c`.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The id of a run, and the name of its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// Creates an id from the time (UTC, to the microsecond) and a random number, of which four bits are
    /// used.
    #[must_use]
    pub fn new(now: Timestamp, random: u32) -> Self {
        let time = now.strftime("%Y%m%d-%H%M%S");
        let micros = now.subsec_nanosecond().unsigned_abs() / 1000;
        Self(format!("{time}-{:06x}", micros << 4 | random & 0xf))
    }

    /// Creates an id as [`new`](Self::new) does, and sorts after the newest one even if the clock was set back since.
    #[must_use]
    pub fn after(newest: Option<&Self>, now: Timestamp, random: u32) -> Self {
        let id = Self::new(now, random);
        let next = newest.filter(|newest| **newest >= id).and_then(Self::next_moment);
        next.map_or(id, |next| Self::new(next, random))
    }

    /// Returns the first moment whose ids sort after this one; `None` if the id names no date.
    fn next_moment(&self) -> Option<Timestamp> {
        let (seconds, rest) = self.0.rsplit_once('-')?;
        let micros = i64::from_str_radix(rest, 16).ok()? >> 4;
        let begun = DateTime::strptime("%Y%m%d-%H%M%S", seconds).ok()?;
        let begun = begun.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Timestamp::from_microsecond(begun.as_microsecond() + micros + 1).ok()
    }

    /// Parses the name of a directory; `None` if it is not an id.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let digits = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = name.split('-');
        let (date, time, random) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        let good = digits(date, 8) && digits(time, 6) && hex && parts.next().is_none();
        good.then(|| Self(name.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_sorts_after_earlier_ones_whatever_the_clock_says() {
        let at = |micros: i64| Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap();
        for (newest, now) in [
            (0, 0),
            (0, 1),
            (5, 0),
            (999_999, 0),
            (3_600_000_000, 7),
            (86_400_000_000 * 400, 7),
        ] {
            let newest = RunId::new(at(newest), u32::MAX);
            let next = RunId::after(Some(&newest), at(now), 0);
            assert!(next > newest, "{newest} {next}");
        }
        assert_eq!(RunId::after(None, at(7), 3), RunId::new(at(7), 3));
        let earlier = RunId::new(at(0), 3);
        assert_eq!(RunId::after(Some(&earlier), at(7), 3), RunId::new(at(7), 3));
        let odd = RunId::parse("99999999-999999-ffffff").unwrap();
        assert_eq!(
            RunId::after(Some(&odd), at(7), 3),
            RunId::new(at(7), 3),
            "it has no date"
        );
    }

    #[test]
    fn runs_of_one_second_sort_by_time() {
        let at = |micros: i64| Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap();
        let mut last = RunId::new(at(0), u32::MAX);
        for micros in [1, 16, 999, 1_000, 65_536, 500_000, 999_999, 1_000_000] {
            let next = RunId::new(at(micros), 0);
            assert!(
                next > last && next.as_str().len() == last.as_str().len(),
                "{last} {next}"
            );
            assert_eq!(RunId::parse(next.as_str()), Some(next.clone()));
            last = next;
        }
    }

    #[test]
    fn names_that_are_no_ids_are_not_taken_for_runs() {
        let id = RunId::new(Timestamp::from_second(1_700_000_000).unwrap(), 0xff00_00ff);
        assert_eq!(id.as_str(), "20231114-221320-00000f");
        assert_eq!(RunId::parse(id.as_str()), Some(id));
        for wrong in [
            "",
            "..",
            "20231114-221320",
            "20231114-221320-0000fg",
            "20231114-221320-0000ff-1",
            "x",
        ] {
            assert_eq!(RunId::parse(wrong), None, "{wrong}");
        }
    }
}
