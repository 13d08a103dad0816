//! Whether and when a failed call is sent again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::endpoint::Effect;
pub use crate::error::Delivery;
use crate::settings::{at_least_one, duration};

/// How often and how long a call is repeated.
///
/// The budget is one for the whole call, so that nested waiting cannot add up. `Retry-After` of the server
/// wins over the computed delay.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::RetryPolicy;
///
/// let eager = RetryPolicy::default().attempts(6).budget(Duration::from_secs(60));
/// assert_ne!(eager, RetryPolicy::none());
/// ```
///
/// In configuration files, `attempts` is a number, `budget` and `first_delay` are durations such as `"30s"` or `"250ms"`.
/// What is left out has its default, and an unknown field is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    #[serde(deserialize_with = "at_least_one")]
    attempts: u32,
    #[serde(with = "duration")]
    budget: Duration,
    #[serde(with = "duration")]
    first_delay: Duration,
    #[serde(skip)]
    longest_delay: Duration,
    #[serde(skip)]
    unsent_only: bool,
}

impl Default for RetryPolicy {
    /// 4 attempts within 30 s, the first delay about 250 ms: enough for a restart of one server behind a
    /// load balancer or a second of too high a rate, short enough that a person still waits.
    fn default() -> Self {
        Self {
            attempts: 4,
            budget: Duration::from_secs(30),
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(10),
            unsent_only: false,
        }
    }
}

impl RetryPolicy {
    /// Sends every request at most once (a refused token is still renewed once).
    #[must_use]
    pub fn none() -> Self {
        Self::default().attempts(1)
    }

    /// Sets how often a request is sent at most; 0 counts as 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Repeats only what was never sent, such as a request for which no connection was made.
    #[must_use]
    pub fn unsent_only(mut self) -> Self {
        self.unsent_only = true;
        self
    }

    /// Sets how long a call may take before it is no longer repeated.
    #[must_use]
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the delay before the second attempt; it doubles from then on, up to 10 s.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// The delay before the next attempt: between half of and the whole of a doubling time.
    pub(crate) fn delay(&self, attempts: u32, jitter: f64) -> Duration {
        let doubled = self
            .first_delay
            .saturating_mul(1 << attempts.saturating_sub(1).min(16));
        doubled
            .min(self.longest_delay)
            .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// How far a call has come.
///
/// ```
/// use easemob_admin_api::endpoint::Effect;
/// use easemob_admin_api::transport::retry::CallState;
///
/// assert_eq!(CallState::first(Effect::Read).attempts, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallState {
    /// What repeating the call could do.
    pub effect: Effect,
    /// How often it has been sent.
    pub attempts: u32,
    /// How long it has taken, without the waits for the token and the rate budget.
    pub elapsed: Duration,
}

impl CallState {
    /// The state after the first attempt, which took no time.
    #[must_use]
    pub fn first(effect: Effect) -> Self {
        Self {
            effect,
            attempts: 1,
            elapsed: Duration::ZERO,
        }
    }

    /// The state after so many attempts, which took so long.
    #[must_use]
    pub fn after(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.attempts = attempts;
        self.elapsed = elapsed;
        self
    }
}

/// What went wrong, as far as repeating is concerned.
///
/// ```
/// use easemob_admin_api::transport::retry::{Delivery, Failure};
///
/// let refused = Failure::new(Delivery::Rejected, false);
/// assert!(!refused.transient && refused.retry_after.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What is known of the arrival.
    pub delivery: Delivery,
    /// True if the same request could succeed later.
    pub transient: bool,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// What is known of the arrival, and whether the same request could succeed later.
    #[must_use]
    pub fn new(delivery: Delivery, transient: bool) -> Self {
        Self {
            delivery,
            transient,
            retry_after: None,
        }
    }

    /// Sets how long the server asked to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

/// The decision on a failure.
///
/// ```
/// use easemob_admin_api::transport::retry::Decision;
///
/// assert_ne!(Decision::Exhausted, Decision::Permanent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Send again after the delay.
    RetryAfter(Duration),
    /// Repeating could help, but attempts or time are used up.
    Exhausted,
    /// Repeating cannot help, or must not be tried.
    Permanent,
}

/// Decides whether a failed attempt is followed by another. `jitter` is a random number in 0..1.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::endpoint::Effect;
/// use easemob_admin_api::transport::retry::{CallState, Decision, Delivery, Failure, RetryPolicy, decide};
///
/// let busy = Failure::new(Delivery::Rejected, true).retry_after(Duration::from_secs(2));
/// let decision = decide(&RetryPolicy::default(), &CallState::first(Effect::Once), &busy, 0.5);
/// assert_eq!(decision, Decision::RetryAfter(Duration::from_secs(2)));
/// ```
#[must_use]
pub fn decide(policy: &RetryPolicy, call: &CallState, failure: &Failure, jitter: f64) -> Decision {
    let may_repeat = match failure.delivery {
        Delivery::NotSent => true,
        Delivery::Rejected => !policy.unsent_only,
        Delivery::Unknown => !policy.unsent_only && call.effect != Effect::Once,
    };
    if !may_repeat || !failure.transient {
        return Decision::Permanent;
    }
    let delay = failure
        .retry_after
        .unwrap_or_else(|| policy.delay(call.attempts, jitter));
    if call.attempts >= policy.attempts || call.elapsed.saturating_add(delay) > policy.budget {
        return Decision::Exhausted;
    }
    Decision::RetryAfter(delay)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure(delivery: Delivery) -> Failure {
        Failure {
            delivery,
            transient: true,
            retry_after: None,
        }
    }

    fn call(effect: Effect, attempts: u32, seconds: u64) -> CallState {
        CallState {
            effect,
            attempts,
            elapsed: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn repeating_depends_on_effect_and_delivery() {
        use Delivery::{NotSent, Rejected, Unknown};
        for (effect, delivery, repeated) in [
            (Effect::Read, NotSent, true),
            (Effect::Read, Rejected, true),
            (Effect::Read, Unknown, true),
            (Effect::Repeatable, Unknown, true),
            (Effect::Once, NotSent, true),
            (Effect::Once, Rejected, true),
            (Effect::Once, Unknown, false),
        ] {
            let decision = decide(
                &RetryPolicy::default(),
                &CallState::first(effect),
                &failure(delivery),
                0.5,
            );
            assert_eq!(
                matches!(decision, Decision::RetryAfter(_)),
                repeated,
                "{effect:?} {delivery:?}"
            );
        }
    }

    #[test]
    fn whoever_repeats_only_what_was_not_sent_repeats_nothing_else() {
        let policy = RetryPolicy::default().unsent_only();
        for (delivery, repeated) in [
            (Delivery::NotSent, true),
            (Delivery::Rejected, false),
            (Delivery::Unknown, false),
        ] {
            let decision = decide(&policy, &CallState::first(Effect::Read), &failure(delivery), 0.5);
            assert_eq!(
                matches!(decision, Decision::RetryAfter(_)),
                repeated,
                "{delivery:?}"
            );
        }
    }

    #[test]
    fn what_cannot_succeed_is_never_repeated() {
        let refused = Failure {
            transient: false,
            ..failure(Delivery::Rejected)
        };
        let decision = decide(
            &RetryPolicy::default(),
            &CallState::first(Effect::Read),
            &refused,
            0.5,
        );
        assert_eq!(decision, Decision::Permanent);
    }

    #[test]
    fn attempts_and_time_run_out() {
        let policy = RetryPolicy::default();
        let busy = failure(Delivery::Rejected);
        assert_eq!(
            decide(&policy, &call(Effect::Read, 4, 0), &busy, 0.5),
            Decision::Exhausted
        );
        assert_eq!(
            decide(&policy, &call(Effect::Read, 1, 30), &busy, 0.5),
            Decision::Exhausted
        );
        let asked = Failure {
            retry_after: Some(Duration::from_secs(31)),
            ..busy
        };
        assert_eq!(
            decide(&policy, &call(Effect::Read, 1, 0), &asked, 0.5),
            Decision::Exhausted
        );
    }

    #[test]
    fn each_setting_is_obeyed() {
        let second = Duration::from_secs(1);
        let busy = failure(Delivery::Rejected).retry_after(second);
        let after = |attempts, elapsed| call(Effect::Read, attempts, elapsed);
        let policy = RetryPolicy::default().attempts(6).budget(60 * second);
        assert_eq!(
            decide(&policy, &after(5, 59), &busy, 0.5),
            Decision::RetryAfter(second)
        );
        assert_eq!(decide(&policy, &after(6, 1), &busy, 0.5), Decision::Exhausted);
        assert_eq!(decide(&policy, &after(5, 60), &busy, 0.5), Decision::Exhausted);
        assert_eq!(
            decide(&RetryPolicy::none(), &after(1, 0), &busy, 0.5),
            Decision::Exhausted
        );
        let slow = RetryPolicy::default().first_delay(4 * second);
        assert_eq!(slow.delay(1, 1.0), 4 * second);
    }

    proptest! {
        #[test]
        fn delays_grow_within_bounds(attempts in 1u32..40, jitter in 0.0f64..1.0) {
            let policy = RetryPolicy::default();
            let delay = policy.delay(attempts, jitter);
            prop_assert!(delay >= policy.first_delay / 2);
            prop_assert!(delay <= policy.longest_delay);
        }
    }
}
