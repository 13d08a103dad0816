//! A sandbox, a client of it, and a clock that does not sleep.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use easemob_admin_api::transport::clock::{Clock, Sleep, SystemClock};
use easemob_admin_api::{AppRoot, Client, ClientBuilder, Credentials, Rates, UserId};
use easemob_admin_sandbox::Sandbox;
use tokio::time::Instant;

/// Remembers how long it was asked to sleep, and moves on at once.
#[derive(Debug, Default)]
pub(crate) struct Hasty {
    slept: Mutex<Vec<Duration>>,
}

impl Hasty {
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }

    fn ahead(&self) -> Duration {
        self.slept.lock().unwrap().iter().sum()
    }
}

impl Clock for Hasty {
    fn now(&self) -> Instant {
        SystemClock.now() + self.ahead()
    }

    fn system_time(&self) -> SystemTime {
        SystemClock.system_time() + self.ahead()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let asked = deadline.saturating_duration_since(self.now());
        if !asked.is_zero() {
            self.slept.lock().unwrap().push(asked);
        }
        Box::pin(tokio::task::yield_now())
    }
}

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::builder()
        .rates(easemob_admin_sandbox::Rates::unlimited())
        .start()
        .await
        .unwrap()
}

pub(crate) fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder(AppRoot::parse(&sandbox.app_root()).unwrap())
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .rates(Rates::unlimited())
        .transport(crate::transport())
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

/// A client whose retries take no time, and the clock that tells how long they would have taken.
pub(crate) fn hasty_client(sandbox: &Sandbox) -> (Client, Arc<Hasty>) {
    let clock = Arc::new(Hasty::default());
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    (
        builder(sandbox).clock(shared).jitter_seed(7).build().unwrap(),
        clock,
    )
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}
