//! How one handle of a client makes its calls; everything else is shared by all clones.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use secrecy::SecretString;

use super::leave::Leave;
use super::waiting::Waiting;
use crate::transport::limit::Lane;
use crate::transport::retry::RetryPolicy;

#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    pub(super) waiting: Waiting,
    pub(super) deadline: Option<Duration>,
    pub(super) lane: Lane,
    /// How often calls are repeated, if not as the client does it.
    pub(super) retry: Option<RetryPolicy>,
    /// The longest that a request waits before it is sent; `None` is as long as it takes.
    pub(super) patience: Option<Duration>,
    /// Whether a request may be sent; `None` is always.
    pub(super) leave: Option<Leave>,
    /// Headers of the client and of this handle.
    pub(super) headers: Arc<HeaderMap>,
    /// The values among them that only this handle sends, and that no answer may show.
    pub(super) secrets: Arc<Vec<SecretString>>,
}
