//! Runs one job per item, a limited number at once, and stops cleanly.
//!
//! Items are taken from the source only when a slot is free, so memory depends on the concurrency and not on
//! the length of the input. They start in the order of the input and finish in any order; the items that were
//! not started are therefore a suffix of the input.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::run::recorder::RecordError;
use crate::schedule::breaker::Fatal;

/// What the caller wants of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Continue.
    Run,
    /// Start nothing new, and finish what is in flight.
    Drain(Cause),
    /// Stop now; requests in flight are dropped.
    Abort,
}

/// Who asked for an early end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Ctrl-C or SIGTERM.
    Signal,
    /// `--max-duration` has ended.
    Deadline,
    /// Somebody has paused the run.
    Paused,
    /// Somebody has stopped the run for good.
    Stopped,
    /// Another process has taken over, because this one was not heard of for too long.
    TakenOver,
}

/// Why a run ended before its input did.
#[derive(Debug)]
pub enum Stop {
    /// The caller asked for a clean stop.
    Wished(Cause),
    /// The caller asked for an immediate stop.
    Aborted,
    /// Continuing is pointless.
    Fatal(Fatal),
    /// The cap of logouts was reached.
    Cap,
    /// A user's devices differ from the plan, and the run stops in that case.
    Drift,
    /// The run can no longer be recorded.
    Record(RecordError),
    /// Nobody reads the results of a read-only command.
    ReaderGone,
    /// Results can no longer be written.
    Output(io::Error),
    /// The rest of the input cannot be read.
    Input(io::Error),
}

impl Stop {
    /// Returns the word for a reason to stop.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Wished(Cause::Signal) => "interrupted",
            Self::Wished(Cause::Deadline) => "max_duration",
            Self::Wished(Cause::Paused) => "paused",
            Self::Wished(Cause::Stopped) => "stopped",
            Self::Wished(Cause::TakenOver) => "taken_over",
            Self::Aborted => "aborted",
            Self::Fatal(_) => "fatal",
            Self::Cap => "max_logouts",
            Self::Drift => "drift",
            Self::Record(_) => "record_failed",
            Self::ReaderGone => "stdout_closed",
            Self::Output(_) => "stdout_failed",
            Self::Input(_) => "list_failed",
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct End<T> {
    /// Why it ended early, if it did.
    pub stop: Option<Stop>,
    /// Items whose jobs were dropped with an unknown result; empty unless the run was aborted.
    pub dropped: Vec<T>,
    /// How many items were started.
    pub started: u64,
    /// The first item that was not started; none after it was started, either.
    pub next: Option<T>,
}

/// Handles the results of a run, and sets how many jobs run at once.
pub trait Control<R> {
    /// Returns how many jobs may run at once; 0 counts as 1.
    fn jobs(&self) -> usize;

    /// Handles the result of a job that was one of `running` and took `took`.
    fn take(&mut self, result: R, took: Duration, running: usize) -> ControlFlow<Stop>;

    /// Passes on the gathered results; called at most [`REST`] after a result arrived.
    fn rest(&mut self) -> ControlFlow<Stop>;
}

/// How long results may be gathered before they are passed on: too short to notice.
pub const REST: Duration = Duration::from_millis(20);

/// Runs `work` on every item of `source`, and passes each result to `control`.
///
/// A source without an item is asked again whenever a job has ended, because that job may have found more to
/// do; the run ends when no job is running and the source has no item.
pub async fn run<T, R, Fut>(
    mut source: impl Iterator<Item = io::Result<T>>,
    mut wish: watch::Receiver<Wish>,
    work: impl Fn(T) -> Fut,
    control: &mut impl Control<R>,
) -> End<T>
where
    T: Clone,
    Fut: Future<Output = R> + Unpin,
{
    let mut running = FuturesUnordered::new();
    let mut started = 0_u64;
    let mut stop = None;
    let mut wish_open = true;
    let mut rest = pin!(sleep(REST));
    let mut rested = true;
    loop {
        let current = *wish.borrow_and_update();
        match current {
            Wish::Run => {}
            Wish::Drain(cause) => {
                stop.get_or_insert(Stop::Wished(cause));
            }
            Wish::Abort => {
                let mut cut: Vec<(u64, T)> = running.into_iter().map(Job::cut).collect();
                cut.sort_unstable_by_key(|(number, _)| *number);
                return End {
                    stop: Some(Stop::Aborted),
                    dropped: cut.into_iter().map(|(_, item)| item).collect(),
                    started,
                    next: source.next().and_then(Result::ok),
                };
            }
        }
        while stop.is_none() && running.len() < control.jobs().max(1) {
            match source.next() {
                None => break,
                Some(Err(error)) => stop = Some(Stop::Input(error)),
                Some(Ok(item)) => {
                    running.push(Job {
                        number: started,
                        work: work(item.clone()),
                        item,
                        start: Instant::now(),
                    });
                    started += 1;
                }
            }
        }
        if running.is_empty() {
            let next = source.next().and_then(Result::ok);
            // A clean stop that is requested after the last item was started changes nothing.
            let stop = stop.filter(|stop| next.is_some() || !matches!(stop, Stop::Wished(_)));
            return End {
                stop,
                dropped: Vec::new(),
                started,
                next,
            };
        }
        tokio::select! {
            biased;
            changed = wish.changed(), if wish_open => wish_open = changed.is_ok(),
            finished = running.next() => {
                if let Some((start, result)) = finished {
                    let now = Instant::now();
                    if let ControlFlow::Break(reason) = control.take(result, now - start, running.len() + 1) {
                        stop.get_or_insert(reason);
                    }
                    if rested {
                        rested = false;
                        rest.as_mut().reset(now + REST);
                    }
                }
            }
            () = &mut rest, if !rested => {
                rested = true;
                if let ControlFlow::Break(reason) = control.rest() {
                    stop.get_or_insert(reason);
                }
            }
        }
    }
}

/// A job that is running.
struct Job<T, Fut> {
    number: u64,
    item: T,
    start: Instant,
    work: Fut,
}

impl<T, Fut> Job<T, Fut> {
    /// Drops the work and returns the item.
    fn cut(self) -> (u64, T) {
        (self.number, self.item)
    }
}

// The work may be moved, and so may what is beside it.
impl<T, Fut: Unpin> Unpin for Job<T, Fut> {}

impl<T, Fut: Future + Unpin> Future for Job<T, Fut> {
    type Output = (Instant, Fut::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.work).poll(cx));
        Poll::Ready((self.start, result))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt as _;

    use super::*;

    /// Keeps a fixed level, and passes each result to a function.
    struct Simple<F>(usize, F);

    impl<R, F: FnMut(R) -> ControlFlow<Stop>> Control<R> for Simple<F> {
        fn jobs(&self) -> usize {
            self.0
        }

        fn take(&mut self, result: R, _: Duration, _: usize) -> ControlFlow<Stop> {
            (self.1)(result)
        }

        fn rest(&mut self) -> ControlFlow<Stop> {
            ControlFlow::Continue(())
        }
    }

    fn items(count: u64) -> impl Iterator<Item = io::Result<u64>> {
        (0..count).map(Ok)
    }

    #[tokio::test]
    async fn never_more_than_the_bound_at_a_time() {
        let (_keep, wish) = watch::channel(Wish::Run);
        let (now, most) = (&Cell::new(0), &Cell::new(0));
        let mut results = Vec::new();
        let end = run(
            items(100),
            wish,
            |item| {
                async move {
                    now.set(now.get() + 1);
                    most.set(most.get().max(now.get()));
                    tokio::task::yield_now().await;
                    now.set(now.get() - 1);
                    item
                }
                .boxed_local()
            },
            &mut Simple(7, |item| {
                results.push(item);
                ControlFlow::Continue(())
            }),
        )
        .await;
        results.sort_unstable();
        assert_eq!(results, (0..100).collect::<Vec<_>>());
        assert_eq!((most.get(), end.started), (7, 100));
        assert!(end.stop.is_none());
    }

    #[tokio::test]
    async fn drains_what_is_in_flight_and_starts_no_more() {
        let (sender, wish) = &watch::channel(Wish::Run);
        let wish = wish.clone();
        let mut results = 0;
        let end = run(
            items(100),
            wish,
            |item| {
                async move {
                    if item == 10 {
                        sender.send_replace(Wish::Drain(Cause::Signal));
                    }
                    tokio::task::yield_now().await;
                }
                .boxed_local()
            },
            &mut Simple(4, |()| {
                results += 1;
                ControlFlow::Continue(())
            }),
        )
        .await;
        assert!(matches!(end.stop, Some(Stop::Wished(Cause::Signal))));
        assert_eq!(results, end.started);
        assert!(end.started < 20, "{}", end.started);
    }

    #[tokio::test]
    async fn an_abort_names_what_it_dropped() {
        let (sender, wish) = &watch::channel(Wish::Run);
        let wish = wish.clone();
        let end = run(
            items(3),
            wish,
            |item| {
                async move {
                    if item == 0 {
                        sender.send_replace(Wish::Abort);
                    } else {
                        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
                    }
                }
                .boxed_local()
            },
            &mut Simple(8, |()| ControlFlow::Continue(())),
        )
        .await;
        assert!(matches!(end.stop, Some(Stop::Aborted)));
        assert!(end.dropped.contains(&1) && end.dropped.contains(&2));
    }

    #[tokio::test]
    async fn a_result_can_end_the_run() {
        let (_keep, wish) = watch::channel(Wish::Run);
        let end = run(
            items(1000),
            wish,
            |item| async move { item }.boxed_local(),
            &mut Simple(1, |item| match item {
                9 => ControlFlow::Break(Stop::Cap),
                _ => ControlFlow::Continue(()),
            }),
        )
        .await;
        assert!(matches!(end.stop, Some(Stop::Cap)));
        assert_eq!(end.started, 10);
    }

    /// Counts the results since the last rest, and the rests.
    #[derive(Default)]
    struct Gathering {
        unhanded: usize,
        rests: usize,
        most: usize,
    }

    impl Control<()> for Gathering {
        fn jobs(&self) -> usize {
            // The level grows during the run.
            1 + self.rests
        }

        fn take(&mut self, (): (), _: Duration, running: usize) -> ControlFlow<Stop> {
            self.unhanded += 1;
            self.most = self.most.max(running);
            ControlFlow::Continue(())
        }

        fn rest(&mut self) -> ControlFlow<Stop> {
            self.unhanded = 0;
            self.rests += 1;
            ControlFlow::Continue(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn results_are_handed_on_soon_and_the_level_may_change() {
        let (_keep, wish) = watch::channel(Wish::Run);
        let mut gathering = Gathering::default();
        let work = |_: u64| tokio::time::sleep(REST * 3).boxed_local();
        let end = run(items(20), wish, work, &mut gathering).await;
        assert_eq!(end.started, 20);
        assert!(gathering.rests >= 4, "{}", gathering.rests);
        assert!(gathering.most >= 4, "{}", gathering.most);
    }
}
