//! One token for all tasks: fetched once, renewed early, renewed once after a 401.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::error::{Error, Kind, SignError};
use crate::transport::clock::Clock;

/// How long a token that was renewed after a 401, and was refused as well, is taken for as good as any.
///
/// A missing right is a 401 too, and asking for tokens too often may block the account (app token page).
const FUTILE_FOR: Duration = Duration::from_secs(30);

/// How long a definite refusal of the credentials is believed without asking again, for the same reason.
const REFUSAL_FOR: Duration = Duration::from_secs(10);

/// How long any other failure to get a token is believed: every call would ask anew otherwise.
const TROUBLE_FOR: Duration = Duration::from_secs(1);

/// How long a token that is still good is used when an early renewal has failed.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A token as the server gave it.
pub(crate) struct Fetched {
    pub(crate) token: SecretString,
    /// `None` if it does not expire, or the server did not say.
    pub(crate) lifetime: Option<Duration>,
}

pub(crate) type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

/// Where tokens come from.
pub(crate) trait Fetch: Send + Sync {
    fn fetch(&self) -> FetchFuture<'_>;

    /// False if another fetch would give the same token.
    fn is_renewable(&self) -> bool;
}

/// Why there is no token; shared by all tasks that waited for it.
#[derive(Clone, Debug)]
pub(crate) enum FetchError {
    Call(Error),
    Sign(SignError),
}

impl FetchError {
    /// True if asking again soon would give the same answer.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Call(error) => error.status().is_some() && !error.is_retryable(),
            Self::Sign(_) => true,
        }
    }
}

impl From<FetchError> for Kind {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Call(error) => Self::Credentials(error),
            FetchError::Sign(error) => Self::Sign(error),
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
    renew_at: Option<Instant>,
    expires_at: Option<Instant>,
    fetched_at: Instant,
    /// The token replaced one that was refused.
    replaced_a_refused_one: bool,
    /// It was refused itself.
    refused: bool,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    generation: u64,
    failed: Option<(Instant, FetchError)>,
}

pub(crate) struct TokenCache {
    source: Box<dyn Fetch>,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
}

impl TokenCache {
    pub(crate) fn new(source: Box<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            state: RwLock::default(),
        }
    }

    /// Returns the token in use; fetches one if there is none or it is about to expire.
    pub(crate) async fn lease(&self) -> Result<Lease, FetchError> {
        let asked_at = self.clock.now();
        if let Some(lease) = self.state.read().await.fresh(asked_at) {
            return Ok(lease);
        }
        // Seldom needed, hence kept out of what every call carries along.
        Box::pin(self.lease_anew(asked_at)).await
    }

    async fn lease_anew(&self, asked_at: Instant) -> Result<Lease, FetchError> {
        let mut state = self.state.write().await;
        if let Some(lease) = state.fresh(self.clock.now()) {
            return Ok(lease);
        }
        match self.fetch(&mut state, asked_at, false).await {
            // It was to be renewed early; that it could not be takes nothing from it.
            Err(error) => state.still_good(self.clock.now()).ok_or(error),
            fetched => fetched,
        }
    }

    /// Replaces a token that was refused with 401, unless another task has done so already.
    ///
    /// `None` means that a new token would not help.
    pub(crate) async fn renew(&self, refused: &Lease) -> Option<Result<Lease, FetchError>> {
        let asked_at = self.clock.now();
        if !self.source.is_renewable() {
            return None;
        }
        let mut state = self.state.write().await;
        if let Some(held) = &mut state.held {
            if held.lease.generation != refused.generation {
                return Some(Ok(held.lease.clone()));
            }
            let known_futile =
                held.refused && held.replaced_a_refused_one && held.fetched_at + FUTILE_FOR > asked_at;
            held.refused = true;
            if known_futile {
                return None;
            }
        }
        Some(self.fetch(&mut state, asked_at, true).await)
    }

    /// Notes that a token fetched after a 401 was refused too.
    pub(crate) async fn refused_again(&self, lease: &Lease) {
        let mut state = self.state.write().await;
        if let Some(held) = state
            .held
            .as_mut()
            .filter(|held| held.lease.generation == lease.generation)
        {
            held.refused = true;
        }
    }

    /// Fetches under the lock. Tasks that had already asked when a fetch failed share its failure, and so do those who
    /// ask soon after.
    async fn fetch(
        &self,
        state: &mut State,
        asked_at: Instant,
        replaced_a_refused_one: bool,
    ) -> Result<Lease, FetchError> {
        if let Some((failed_at, error)) = &state.failed {
            let believed_for = if error.is_refusal() {
                REFUSAL_FOR
            } else {
                TROUBLE_FOR
            };
            if *failed_at + believed_for > asked_at {
                return Err(error.clone());
            }
        }
        let fetched = match self.source.fetch().await {
            Ok(fetched) => fetched,
            Err(error) => {
                state.failed = Some((self.clock.now(), error.clone()));
                return Err(error);
            }
        };
        let now = self.clock.now();
        state.generation += 1;
        let lease = Lease {
            header: bearer(&fetched.token),
            generation: state.generation,
        };
        state.failed = None;
        state.held = Some(Held {
            lease: lease.clone(),
            renew_at: fetched
                .lifetime
                .map(|lifetime| now + lifetime.saturating_sub(margin(lifetime))),
            expires_at: fetched.lifetime.map(|lifetime| now + lifetime),
            fetched_at: now,
            replaced_a_refused_one,
            refused: false,
        });
        Ok(lease)
    }
}

impl State {
    /// Returns the token that was to be renewed, if it has not expired, and puts the renewal off.
    fn still_good(&mut self, now: Instant) -> Option<Lease> {
        let held = self.held.as_mut()?;
        let expires_at = held.expires_at.filter(|_| !held.refused)?;
        (now < expires_at).then(|| {
            held.renew_at = Some(expires_at.min(now + RENEW_AGAIN_AFTER));
            held.lease.clone()
        })
    }

    fn fresh(&self, now: Instant) -> Option<Lease> {
        let held = self.held.as_ref()?;
        held.renew_at
            .is_none_or(|renew_at| now < renew_at)
            .then(|| held.lease.clone())
    }
}

/// How long before its end a token is renewed: a tenth of its life, at most 5 minutes.
fn margin(lifetime: Duration) -> Duration {
    (lifetime / 10).min(Duration::from_mins(5))
}

fn bearer(token: &SecretString) -> HeaderValue {
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

    struct Source {
        fetches: Arc<AtomicU32>,
        fails: Arc<AtomicBool>,
        refuses: bool,
    }

    impl Fetch for Source {
        fn fetch(&self) -> FetchFuture<'_> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let number = self.fetches.fetch_add(1, Ordering::SeqCst);
                if self.fails.load(Ordering::SeqCst) {
                    return Err(if self.refuses { refusal() } else { trouble() });
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
                cache.refused_again(&second).await;
            }
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn the_token_is_marked_sensitive() {
        let header = bearer(&SecretString::from("YWMtsecret"));
        assert!(!format!("{header:?}").contains("YWMtsecret"));
    }
}
