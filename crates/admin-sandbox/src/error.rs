use std::net::SocketAddr;

use crate::rules::limits::LimitError;
use crate::server::jwt_signature::JwtKeyError;
use crate::state_file::StateFileError;

/// Why a sandbox could not start or stop as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The app key is not of the form `org#app`.
    #[error("app key [{0}] does not have the form org#app")]
    AppKey(String),
    /// A JWT key could not be read.
    #[error("JWT key cannot be used")]
    JwtKey(#[source] JwtKeyError),
    /// Webhooks are posted over plain http.
    #[error("[{0}] is not an address that webhooks are posted to; it must begin with http://")]
    Webhook(String),
    /// The limits of the seed or the builder are out of range.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// The state file could not be used.
    #[error(transparent)]
    StateFile(#[from] StateFileError),
}
