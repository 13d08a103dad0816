//! Hands out the slots of a schedule to the tasks of a process.

use std::fmt;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, OptionFuture, select};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::warn;

use super::hand::{Hand, Step};
use super::lanes::{Gate, Lane};
use super::schedule::{Answer, BudgetAway, Schedule};
use crate::transport::clock::Clock;

/// For how long calls wait for a budget that cannot be reached.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets the tasks of a process send at the times that a [`Schedule`] has given it: in the order of the lanes, none of them
/// late, and no more than can be used.
///
/// [`Client`](crate::Client) has one for each pool. A program that sends requests of its own uses it to keep to the same
/// budget.
#[derive(Debug)]
pub struct Pacer {
    schedule: Arc<dyn Schedule>,
    clock: Arc<dyn Clock>,
    gate: Gate<Result<(), BudgetAway>>,
    hand: Mutex<Hand>,
    /// A call came that does not wait for the horizon.
    interactive: Notify,
    question: tokio::sync::Mutex<Question>,
}

/// What the schedule is being asked; it outlives the call that asked.
#[derive(Default)]
struct Question {
    answer: OptionFuture<BoxFuture<'static, Answer>>,
    away_since: Option<Instant>,
}

impl Pacer {
    /// Uses the slots of this schedule.
    #[must_use]
    pub fn new(schedule: Arc<dyn Schedule>, clock: Arc<dyn Clock>) -> Self {
        Self {
            schedule,
            clock,
            gate: Gate::default(),
            hand: Mutex::new(Hand::new()),
            interactive: Notify::new(),
            question: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until one request may be sent.
    ///
    /// # Errors
    /// When the budget could not be reached for 30 s. Nothing may be sent then.
    pub async fn permit(&self, lane: Lane) -> Result<(), BudgetAway> {
        if lane == Lane::Interactive {
            self.interactive.notify_one();
        }
        self.gate.pass(lane, || self.next_turn()).await
    }

    /// Takes note that the server found the rate too high and asked for a pause. All slots in hand are void.
    pub fn limited(&self, pause: Duration) {
        self.hand().pause(self.schedule.now() + pause);
        self.schedule.limited(pause);
    }

    /// Returns how much is left of a pause.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.schedule.pause()
    }

    /// Returns how many calls a second may be made at the moment.
    #[must_use]
    pub fn effective_rate(&self) -> f64 {
        self.schedule.effective_rate()
    }

    async fn next_turn(&self) -> Result<(), BudgetAway> {
        // Nobody else waits for this: the gate lets one task at a time get turns for all.
        let mut question = self.question.lock().await;
        loop {
            let (now, rate) = (self.schedule.now(), self.schedule.effective_rate());
            let step = self
                .hand()
                .step(now, self.gate.waiting(), self.schedule.lead(), rate);
            match step {
                Step::Use => return Ok(()),
                Step::Ask(wish) => question.answer = Some(self.schedule.reserve(wish)).into(),
                Step::Wait(until) => {
                    let until = until.map(|at| self.clock.now() + at.saturating_sub(now));
                    if let Some(answer) = self.wait(&mut question.answer, until).await {
                        question.answer = None.into();
                        self.hand().note(&answer, self.schedule.now(), rate);
                        question.is_away(answer, self.clock.now())?;
                    }
                }
            }
        }
    }

    /// Waits for an answer, for a time, or for an interactive call.
    async fn wait(
        &self,
        answer: &mut OptionFuture<BoxFuture<'static, Answer>>,
        until: Option<Instant>,
    ) -> Option<Answer> {
        let slept = async {
            match until {
                Some(until) => self.clock.sleep_until(until).await,
                None => pending().await,
            }
        };
        let answered = async {
            match answer.await {
                Some(answer) => answer,
                None => pending().await,
            }
        };
        let (slept, interactive) = (pin!(slept), pin!(self.interactive.notified()));
        match select(pin!(answered), select(slept, interactive)).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => None,
        }
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// Fails if the budget has been away for too long.
    fn is_away(&mut self, answer: Answer, now: Instant) -> Result<(), BudgetAway> {
        let Answer::Away(why) = answer else {
            self.away_since = None;
            return Ok(());
        };
        if self.away_since.is_none() {
            warn!(%why, "the shared rate budget cannot be reached; nothing is sent meanwhile");
        }
        let since = *self.away_since.get_or_insert(now);
        if now.saturating_duration_since(since) < PATIENCE {
            return Ok(());
        }
        Err(BudgetAway(why))
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        let hand = self.hand.get_mut().unwrap_or_else(PoisonError::into_inner);
        for unused in hand.unused() {
            self.schedule.give_back(unused);
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Question")
            .field("away_since", &self.away_since)
            .finish_non_exhaustive()
    }
}
