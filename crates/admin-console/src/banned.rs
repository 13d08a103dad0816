//! How many users are banned. The server is asked from time to time, and no page waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_remote::api::{Page, Problem, UserView};
use jiff::{SignedDuration, Timestamp};

use crate::api::Api;

/// How long a count is shown, unless somebody is banned or no longer banned by a run.
const FRESH: SignedDuration = SignedDuration::from_mins(2);

/// The most pages of 100 users that are counted.
const PAGES: usize = 10;

/// What is known of each app.
#[derive(Debug, Default)]
pub(crate) struct Bans(Mutex<BTreeMap<String, Asked>>);

/// A question to the server of an app.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Timestamp,
    /// Nothing while it is not answered, and if the server does not say who is banned.
    banned: Option<Banned>,
}

/// How many users are banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Banned {
    /// Those who are not locked.
    pub(crate) users: u64,
    /// Whether there are more.
    pub(crate) at_least: bool,
    pub(crate) at: Timestamp,
}

impl Bans {
    /// Returns what is known, and asks the server again if that was a while ago, or before it `changed`.
    pub(crate) fn known(
        self: &Arc<Self>,
        app: &str,
        api: &Api,
        locks: &[Lock],
        (now, changed): (Timestamp, Option<Timestamp>),
    ) -> Option<Banned> {
        let before = {
            let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let before = apps.get(app).copied();
            let is_fresh = |asked: Asked| {
                let is_after = changed.is_none_or(|changed| changed <= asked.at);
                now.duration_since(asked.at) < FRESH && is_after
            };
            if before.is_some_and(is_fresh) {
                return before.and_then(|before| before.banned);
            }
            let banned = before.and_then(|before| before.banned);
            apps.insert(app.to_owned(), Asked { at: now, banned });
            banned
        };
        let locked = locks.iter().map(|lock| lock.user.folded()).collect();
        let (this, app, api) = (Arc::clone(self), app.to_owned(), api.clone());
        tokio::spawn(async move {
            let banned = count(&api, &locked, now).await.ok();
            let mut apps = this.0.lock().unwrap_or_else(PoisonError::into_inner);
            apps.insert(app, Asked { at: now, banned });
        });
        before
    }
}

async fn count(api: &Api, locked: &BTreeSet<String>, at: Timestamp) -> Result<Banned, Problem> {
    let mut banned = Banned {
        users: 0,
        at_least: false,
        at,
    };
    let mut after: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = vec![("banned", "true"), ("limit", "100")];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page: Page<UserView> = api.get(&["accounts"], &query).await?;
        let without_an_end = page
            .items
            .iter()
            .filter(|user| !locked.contains(&user.user.to_lowercase()));
        banned.users += without_an_end.count() as u64;
        after = page.next;
        if after.is_none() {
            return Ok(banned);
        }
    }
    Ok(Banned {
        at_least: true,
        ..banned
    })
}
