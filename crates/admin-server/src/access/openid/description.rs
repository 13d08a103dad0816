//! How an issuer describes itself: where its keys are, where browsers go, and where codes become tokens.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::fetch::Fetch;

/// How long a description counts as new.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// How long to leave the issuer alone after each try: anybody can ask to be sent to it.
const BETWEEN: SignedDuration = SignedDuration::from_secs(10);

/// What an issuer says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Description {
    issuer: String,
    pub(super) jwks_uri: String,
    /// Where browsers go.
    #[serde(default)]
    pub(super) authorization_endpoint: Option<String>,
    /// Where codes become tokens.
    #[serde(default)]
    pub(super) token_endpoint: Option<String>,
    /// How a client may show there who it is.
    #[serde(default, rename = "token_endpoint_auth_methods_supported")]
    pub(super) client_methods: Option<Vec<String>>,
    /// Whether browsers come back with the name of the issuer (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(super) says_issuer: bool,
}

/// Asks an issuer to describe itself.
///
/// # Errors
/// When it cannot be asked, or describes another one.
pub(super) async fn describe(fetch: &dyn Fetch, issuer: &str) -> Result<Description, String> {
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let body = fetch.get(&address).await?;
    let found: Description =
        serde_json::from_slice(&body).map_err(|error| format!("{address} cannot be read: {error}"))?;
    if found.issuer == issuer {
        Ok(found)
    } else {
        Err(format!("{address} is of another issuer"))
    }
}

/// The description of one issuer, which is asked for at a bounded rate, and kept while the issuer is down.
#[derive(Debug)]
pub(super) struct Described {
    issuer: String,
    fetch: Arc<dyn Fetch>,
    /// Whoever asks holds it, and the others wait for what comes.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    description: Option<(Timestamp, Description)>,
    failed: Option<(Timestamp, String)>,
}

impl Described {
    pub(super) fn of(issuer: &str, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            fetch,
            kept: Mutex::default(),
        }
    }

    /// Returns the description.
    ///
    /// # Errors
    /// When the issuer has never described itself, and does not now.
    pub(super) async fn now(&self, now: Timestamp) -> Result<Description, String> {
        let mut kept = self.kept.lock().await;
        let is_within = |at: Timestamp, time| now.duration_since(at) < time;
        let is_fresh = kept
            .description
            .as_ref()
            .is_some_and(|(at, _)| is_within(*at, FRESH));
        let is_left_alone = kept
            .failed
            .as_ref()
            .is_some_and(|(at, _)| is_within(*at, BETWEEN));
        if !is_fresh && !is_left_alone {
            match describe(&*self.fetch, &self.issuer).await {
                Ok(description) => {
                    kept.description = Some((now, description));
                    kept.failed = None;
                }
                Err(why) => {
                    tracing::warn!(issuer = self.issuer, why, "an issuer does not describe itself");
                    kept.failed = Some((now, why));
                }
            }
        }
        match (&kept.description, &kept.failed) {
            (Some((_, description)), _) => Ok(description.clone()),
            (None, Some((_, why))) => Err(why.clone()),
            (None, None) => Err(format!("{} did not answer", self.issuer)),
        }
    }
}
