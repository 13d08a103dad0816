//! What a program implements so that its clients share a rate budget with others, wherever that budget is kept.
//!
//! A budget has a schedule for each pool of an app. The schedule gives out slots: times at which one request may be sent,
//! one after the other at the rate of the pool. Whoever shares it reserves some of them, and sends nothing at any other
//! time. [`Pacer`](super::Pacer) uses the slots of a schedule: in the order of the lanes, and none of them late.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::lanes::Lane;
use super::{RateLimit, SLACK};
use crate::app_root::AppRoot;

/// How far ahead of the present bulk calls reserve slots: an interactive call waits no longer than this, and one slot.
pub const HORIZON: Duration = Duration::from_millis(100);

/// The rate budgets of apps, which clients share.
pub trait SharedBudget: fmt::Debug + Send + Sync {
    /// Opens the schedule of a pool, such as `accounts`, of an app. The client uses at most `rate` of it. `None` if this
    /// client shares the pool with nobody.
    ///
    /// # Errors
    /// When the budget cannot be used at all. One that can be used later is no error.
    fn schedule(&self, app: &AppRoot, pool: &str, rate: RateLimit) -> io::Result<Option<Arc<dyn Schedule>>>;
}

/// The slots of one pool, which others reserve as well.
///
/// Times are durations since any moment, by a clock that all who share the schedule agree on.
pub trait Schedule: fmt::Debug + Send + Sync {
    /// Returns the time by which slots are counted.
    fn now(&self) -> Duration;

    /// Reserves slots. The work is under way when this returns, and goes on if the future is dropped; the slots are lost
    /// then.
    fn reserve(&self, wish: Wish) -> BoxFuture<'static, Answer>;

    /// Gives back the last slots of a reservation, unless somebody has reserved after them. It does not wait.
    fn give_back(&self, unused: Slots);

    /// Takes note that the server found the rate too high and asked for a pause: nobody is given slots before its end, and
    /// the rate is reduced for a while. It does not wait.
    fn limited(&self, pause: Duration);

    /// Returns how much is left of a pause, as far as is known here.
    fn pause(&self) -> Duration;

    /// Returns how many calls a second this client may make at the moment, as far as is known here.
    fn effective_rate(&self) -> f64;

    /// Returns how long before the last slot in hand is used the next ones must be asked for, so that they are there in
    /// time. Zero asks when none is left.
    fn lead(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a client would like to reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How many slots it can use at the moment; at least 1.
    pub slots: u32,
    /// For calls of which lane. [`HORIZON`] is for bulk calls.
    pub lane: Lane,
}

/// What became of a wish.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These slots are reserved: as many as were wished for, or fewer.
    Reserved(Slots),
    /// None is reserved; ask again at this time.
    Later(Duration),
    /// The clock was set: all slots in hand are void. Ask again at this time.
    ClockWasSet(Duration),
    /// The budget cannot be reached, so nobody knows whose turn it is.
    Away(Arc<dyn std::error::Error + Send + Sync>),
}

/// Slots one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The time of the first one.
    pub first: Duration,
    /// The time from one to the next.
    pub every: Duration,
    /// How many there are.
    pub count: u32,
    /// Where the schedule continues after the last one.
    pub end: Duration,
}

impl Slots {
    /// Takes the first slot that is not void at `now`. A slot is void if it is later than [`SLACK`]: used then, it would come
    /// on top of the slots of others.
    pub(super) fn next(&mut self, now: Duration) -> Option<Duration> {
        while self.count > 0 && self.first + SLACK < now {
            self.pass();
        }
        (self.count > 0).then_some(self.first)
    }

    pub(super) fn pass(&mut self) {
        self.count = self.count.saturating_sub(1);
        self.first += self.every;
    }

    /// Returns the time of the last slot.
    pub(super) fn last(&self) -> Duration {
        self.first + self.every * self.count.saturating_sub(1)
    }
}

/// A budget that could not be reached for longer than calls wait for it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the shared rate budget cannot be reached")]
pub struct BudgetAway(#[source] pub Arc<dyn std::error::Error + Send + Sync>);
