//! What a client reports of each call: to a hook, and to a span of `tracing`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::error::Error;
use crate::transport::limit::Lane;

/// One call, once it is over.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # sandbox.register("ann");
/// use std::sync::{Arc, Mutex};
/// use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
///
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let kept = Arc::clone(&seen);
/// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .on_call(move |report| kept.lock().unwrap().push((report.call, report.status)))
///     .build()?;
/// client.list_devices(&UserId::parse("ann")?).await?;
/// assert_eq!(*seen.lock().unwrap(), [("token", Some(200)), ("devices.list", Some(200))]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallReport {
    /// The name of the call, such as `sessions.logout_all`.
    pub call: &'static str,
    /// Whom the call was about, such as a user id.
    pub target: Option<String>,
    /// The HTTP method.
    pub method: Method,
    /// The lane that the call waited in.
    pub lane: Lane,
    /// How many attempts were made to send the request; 0 if it did not get that far.
    pub attempts: u32,
    /// How long the call waited for a token.
    pub waited_for_token: Duration,
    /// How long the call waited for the rate budget, for a pause that the server asked for, and for a connection.
    pub waited_for_budget: Duration,
    /// The time from the beginning to the end, with all waits.
    pub elapsed: Duration,
    /// The HTTP status of the last answer, if there was one.
    pub status: Option<u16>,
    /// How the call ended.
    pub end: CallEnd,
}

/// How a call ended.
///
/// ```
/// use easemob_admin_api::CallEnd;
///
/// assert_ne!(CallEnd::Succeeded.as_str(), CallEnd::Dropped { sent: true }.as_str());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallEnd {
    /// The answer was decoded.
    Succeeded,
    /// The call failed.
    Failed(Error),
    /// The caller dropped the future.
    Dropped {
        /// True if a request was on its way, or one before may have arrived: the call may take effect. False if nothing
        /// has happened.
        sent: bool,
    },
}

impl CallEnd {
    /// Returns a word for a metric's label: `ok`, `refused`, `no_answer`, `not_sent`, `undecodable`, `dropped` or
    /// `dropped_after_sending`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded => "ok",
            Self::Failed(error) => error.category(),
            Self::Dropped { sent: false } => "dropped",
            Self::Dropped { sent: true } => "dropped_after_sending",
        }
    }
}

/// What is called after each call.
#[derive(Clone)]
pub(super) struct Hook(Arc<dyn Fn(&CallReport) + Send + Sync>);

impl Hook {
    pub(super) fn new(hook: impl Fn(&CallReport) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn call(&self, report: &CallReport) {
        (self.0)(report);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
