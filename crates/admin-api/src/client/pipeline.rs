//! One call: token, permit, send, classify, inside one retry loop.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, select};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use tracing::{Instrument as _, debug};

use super::answer_stream::AnswerStream;
use super::builder::Setup;
use super::headers;
use super::leave::{ASK_AGAIN, Leave, LeaveNow};
use super::manner::Manner;
use super::report::Hook;
use super::server_gate::{Probed, ServerGate, Waited};
use super::traffic::{Counters, Traffic};
use super::watched::{Progress, Watched, span};
use crate::app_root::AppRoot;
use crate::credentials::{Lease, TokenCache, bearer};
use crate::endpoint::{Authority, Bucket, Effect, Endpoint, Request};
use crate::endpoints::users::{ListUsers, UserQuery};
use crate::envelope::outline::Outline;
use crate::envelope::{Answer, Classified, classify};
use crate::error::{DecodeError, Delivery, Error, Kind, TransportError, texts_of};
use crate::redact::Secrets;
use crate::transport::clock::Clock;
use crate::transport::http::{Extent, Http, Rest, Slot};
use crate::transport::limit::schedule::BudgetAway;
use crate::transport::limit::{Lane, Limiter, PoolUse};
use crate::transport::outage::Outage;
use crate::transport::retry::{CallState, Decision, Failure, RetryPolicy, decide};

/// The target of the events that say in fields what is sent, and why it is sent again: `call`, `attempt`, `about`; `why` and
/// `wait_ms`. They have no secret, and a front end makes sentences of them.
const SAID: &str = "easemob_admin_api::said";

pub(crate) struct Pipeline {
    root: AppRoot,
    http: Http,
    limiter: Limiter,
    retry: RetryPolicy,
    hook: Option<Hook>,
    clock: Arc<dyn Clock>,
    random: Mutex<fastrand::Rng>,
    counters: Counters,
    secrets: Secrets,
    /// None where calls do not wait for a server that is away.
    gate: Option<ServerGate>,
    /// How tokens are got: given up together with the calls of the first client, and at the end of nobody's deadline.
    manner: Manner,
}

/// Why an attempt brought nothing.
enum Failed {
    /// 401 with this lease; a new token may help.
    TokenRefused(Lease, Kind),
    Otherwise(Kind),
}

/// What a server that was away has used up of the attempts and the time of a call.
#[derive(Default)]
struct Forgiven {
    attempts: u32,
    elapsed: Duration,
    times: u32,
}

impl Forgiven {
    /// A call that finds the server away more often may be what sends it away.
    const MOST_TIMES: u32 = 10;

    /// Forgives everything so far, unless that was done too often.
    fn forgives(&mut self, call: CallState) -> bool {
        self.times += 1;
        (self.attempts, self.elapsed) = (call.attempts, call.elapsed);
        self.times <= Self::MOST_TIMES
    }

    fn without(&self, call: CallState) -> CallState {
        CallState {
            attempts: call.attempts - self.attempts,
            elapsed: call.elapsed.saturating_sub(self.elapsed),
            ..call
        }
    }
}

impl Pipeline {
    pub(super) fn new(root: AppRoot, http: Http, limiter: Limiter, setup: &Setup) -> Self {
        let secrets = Secrets::default();
        for value in headers::secrets(&setup.headers) {
            secrets.fixed_token(value);
        }
        let wait = setup.wait_for_server;
        let random = setup
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            root,
            http,
            limiter,
            retry: setup.retry.clone(),
            hook: setup.hook.clone(),
            clock: Arc::clone(&setup.clock),
            random: Mutex::new(random),
            counters: Counters::default(),
            secrets,
            gate: (!wait.is_zero()).then(|| ServerGate::new(wait)),
            manner: Manner {
                headers: Arc::new(setup.headers.clone()),
                ..Manner::default()
            },
        }
    }

    pub(super) fn root(&self) -> &AppRoot {
        &self.root
    }

    pub(super) fn effective_rate(&self) -> Option<f64> {
        self.limiter.effective_rate(Bucket::Accounts)
    }

    pub(super) fn pools(&self) -> Vec<PoolUse> {
        self.limiter.pools()
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.counters.traffic()
    }

    /// The secrets that no answer may show.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(super) fn paused_until(&self) -> Option<SystemTime> {
        self.limiter.paused_until()
    }

    pub(super) fn outage(&self) -> Option<Outage> {
        self.gate.as_ref()?.outage(self.clock.now())
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn manner(&self) -> &Manner {
        &self.manner
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Makes a call. One without `tokens` gets a token itself, and others wait for it.
    pub(super) async fn execute<E: Endpoint>(
        &self,
        endpoint: &E,
        tokens: Option<&TokenCache>,
        manner: &Manner,
    ) -> Result<E::Output, Error> {
        let request = endpoint.request(&self.root);
        let span = span(endpoint, &self.root, request.as_ref().ok(), manner);
        let mut watched = Watched::begin(endpoint, manner, self.hook.as_ref(), &*self.clock, span.clone());
        let called = async {
            let outcome = match request {
                Err(error) => Err(Kind::Build(error)),
                Ok(request) => {
                    let end = manner.deadline.map(|deadline| watched.start() + deadline);
                    let carried =
                        self.carry_out(endpoint, &request, tokens, manner, end, &mut watched.progress);
                    if let Some(outcome) = self.until(end, carried).await {
                        outcome
                    } else {
                        let on_its_way = watched.progress.on_its_way;
                        Err(Kind::Transport(TransportError::deadline_passed(on_its_way)))
                    }
                }
            };
            let outcome = outcome.map_err(|kind| {
                let progress = &watched.progress;
                let mut error = Error::new(endpoint, kind, progress.call.attempts, watched.elapsed());
                if progress.server_away {
                    error = error.after_a_wait_in_vain();
                }
                if progress.doubtful {
                    error.after_a_doubtful_attempt()
                } else {
                    error
                }
            });
            watched.ended(&outcome);
            outcome
        };
        called.instrument(span).await
    }

    /// Waits for something until a time; `None` if it did not come.
    pub(super) async fn until<T>(&self, end: Option<Instant>, awaited: impl Future<Output = T>) -> Option<T> {
        let Some(end) = end else {
            return Some(awaited.await);
        };
        match select(Box::pin(awaited), self.clock.sleep_until(end)).await {
            Either::Left((came, _)) => Some(came),
            Either::Right(_) => None,
        }
    }

    /// Waits for what comes before a request, for no longer than until a time.
    fn in_patience<T>(
        &self,
        end: Option<Instant>,
        awaited: impl Future<Output = Result<T, Kind>>,
    ) -> impl Future<Output = Result<T, Kind>> {
        match end {
            None => Either::Left(awaited),
            // Kept out of what every call carries along.
            Some(_) => Either::Right(Box::pin(async move {
                match self.until(end, awaited).await {
                    Some(came) => came,
                    None => Err(Kind::Transport(TransportError::no_turn())),
                }
            })),
        }
    }

    async fn carry_out<E: Endpoint>(
        &self,
        endpoint: &E,
        request: &Request,
        tokens: Option<&TokenCache>,
        manner: &Manner,
        end: Option<Instant>,
        progress: &mut Progress,
    ) -> Result<E::Output, Kind> {
        // Those that have a connection may wait for a token: the call that gets it waits for none.
        let limited = tokens.is_some();
        let all_tokens = tokens;
        let tokens = tokens.filter(|_| E::AUTHORITY == Authority::App);
        let waiting = &manner.waiting;
        let mut renewed = false;
        let mut forgiven = Forgiven::default();
        loop {
            let outages = self.gate.as_ref().map_or(0, ServerGate::outages);
            let patience = manner.patience.map(|patience| self.clock.now() + patience);
            if self.gate.as_ref().is_some_and(ServerGate::is_closed) {
                let passed = self.wait_for_server(outages, all_tokens, manner);
                self.in_patience(patience, passed).await?;
            }
            let waited_before = progress.waited_for_budget;
            // Before the wait, so that no turn is used up in vain, and once more after it.
            self.wait_for_leave(manner).await?;
            let admitted = self.admitted(E::BUCKET, tokens, limited, manner.lane, progress);
            let admitted = self.in_patience(patience, waiting.unless_stopped(admitted));
            let (lease, slot) = admitted.await??;
            let attempt_start = self.clock.now();
            // After a stall the permit and the end may come at once, and nothing is sent after its end.
            if end.is_some_and(|end| attempt_start >= end) {
                return Err(Kind::Transport(TransportError::deadline_passed(false)));
            }
            match leave_now(manner) {
                LeaveNow::Given => {}
                // The turn would be used late: another one is waited for.
                LeaveNow::NotYet => continue,
                LeaveNow::Never => return Err(Kind::Transport(TransportError::no_longer_allowed())),
            }
            let attempted = self.attempt(endpoint, request, lease, manner, progress).await;
            self.counters
                .ended(progress.waited_for_budget.saturating_sub(waited_before));
            let failed = match attempted {
                Ok(output) => {
                    if let Some(gate) = &self.gate {
                        gate.answered();
                    }
                    return Ok(output);
                }
                Err(failed) => failed,
            };
            drop(slot);
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
                        debug!(target: SAID, call = E::NAME, why = "the token was refused, and there is a new one", "again");
                        continue;
                    }
                    kind
                }
            };
            let policy = manner.retry.as_ref().unwrap_or(&self.retry);
            let decision = self.decision_after::<E>(policy, &forgiven.without(progress.call), &kind);
            let away = self.note(&kind, decision);
            if decision == Decision::Permanent {
                return Err(kind);
            }
            let was_doubtful = progress.doubtful;
            // A later refusal says nothing of an attempt before it that got no answer.
            progress.doubtful |= E::EFFECT != Effect::Read && kind.delivery() == Some(Delivery::Unknown);
            // Whoever has no patience repeats the call himself, and wants to know why it failed.
            if away && manner.patience.is_none() {
                match self.wait_for_server(outages, all_tokens, manner).await? {
                    Waited::Back if forgiven.forgives(progress.call) => {
                        debug!(target: SAID, call = E::NAME, why = "the server was away, and is back", "again");
                        continue;
                    }
                    Waited::InVain => {
                        progress.server_away = true;
                        progress.doubtful = was_doubtful;
                        return Err(kind);
                    }
                    Waited::Back | Waited::NotAway => {}
                }
            }
            let Decision::RetryAfter(delay) = decision else {
                progress.doubtful = was_doubtful;
                return Err(kind);
            };
            say_again::<E>(&kind, delay);
            waiting
                .unless_stopped(self.clock.sleep_until(self.clock.now() + delay))
                .await?;
            progress.call.elapsed += delay;
        }
    }

    /// Tells the gate what a failure says of the server, and returns true if calls wait, or have waited in vain.
    fn note(&self, kind: &Kind, decision: Decision) -> bool {
        let Some(gate) = &self.gate else { return false };
        if kind.shows_server_there() {
            gate.answered();
        }
        if !kind.shows_server_away(gate.heard()) {
            return false;
        }
        let retry_after = match kind {
            Kind::Refused(refusal) => refusal.retry_after,
            _ => None,
        };
        gate.failed(self.clock.now(), retry_after, decision == Decision::Exhausted);
        gate.is_closed() || gate.is_in_vain()
    }

    /// Waits until requests may be sent.
    async fn wait_for_leave(&self, manner: &Manner) -> Result<(), Kind> {
        loop {
            match leave_now(manner) {
                LeaveNow::Given => return Ok(()),
                LeaveNow::NotYet => {}
                LeaveNow::Never => return Err(Kind::Transport(TransportError::no_longer_allowed())),
            }
            let later = self.clock.sleep_until(self.clock.now() + ASK_AGAIN);
            manner.waiting.unless_stopped(later).await?;
        }
    }

    /// Waits while the server is away; `outages` is what the gate counted before the attempt.
    async fn wait_for_server(
        &self,
        outages: u64,
        tokens: Option<&TokenCache>,
        manner: &Manner,
    ) -> Result<Waited, Kind> {
        let Some(gate) = &self.gate else {
            return Ok(Waited::NotAway);
        };
        // Seldom needed, hence kept out of what every call carries along.
        let pass = Box::pin(gate.pass(outages, &*self.clock, || self.probe(tokens, manner)));
        manner.waiting.unless_stopped(pass).await
    }

    /// Asks the server for one user, which changes nothing: any answer will do, also a refusal for want of a token.
    async fn probe(&self, tokens: Option<&TokenCache>, manner: &Manner) -> Probed {
        let one = ListUsers {
            query: UserQuery::new().page_size(1),
            cursor: None,
        };
        // One that cannot even be made says nothing of the server.
        let Ok(request) = one.request(&self.root) else {
            return Probed::Answered;
        };
        // Without a budget, this is not the time to ask.
        if self.limiter.permit(ListUsers::BUCKET, manner.lane).await.is_err() {
            return Probed::Away(None);
        }
        let header = tokens.and_then(TokenCache::at_hand).map(|lease| lease.header);
        self.counters.sent();
        let sent = self.http.send(&request, header, &manner.headers, &*self.clock);
        let failure = match sent.await {
            Ok(answer) => match classify(&self.secrets.clean(&answer, &[], &manner.secrets)) {
                Classified::Refused(refusal) => Kind::Refused(refusal),
                Classified::Success(_) | Classified::Undecodable(_) => return Probed::Answered,
            },
            Err(error) => Kind::Transport(error),
        };
        let heard = self.gate.as_ref().is_some_and(ServerGate::heard);
        match &failure {
            _ if !failure.shows_server_away(heard) => Probed::Answered,
            Kind::Refused(refusal) => Probed::Away(refusal.retry_after),
            _ => Probed::Away(None),
        }
    }

    /// Waits for a token, and then for a permit: a permit that waits is used late, on top of those of others.
    ///
    /// Where the token has expired in the meantime, or a connection had to be waited for, both are waited for once more.
    /// Then the token is used as it is: one that lives for less than the wait would never be good enough.
    async fn admitted(
        &self,
        bucket: Bucket,
        tokens: Option<&TokenCache>,
        limited: bool,
        lane: Lane,
        progress: &mut Progress,
    ) -> Result<(Option<Lease>, Option<Slot>), Kind> {
        let (mut slot, mut again) = (None, false);
        loop {
            let asked = self.clock.now();
            let lease = match tokens {
                Some(tokens) => Some(tokens.lease().await?),
                None => None,
            };
            let had_token = self.clock.now();
            progress.waited_for_token += had_token.saturating_duration_since(asked);
            self.limiter.permit(bucket, lane).await.map_err(away)?;
            let stale = if limited && slot.is_none() {
                let (taken, waited) = self.http.slot(lane).await;
                slot = Some(taken);
                waited
            } else {
                false
            };
            progress.waited_for_budget += self.since(had_token);
            if stale {
                continue;
            }
            let Some(tokens) = tokens else {
                return Ok((None, slot));
            };
            match tokens.at_hand() {
                Some(lease) => return Ok((Some(lease), slot)),
                None if again => return Ok((lease, slot)),
                None => again = true,
            }
        }
    }

    async fn attempt<E: Endpoint>(
        &self,
        endpoint: &E,
        request: &Request,
        lease: Option<Lease>,
        manner: &Manner,
        progress: &mut Progress,
    ) -> Result<E::Output, Failed> {
        progress.call.attempts += 1;
        progress.on_its_way = true;
        debug!(
            target: SAID,
            call = E::NAME,
            attempt = progress.call.attempts,
            about = endpoint.target().unwrap_or_default(),
            "sent"
        );
        self.counters.sent();
        let header = lease.as_ref().map(|lease| lease.header.clone());
        let header = header.or_else(|| endpoint.own_token().map(|token| self.own_header(token)));
        let streams = E::STREAMS && !E::SECRET && manner.secrets.is_empty();
        let extent = if streams {
            Extent::Beginning(E::LONGEST_WHOLE)
        } else {
            Extent::Whole(E::LONGEST_WHOLE)
        };
        let (mut answer, rest) = self
            .http
            .begin(request, header, &manner.headers, &*self.clock, extent)
            .await
            .map_err(|error| Failed::Otherwise(Kind::Transport(error)))?;
        progress.status = Some(answer.status);
        let long = rest.and_then(|rest| self.judged_by_its_beginning(&mut answer, rest));
        let secrets = if E::SECRET {
            texts_of(request.body.as_deref().unwrap_or_default())
        } else {
            Vec::new()
        };
        let clean = self.secrets.clean(&answer, &secrets, &manner.secrets);
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
            (Classified::Success(envelope), _) => match long {
                Some(long) => endpoint.pass_on(long).map_err(undecodable),
                None => endpoint.decode(&envelope).map_err(undecodable),
            },
            (Classified::Undecodable(error), _) => Err(undecodable(error)),
            (Classified::Refused(refusal), Some(lease)) if refusal.status == 401 => {
                Err(Failed::TokenRefused(lease, Kind::Refused(refusal)))
            }
            (Classified::Refused(refusal), _) => Err(Failed::Otherwise(Kind::Refused(refusal))),
        }
    }

    /// Leaves of a long answer what it can be judged by, and returns the whole to be passed on; nothing if it is not a success.
    fn judged_by_its_beginning(&self, answer: &mut Answer, rest: Rest) -> Option<AnswerStream> {
        let mut outline = Outline::default();
        if !(200..300).contains(&answer.status) || outline.read(&answer.body).is_err() {
            return None;
        }
        let fields = outline.beginning(&answer.body).into();
        let beginning = std::mem::replace(&mut answer.body, fields);
        Some(AnswerStream::of(
            &beginning,
            outline,
            rest,
            self.secrets.cleaner(),
        ))
    }

    /// The header of a call that brings its own token, which no answer may show.
    fn own_header(&self, token: &SecretString) -> HeaderValue {
        self.secrets.token(token.expose_secret());
        bearer(token)
    }

    /// Whether there is another attempt, and when.
    fn decision_after<E: Endpoint>(&self, policy: &RetryPolicy, call: &CallState, kind: &Kind) -> Decision {
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
            Kind::Build(_)
            | Kind::Credentials(_)
            | Kind::Sign(_)
            | Kind::NoToken(_)
            | Kind::Decode(_)
            | Kind::Listing(_) => {
                return Decision::Permanent;
            }
        };
        let jitter = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        let decision = decide(policy, call, &failure, jitter);
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
                .unwrap_or_else(|| policy.delay(call.attempts, jitter));
            self.counters.limited();
            self.limiter.limited(E::BUCKET, wait);
        }
        decision
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    fn since(&self, start: Instant) -> Duration {
        self.clock.now().saturating_duration_since(start)
    }
}

/// Says why and when a call is sent again.
fn say_again<E: Endpoint>(kind: &Kind, delay: Duration) {
    debug!(
        target: SAID,
        call = E::NAME,
        why = %again_because(kind),
        wait_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        "again"
    );
}

/// What a failure that may pass says of itself.
fn again_because(kind: &Kind) -> String {
    match kind {
        Kind::Refused(refusal) => refusal.to_string(),
        Kind::Transport(error) => error.to_string(),
        Kind::Build(_)
        | Kind::Credentials(_)
        | Kind::Sign(_)
        | Kind::NoToken(_)
        | Kind::Decode(_)
        | Kind::Listing(_) => "no usable answer".to_owned(),
    }
}

fn leave_now(manner: &Manner) -> LeaveNow {
    manner.leave.as_ref().map_or(LeaveNow::Given, Leave::now)
}

fn away(error: BudgetAway) -> Kind {
    Kind::Transport(TransportError::budget_away(error))
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("root", &self.root)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
