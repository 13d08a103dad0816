//! Receives the events that the service posts when devices sign in and out (webhook `userStatus`).
//!
//! `payload` and `signature` read one post, `recorder` stores many events at once before it acknowledges any
//! of them, `gaps` knows when posts may be missing, `refusals` which refused posts are reported, `metrics` counts, and `server` and
//! `door` contain the sockets.

mod door;
pub mod gaps;
pub mod metrics;
pub mod payload;
pub mod recorder;
pub mod refusals;
pub mod server;
pub mod signature;
pub mod tls;
