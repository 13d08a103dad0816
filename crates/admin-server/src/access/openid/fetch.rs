//! Fetches what an issuer publishes.

use std::fmt;
use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::settings::is_safe;

/// The most bytes of an answer; a set of keys has a few thousand.
const LARGEST: usize = 256 * 1024;

/// How long an answer may take: a request waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches a document.
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Returns the document at an address, or why it cannot be fetched.
    fn get<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// Fetches over HTTP, without following redirects.
#[derive(Debug)]
pub struct HttpFetch(reqwest::Client);

impl HttpFetch {
    /// Creates a fetcher.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("easemob-admin/", env!("CARGO_PKG_VERSION")));
        client.build().map(Self).map_err(|error| with_causes(&error))
    }
}

impl Fetch for HttpFetch {
    fn get<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move {
            if !is_safe(address) {
                return Err(format!("{address} is no https:// address"));
            }
            let failed = |error: reqwest::Error| with_causes(&error);
            let mut answer = self.0.get(address).send().await.map_err(failed)?;
            if !answer.status().is_success() {
                return Err(format!("{address} answered {}", answer.status()));
            }
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await.map_err(failed)? {
                body.extend_from_slice(&piece);
                if body.len() > LARGEST {
                    return Err(format!("{address} answered more than {LARGEST} bytes"));
                }
            }
            Ok(body)
        }
        .boxed()
    }
}
