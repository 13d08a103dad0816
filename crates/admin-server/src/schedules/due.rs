//! When a schedule is due. Pure.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use easemob_admin_remote::api::Missed;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// After this time, a turn was missed.
const LATE: SignedDuration = SignedDuration::from_secs(120);

/// The most characters of a pattern.
const LONGEST: usize = 100;

/// A cron pattern in a time zone.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    cron: Cron,
    zone: TimeZone,
}

/// What to do about a schedule now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// Nothing.
    Wait,
    /// What was due at this time.
    Work(Timestamp),
    /// Note that the turn of this time was missed.
    LeaveOut(Timestamp),
}

impl Pattern {
    /// Reads a pattern of five fields, and the name of a time zone.
    pub(super) fn parse(cron: &str, zone: &str) -> Result<Self, String> {
        if cron.len() > LONGEST {
            return Err(format!("a pattern has at most {LONGEST} characters"));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(cron).map_err(|error| format!("`cron`: {error}"))?;
        let zone = match zone {
            "UTC" => TimeZone::UTC,
            name => TimeZone::get(name).map_err(|_| format!("`time_zone`: there is no zone {name:?}"))?,
        };
        let pattern = Self { cron, zone };
        match pattern.after(Timestamp::now()) {
            Some(_) => Ok(pattern),
            None => Err("`cron` names no time that ever comes".into()),
        }
    }

    /// Returns the first time after another one.
    pub(super) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let next = self
            .cron
            .find_next_occurrence(&time.to_zoned(self.zone.clone()), false);
        next.ok().map(|next| next.timestamp())
    }

    /// Returns the last time that is not after another one.
    fn until(&self, time: Timestamp) -> Option<Timestamp> {
        let last = self
            .cron
            .find_previous_occurrence(&time.to_zoned(self.zone.clone()), true);
        last.ok().map(|last| last.timestamp())
    }

    /// Says what to do now, if everything up to `done` is done or left out. Of several turns that were missed, only the last
    /// one counts.
    pub(super) fn turn(&self, done: Timestamp, missed: Missed, now: Timestamp) -> Now {
        let Some(due) = self.until(now).filter(|due| *due > done) else {
            return Now::Wait;
        };
        let is_late = now.duration_since(due) > LATE;
        match missed {
            Missed::Skip if is_late => Now::LeaveOut(due),
            Missed::Skip | Missed::RunOnce => Now::Work(due),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_turn_is_due_once_and_not_before_its_time() {
        let pattern = Pattern::parse("30 3 * * *", "UTC").unwrap();
        let turn = |done: &str, now: &str| pattern.turn(at(done), Missed::Skip, at(now));
        let made = "2026-11-23T00:00:00Z";
        assert_eq!(turn(made, "2026-11-23T03:29:59.999Z"), Now::Wait);
        let due = at("2026-11-23T03:30:00Z");
        assert_eq!(turn(made, "2026-11-23T03:30:00Z"), Now::Work(due));
        assert_eq!(turn(made, "2026-11-23T03:31:59Z"), Now::Work(due));
        assert_eq!(turn("2026-11-23T03:30:00Z", "2026-11-23T03:31:00Z"), Now::Wait);
        // A clock that is set back repeats nothing.
        assert_eq!(turn("2026-11-23T03:30:00Z", "2026-11-23T03:29:00Z"), Now::Wait);
        assert_eq!(pattern.after(due), Some(at("2026-11-24T03:30:00Z")));
    }

    #[test]
    fn of_turns_that_were_missed_one_is_done_or_none() {
        let pattern = Pattern::parse("0 * * * *", "UTC").unwrap();
        let (done, now) = (at("2026-11-23T00:00:00Z"), at("2026-11-23T05:10:00Z"));
        let last = at("2026-11-23T05:00:00Z");
        assert_eq!(pattern.turn(done, Missed::Skip, now), Now::LeaveOut(last));
        assert_eq!(pattern.turn(done, Missed::RunOnce, now), Now::Work(last));
        assert_eq!(pattern.turn(last, Missed::RunOnce, now), Now::Wait);
    }

    #[test]
    fn each_day_has_one_turn_when_clocks_are_put_forward_or_back() {
        for (pattern, day, turns) in [
            // 2:30 does not exist on 29 March, and comes twice on 25 October.
            ("30 2 * * *", "2026-03-28T12:00:00Z", 1),
            ("30 2 * * *", "2026-10-24T12:00:00Z", 1),
            ("0 12 * * *", "2026-03-28T12:00:00Z", 1),
        ] {
            let pattern = Pattern::parse(pattern, "Europe/Berlin").unwrap();
            let (mut now, mut done) = (at(day), at(day));
            let mut worked = 0;
            for _ in 0..24 * 60 {
                now += SignedDuration::from_mins(1);
                if let Now::Work(due) = pattern.turn(done, Missed::Skip, now) {
                    worked += 1;
                    done = due;
                }
            }
            assert_eq!(worked, turns, "{day}");
        }
    }

    #[test]
    fn what_is_no_pattern_or_never_comes_is_refused() {
        for (cron, zone) in [
            ("", "UTC"),
            ("* * * *", "UTC"),
            ("* * * * * *", "UTC"),
            ("61 * * * *", "UTC"),
            ("0 0 30 2 *", "UTC"),
            ("* * * * *", "Mars/Olympus"),
            ("* * * * *", "../../etc/passwd"),
            ("\u{0} * * * *", "UTC"),
        ] {
            assert!(Pattern::parse(cron, zone).is_err(), "{cron:?} {zone:?}");
        }
        assert!(Pattern::parse(&"1,".repeat(1_000), "UTC").is_err());
        assert!(Pattern::parse("*/5 8-18 * * mon-fri", "Asia/Shanghai").is_ok());
    }
}
