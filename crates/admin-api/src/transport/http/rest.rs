//! What is left of an answer of which only the beginning was read.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::link::{Incoming, Link, Patience};
use crate::error::TransportError;

/// How long the rest of an answer may take: whoever reads it may be slow, and nobody reads for ever.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The rest of an answer. Dropping it closes its connection.
pub(crate) struct Rest(Source);

enum Source {
    Link {
        link: Box<Link>,
        incoming: Box<Incoming>,
        patience: Patience,
    },
    #[cfg(feature = "proxy")]
    Library(Box<reqwest::Response>),
}

impl Rest {
    pub(super) fn of_link(link: Box<Link>, incoming: Incoming, silence: Duration) -> Self {
        Self(Source::Link {
            link,
            incoming: Box::new(incoming),
            patience: Patience {
                deadline: Instant::now() + LONGEST,
                silence,
            },
        })
    }

    #[cfg(feature = "proxy")]
    pub(super) fn of_library(response: reqwest::Response) -> Self {
        Self(Source::Library(Box::new(response)))
    }

    /// Returns the next piece; nothing at the end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        match &mut self.0 {
            Source::Link {
                link,
                incoming,
                patience,
            } => link.next(incoming, *patience).await,
            #[cfg(feature = "proxy")]
            Source::Library(response) => response.chunk().await.map_err(super::general::transport_error),
        }
    }
}
