//! Keeps a connection open while its answer is being read, however long that takes, and gives it up when nobody reads.
//!
//! The listener closes connections that wait. While a streamed answer has a reader, its connection is at work; once the reader
//! has not taken what was there for [`STALLED`], it waits again, and the listener closes it like any other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use easemob_admin_ops::listening::Peer;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep_until};

/// How long a reader may leave what is there.
pub(crate) const STALLED: Duration = Duration::from_secs(30);

/// Keeps the connection of a request that may be made while it is answered, and while the answer is being read.
pub async fn while_read(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.clone());
    let work = move || peer.as_ref().and_then(Peer::work);
    // Whoever may send something may send a long list.
    let receiving = work();
    let answer = patient(next.run(request).await, work);
    drop(receiving);
    answer
}

/// Keeps what `work` returns while the answer is being read.
fn patient<W: Send + 'static>(answer: Response, work: impl Fn() -> W + Send + 'static) -> Response {
    // A short answer is taken at once.
    if answer.body().size_hint().exact().is_some() {
        return answer;
    }
    answer.map(|body| {
        // What compresses an answer asks for more after its end.
        let (reading, mut pieces) = (Reading::begin(work), body.into_data_stream().fuse());
        Body::from_stream(stream::poll_fn(move |context| {
            reading.asked();
            let polled = pieces.poll_next_unpin(context);
            if polled.is_ready() {
                reading.given();
            }
            polled
        }))
    })
}

/// A reader, and the work for it.
struct Reading<W, F> {
    state: Arc<Mutex<State<W>>>,
    work: F,
}

struct State<W> {
    work: Option<W>,
    /// Since when the reader has not taken what was there.
    given: Option<Instant>,
    ended: bool,
}

impl<W: Send + 'static, F: Fn() -> W> Reading<W, F> {
    fn begin(work: F) -> Self {
        let state = State {
            work: Some(work()),
            given: Some(Instant::now()),
            ended: false,
        };
        let state = Arc::new(Mutex::new(state));
        tokio::spawn(watch(Arc::clone(&state)));
        Self { state, work }
    }

    fn asked(&self) {
        let mut state = locked(&self.state);
        state.given = None;
        if state.work.is_none() {
            state.work = Some((self.work)());
            tokio::spawn(watch(Arc::clone(&self.state)));
        }
    }

    fn given(&self) {
        locked(&self.state).given = Some(Instant::now());
    }
}

impl<W, F> Drop for Reading<W, F> {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        (state.work, state.ended) = (None, true);
    }
}

/// Ends the work for a reader who does not read.
async fn watch<W>(state: Arc<Mutex<State<W>>>) {
    loop {
        let look = {
            let mut state = locked(&state);
            if state.ended {
                return;
            }
            let over = state.given.map(|given| given + STALLED);
            if over.is_some_and(|over| over <= Instant::now()) {
                state.work = None;
                return;
            }
            over.unwrap_or_else(|| Instant::now() + STALLED)
        };
        sleep_until(look).await;
    }
}

fn locked<W>(state: &Mutex<State<W>>) -> MutexGuard<'_, State<W>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_lasts_as_long_as_somebody_reads() {
        let works = Arc::new(());
        let count = || Arc::strong_count(&works);
        let idle = count() + 1;
        let (tell, told) = tokio::sync::mpsc::channel::<&str>(9);
        let pieces = stream::unfold(told, async |mut told| {
            told.recv().await.map(|piece| (Ok::<_, Infallible>(piece), told))
        });
        let work = Arc::clone(&works);
        let answer = patient(Response::new(Body::from_stream(pieces)), move || {
            Arc::clone(&work)
        });
        let mut pieces = answer.into_body().into_data_stream();
        // A reader may wait for ever.
        let waiting = tokio::time::timeout(STALLED * 9, pieces.next()).await;
        assert!(waiting.is_err() && count() == idle + 1);
        tell.send("one").await.unwrap();
        assert_eq!(pieces.next().await.unwrap().unwrap(), "one");
        tokio::time::sleep(STALLED.checked_sub(Duration::from_secs(1)).unwrap()).await;
        assert_eq!(count(), idle + 1);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(count(), idle);
        // Who reads again after all is a reader again.
        tell.send("two").await.unwrap();
        assert_eq!(pieces.next().await.unwrap().unwrap(), "two");
        assert_eq!(count(), idle + 1);
        drop(pieces);
        assert_eq!(count(), idle - 1);
    }

    #[tokio::test]
    async fn a_short_answer_is_left_as_it_is() {
        let answer = patient(Response::new(Body::from("short")), || ());
        assert_eq!(answer.body().size_hint().exact(), Some(5));
    }
}
