//! A rate that all attempts share, as processes of one machine do, and the times at which calls were sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use easemob_admin_api::transport::clock::SystemClock;
use easemob_admin_api::transport::limit::schedule::{Answer, HORIZON, Schedule, Slots, Wish};
use easemob_admin_api::transport::limit::{HEADROOM, Lane, Pacer};
use futures_util::future::{BoxFuture, ready};
use tokio::time::Instant;

/// How many calls may be sent in any rolling second: so few that every story is held up by it.
const RATE: u32 = 40;

/// When the next slot is.
#[derive(Debug)]
struct Plan {
    begun: Instant,
    next: Mutex<Duration>,
}

/// The budget of the app, of which each process has a pacer.
pub(super) struct Budget {
    plan: Arc<Plan>,
    pacer: Mutex<Arc<Pacer>>,
    /// The calls of the last second.
    sent: Mutex<VecDeque<Instant>>,
}

impl Budget {
    pub(super) fn new() -> Self {
        let plan = Arc::new(Plan {
            begun: Instant::now(),
            next: Mutex::default(),
        });
        Self {
            pacer: Mutex::new(Arc::new(pacer(&plan))),
            plan,
            sent: Mutex::default(),
        }
    }

    /// Begins another process, which knows nothing of the slots that the last one had in hand.
    pub(super) fn begin_process(&self) {
        *self.pacer.lock().unwrap() = Arc::new(pacer(&self.plan));
    }

    /// Waits for a turn, and asserts that no more calls were sent within a second than allowed.
    pub(super) async fn turn(&self) {
        let pacer = Arc::clone(&self.pacer.lock().unwrap());
        pacer.permit(Lane::Bulk).await.unwrap();
        let now = Instant::now();
        let mut sent = self.sent.lock().unwrap();
        sent.push_back(now);
        while now - sent[0] >= Duration::from_secs(1) {
            sent.pop_front();
        }
        assert!(sent.len() <= RATE as usize, "{} calls in a second", sent.len());
    }
}

fn pacer(plan: &Arc<Plan>) -> Pacer {
    let schedule: Arc<dyn Schedule> = Arc::clone(plan) as _;
    Pacer::new(schedule, Arc::new(SystemClock))
}

impl Schedule for Plan {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn reserve(&self, wish: Wish) -> BoxFuture<'static, Answer> {
        let mut next = self.next.lock().unwrap();
        let first = (*next).max(self.now());
        if first > self.now() + HORIZON {
            return Box::pin(ready(Answer::Later(first.saturating_sub(HORIZON))));
        }
        let every = Duration::from_secs_f64(HEADROOM / f64::from(RATE));
        let count = wish.slots.min(RATE / 10);
        *next = first + every * count;
        Box::pin(ready(Answer::Reserved(Slots {
            first,
            every,
            count,
            end: *next,
        })))
    }

    fn give_back(&self, unused: Slots) {
        let mut next = self.next.lock().unwrap();
        if *next == unused.end {
            *next = unused.first;
        }
    }

    fn limited(&self, _: Duration) {}

    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    fn effective_rate(&self) -> f64 {
        RATE.into()
    }
}
