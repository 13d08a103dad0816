//! Receives what the service posts when devices sign in and out (webhook `userStatus`).
//!
//! `payload` and `signature` read one post, `recorder` keeps many at once before any of them is acknowledged, `gaps`
//! knows when posts may be missing, `metrics` counts, and `server` is the thin part with sockets in it.

pub mod gaps;
pub mod metrics;
pub mod payload;
pub mod recorder;
pub mod server;
pub mod signature;
pub mod tls;
