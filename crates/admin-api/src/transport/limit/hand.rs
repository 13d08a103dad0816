//! The slots that a process has reserved and not used yet, and when it asks for more. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::lanes::{Lane, Waiting};
use super::schedule::{Answer, HORIZON, Slots, Wish};
use super::{HEADROOM, SLACK};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Use the slot that was taken now.
    Use,
    /// Ask for slots.
    Ask(Wish),
    /// Wait until this time, or for an answer.
    Wait(Option<Duration>),
}

/// Slots in hand.
#[derive(Debug)]
pub(super) struct Hand {
    reserved: VecDeque<Slots>,
    /// How many slots of bulk calls are worth reserving at once.
    appetite: u32,
    /// When slots were asked for, for the last time.
    asked: Option<Duration>,
    /// The lane of a question that has no answer yet.
    asking: Option<Lane>,
    /// Until when calls of a lane and those after it ask for nothing.
    not_before: Option<(Duration, Lane)>,
    /// Slots before this time are void.
    void_until: Duration,
    /// When this process may use a slot again, by its own rate.
    own_next: Duration,
    /// How long before the last slot passed others had slots, the last time.
    gap: Duration,
    last_end: Duration,
}

impl Hand {
    pub(super) fn new() -> Self {
        Self {
            reserved: VecDeque::new(),
            appetite: 1,
            asked: None,
            asking: None,
            not_before: None,
            void_until: Duration::ZERO,
            own_next: Duration::ZERO,
            gap: Duration::ZERO,
            last_end: Duration::ZERO,
        }
    }

    /// Decides what comes next. `lead` is how long an answer takes.
    pub(super) fn step(&mut self, now: Duration, waiting: Waiting, lead: Duration, rate: f64) -> Step {
        if let Some(wish) = self.wish(now, waiting, lead, rate) {
            (self.asking, self.asked) = (Some(wish.lane), Some(now));
            return Step::Ask(wish);
        }
        match self.next(now) {
            Some(at) if at <= now => {
                self.reserved[0].pass();
                Step::Use
            }
            next => {
                let ask = self.ask_at(waiting, lead);
                Step::Wait(next.into_iter().chain(ask).min())
            }
        }
    }

    /// Takes an answer to the last question.
    pub(super) fn note(&mut self, answer: &Answer, now: Duration, rate: f64) {
        let lane = self.asking.take().unwrap_or_default();
        match answer {
            Answer::Reserved(slots) => {
                self.not_before = None;
                if slots.first >= self.void_until {
                    self.gap = slots.first.saturating_sub(self.last_end);
                    self.last_end = slots.end;
                    self.reserved.push_back(*slots);
                    self.pace(*slots, rate);
                }
            }
            Answer::Later(at) => self.not_before = Some((*at, lane)),
            Answer::ClockWasSet(at) => {
                *self = Self {
                    not_before: Some((*at, Lane::Interactive)),
                    appetite: self.appetite,
                    ..Self::new()
                };
            }
            Answer::Away(_) => self.not_before = Some((now + ASK_AGAIN, Lane::Interactive)),
        }
    }

    /// Makes slots before the end of a pause void, also those that are being asked for.
    pub(super) fn pause(&mut self, until: Duration) {
        self.reserved.clear();
        self.void_until = self.void_until.max(until);
        self.not_before = Some((self.void_until, Lane::Interactive));
    }

    /// Returns what was reserved and is not used, the last slots first.
    pub(super) fn unused(&mut self) -> impl Iterator<Item = Slots> {
        self.reserved.drain(..).rev().filter(|slots| slots.count > 0)
    }

    /// Remembers when this process may use slots again, if its own rate is lower than that of the schedule.
    fn pace(&mut self, slots: Slots, rate: f64) {
        let own = Duration::from_secs_f64(HEADROOM / rate);
        if own > slots.every + slots.every / 1_000 {
            let begin = self.own_next.max(slots.first.saturating_sub(SLACK));
            self.own_next = begin + own * slots.count;
        }
    }

    fn next(&mut self, now: Duration) -> Option<Duration> {
        while let Some(slots) = self.reserved.front_mut() {
            if let Some(at) = slots.next(now) {
                return Some(at);
            }
            self.reserved.pop_front();
        }
        None
    }

    /// Returns when to ask for slots, unless an answer is on its way or there are enough.
    fn ask_at(&self, waiting: Waiting, lead: Duration) -> Option<Duration> {
        let in_hand: u32 = self.reserved.iter().map(|slots| slots.count).sum();
        let waits = (waiting.interactive + waiting.bulk).max(1);
        if self.asking.is_some() || waits <= usize::try_from(in_hand).unwrap_or(usize::MAX) {
            return None;
        }
        // While others have slots after the last one in hand, there is time enough when that is used.
        let lead = lead.saturating_sub(self.gap);
        let in_time = match self.reserved.back() {
            None => Duration::ZERO,
            Some(_) if lead.is_zero() => return None,
            Some(slots) => slots.last().saturating_sub(lead),
        };
        let allowed = match self.not_before {
            Some((at, lane)) if lane == Lane::Interactive || waiting.interactive == 0 => at,
            _ => Duration::ZERO,
        };
        Some(in_time.max(allowed).max(self.own_next))
    }

    fn wish(&mut self, now: Duration, waiting: Waiting, lead: Duration, rate: f64) -> Option<Wish> {
        self.next(now);
        let due = self.ask_at(waiting, lead)? <= now;
        due.then(|| {
            let count = |calls: usize| u32::try_from(calls).unwrap_or(u32::MAX);
            // No more than this process may use within the horizon, by its own rate.
            let most = whole(rate * HORIZON.as_secs_f64());
            if waiting.interactive > 0 {
                return Wish {
                    slots: count(waiting.interactive).min(most),
                    lane: Lane::Interactive,
                };
            }
            let since = self.asked.map(|asked| now.saturating_sub(asked));
            let wanted = appetite(self.appetite, since).max(count(waiting.bulk));
            self.appetite = wanted.min(most);
            Wish {
                slots: self.appetite,
                lane: Lane::Bulk,
            }
        })
    }
}

/// How often to ask for a budget that is away.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Returns how many slots to reserve, from how long the last ones lasted: enough that questions are at least half a horizon
/// apart, and no more than are used.
fn appetite(last: u32, since: Option<Duration>) -> u32 {
    match since {
        Some(since) if since < HORIZON / 2 => last.saturating_mul(2),
        Some(since) if since > HORIZON * 2 => (last / 2).max(1),
        Some(_) => last,
        None => 1,
    }
}

/// Rounds down, but to at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are 1 to a million"
)]
fn whole(slots: f64) -> u32 {
    (slots as u32).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEAD: Duration = Duration::from_millis(6);
    /// The rate whose slots are a millisecond apart.
    const RATE: f64 = 1_000.0 * HEADROOM;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn bulk(calls: usize) -> Waiting {
        Waiting {
            interactive: 0,
            bulk: calls,
        }
    }

    fn slots(first: u64, count: u32) -> Slots {
        Slots {
            first: ms(first),
            every: ms(1),
            count,
            end: ms(first + u64::from(count)),
        }
    }

    /// A hand that was asked for slots at 1000 ms and got these.
    fn with(given: Slots) -> Hand {
        let mut hand = Hand::new();
        let asked = hand.step(ms(1000), bulk(9), LEAD, RATE);
        assert!(matches!(asked, Step::Ask(_)), "{asked:?}");
        hand.note(&Answer::Reserved(given), ms(1001), RATE);
        hand
    }

    #[test]
    fn a_slot_is_used_in_time_or_not_at_all() {
        let mut hand = with(slots(1002, 3));
        assert_eq!(
            hand.step(ms(1001), bulk(1), LEAD, RATE),
            Step::Wait(Some(ms(1002)))
        );
        assert_eq!(hand.step(ms(1002), bulk(1), LEAD, RATE), Step::Use);
        // The second one is void by now, and the third one is late, but not too late.
        assert_eq!(hand.step(ms(1009), bulk(1), LEAD, RATE), Step::Use);
        assert!(matches!(hand.step(ms(1009), bulk(1), LEAD, RATE), Step::Ask(_)));
    }

    #[test]
    fn the_next_slots_are_asked_for_in_time_once_and_only_if_they_are_wanted() {
        let mut hand = with(slots(1001, 20));
        // After an idle time, others may have had slots before; these here follow each other.
        hand.gap = Duration::ZERO;
        assert!(matches!(hand.step(ms(1010), bulk(50), LEAD, RATE), Step::Use));
        assert!(
            matches!(hand.step(ms(1015), bulk(2), LEAD, RATE), Step::Use),
            "enough for two"
        );
        assert!(matches!(hand.step(ms(1015), bulk(50), LEAD, RATE), Step::Ask(_)));
        assert!(
            matches!(hand.step(ms(1016), bulk(50), LEAD, RATE), Step::Use),
            "the answer is on its way"
        );
        // While others have their slots after these, there is no hurry.
        let mut hand = with(slots(1001, 20));
        hand.gap = ms(50);
        assert!(matches!(hand.step(ms(1015), bulk(50), LEAD, RATE), Step::Use));
    }

    #[test]
    fn an_interactive_call_does_not_wait_for_the_horizon_and_everybody_waits_for_a_pause() {
        let one = Waiting {
            interactive: 1,
            bulk: 9,
        };
        let mut hand = Hand::new();
        let _ = hand.step(ms(1000), bulk(9), LEAD, RATE);
        hand.note(&Answer::Later(ms(1040)), ms(1001), RATE);
        assert_eq!(
            hand.step(ms(1002), bulk(9), LEAD, RATE),
            Step::Wait(Some(ms(1040)))
        );
        let asked = Step::Ask(Wish {
            slots: 1,
            lane: Lane::Interactive,
        });
        assert_eq!(hand.step(ms(1002), one, LEAD, RATE), asked);
        // This time, it was a pause.
        hand.note(&Answer::Later(ms(1500)), ms(1003), RATE);
        assert_eq!(hand.step(ms(1004), one, LEAD, RATE), Step::Wait(Some(ms(1500))));
    }

    #[test]
    fn a_pause_makes_slots_void_that_are_being_asked_for() {
        let mut hand = with(slots(1001, 20));
        let _ = hand.step(ms(1020), bulk(9), LEAD, RATE);
        hand.pause(ms(2000));
        hand.note(&Answer::Reserved(slots(1030, 9)), ms(1022), RATE);
        let next = hand.step(ms(1030), bulk(9), LEAD, RATE);
        assert!(!matches!(next, Step::Use), "{next:?}");
    }

    #[test]
    fn after_a_step_of_the_clock_nothing_is_left_in_hand() {
        let mut hand = with(slots(1001, 20));
        hand.note(&Answer::ClockWasSet(ms(500)), ms(400), RATE);
        assert_eq!(hand.step(ms(401), bulk(9), LEAD, RATE), Step::Wait(Some(ms(500))));
        assert_eq!(hand.unused().count(), 0);
    }

    proptest! {
        /// Questions are few, whatever calls come: no more than twenty a second, from the second one on.
        #[test]
        fn questions_are_few(waits in proptest::collection::vec((1_u64..40, 1_usize..60), 200..400), rate in 20.0_f64..2_000.0) {
            let (mut hand, mut now, mut asked) = (Hand::new(), ms(5_000), Vec::new());
            let mut continues = now;
            for (pause, calls) in waits {
                now += ms(pause);
                while let Step::Ask(wish) = hand.step(now, bulk(calls), LEAD, rate) {
                    asked.push(now);
                    let every = Duration::from_secs_f64(HEADROOM / rate);
                    let first = continues.max(now);
                    continues = first + every * wish.slots;
                    hand.note(&Answer::Reserved(Slots { first, every, count: wish.slots, end: continues }), now, rate);
                }
                while hand.step(now, bulk(calls), LEAD, rate) == Step::Use {}
            }
            let lasted = (now.saturating_sub(ms(5_000))).as_secs_f64();
            let most = lasted * 20.0 + 10.0;
            prop_assert!(f64::from(u32::try_from(asked.len()).unwrap()) <= most, "{} in {lasted} s", asked.len());
        }
    }
}
