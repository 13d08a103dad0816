//! Holds calls up while the server is away, and asks it now and then whether it is back.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::transport::clock::Clock;
use crate::transport::outage::{Outage, ServerWatch, Standing};

/// What a probe found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probed {
    /// The server is there.
    Answered,
    /// It is not; a gateway may have said for how long.
    Away(Option<Duration>),
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// There was nothing to wait for: the server answers, so that a call that failed was at fault itself.
    NotAway,
    /// The server was away, and is back.
    Back,
    /// The server is still away.
    InVain,
}

/// The gate that all calls of a client pass.
#[derive(Debug)]
pub(super) struct ServerGate {
    server: Mutex<ServerWatch>,
    changed: watch::Sender<()>,
    /// Held by the one call that probes for all.
    probing: tokio::sync::Mutex<()>,
}

impl ServerGate {
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            server: Mutex::new(ServerWatch::new(longest)),
            changed: watch::Sender::new(()),
            probing: tokio::sync::Mutex::new(()),
        }
    }

    fn server(&self) -> MutexGuard<'_, ServerWatch> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if the server has ever answered.
    pub(super) fn heard(&self) -> bool {
        self.server().heard()
    }

    /// Notes an answer of the service.
    pub(super) fn answered(&self) {
        let mut server = self.server();
        let news = server.standing() != Standing::Open;
        server.answered();
        drop(server);
        if news {
            self.changed.send_replace(());
        }
    }

    /// Returns how often the server turned out to be away.
    pub(super) fn outages(&self) -> u64 {
        self.server().outages()
    }

    /// Notes an attempt that found the server away; after the `last` one of a call, the server is asked in any case.
    pub(super) fn failed(&self, now: Instant, retry_after: Option<Duration>, last: bool) {
        self.server().failed(now, retry_after, last);
    }

    /// Returns true if calls have to wait.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.server().standing(), Standing::ProbeAt(_))
    }

    /// Returns true if the last wait was in vain.
    pub(super) fn is_in_vain(&self) -> bool {
        self.server().standing() == Standing::InVain
    }

    /// Returns the wait that is under way.
    pub(super) fn outage(&self, now: Instant) -> Option<Outage> {
        self.server().outage(now)
    }

    /// Waits until the server answers, or the wait is in vain. `outages` is how many there were before the attempt. One of the waiting calls probes; another takes over if
    /// that one is given up.
    pub(super) async fn pass<F: Future<Output = Probed>>(
        &self,
        outages: u64,
        clock: &dyn Clock,
        probe: impl Fn() -> F,
    ) -> Waited {
        let mut changed = self.changed.subscribe();
        let was_away = self.server().is_away();
        loop {
            let standing = self.server().standing();
            match standing {
                Standing::InVain => return Waited::InVain,
                Standing::Open if was_away || self.outages() != outages => return Waited::Back,
                Standing::Open => return Waited::NotAway,
                Standing::ProbeAt(_) => {}
            }
            let turn = match select(pin!(changed.changed()), pin!(self.probing.lock())).await {
                Either::Left(_) => continue,
                Either::Right((turn, _)) => turn,
            };
            // Answers to calls that were on their way end the wait, too.
            changed.mark_unchanged();
            let Standing::ProbeAt(time) = self.server().standing() else {
                continue;
            };
            if let Either::Left(_) = select(pin!(changed.changed()), clock.sleep_until(time)).await {
                continue;
            }
            let now = clock.now();
            let longest = self.server().end_of_probe(now).saturating_duration_since(now);
            // As the time-outs of requests are, this is by the timer of the runtime, which knows of sockets.
            let found = timeout(longest, probe()).await.unwrap_or(Probed::Away(None));
            match found {
                Probed::Answered => self.answered(),
                Probed::Away(retry_after) => {
                    self.server().probe_failed(clock.now(), retry_after);
                    if self.is_in_vain() {
                        self.changed.send_replace(());
                    }
                }
            }
            drop(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::transport::clock::SystemClock;

    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    fn closed() -> ServerGate {
        let gate = ServerGate::new(FIVE_MINUTES);
        gate.answered();
        gate.failed(Instant::now(), None, false);
        gate.failed(Instant::now(), None, false);
        assert!(gate.is_closed());
        gate
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_many_waiting_calls_probes_and_all_go_on() {
        let (gate, probes) = (closed(), AtomicU32::new(0));
        let probe = async || match probes.fetch_add(1, Ordering::Relaxed) {
            0..4 => Probed::Away(None),
            _ => Probed::Answered,
        };
        let start = Instant::now();
        let waited = join_all((0..100).map(|_| gate.pass(0, &SystemClock, &probe))).await;
        assert!(waited.iter().all(|waited| *waited == Waited::Back));
        assert_eq!(probes.load(Ordering::Relaxed), 5);
        assert_eq!(start.elapsed().as_millis() / 10, 750);
        assert!(!gate.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_at_once_was_not_away() {
        let gate = closed();
        assert_eq!(
            gate.pass(0, &SystemClock, async || Probed::Answered).await,
            Waited::NotAway
        );
    }

    #[tokio::test(start_paused = true)]
    async fn all_give_up_at_the_end_even_if_a_probe_hangs() {
        let gate = closed();
        let start = Instant::now();
        let hangs = async || std::future::pending::<Probed>().await;
        let waited = join_all((0..10).map(|_| gate.pass(0, &SystemClock, &hangs))).await;
        assert!(waited.iter().all(|waited| *waited == Waited::InVain));
        assert_eq!(start.elapsed().as_secs(), FIVE_MINUTES.as_secs());
        assert!(gate.is_in_vain() && !gate.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn another_call_probes_if_the_one_that_did_is_dropped() {
        let gate = Arc::new(closed());
        let other = Arc::clone(&gate);
        let first = tokio::spawn(async move {
            let hangs = async || std::future::pending::<Probed>().await;
            other.pass(0, &SystemClock, &hangs).await
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = async {
            let answers = async || Probed::Answered;
            gate.pass(0, &SystemClock, &answers).await
        };
        let drop_first = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            first.abort();
        };
        let (waited, ()) = tokio::join!(second, drop_first);
        assert_eq!(waited, Waited::NotAway);
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_to_a_call_that_was_on_its_way_ends_the_wait() {
        let gate = closed();
        let start = Instant::now();
        let away = async || Probed::Away(None);
        let answer = async {
            tokio::time::sleep(Duration::from_secs(17)).await;
            gate.answered();
        };
        let (waited, ()) = tokio::join!(gate.pass(0, &SystemClock, &away), answer);
        assert_eq!((waited, start.elapsed().as_secs()), (Waited::Back, 17));
    }
}
