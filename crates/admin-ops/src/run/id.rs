//! The ids of runs, which sort by time: `20261123-113720-4f2a9c`.

use std::fmt;

use jiff::Timestamp;

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
