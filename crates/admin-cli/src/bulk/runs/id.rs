//! The ids of runs, which sort by time: `20261123-113720-4f2a9c`.

use std::fmt;

use jiff::Timestamp;

/// The id of a run, and the name of its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// Creates an id from the time (UTC) and a random number.
    #[must_use]
    pub fn new(now: Timestamp, random: u32) -> Self {
        let time = now.strftime("%Y%m%d-%H%M%S");
        Self(format!("{time}-{:06x}", random & 0x00ff_ffff))
    }

    /// Reads the name of a directory; nothing if it is no id.
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
    fn names_that_are_no_ids_are_not_taken_for_runs() {
        let id = RunId::new(Timestamp::from_second(1_700_000_000).unwrap(), 0xff00_00ff);
        assert_eq!(id.as_str(), "20231114-221320-0000ff");
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
