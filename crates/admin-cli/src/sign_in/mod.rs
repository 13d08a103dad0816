//! Signing people in at an issuer of `OpenID` Connect, for a service that knows them.
//!
//! | module | what it does |
//! |---|---|
//! | [`provider`] | where the issuer answers, and the requests to it |
//! | [`device_grant`] | a code that is entered on another device (RFC 8628) |
//! | [`code_flow`] | a browser on this machine (RFC 8252, with PKCE) |
//! | [`kept`] | what is kept of a sign-in, one file for each service |
//!
//! Written here and not by a library: these are four requests with a form. The libraries of the ecosystem bring an HTTP client of
//! their own in another version, whose certificates and proxies would have to be configured once more.

pub mod code_flow;
pub mod device_grant;
pub mod kept;
pub mod provider;

use easemob_admin_words::t;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// An address is not safe to send anything to.
    #[error("{}", t!("{0} is not an https:// address", _0))]
    Unsafe(String),
    /// The issuer cannot be reached, or answers something else.
    #[error("{}", t!("cannot use {address}: {why}"))]
    Unusable {
        /// The address.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// The issuer does not offer a way to sign in.
    #[error("{}", t!("the issuer {0} does not offer this way to sign in", _0))]
    NotOffered(String),
    /// The person said no.
    #[error("{}", t!("the sign-in was denied"))]
    Denied,
    /// Nobody signed in for too long.
    #[error("{}", t!("nobody signed in in time"))]
    Expired,
    /// The issuer refused.
    #[error("{}", t!("the issuer refused: {0}", _0))]
    Refused(String),
    /// None of the tokens is meant for the service.
    #[error("{}", t!("the issuer gave no token for `{0}`, which the service expects", _0))]
    OtherAudience(String),
    /// The sign-in has ended, and cannot be renewed.
    #[error("{}", t!("the sign-in at the service {0} has expired", _0))]
    Ended(String),
    /// What is kept cannot be read or written.
    #[error("{}", t!("cannot keep the sign-in in {}", path.display()))]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}
