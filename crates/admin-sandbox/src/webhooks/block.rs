//! When a receiver that fails too often gets nothing for a while. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::Webhook;

/// Blocks of the same day make the next one longer.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// No block is longer than so many times the first.
const LONGEST: u32 = 5;

/// The failures of one receiver. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(crate) struct Block {
    failures: VecDeque<Duration>,
    blocks: VecDeque<Duration>,
    until: Option<Duration>,
}

impl Block {
    /// Returns true if nothing is posted now.
    pub(crate) fn holds(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Takes note of a failed post.
    pub(crate) fn failed(&mut self, hook: &Webhook, now: Duration) {
        self.failures.push_back(now);
        while self
            .failures
            .front()
            .is_some_and(|first| now.saturating_sub(*first) > hook.within)
        {
            self.failures.pop_front();
        }
        if self.failures.len() < hook.failures || self.holds(now) {
            return;
        }
        while self
            .blocks
            .front()
            .is_some_and(|first| now.saturating_sub(*first) > DAY)
        {
            self.blocks.pop_front();
        }
        self.blocks.push_back(now);
        self.failures.clear();
        let times = u32::try_from(self.blocks.len()).unwrap_or(LONGEST).min(LONGEST);
        self.until = Some(now + hook.blocked * times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn blocks_grow_and_end() {
        let hook = Webhook::new("http://x", "s").block_after(3, seconds(30), seconds(300));
        let mut block = Block::default();
        for at in [0, 20, 40] {
            block.failed(&hook, seconds(at));
        }
        assert!(!block.holds(seconds(40)), "three, but not within thirty seconds");
        block.failed(&hook, seconds(41));
        assert!(block.holds(seconds(41)) && block.holds(seconds(340)) && !block.holds(seconds(341)));
        for at in [1_000, 1_001, 1_002] {
            block.failed(&hook, seconds(at));
        }
        assert!(
            block.holds(seconds(1_600)) && !block.holds(seconds(1_602)),
            "twice as long"
        );
        for round in 2..9 {
            for _ in 0..3 {
                block.failed(&hook, seconds(round * 10_000));
            }
        }
        assert!(block.holds(seconds(80_000 + 1_499)) && !block.holds(seconds(80_000 + 1_500)));
    }
}
