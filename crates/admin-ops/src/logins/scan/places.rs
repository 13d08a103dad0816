//! Limits how many calls of a scan are in flight at once.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::schedule::concurrency::{Concurrency, Gauge, Traffic};
use crate::server::calls::CallError;

/// Slots for calls; with automatic concurrency, their number follows the latency of calls.
#[derive(Debug)]
pub(super) struct Places<T> {
    free: Semaphore,
    /// Slots to remove that were in use when that was decided.
    owed: Cell<usize>,
    under_way: Cell<usize>,
    traffic: T,
    gauge: RefCell<Gauge>,
}

impl<T: Fn() -> Traffic> Places<T> {
    /// Returns the initial number of slots; `traffic` is what was sent so far.
    #[must_use]
    pub(super) fn new(concurrency: Concurrency, traffic: T) -> Self {
        let gauge = Gauge::new(concurrency, traffic());
        Self {
            free: Semaphore::new(gauge.jobs().max(1)),
            owed: Cell::new(0),
            under_way: Cell::new(0),
            traffic,
            gauge: RefCell::new(gauge),
        }
    }

    /// Makes a call as soon as a slot is free.
    ///
    /// # Errors
    /// The errors of the call.
    pub(super) async fn call<A>(
        &self,
        call: impl Future<Output = Result<A, CallError>>,
    ) -> Result<A, CallError> {
        let place = self.free.acquire().await;
        self.under_way.set(self.under_way.get() + 1);
        let begin = Instant::now();
        let result = call.await;
        let troubled = result.as_ref().is_err_and(|error| error.retry_may_help);
        self.ended(begin.elapsed(), troubled);
        match (self.owed.get().checked_sub(1), place) {
            (Some(rest), Ok(place)) => {
                self.owed.set(rest);
                place.forget();
            }
            (_, place) => drop(place),
        }
        result
    }

    fn ended(&self, took: Duration, troubled: bool) {
        let mut gauge = self.gauge.borrow_mut();
        let before = gauge.jobs().max(1);
        gauge.ended(took, self.under_way.get(), troubled, (self.traffic)());
        self.under_way.set(self.under_way.get() - 1);
        let now = gauge.jobs().max(1);
        let fewer = before.saturating_sub(now);
        self.owed
            .set(self.owed.get() + fewer - self.free.forget_permits(fewer));
        let more = now.saturating_sub(before);
        let paid = more.min(self.owed.get());
        self.owed.set(self.owed.get() - paid);
        self.free.add_permits(more - paid);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures_util::future::join_all;

    use super::*;

    /// Makes calls to a server that answers after 10 ms and has room for `room` calls; returns the most calls
    /// at once, and the number of slots at the end.
    async fn most_and_last(concurrency: Concurrency, room: usize, calls: usize) -> (usize, usize) {
        let under_way = Rc::new(Cell::new((0_usize, 0_usize)));
        let ended = Cell::new(0);
        let places = Places::new(concurrency, || Traffic {
            requests: ended.get(),
            ..Traffic::default()
        });
        join_all((0..calls).map(|_| {
            let (under_way, ended) = (Rc::clone(&under_way), &ended);
            places.call(async move {
                let (now, most) = under_way.get();
                under_way.set((now + 1, most.max(now + 1)));
                let queue = u32::try_from((now + 1).div_ceil(room)).unwrap_or(u32::MAX);
                tokio::time::sleep(Duration::from_millis(10) * queue).await;
                let (now, most) = under_way.get();
                under_way.set((now - 1, most));
                ended.set(ended.get() + 1);
                Ok(())
            })
        }))
        .await;
        let free = places.free.available_permits();
        assert_eq!(
            free,
            places.gauge.borrow().jobs() + places.owed.get(),
            "no place is lost or won"
        );
        (under_way.get().1, free)
    }

    #[tokio::test(start_paused = true)]
    async fn a_given_number_is_kept() {
        assert_eq!(most_and_last(Concurrency::Fixed(7), 100, 1000).await, (7, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_with_room_is_used_to_the_full() {
        assert_eq!(most_and_last(Concurrency::Auto, 10_000, 20_000).await, (256, 256));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_without_room_is_not_flooded() {
        let (_, last) = most_and_last(Concurrency::Auto, 20, 20_000).await;
        assert!((10..80).contains(&last), "{last} at a time");
    }
}
