//! One call: token, permit, send, classify, inside one retry loop.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, select};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use crate::app_root::AppRoot;
use crate::credentials::{FetchError, Lease, TokenCache, bearer};
use crate::endpoint::{Authority, Bucket, Effect, Endpoint, Request};
use crate::envelope::{Classified, classify};
use crate::error::{DecodeError, Delivery, Error, Kind, TransportError, texts_of};
use crate::redact::Secrets;
use crate::transport::clock::Clock;
use crate::transport::http::Http;
use crate::transport::limit::Limiter;
use crate::transport::retry::{CallState, Decision, Failure, RetryPolicy, decide};

pub(crate) struct Pipeline {
    root: AppRoot,
    http: Http,
    limiter: Limiter,
    retry: RetryPolicy,
    deadline: Option<Duration>,
    clock: Arc<dyn Clock>,
    random: Mutex<fastrand::Rng>,
    sent: AtomicU64,
    secrets: Secrets,
    /// Stops what fetches tokens, together with the first client.
    stopped: Waiting,
}

/// Whether a client and its clones still wait for what comes before a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<watch::Sender<bool>>);

impl Waiting {
    pub(super) fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Waits for something that comes before a request, unless waiting is given up. What need not be waited for comes
    /// in any case.
    async fn unless_stopped<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Kind> {
        let mut stopped = self.0.subscribe();
        let stop = stopped.wait_for(|stopped| *stopped);
        match select(pin!(waiting), pin!(stop)).await {
            Either::Left((came, _)) => Ok(came),
            Either::Right(_) => Err(Kind::Transport(TransportError::given_up())),
        }
    }
}

/// How far a call has come, which is known even if it is given up in the middle.
struct Progress {
    call: CallState,
    /// An attempt before this one may have taken effect.
    doubtful: bool,
    /// A request is sent, or its answer waited for.
    on_its_way: bool,
}

/// Why an attempt brought nothing.
enum Failed {
    /// 401 with this lease; a new token may help.
    TokenRefused(Lease, Kind),
    Otherwise(Kind),
}

impl Pipeline {
    pub(super) fn new(
        root: AppRoot,
        http: Http,
        limiter: Limiter,
        retry: RetryPolicy,
        deadline: Option<Duration>,
        clock: Arc<dyn Clock>,
        random: fastrand::Rng,
    ) -> Self {
        Self {
            root,
            http,
            limiter,
            retry,
            deadline,
            clock,
            random: Mutex::new(random),
            sent: AtomicU64::new(0),
            secrets: Secrets::default(),
            stopped: Waiting::default(),
        }
    }

    pub(super) fn root(&self) -> &AppRoot {
        &self.root
    }

    pub(super) fn effective_rate(&self) -> Option<f64> {
        self.limiter.effective_rate(Bucket::Accounts)
    }

    pub(super) fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The secrets that no answer may show.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(super) fn paused_until(&self) -> Option<SystemTime> {
        self.limiter.paused_until()
    }

    #[cfg(feature = "jwt")]
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn waiting(&self) -> &Waiting {
        &self.stopped
    }

    pub(super) async fn execute<E: Endpoint>(
        &self,
        endpoint: &E,
        tokens: Option<&TokenCache>,
        waiting: &Waiting,
    ) -> Result<E::Output, Error> {
        let start = self.clock.now();
        let request = endpoint
            .request(&self.root)
            .map_err(|error| Error::new(endpoint, Kind::Build(error), 0, Duration::ZERO))?;
        let mut progress = Progress {
            call: CallState {
                attempts: 0,
                ..CallState::first(E::EFFECT)
            },
            doubtful: false,
            on_its_way: false,
        };
        // A fetch of the token is for all calls, also for those that have more time.
        let outcome = match self.deadline.filter(|_| tokens.is_some()) {
            None => {
                self.carry_out(endpoint, &request, tokens, waiting, None, &mut progress)
                    .await
            }
            Some(deadline) => {
                let end = start + deadline;
                let carried = self.carry_out(endpoint, &request, tokens, waiting, Some(end), &mut progress);
                let in_time = match select(Box::pin(carried), self.clock.sleep_until(end)).await {
                    Either::Left((outcome, _)) => Some(outcome),
                    Either::Right(_) => None,
                };
                if let Some(outcome) = in_time {
                    outcome
                } else {
                    let too_late = TransportError::deadline_passed(progress.on_its_way);
                    Err(Kind::Transport(too_late))
                }
            }
        };
        outcome.map_err(|kind| {
            let error = Error::new(endpoint, kind, progress.call.attempts, self.since(start));
            if progress.doubtful {
                error.after_a_doubtful_attempt()
            } else {
                error
            }
        })
    }

    async fn carry_out<E: Endpoint>(
        &self,
        endpoint: &E,
        request: &Request,
        tokens: Option<&TokenCache>,
        waiting: &Waiting,
        end: Option<Instant>,
        progress: &mut Progress,
    ) -> Result<E::Output, Kind> {
        let tokens = tokens.filter(|_| E::AUTHORITY == Authority::App);
        let mut renewed = false;
        loop {
            let lease = waiting.unless_stopped(self.admitted(E::BUCKET, tokens)).await??;
            let attempt_start = self.clock.now();
            // After a stall the permit and the end may come at once, and nothing is sent after its end.
            if end.is_some_and(|end| attempt_start >= end) {
                return Err(Kind::Transport(TransportError::deadline_passed(false)));
            }
            let failed = match self.attempt(endpoint, request, lease, progress).await {
                Ok(output) => return Ok(output),
                Err(failed) => failed,
            };
            progress.on_its_way = false;
            progress.call.elapsed += self.since(attempt_start);
            let kind = match failed {
                Failed::Otherwise(kind) => kind,
                Failed::TokenRefused(lease, kind) => {
                    let Some(tokens) = tokens else { return Err(kind) };
                    if renewed {
                        tokens.refused_again(&lease);
                    } else if let Some(renewal) =
                        waiting.unless_stopped(Box::pin(tokens.renew(&lease))).await?
                    {
                        renewed = true;
                        renewal?;
                        continue;
                    }
                    kind
                }
            };
            let Some(delay) = self.delay_after::<E>(&progress.call, &kind) else {
                return Err(kind);
            };
            // A later refusal says nothing of an attempt before it that got no answer.
            progress.doubtful |= E::EFFECT != Effect::Read && kind.delivery() == Some(Delivery::Unknown);
            waiting
                .unless_stopped(self.clock.sleep_until(self.clock.now() + delay))
                .await?;
            progress.call.elapsed += delay;
        }
    }

    /// Waits for a token, and then for a permit: a permit that waits is used late, on top of those of others.
    ///
    /// Where the token has expired in the meantime, both are waited for once more. Then the token is used as it is: one
    /// that lives for less than the wait would never be good enough.
    async fn admitted(
        &self,
        bucket: Bucket,
        tokens: Option<&TokenCache>,
    ) -> Result<Option<Lease>, FetchError> {
        let Some(tokens) = tokens else {
            self.limiter.permit(bucket).await;
            return Ok(None);
        };
        let mut again = false;
        loop {
            let lease = tokens.lease().await?;
            self.limiter.permit(bucket).await;
            match tokens.at_hand() {
                Some(lease) => return Ok(Some(lease)),
                None if again => return Ok(Some(lease)),
                None => again = true,
            }
        }
    }

    async fn attempt<E: Endpoint>(
        &self,
        endpoint: &E,
        request: &Request,
        lease: Option<Lease>,
        progress: &mut Progress,
    ) -> Result<E::Output, Failed> {
        progress.call.attempts += 1;
        progress.on_its_way = true;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let header = lease.as_ref().map(|lease| lease.header.clone());
        let header = header.or_else(|| endpoint.own_token().map(|token| self.own_header(token)));
        let answer = self
            .http
            .send(request, header, &*self.clock)
            .await
            .map_err(|error| Failed::Otherwise(Kind::Transport(error)))?;
        let secrets = if E::SECRET {
            texts_of(request.body.as_deref().unwrap_or_default())
        } else {
            Vec::new()
        };
        let clean = self.secrets.clean(&answer, &secrets);
        // What such a call is made for may be a token, which is told to the caller and to nobody else.
        let tells_a_secret = E::SECRET && matches!(classify(&answer), Classified::Success(_));
        let answer = if tells_a_secret { answer } else { clean };
        if tells_a_secret {
            self.secrets.tokens_in(&answer.body);
        }
        let undecodable = |error: DecodeError| {
            let error = if E::SECRET { error.withheld() } else { error };
            Failed::Otherwise(Kind::Decode(error))
        };
        let classified = match classify(&answer) {
            Classified::Refused(refusal) if E::SECRET => {
                Classified::Refused(refusal.withheld(request.body.as_deref()))
            }
            other => other,
        };
        match (classified, lease) {
            (Classified::Success(envelope), _) => endpoint.decode(&envelope).map_err(undecodable),
            (Classified::Undecodable(error), _) => Err(undecodable(error)),
            (Classified::Refused(refusal), Some(lease)) if refusal.status == 401 => {
                Err(Failed::TokenRefused(lease, Kind::Refused(refusal)))
            }
            (Classified::Refused(refusal), _) => Err(Failed::Otherwise(Kind::Refused(refusal))),
        }
    }

    /// The header of a call that brings its own token, which no answer may show.
    fn own_header(&self, token: &SecretString) -> HeaderValue {
        self.secrets.token(token.expose_secret());
        bearer(token)
    }

    /// How long to wait before the next attempt, or `None` if there is none.
    fn delay_after<E: Endpoint>(&self, call: &CallState, kind: &Kind) -> Option<Duration> {
        let failure = match kind {
            Kind::Refused(refusal) => Failure {
                delivery: refusal.delivery(),
                transient: refusal.is_transient(),
                // A parallel creation of the same user needs a second (user token page).
                retry_after: refusal
                    .retry_after
                    .or((refusal.status == 409).then_some(Duration::from_secs(1))),
            },
            Kind::Transport(error) => Failure {
                delivery: error.delivery(),
                transient: !error.is_permanent(),
                retry_after: None,
            },
            Kind::Build(_) | Kind::Credentials(_) | Kind::Sign(_) | Kind::Decode(_) | Kind::Listing(_) => {
                return None;
            }
        };
        let jitter = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        let decision = decide(&self.retry, call, &failure, jitter);
        debug!(
            call = E::NAME,
            attempt = call.attempts,
            ?failure,
            ?decision,
            "attempt failed"
        );
        if let Kind::Refused(refusal) = kind
            && refusal.is_rate_limit()
        {
            // The limit is the app's, not this call's: everyone waits, even if this call is given up.
            let wait = failure
                .retry_after
                .unwrap_or_else(|| self.retry.delay(call.attempts, jitter));
            self.limiter.limited(E::BUCKET, wait);
        }
        match decision {
            Decision::RetryAfter(delay) => Some(delay),
            Decision::Exhausted | Decision::Permanent => None,
        }
    }

    fn since(&self, start: Instant) -> Duration {
        self.clock.now().saturating_duration_since(start)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("root", &self.root)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
