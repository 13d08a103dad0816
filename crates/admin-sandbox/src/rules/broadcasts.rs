//! How often something may be sent to everybody (pages "broadcast to all users" and "to users online").

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

const MINUTE_MS: u64 = 60 * 1_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// To whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Whoever is connected now: once a minute, 50 times a day.
    Online,
    /// Everybody: once in 30 minutes, three times a day.
    All,
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// The last time was just now.
    TooSoon,
    /// It was enough for today.
    Today,
}

/// When something was sent to everybody.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Broadcasts {
    online: VecDeque<u64>,
    all: VecDeque<u64>,
}

impl Broadcasts {
    /// Counts a broadcast; days are those of UTC (page of limits).
    ///
    /// # Errors
    /// When it is one too many; it is not counted then.
    pub(crate) fn admit(&mut self, audience: Audience, now_ms: u64) -> Result<(), TooMany> {
        let (sent, pause_ms, most) = match audience {
            Audience::Online => (&mut self.online, MINUTE_MS, 50),
            Audience::All => (&mut self.all, 30 * MINUTE_MS, 3),
        };
        sent.retain(|at_ms| at_ms / DAY_MS == now_ms / DAY_MS || now_ms.saturating_sub(*at_ms) < pause_ms);
        if sent
            .back()
            .is_some_and(|last| now_ms.saturating_sub(*last) < pause_ms)
        {
            return Err(TooMany::TooSoon);
        }
        if sent
            .iter()
            .filter(|at_ms| **at_ms / DAY_MS == now_ms / DAY_MS)
            .count()
            >= most
        {
            return Err(TooMany::Today);
        }
        sent.push_back(now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_pause_and_a_daily_number_for_each_audience() {
        for (audience, pause_ms, most) in [
            (Audience::Online, MINUTE_MS, 50),
            (Audience::All, 30 * MINUTE_MS, 3),
        ] {
            let mut broadcasts = Broadcasts::default();
            let mut now_ms = 10 * DAY_MS;
            for _ in 0..most {
                assert_eq!(broadcasts.admit(audience, now_ms), Ok(()));
                assert_eq!(
                    broadcasts.admit(audience, now_ms + pause_ms - 1),
                    Err(TooMany::TooSoon)
                );
                now_ms += pause_ms;
            }
            assert_eq!(broadcasts.admit(audience, now_ms), Err(TooMany::Today));
            assert_eq!(broadcasts.admit(audience, 11 * DAY_MS), Ok(()), "another day");
        }
    }

    #[test]
    fn the_audiences_are_counted_apart_and_the_pause_goes_over_midnight() {
        let mut broadcasts = Broadcasts::default();
        let late = 11 * DAY_MS - 1;
        assert_eq!(broadcasts.admit(Audience::All, late), Ok(()));
        assert_eq!(broadcasts.admit(Audience::Online, late), Ok(()));
        assert_eq!(
            broadcasts.admit(Audience::All, late + MINUTE_MS),
            Err(TooMany::TooSoon)
        );
        assert_eq!(broadcasts.admit(Audience::Online, late + MINUTE_MS), Ok(()));
    }
}
