//! How many requests a key may send.

use std::fmt;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::problem::{Kind, Refusal};

/// After how many keys those that have not been used lately are forgotten.
const MANY: usize = 1_000;

/// A limit for each key, in this process.
pub(crate) struct KeyRates {
    clock: DefaultClock,
    limiter: Option<RateLimiter<String, HashMapStateStore<String>, DefaultClock>>,
}

impl fmt::Debug for KeyRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRates").finish_non_exhaustive()
    }
}

impl KeyRates {
    /// Allows each key so many requests in a second, as many of them at once; `None` is no limit.
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        let clock = DefaultClock::default();
        let limiter = per_second.map(|per_second| RateLimiter::hashmap(Quota::per_second(per_second)));
        Self { clock, limiter }
    }

    /// Counts a request of a key.
    pub(crate) fn count(&self, key: &str) -> Result<(), Refusal> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        if limiter.len() > MANY {
            limiter.retain_recent();
        }
        limiter.check_key(&key.to_owned()).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Refusal::of(Kind::TooMany)
                .detail(format!("the key {key} sends too many requests"))
                .hint("send fewer, or ask for more in one request; an administrator sets the limit with --key-rate")
                .retry_after(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_rate_of_its_own() {
        let rates = KeyRates::new(NonZeroU32::new(3));
        for _ in 0..3 {
            rates.count("one").unwrap();
        }
        let refused = rates.count("one").unwrap_err().problem();
        assert_eq!((refused.status, refused.retry_may_help), (429, true));
        rates.count("two").unwrap();
        let unlimited = KeyRates::new(None);
        assert!((0..1_000).all(|_| unlimited.count("one").is_ok()));
    }
}
