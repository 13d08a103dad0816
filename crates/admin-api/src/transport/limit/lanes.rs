//! Two lanes before one gate: interactive calls go before bulk calls.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

/// Which calls go first among those that wait for the same rate budget or for a connection.
///
/// A call in the interactive lane waits for one slot of the budget, however many calls wait in the bulk lane. While the
/// interactive lane alone uses up the budget, calls in the bulk lane wait.
///
/// ```
/// use easemob_admin_api::Lane;
///
/// assert_eq!(Lane::default(), Lane::Interactive);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lane {
    /// For calls that somebody waits for.
    #[default]
    Interactive,
    /// For calls of a job over many users.
    Bulk,
}

impl Lane {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

/// How many calls wait, by their lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) interactive: usize,
    pub(super) bulk: usize,
}

/// Hands out turns one at a time, in the order of the lanes.
///
/// One of those who wait gets the next turn and gives it to whoever is first by then, so that a call that comes while
/// others sleep until their turn still goes before them.
pub(crate) struct Gate<T> {
    queues: Mutex<Queues<T>>,
    /// Held by the one who gets turns for all.
    getting: tokio::sync::Mutex<()>,
}

struct Queues<T> {
    interactive: VecDeque<oneshot::Sender<T>>,
    bulk: VecDeque<oneshot::Sender<T>>,
}

impl<T> Queues<T> {
    fn first(&mut self) -> Option<oneshot::Sender<T>> {
        self.interactive.pop_front().or_else(|| self.bulk.pop_front())
    }
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self {
            queues: Mutex::new(Queues {
                interactive: VecDeque::new(),
                bulk: VecDeque::new(),
            }),
            getting: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> Gate<T> {
    /// Waits for a turn; `next` gets the next one.
    pub(crate) async fn pass<F: Future<Output = T>>(&self, lane: Lane, next: impl Fn() -> F) -> T {
        let mut mine = self.enter(lane);
        let getting = pin!(self.getting.lock());
        let _getting = match select(getting, &mut mine).await {
            Either::Left((getting, _)) => getting,
            Either::Right((Ok(turn), _)) => return turn,
            Either::Right((Err(_), getting)) => getting.await,
        };
        loop {
            if let Ok(turn) = mine.try_recv() {
                return turn;
            }
            let turn = next().await;
            if let Some(unclaimed) = self.give(turn) {
                return unclaimed;
            }
        }
    }

    /// Returns how many calls wait.
    pub(super) fn waiting(&self) -> Waiting {
        let queues = self.queues();
        Waiting {
            interactive: queues.interactive.len(),
            bulk: queues.bulk.len(),
        }
    }

    fn enter(&self, lane: Lane) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let mut queues = self.queues();
        match lane {
            Lane::Interactive => queues.interactive.push_back(sender),
            Lane::Bulk => queues.bulk.push_back(sender),
        }
        receiver
    }

    /// Gives a turn to the first who still waits; returns it if nobody does.
    fn give(&self, mut turn: T) -> Option<T> {
        let mut queues = self.queues();
        while let Some(first) = queues.first() {
            match first.send(turn) {
                Ok(()) => return None,
                Err(back) => turn = back,
            }
        }
        Some(turn)
    }

    fn queues(&self) -> MutexGuard<'_, Queues<T>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Gate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queues = self.queues();
        f.debug_struct("Gate")
            .field("interactive", &queues.interactive.len())
            .field("bulk", &queues.bulk.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;

    /// A gate whose turns come when the test says so, and who got them.
    #[derive(Default)]
    struct Counter {
        gate: Gate<usize>,
        come: Notify,
        turns: AtomicUsize,
    }

    impl Counter {
        async fn pass(&self, lane: Lane) -> usize {
            self.gate
                .pass(lane, || async {
                    self.come.notified().await;
                    self.turns.fetch_add(1, Ordering::SeqCst)
                })
                .await
        }

        async fn wait_in(self: &Arc<Self>, calls: &mut JoinSet<(Lane, usize)>, lane: Lane, count: usize) {
            for _ in 0..count {
                let this = Arc::clone(self);
                calls.spawn(async move { (lane, this.pass(lane).await) });
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn an_interactive_call_waits_for_one_turn_behind_a_thousand_others() {
        let (counter, mut calls) = (Arc::new(Counter::default()), JoinSet::new());
        counter.wait_in(&mut calls, Lane::Bulk, 1_000).await;
        for turn in 0..10 {
            counter.come.notify_one();
            assert_eq!(calls.join_next().await.unwrap().unwrap(), (Lane::Bulk, turn));
        }
        counter.wait_in(&mut calls, Lane::Interactive, 2).await;
        for turn in [10, 11] {
            counter.come.notify_one();
            assert_eq!(
                calls.join_next().await.unwrap().unwrap(),
                (Lane::Interactive, turn)
            );
        }
        counter.come.notify_one();
        assert_eq!(calls.join_next().await.unwrap().unwrap(), (Lane::Bulk, 12));
    }

    #[tokio::test]
    async fn calls_that_are_given_up_take_no_turn_and_hold_nobody_up() {
        let (counter, mut calls, mut lost) = (Arc::new(Counter::default()), JoinSet::new(), JoinSet::new());
        counter.wait_in(&mut lost, Lane::Bulk, 3).await;
        counter.wait_in(&mut lost, Lane::Interactive, 3).await;
        counter.wait_in(&mut calls, Lane::Bulk, 2).await;
        lost.shutdown().await;
        for turn in [0, 1] {
            counter.come.notify_one();
            assert_eq!(calls.join_next().await.unwrap().unwrap(), (Lane::Bulk, turn));
        }
    }
}
