//! How a call gets to the server and back.
//!
//! The order is written once, in [`crate::Client`]: token, permit, send, classify, inside one retry loop.
//! [`retry::decide`] is the only place that decides whether a failure is repeated; it is a pure function.
//! [`limit`] paces, [`clock`] passes time in, and a private module has the two carriers of requests, between which
//! [`crate::Transport`] chooses.

pub mod clock;
pub(crate) mod http;
pub mod limit;
pub(crate) mod outage;
pub mod retry;
pub mod timeouts;
