//! The keys of one issuer: fetched when they are needed, at a bounded rate, and kept for a while if the issuer is down.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use tokio::sync::Mutex;

use super::description::describe;
use super::fetch::Fetch;
use super::settings::Issuer;

/// How long keys count as new.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// How long to leave the issuer alone after each try: made-up key ids must not become requests to it.
const BETWEEN: SignedDuration = SignedDuration::from_secs(10);

#[derive(Debug)]
pub(super) struct IssuerKeys {
    issuer: Issuer,
    fetch: Arc<dyn Fetch>,
    /// Whoever fetches holds it, and the others wait for what comes.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: BTreeMap<String, Jwk>,
    fetched: Option<Timestamp>,
    tried: Option<Timestamp>,
}

impl IssuerKeys {
    pub(super) fn of(issuer: Issuer, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            issuer,
            fetch,
            kept: Mutex::default(),
        }
    }

    /// Returns the key with this id, if the issuer has it, or had it a while ago and is down.
    pub(super) async fn key(&self, id: &str, now: Timestamp) -> Option<Jwk> {
        let mut kept = self.kept.lock().await;
        let is_fresh = kept.fetched.is_some_and(|at| now.duration_since(at) < FRESH);
        if !is_fresh || !kept.keys.contains_key(id) {
            self.renew(&mut kept, now).await;
        }
        let longest = SignedDuration::from_mins(i64::from(self.issuer.keys_last_minutes));
        let is_usable = kept.fetched.is_some_and(|at| now.duration_since(at) < longest);
        kept.keys.get(id).filter(|_| is_usable).cloned()
    }

    /// Returns the key with this id, if it is another one than before.
    pub(super) async fn newer_than(&self, before: &Jwk, id: &str, now: Timestamp) -> Option<Jwk> {
        let mut kept = self.kept.lock().await;
        self.renew(&mut kept, now).await;
        kept.keys.get(id).filter(|key| *key != before).cloned()
    }

    async fn renew(&self, kept: &mut Kept, now: Timestamp) {
        if kept.tried.is_some_and(|at| now.duration_since(at) < BETWEEN) {
            return;
        }
        kept.tried = Some(now);
        match self.published().await {
            Ok(set) => {
                let named = set
                    .keys
                    .into_iter()
                    .filter_map(|key| Some((key.common.key_id.clone()?, key)));
                kept.keys = named.collect();
                kept.fetched = Some(now);
            }
            Err(why) => tracing::warn!(
                issuer = self.issuer.issuer,
                why,
                "cannot fetch the keys of an issuer"
            ),
        }
    }

    async fn published(&self) -> Result<JwkSet, String> {
        let address = match &self.issuer.jwks_uri {
            Some(address) => address.clone(),
            None => describe(&*self.fetch, &self.issuer.issuer).await?.jwks_uri,
        };
        let body = self.fetch.get(&address).await?;
        serde_json::from_slice(&body).map_err(|error| format!("{address} is no set of keys: {error}"))
    }
}
