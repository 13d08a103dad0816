//! Receives the events that the service posts when devices sign in and out (webhook `userStatus`).
//!
//! `payload` takes the event out of one post (`easemob_admin_api::webhooks`), `recorder` stores many events at once before it acknowledges any
//! of them, `gaps` knows when posts may be missing, `refusals` which refused posts are reported, `metrics` counts, and `server` contains the sockets.

pub mod gaps;
pub mod metrics;
pub mod payload;
pub mod recorder;
pub mod refusals;
pub mod server;
