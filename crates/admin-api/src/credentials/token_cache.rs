//! One token for all tasks: fetched once, renewed early, renewed once after a 401.
//!
//! A fetch belongs to nobody: whoever needs its token drives it on, and a task of its own besides, so that one whose
//! callers have all given up is not begun anew by the next. It lives in the runtime that began it, as its connection
//! does: waiting elsewhere could be for ever, since nobody may drive that runtime any more.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::error::{Error, Kind, NoToken, SignError};
use crate::transport::clock::Clock;

/// How long a token that was renewed after a 401, and was refused as well, is taken for as good as any.
///
/// A missing right is a 401 too, and asking for tokens too often may block the account (app token page).
pub(super) const FUTILE_FOR: Duration = Duration::from_secs(30);

/// How long a definite refusal of the credentials is believed without asking again, for the same reason.
const REFUSAL_FOR: Duration = Duration::from_secs(10);

/// How long any other failure to get a token is believed: every call would ask anew otherwise.
const TROUBLE_FOR: Duration = Duration::from_secs(1);

/// How long a token that is still good is used when an early renewal has failed.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// When a fetch is given up: its runtime has ended, or is not driven.
const ABANDONED_AFTER: Duration = Duration::from_secs(2 * 60);

/// A token as the server gave it.
#[derive(Clone)]
pub(crate) struct Fetched {
    pub(crate) token: SecretString,
    /// `None` if it does not expire, or the server did not say.
    pub(crate) lifetime: Option<Duration>,
}

pub(crate) type FetchFuture = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send>>;

/// Where tokens come from.
pub(crate) trait Fetch: Send + Sync {
    /// Fetches a token; `refused` is the one that the server refused, if that is why.
    fn fetch(&self, refused: Option<SecretString>) -> FetchFuture;

    /// False if another fetch would give the same token.
    fn is_renewable(&self) -> bool;
}

/// Why there is no token; shared by all tasks that waited for it.
#[derive(Clone, Debug)]
pub(crate) enum FetchError {
    Call(Error),
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "nothing is signed"))]
    Sign(SignError),
    Brought(NoToken),
}

impl FetchError {
    /// How long it is believed without asking again: less if asking could bring something else.
    fn believed_for(&self) -> Duration {
        let is_refusal = match self {
            Self::Call(error) => error.status().is_some() && !error.is_retryable(),
            Self::Sign(_) => true,
            Self::Brought(why) => why.is_refusal(),
        };
        if is_refusal { REFUSAL_FOR } else { TROUBLE_FOR }
    }
}

impl From<FetchError> for Kind {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Call(error) => Self::Credentials(error),
            FetchError::Sign(error) => Self::Sign(error),
            FetchError::Brought(why) => Self::NoToken(why),
        }
    }
}

/// A token in use.
#[derive(Clone)]
pub(crate) struct Lease {
    pub(crate) header: HeaderValue,
    generation: u64,
}

struct Held {
    lease: Lease,
    token: SecretString,
    renew_at: Option<Instant>,
    expires_at: Option<Instant>,
    fetched_at: Instant,
    /// The token replaced one that was refused.
    replaced_a_refused_one: bool,
    /// It was refused itself.
    refused: bool,
}

impl Held {
    /// Returns true if it may have been refused for itself. Where the token before it was refused too, a right is missing,
    /// and it is good for all calls that need no such right.
    fn is_suspect(&self) -> bool {
        self.refused && !self.replaced_a_refused_one
    }
}

/// What a fetch brought, and when.
type Outcome = (Instant, Result<Fetched, FetchError>);

/// A fetch that is under way.
#[derive(Clone)]
struct Fetching {
    number: u64,
    since: Instant,
    runtime: Option<Id>,
    outcome: Shared<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
}

impl Fetching {
    fn is_abandoned(&self, now: Instant) -> bool {
        self.since + ABANDONED_AFTER <= now
    }
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Of tokens and of fetches.
    numbers: u64,
    failed: Option<(Instant, FetchError)>,
    /// At most one of each runtime.
    under_way: Vec<Fetching>,
}

pub(crate) struct TokenCache {
    source: Box<dyn Fetch>,
    clock: Arc<dyn Clock>,
    /// Never held while anything is waited for.
    state: Arc<RwLock<State>>,
}

impl TokenCache {
    pub(crate) fn new(source: Box<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            state: Arc::default(),
        }
    }

    /// Returns the token in use; fetches one if there is none or it is about to expire.
    pub(crate) async fn lease(&self) -> Result<Lease, FetchError> {
        if let Some(lease) = self.read().fresh(self.clock.now()) {
            return Ok(lease);
        }
        // Seldom needed, hence kept out of what every call carries along.
        Box::pin(self.lease_anew()).await
    }

    async fn lease_anew(&self) -> Result<Lease, FetchError> {
        let fetching = {
            let mut state = self.write();
            let now = self.clock.now();
            state.give_up_the_abandoned(now);
            if let Some(lease) = state.fresh(now) {
                return Ok(lease);
            }
            match self.fetching(&mut state, now) {
                Ok(fetching) => fetching,
                Err(error) => return state.still_good(now).ok_or(error),
            }
        };
        self.brought(fetching).await
    }

    /// Returns the token if there is one that has not expired, without waiting.
    pub(crate) fn at_hand(&self) -> Option<Lease> {
        let state = self.read();
        state.usable(self.clock.now()).map(|held| held.lease.clone())
    }

    /// Replaces a token that was refused with 401, unless another task has done so already.
    ///
    /// `None` means that a new token would not help.
    pub(crate) async fn renew(&self, refused: &Lease) -> Option<Result<Lease, FetchError>> {
        if !self.source.is_renewable() {
            return None;
        }
        let fetching = {
            let mut state = self.write();
            let now = self.clock.now();
            state.give_up_the_abandoned(now);
            if let Some(held) = &mut state.held {
                if held.lease.generation != refused.generation {
                    return Some(Ok(held.lease.clone()));
                }
                let known_futile =
                    held.refused && held.replaced_a_refused_one && held.fetched_at + FUTILE_FOR > now;
                held.refused = true;
                if known_futile {
                    return None;
                }
            }
            match self.fetching(&mut state, now) {
                Ok(fetching) => fetching,
                Err(error) => return Some(Err(error)),
            }
        };
        Some(self.brought(fetching).await)
    }

    /// Notes that a token fetched after a 401 was refused too.
    pub(crate) fn refused_again(&self, lease: &Lease) {
        if let Some(held) = self
            .write()
            .held
            .as_mut()
            .filter(|held| held.lease.generation == lease.generation)
        {
            held.refused = true;
        }
    }

    /// Joins the fetch of this runtime, or begins one; not soon after a failure, which is shared instead.
    fn fetching(&self, state: &mut State, now: Instant) -> Result<Fetching, FetchError> {
        let handle = Handle::try_current().ok();
        let runtime = handle.as_ref().map(Handle::id);
        if let Some(fetching) = state.under_way.iter().find(|other| other.runtime == runtime) {
            return Ok(fetching.clone());
        }
        if let Some((failed_at, error)) = &state.failed
            && *failed_at + error.believed_for() > now
        {
            return Err(error.clone());
        }
        let refused = state.held.as_ref().filter(|held| held.refused);
        let refused = refused.map(|held| held.token.clone());
        let (fetch, clock) = (self.source.fetch(refused), Arc::clone(&self.clock));
        let outcome: Pin<Box<dyn Future<Output = Outcome> + Send>> = Box::pin(async move {
            let fetched = fetch.await;
            (clock.now(), fetched)
        });
        state.numbers += 1;
        let fetching = Fetching {
            number: state.numbers,
            since: now,
            runtime,
            outcome: outcome.shared(),
        };
        if let Some(handle) = handle {
            let (fetching, cache) = (fetching.clone(), Arc::downgrade(&self.state));
            handle.spawn(async move {
                let outcome = fetching.outcome.await;
                if let Some(state) = cache.upgrade() {
                    write(&state).settle(fetching.number, &outcome);
                }
            });
        }
        state.under_way.push(fetching.clone());
        Ok(fetching)
    }

    /// Waits for a fetch.
    async fn brought(&self, fetching: Fetching) -> Result<Lease, FetchError> {
        let outcome = fetching.outcome.clone().await;
        let mut state = self.write();
        state.settle(fetching.number, &outcome);
        match outcome {
            (ended_at, Ok(fetched)) => match &state.held {
                Some(held) if held.lease.generation > fetching.number => Ok(held.lease.clone()),
                _ => Ok(state.hold(&fetched, fetching.since, ended_at)),
            },
            // It was to be renewed early; that it could not be takes nothing from it.
            (_, Err(error)) => state.still_good(self.clock.now()).ok_or(error),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        write(&self.state)
    }
}

fn write(state: &RwLock<State>) -> RwLockWriteGuard<'_, State> {
    state.write().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Returns the token unless somebody has to renew it. While one task does so, it is good enough for all others.
    fn fresh(&self, now: Instant) -> Option<Lease> {
        let held = self.usable(now)?;
        let due = held.renew_at.is_some_and(|renew_at| renew_at <= now);
        (!due || self.is_renewing(now)).then(|| held.lease.clone())
    }

    /// The token, if it has not expired. A refused one is not worth a request once another is on its way.
    fn usable(&self, now: Instant) -> Option<&Held> {
        self.held.as_ref().filter(|held| {
            let expired = held.expires_at.is_some_and(|expires_at| expires_at <= now);
            let being_replaced = held.is_suspect() && self.is_renewing(now);
            !expired && !being_replaced
        })
    }

    fn is_renewing(&self, now: Instant) -> bool {
        self.under_way.iter().any(|fetching| !fetching.is_abandoned(now))
    }

    /// Returns the token that was to be renewed, if it has not expired, and puts the renewal off.
    fn still_good(&mut self, now: Instant) -> Option<Lease> {
        let held = self.held.as_mut()?;
        let expires_at = held.expires_at.filter(|_| !held.is_suspect())?;
        (now < expires_at).then(|| {
            held.renew_at = Some(expires_at.min(now + RENEW_AGAIN_AFTER));
            held.lease.clone()
        })
    }

    /// Takes a token from a fetch that was begun at `since`.
    fn hold(&mut self, fetched: &Fetched, since: Instant, now: Instant) -> Lease {
        // One that another runtime fetched at the same time replaced the same refused one.
        let replaced_a_refused_one = self
            .held
            .as_ref()
            .is_some_and(|held| held.refused || (held.replaced_a_refused_one && held.fetched_at > since));
        self.numbers += 1;
        let lease = Lease {
            header: bearer(&fetched.token),
            generation: self.numbers,
        };
        self.failed = None;
        self.held = Some(Held {
            lease: lease.clone(),
            token: fetched.token.clone(),
            renew_at: fetched
                .lifetime
                .map(|lifetime| now + lifetime.saturating_sub(margin(lifetime))),
            expires_at: fetched.lifetime.map(|lifetime| now + lifetime),
            fetched_at: now,
            replaced_a_refused_one,
            refused: false,
        });
        lease
    }

    /// Writes down what a fetch brought, unless another task has done so.
    fn settle(&mut self, number: u64, (ended_at, fetched): &Outcome) {
        let Some(place) = self
            .under_way
            .iter()
            .position(|fetching| fetching.number == number)
        else {
            return;
        };
        let since = self.under_way.swap_remove(place).since;
        match fetched {
            Ok(fetched) => {
                self.hold(fetched, since, *ended_at);
            }
            Err(error) => self.failed = Some((*ended_at, error.clone())),
        }
    }

    fn give_up_the_abandoned(&mut self, now: Instant) {
        self.under_way.retain(|fetching| !fetching.is_abandoned(now));
    }
}

/// How long before its end a token is renewed: a tenth of its life, at most 5 minutes.
fn margin(lifetime: Duration) -> Duration {
    (lifetime / 10).min(Duration::from_secs(5 * 60))
}

pub(crate) fn bearer(token: &SecretString) -> HeaderValue {
    let text = format!("Bearer {}", token.expose_secret().trim());
    // A token with characters no header may hold cannot be right; the server says so with a 401.
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;
    use crate::endpoints::token::AppToken;
    use crate::error::TransportError;
    use crate::transport::clock::SystemClock;

    /// How long a fetch takes.
    const TAKES: Duration = Duration::from_millis(50);

    struct Source {
        fetches: Arc<AtomicU32>,
        fails: Arc<AtomicBool>,
        refuses: bool,
    }

    impl Fetch for Source {
        fn fetch(&self, _: Option<SecretString>) -> FetchFuture {
            let number = self.fetches.fetch_add(1, Ordering::SeqCst);
            let (fails, refuses) = (Arc::clone(&self.fails), self.refuses);
            Box::pin(async move {
                tokio::time::sleep(TAKES).await;
                if fails.load(Ordering::SeqCst) {
                    return Err(if refuses { refusal() } else { trouble() });
                }
                let token = SecretString::from(format!("token-{number}"));
                Ok(Fetched {
                    token,
                    lifetime: Some(Duration::from_secs(100)),
                })
            })
        }

        fn is_renewable(&self) -> bool {
            true
        }
    }

    fn refusal() -> FetchError {
        FetchError::Sign(SignError { problem: "no".into() })
    }

    fn trouble() -> FetchError {
        let kind = Kind::Transport(TransportError::no_connection());
        FetchError::Call(Error::new(&AppToken::unnamed(), kind, 1, Duration::ZERO))
    }

    fn cache(fails: bool) -> (Arc<TokenCache>, Arc<AtomicU32>) {
        let (cache, fetches, _) = cache_of(fails, true);
        (cache, fetches)
    }

    fn cache_of(fails: bool, refuses: bool) -> (Arc<TokenCache>, Arc<AtomicU32>, Arc<AtomicBool>) {
        let fetches = Arc::new(AtomicU32::new(0));
        let fails = Arc::new(AtomicBool::new(fails));
        let source = Source {
            fetches: Arc::clone(&fetches),
            fails: Arc::clone(&fails),
            refuses,
        };
        let cache = TokenCache::new(Box::new(source), Arc::new(SystemClock));
        (Arc::new(cache), fetches, fails)
    }

    async fn lease_from_tasks(cache: &Arc<TokenCache>, tasks: usize) -> Vec<bool> {
        let tasks: Vec<_> = (0..tasks)
            .map(|_| {
                let cache = Arc::clone(cache);
                tokio::spawn(async move { cache.lease().await.is_ok() })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_tasks_cause_one_fetch() {
        let (cache, fetches) = cache(false);
        assert!(lease_from_tasks(&cache, 100).await.into_iter().all(|ok| ok));
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_fetch_is_shared_by_those_who_waited() {
        let (cache, fetches) = cache(true);
        assert!(lease_from_tasks(&cache, 100).await.into_iter().all(|ok| !ok));
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_believed_for_a_while() {
        let (cache, fetches) = cache(true);
        for _ in 0..50 {
            assert!(cache.lease().await.is_err());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        tokio::time::advance(REFUSAL_FOR).await;
        assert!(cache.lease().await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_before_it_expires() {
        let (cache, fetches) = cache(false);
        cache.lease().await.ok().unwrap();
        tokio::time::advance(Duration::from_secs(89)).await;
        cache.lease().await.ok().unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        cache.lease().await.ok().unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_renewal_holds_up_one_task_only() {
        let (cache, fetches) = cache(false);
        cache.lease().await.ok().unwrap();
        tokio::time::advance(Duration::from_secs(91)).await;
        let renewing = Arc::clone(&cache);
        let renewing = tokio::spawn(async move { renewing.lease().await.ok().unwrap() });
        tokio::task::yield_now().await;
        let start = Instant::now();
        for _ in 0..20 {
            cache.lease().await.ok().unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        let renewed = renewing.await.unwrap();
        assert_eq!(cache.lease().await.ok().unwrap().generation, renewed.generation);
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_not_handed_out_while_another_is_fetched() {
        let (cache, _) = cache(false);
        let refused = cache.lease().await.ok().unwrap();
        let (renewing, lease) = (Arc::clone(&cache), refused.clone());
        let renewing = tokio::spawn(async move { renewing.renew(&lease).await.unwrap().is_ok() });
        tokio::task::yield_now().await;
        assert_ne!(cache.lease().await.ok().unwrap().generation, refused.generation);
        assert!(renewing.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_cannot_be_renewed_early_is_used_until_it_expires() {
        let (cache, fetches, fails) = cache_of(false, false);
        cache.lease().await.ok().unwrap();
        fails.store(true, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(91)).await;
        for _ in 0..20 {
            cache.lease().await.ok().unwrap();
        }
        assert_eq!(
            fetches.load(Ordering::SeqCst),
            2,
            "and the server is not asked for every call"
        );
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(cache.lease().await.is_err());
        fails.store(false, Ordering::SeqCst);
        tokio::time::advance(TROUBLE_FOR).await;
        assert!(cache.lease().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_right_takes_the_token_from_no_other_call() {
        let (cache, _, fails) = cache_of(false, false);
        let first = cache.lease().await.ok().unwrap();
        let second = cache.renew(&first).await.unwrap().ok().unwrap();
        cache.refused_again(&second);
        fails.store(true, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(91)).await;
        let renewing = {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.lease().await.is_ok() })
        };
        tokio::task::yield_now().await;
        assert!(cache.at_hand().is_some(), "while it is renewed early");
        assert!(renewing.await.unwrap(), "and when it cannot be");
    }

    #[test]
    fn a_token_that_two_runtimes_fetched_replaced_the_same_refused_one() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let fetched = Fetched {
            token: SecretString::from("t"),
            lifetime: None,
        };
        let mut state = State::default();
        state.hold(&fetched, at(0), at(1));
        state.held.as_mut().unwrap().refused = true;
        state.hold(&fetched, at(2), at(4));
        state.hold(&fetched, at(3), at(5));
        assert!(state.held.as_ref().unwrap().replaced_a_refused_one);
        state.hold(&fetched, at(60), at(61));
        assert!(!state.held.as_ref().unwrap().replaced_a_refused_one);
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_believed_for_a_moment() {
        let (cache, fetches, _) = cache_of(true, false);
        for _ in 0..20 {
            assert!(cache.lease().await.is_err());
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_refused_token_is_replaced_once_for_all() {
        let (cache, fetches) = cache(false);
        let refused = cache.lease().await.ok().unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (cache, refused) = (Arc::clone(&cache), refused.clone());
                tokio::spawn(async move { cache.renew(&refused).await.unwrap().is_ok() })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_right_does_not_fetch_a_token_per_call() {
        let (cache, fetches) = cache(false);
        for _ in 0..50 {
            let lease = cache.lease().await.ok().unwrap();
            if let Some(Ok(second)) = cache.renew(&lease).await {
                cache.refused_again(&second);
            }
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_give_up_do_not_begin_it_anew() {
        let (cache, fetches) = cache(false);
        for _ in 0..5 {
            assert!(tokio::time::timeout(TAKES / 10, cache.lease()).await.is_err());
        }
        tokio::time::sleep(TAKES).await;
        tokio::time::timeout(Duration::ZERO, cache.lease())
            .await
            .unwrap()
            .ok()
            .unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_nobody_waited_for_is_old_news_later() {
        let (cache, fetches, fails) = cache_of(true, true);
        assert!(tokio::time::timeout(TAKES / 10, cache.lease()).await.is_err());
        tokio::time::sleep(TAKES + REFUSAL_FOR).await;
        fails.store(false, Ordering::SeqCst);
        cache.lease().await.ok().unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_runtime_that_is_driven_for_a_moment_at_a_time_gets_its_token() {
        let (cache, fetches) = cache(false);
        let runtime = runtime();
        let tries = (0..20).find(|_| {
            runtime
                .block_on(async { tokio::time::timeout(TAKES / 5, cache.lease()).await })
                .is_ok()
        });
        assert!(tries.is_some_and(|tries| tries > 0), "{tries:?}");
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_runtime_that_is_not_driven_any_more_keeps_nobody_waiting() {
        let (cache, fetches) = cache(false);
        let (idle, ended, other) = (runtime(), runtime(), runtime());
        let begin = async { assert!(tokio::time::timeout(TAKES / 10, cache.lease()).await.is_err()) };
        idle.block_on(begin);
        let begin = async { assert!(tokio::time::timeout(TAKES / 10, cache.lease()).await.is_err()) };
        ended.block_on(begin);
        drop(ended);
        other.block_on(async {
            tokio::time::timeout(TAKES * 20, cache.lease())
                .await
                .unwrap()
                .ok()
                .unwrap();
        });
        assert_eq!(fetches.load(Ordering::SeqCst), 3);
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn the_token_is_marked_sensitive() {
        let header = bearer(&SecretString::from("YWMtsecret"));
        assert!(!format!("{header:?}").contains("YWMtsecret"));
    }
}
