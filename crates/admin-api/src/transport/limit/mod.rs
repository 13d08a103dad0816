//! Pacing: how many calls a second, and who may send the next one.
//!
//! The promise is "never above N in any rolling second, and at least 99 % of N used". `own` keeps it for the
//! tasks of one client, `file` for all processes of one user on one machine, and a [`schedule::SharedBudget`] of the
//! program's own for all machines; `adaptive` gives way when the server says that even that is too much.

// Open for measuring only.
#[doc(hidden)]
pub mod adaptive;
mod file;
mod hand;
mod lanes;
mod own;
mod pacer;
pub mod schedule;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub(crate) use self::file::FileBudget;
pub(crate) use self::lanes::Gate;
pub use self::lanes::Lane;
use self::own::OwnPacer;
pub use self::pacer::Pacer;
use self::schedule::{BudgetAway, SharedBudget};
use super::clock::Clock;
use crate::app_root::AppRoot;
use crate::endpoint::Bucket;

/// How much lateness is made up for: five ticks of the timer.
pub const SLACK: Duration = Duration::from_millis(5);

/// How much slower than N the schedule runs: the slack as a part of a second, and three milliseconds for the
/// way to the server.
pub const HEADROOM: f64 = 1.008;

/// No server asks for a longer pause that is worth waiting for.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How many calls a second a budget allows.
///
/// ```
/// use easemob_admin_api::RateLimit;
///
/// assert_eq!(RateLimit::per_second(20).to_string(), "20/s");
/// assert_eq!(RateLimit::unlimited().to_string(), "unlimited");
/// ```
///
/// In configuration files, a number of calls a second or the word `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit(Option<u32>);

impl RateLimit {
    /// Allows `calls` in any rolling second, 1 to 1,000,000; [`crate::ClientBuilder::build`] refuses others.
    #[must_use]
    pub const fn per_second(calls: u32) -> Self {
        Self(Some(calls))
    }

    /// Does not pace at all. The server's own limit still answers with 429, which slows the client down.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// Returns a part of this rate, in percent, but at least one call a second: the rest is left to others.
    ///
    /// ```
    /// use easemob_admin_api::RateLimit;
    ///
    /// assert_eq!(RateLimit::per_second(100).share(80), RateLimit::per_second(80));
    /// ```
    #[must_use]
    pub fn share(self, percent: u8) -> Self {
        let part = |calls: u32| u64::from(calls) * u64::from(percent.min(100)) / 100;
        Self(
            self.0
                .map(|calls| u32::try_from(part(calls)).unwrap_or(calls).max(1)),
        )
    }

    /// Returns the number of calls a second, or `None` for unlimited.
    #[must_use]
    pub fn calls_per_second(self) -> Option<u32> {
        self.0
    }

    pub(crate) fn is_valid(self) -> bool {
        self.0.is_none_or(|calls| (1..=1_000_000).contains(&calls))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(calls) => write!(f, "{calls}/s"),
            None => f.write_str("unlimited"),
        }
    }
}

/// The budgets of all buckets.
///
/// ```
/// use easemob_admin_api::{RateLimit, Rates};
///
/// let rates = Rates::default().accounts(RateLimit::per_second(50));
/// assert_eq!(rates.presence, RateLimit::per_second(50));
/// ```
///
/// In configuration files, a budget that is left out has its default, and an unknown one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Rates {
    /// User, device and session calls. Default 100/s, the shared pool of an app key (limitationapi page).
    pub accounts: RateLimit,
    /// `POST /token`. Default 300/s.
    pub token: RateLimit,
    /// Batch deletion. Default 30/s.
    pub batch_delete: RateLimit,
    /// Global mutes. Default 100/s.
    pub mutes: RateLimit,
    /// Presence. Default 50/s, the lower of the two documented figures.
    pub presence: RateLimit,
    /// Statuses of many users. Default 50/s: one page gives them a pool of that size, another counts them among the
    /// accounts, so they are paid from both.
    pub batch_status: RateLimit,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            accounts: RateLimit::per_second(100),
            token: RateLimit::per_second(300),
            batch_delete: RateLimit::per_second(30),
            mutes: RateLimit::per_second(100),
            presence: RateLimit::per_second(50),
            batch_status: RateLimit::per_second(50),
        }
    }
}

impl Rates {
    /// Paces nothing.
    #[must_use]
    pub fn unlimited() -> Self {
        let unlimited = RateLimit::unlimited();
        Self {
            accounts: unlimited,
            token: unlimited,
            batch_delete: unlimited,
            mutes: unlimited,
            presence: unlimited,
            batch_status: unlimited,
        }
    }

    /// Sets the budget of user, device and session calls.
    #[must_use]
    pub fn accounts(mut self, rate: RateLimit) -> Self {
        self.accounts = rate;
        self
    }

    /// Sets the budget of `POST /token`.
    #[must_use]
    pub fn token(mut self, rate: RateLimit) -> Self {
        self.token = rate;
        self
    }

    /// Sets the budget of batch deletion.
    #[must_use]
    pub fn batch_delete(mut self, rate: RateLimit) -> Self {
        self.batch_delete = rate;
        self
    }

    /// Sets the budget of global mutes.
    #[must_use]
    pub fn mutes(mut self, rate: RateLimit) -> Self {
        self.mutes = rate;
        self
    }

    /// Sets the budget of presence.
    #[must_use]
    pub fn presence(mut self, rate: RateLimit) -> Self {
        self.presence = rate;
        self
    }

    /// Sets the budget of statuses of many users.
    #[must_use]
    pub fn batch_status(mut self, rate: RateLimit) -> Self {
        self.batch_status = rate;
        self
    }

    /// Returns each budget by its name.
    #[must_use]
    pub fn pools(&self) -> [(&'static str, RateLimit); 6] {
        [
            ("accounts", self.accounts),
            ("token", self.token),
            ("batch_delete", self.batch_delete),
            ("mutes", self.mutes),
            ("presence", self.presence),
            ("batch_status", self.batch_status),
        ]
    }
}

/// How a pool of calls was used by a client and its clones so far; see [`Client::pools`](crate::Client::pools).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolUse {
    /// Its name, as [`Rates::pools`] has it, or as an endpoint calls a pool of its own.
    pub pool: &'static str,
    /// The calls that were let through. One that is paid from two pools counts in both.
    pub permits: u64,
    /// How many calls a second are allowed at the moment; nothing where there is no limit.
    pub rate: Option<f64>,
}

/// The pacers of one client, shared by its clones.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Arc<dyn Clock>,
    accounts: Arc<Pace>,
    token: Arc<Pace>,
    batch_delete: Arc<Pace>,
    mutes: Arc<Pace>,
    presence: Arc<Pace>,
    batch_status: Arc<Pace>,
    /// Those that endpoints have named themselves, by their names.
    own: Mutex<HashMap<&'static str, Arc<Pace>>>,
    /// False where nothing is paced, so that pools of endpoints' own are not, either.
    paced: bool,
    /// The budget that others share, and the app that it is used for.
    shared: Option<(Arc<dyn SharedBudget>, AppRoot)>,
}

impl Limiter {
    /// Paces the tasks of one client.
    pub(crate) fn new(rates: &Rates, clock: &Arc<dyn Clock>) -> Self {
        let pace = |rate| Arc::new(Pace::own(rate, clock));
        Self {
            clock: Arc::clone(clock),
            accounts: pace(rates.accounts),
            token: pace(rates.token),
            batch_delete: pace(rates.batch_delete),
            mutes: pace(rates.mutes),
            presence: pace(rates.presence),
            batch_status: pace(rates.batch_status),
            own: Mutex::default(),
            paced: *rates != Rates::unlimited(),
            shared: None,
        }
    }

    /// Paces all clients of an app that share its budget.
    ///
    /// # Errors
    /// When the budget cannot be used.
    pub(crate) fn shared(
        rates: &Rates,
        clock: &Arc<dyn Clock>,
        budget: &Arc<dyn SharedBudget>,
        app: &AppRoot,
    ) -> io::Result<Self> {
        let pace = |rate, pool: &str| Pace::shared(rate, clock, &**budget, app, pool).map(Arc::new);
        Ok(Self {
            accounts: pace(rates.accounts, "accounts")?,
            token: pace(rates.token, "token")?,
            batch_delete: pace(rates.batch_delete, "batch_delete")?,
            mutes: pace(rates.mutes, "mutes")?,
            presence: pace(rates.presence, "presence")?,
            batch_status: pace(rates.batch_status, "batch_status")?,
            shared: Some((Arc::clone(budget), app.clone())),
            ..Self::new(rates, clock)
        })
    }

    /// Returns until when the server asked this client, or another process that shares its budgets, to pause; nothing
    /// when there is no pause.
    pub(crate) fn paused_until(&self) -> Option<SystemTime> {
        let longest = self.all().filter_map(|(_, pace)| pace.pause()).max()?;
        Some(self.clock.system_time() + longest)
    }

    /// Returns how each pool was used so far.
    pub(crate) fn pools(&self) -> Vec<PoolUse> {
        self.all().map(|(pool, pace)| pace.used_as(pool)).collect()
    }

    /// Returns every pace by the name of its pool.
    fn all(&self) -> impl Iterator<Item = (&'static str, Arc<Pace>)> {
        let named = [
            ("accounts", &self.accounts),
            ("token", &self.token),
            ("batch_delete", &self.batch_delete),
            ("mutes", &self.mutes),
            ("presence", &self.presence),
            ("batch_status", &self.batch_status),
        ];
        let mut own: Vec<_> = self
            .own()
            .iter()
            .map(|(pool, pace)| (*pool, Arc::clone(pace)))
            .collect();
        own.sort_by_key(|(pool, _)| *pool);
        let named = named.map(|(pool, pace)| (pool, Arc::clone(pace)));
        named.into_iter().chain(own)
    }

    /// Waits for a permit; every attempt needs one.
    ///
    /// # Errors
    /// When a shared budget cannot be reached.
    pub(crate) async fn permit(&self, bucket: Bucket, lane: Lane) -> Result<(), BudgetAway> {
        self.pace(bucket).permit(lane).await?;
        if matches!(bucket, Bucket::BatchDelete | Bucket::BatchStatus) {
            self.accounts.permit(lane).await?;
        }
        Ok(())
    }

    /// Takes note that the server found the rate too high: everyone waits, and the rate is reduced for a while.
    pub(crate) fn limited(&self, bucket: Bucket, delay: Duration) {
        self.pace(bucket).limited(delay.min(LONGEST_PAUSE));
    }

    /// Returns the calls a second that are allowed now, or nothing where there is no limit.
    pub(crate) fn effective_rate(&self, bucket: Bucket) -> Option<f64> {
        self.pace(bucket).effective_rate()
    }

    fn pace(&self, bucket: Bucket) -> Arc<Pace> {
        Arc::clone(match bucket {
            Bucket::Accounts => &self.accounts,
            Bucket::Token => &self.token,
            Bucket::BatchDelete => &self.batch_delete,
            Bucket::Mutes => &self.mutes,
            Bucket::Presence => &self.presence,
            Bucket::BatchStatus => &self.batch_status,
            Bucket::Own(name, rate) => {
                let mut own = self.own();
                return Arc::clone(
                    own.entry(name)
                        .or_insert_with(|| Arc::new(self.own_pace(name, rate))),
                );
            }
        })
    }

    fn own(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Arc<Pace>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_pace(&self, pool: &str, rate: RateLimit) -> Pace {
        let rate = if self.paced && rate.is_valid() {
            rate
        } else {
            RateLimit::unlimited()
        };
        let shared = self.shared.as_ref();
        let shared =
            shared.and_then(|(budget, app)| Pace::shared(rate, &self.clock, &**budget, app, pool).ok());
        // The budget could be used when the client was built; a pace of one's own is better than none.
        shared.unwrap_or_else(|| Pace::own(rate, &self.clock))
    }
}

/// The pace of one pool.
#[derive(Debug)]
struct Pace {
    with: PacedWith,
    /// The permits that were given.
    given: AtomicU64,
}

/// Who else is paced together with this client.
#[derive(Debug)]
enum PacedWith {
    Own(OwnPacer),
    Shared(Pacer),
}

impl Pace {
    fn own(rate: RateLimit, clock: &Arc<dyn Clock>) -> Self {
        Self::with(PacedWith::Own(OwnPacer::new(rate, Arc::clone(clock))))
    }

    fn with(with: PacedWith) -> Self {
        Self {
            with,
            given: AtomicU64::new(0),
        }
    }

    fn used_as(&self, pool: &'static str) -> PoolUse {
        PoolUse {
            pool,
            permits: self.given.load(Ordering::Relaxed),
            rate: self.effective_rate(),
        }
    }

    fn shared(
        rate: RateLimit,
        clock: &Arc<dyn Clock>,
        budget: &dyn SharedBudget,
        app: &AppRoot,
        pool: &str,
    ) -> io::Result<Self> {
        Ok(match budget.schedule(app, pool, rate)? {
            None => Self::own(rate, clock),
            Some(schedule) => Self::with(PacedWith::Shared(Pacer::new(schedule, Arc::clone(clock)))),
        })
    }

    async fn permit(&self, lane: Lane) -> Result<(), BudgetAway> {
        match &self.with {
            PacedWith::Own(pacer) => pacer.permit(lane).await,
            PacedWith::Shared(pacer) => pacer.permit(lane).await?,
        }
        self.given.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn limited(&self, delay: Duration) {
        match &self.with {
            PacedWith::Own(pacer) => pacer.limited(delay),
            PacedWith::Shared(pacer) => pacer.limited(delay),
        }
    }

    /// How much is left of a pause.
    fn pause(&self) -> Option<Duration> {
        let left = match &self.with {
            PacedWith::Own(pacer) => pacer.pause(),
            PacedWith::Shared(pacer) => pacer.pause(),
        };
        (!left.is_zero()).then_some(left)
    }

    fn effective_rate(&self) -> Option<f64> {
        match &self.with {
            PacedWith::Own(pacer) => pacer.effective_rate(),
            PacedWith::Shared(pacer) => Some(pacer.effective_rate()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::clock::SystemClock;

    const SLOW: Bucket = Bucket::Own("slow", RateLimit::per_second(2));

    fn limiter(rates: Rates) -> Limiter {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Limiter::new(&rates, &clock)
    }

    #[test]
    fn a_pool_of_an_endpoints_own_has_its_rate_and_gives_way_alone() {
        let limiter = limiter(Rates::default());
        assert_eq!(limiter.effective_rate(SLOW), Some(2.0));
        limiter.limited(SLOW, Duration::from_secs(60));
        assert!(limiter.effective_rate(SLOW).unwrap() < 2.0);
        assert_eq!(limiter.effective_rate(Bucket::Accounts), Some(100.0));
        assert!(limiter.paused_until().is_some());
        let other = Bucket::Own("other", RateLimit::per_second(20));
        assert_eq!(limiter.effective_rate(other), Some(20.0));
    }

    #[test]
    fn where_nothing_is_paced_no_pool_is() {
        assert_eq!(limiter(Rates::unlimited()).effective_rate(SLOW), None);
    }

    #[test]
    fn processes_that_share_budgets_share_pools_of_endpoints_own() {
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let budget: Arc<dyn SharedBudget> = Arc::new(FileBudget {
            directory: directory.path().to_owned(),
        });
        let app = AppRoot::parse("https://im.example.com/acme/chat").unwrap();
        let open = || Limiter::shared(&Rates::default(), &clock, &budget, &app).unwrap();
        let (one, other) = (open(), open());
        one.limited(SLOW, Duration::from_secs(60));
        // What another process was asked for is known once the pool is used.
        assert!(other.effective_rate(SLOW).unwrap() < 2.0);
        assert!(other.paused_until().is_some());
    }
}
