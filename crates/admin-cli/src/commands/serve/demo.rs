//! `serve --sandbox --open`: something to look at. Users of the sandbox sign in and out, their events are kept as a collector
//! keeps them, and the first time there is a scan and a run.

use std::convert::Infallible;
use std::time::Duration;

use easemob_admin_ops::logins::store::{LoginEvent, LoginKind, Range, StoreError};
use easemob_admin_ops::stores::Stores;
use easemob_admin_sandbox::{DeviceLimits, Happened, LiveEvent, Sandbox};
use easemob_admin_server::service::Service;
use easemob_admin_words::t;
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{MissedTickBehavior, interval};

use crate::ui::Ui;

/// How many users the demo data has.
const USERS: u32 = 1_000;

/// How often somebody signs in or out.
const EVERY: Duration = Duration::from_millis(1_500);

/// The users of the run, of whom one device each stays.
const USERS_OF_RUN: u32 = 40;

/// The platforms, the more common ones more often.
const PLATFORMS: [&str; 5] = ["android", "android", "ios", "ios", "web"];

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// What the demo works with.
pub(super) struct Demo<'d> {
    pub(super) sandbox: &'d Sandbox,
    pub(super) service: &'d Service,
    pub(super) stores: Stores,
    /// The name of the app in the service, and the one of its records.
    pub(super) app: &'d str,
    pub(super) target: String,
    /// Whose acts the scan and the run are.
    pub(super) owner: String,
    pub(super) ui: &'d Ui,
}

impl Demo<'_> {
    /// Plays until it is dropped. What fails is said once, and the rest goes on.
    pub(super) async fn play(self) -> Infallible {
        let mut happened = self.sandbox.watch();
        if let Err(why) = self.begin().await {
            self.ui.warn(t!("the demo has no scan or no run: {why}"));
        }
        let mut rng = Rng::new();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        let mut warned = false;
        loop {
            ticks.tick().await;
            somebody(self.sandbox, &mut rng);
            let events = drain(&mut happened, &mut number);
            if let Err(error) = self.keep(events).await
                && !warned
            {
                warned = true;
                self.ui
                    .warn(t!("the sign-ins of the demo cannot be kept: {error}"));
            }
        }
    }

    /// Makes what there is to look at, unless it was made before.
    async fn begin(&self) -> Result<(), String> {
        let now_ms = Timestamp::now().as_millisecond();
        let (stores, target) = (self.stores.clone(), self.target.clone());
        let is_new = blocking(move || is_empty(&*stores.logins().of(&target)?)).await?;
        if !is_new {
            return Ok(());
        }
        // So that somebody is over a limit.
        let limits = DeviceLimits::multi(4).platform("web", 2);
        self.sandbox
            .set_limits(limits)
            .map_err(|error| error.to_string())?;
        self.keep(yesterday(now_ms, &mut Rng::with_seed(24))).await?;
        let post = async |path: &str, body| {
            let address = format!("/v1/apps/{}/{path}", self.app);
            let made = self.service.post_to_itself(&self.owner, &address, &body).await;
            made.map(drop).map_err(|problem| problem.to_string())
        };
        post("logins/scans", json!({"limits": true})).await?;
        let users: Vec<String> = (1..=USERS_OF_RUN).map(name).collect();
        let run = json!({
            "action": {"kind": "logout", "selection": {"keep_newest": 1, "unknown_age": "oldest"}},
            "users": users,
            "reason": "Demo: passwords of these users were leaked",
            "ticket": "DEMO-1",
        });
        post("runs", run).await
    }

    async fn keep(&self, events: Vec<LoginEvent>) -> Result<(), String> {
        let (stores, target) = (self.stores.clone(), self.target.clone());
        blocking(move || {
            let mut kept = stores.logins().of(&target)?;
            let now_ms = Timestamp::now().as_millisecond();
            kept.set_alive(now_ms)?;
            if !events.is_empty() {
                kept.record_events(&events, now_ms)?;
            }
            Ok(())
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

fn is_empty(kept: &dyn easemob_admin_ops::logins::store::LoginStore) -> Result<bool, StoreError> {
    let mut any = false;
    kept.each_event(Range::ALL, None, &mut |_| any = true)?;
    Ok(!any && kept.snapshots()?.is_empty())
}

fn name(number: u32) -> String {
    format!("user{number:04}")
}

/// Somebody signs in, or out.
fn somebody(sandbox: &Sandbox, rng: &mut Rng) {
    let user = name(rng.u32(1..=USERS));
    let devices = sandbox.devices(&user);
    if rng.u8(0..100) < 40
        && let Some(device) = rng.choice(&devices)
    {
        sandbox.sign_out(&user, &device.resource);
    } else if let Some(platform) = rng.choice(PLATFORMS) {
        // Whoever is banned cannot, which is part of the demo.
        let _ = sandbox.sign_in(&user, platform);
    }
}

/// Takes what has happened as the events that the vendor posts.
fn drain(happened: &mut Receiver<Happened>, number: &mut u64) -> Vec<LoginEvent> {
    let mut events = Vec::new();
    loop {
        match happened.try_recv() {
            Ok(happened) => {
                *number += 1;
                events.extend(event(happened.at_ms, happened.event, *number));
            }
            // What was missed is missing, as it is when a post is lost.
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return events,
        }
    }
}

fn event(at_ms: u64, event: LiveEvent, number: u64) -> Option<LoginEvent> {
    let at_ms = i64::try_from(at_ms).ok()?;
    let (user, resource, kind, reason) = match event {
        LiveEvent::SignIn { user, resource, .. } => (user, resource, LoginKind::Login, ""),
        LiveEvent::SignOut { user, resource } => (user, resource, LoginKind::Logout, "logout"),
        LiveEvent::Ended {
            user,
            resource,
            cause: "displaced",
        } => (user, resource, LoginKind::Replaced, "replaced"),
        LiveEvent::Ended {
            user,
            resource,
            cause,
        } => (user, resource, LoginKind::Logout, cause),
        _ => return None,
    };
    Some(of(
        format!("demo-{at_ms}-{number}"),
        &user,
        &resource,
        kind,
        at_ms,
        reason,
    ))
}

fn of(call_id: String, user: &str, resource: &str, kind: LoginKind, at_ms: i64, reason: &str) -> LoginEvent {
    let platform = resource.split('_').next().unwrap_or_default();
    LoginEvent {
        call_id,
        user: user.to_owned(),
        resource: resource.to_owned(),
        platform: if platform == "webim" { "web" } else { platform }.to_owned(),
        kind,
        at_ms,
        reason: reason.to_owned(),
    }
}

/// The day before: users who signed in and left again, more of them in the evening than at night.
fn yesterday(now_ms: i64, rng: &mut Rng) -> Vec<LoginEvent> {
    let this_hour = now_ms - now_ms.rem_euclid(HOUR_MS);
    let mut events = Vec::new();
    for back in 1..24 {
        let begin = this_hour - back * HOUR_MS;
        let hour = (begin / HOUR_MS).rem_euclid(24);
        let busy = 20 + 40 * (12 - (hour - 12).abs()) / 12;
        for one in 0..busy {
            let user = name(rng.u32(1..=USERS));
            let platform = PLATFORMS[rng.usize(0..PLATFORMS.len())];
            let resource = format!("{platform}_demo-{back}-{one}");
            let came = begin + rng.i64(0..HOUR_MS / 2);
            let left = came + rng.i64(1..HOUR_MS / 2);
            let (kind, reason) = if rng.u8(0..100) < 15 {
                (LoginKind::Replaced, "replaced")
            } else {
                (LoginKind::Logout, "logout")
            };
            let id = |what| format!("demo-{what}-{back}-{one}");
            events.push(of(id("came"), &user, &resource, LoginKind::Login, came, ""));
            events.push(of(id("left"), &user, &resource, kind, left, reason));
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_came_yesterday_has_left() {
        let now = 1_795_827_696_348;
        let events = yesterday(now, &mut Rng::with_seed(1));
        let count = |kind| events.iter().filter(|event| event.kind == kind).count();
        assert_eq!(
            count(LoginKind::Login),
            count(LoginKind::Logout) + count(LoginKind::Replaced)
        );
        assert!(
            events.len() > 1_000
                && events
                    .iter()
                    .all(|event| event.at_ms < now && event.at_ms > now - 25 * HOUR_MS)
        );
        let ids: std::collections::BTreeSet<&str> =
            events.iter().map(|event| event.call_id.as_str()).collect();
        assert_eq!(ids.len(), events.len(), "each is an event of its own");
    }

    #[test]
    fn an_eviction_is_told_apart_from_an_act() {
        let ended = |cause| {
            let event = LiveEvent::Ended {
                user: "ann".into(),
                resource: "webim_1".into(),
                cause,
            };
            super::event(5, event, 1).unwrap()
        };
        assert_eq!(ended("displaced").kind, LoginKind::Replaced);
        let act = ended("operator");
        assert_eq!(
            (act.kind, act.platform.as_str(), act.reason.as_str()),
            (LoginKind::Logout, "web", "operator")
        );
    }
}
