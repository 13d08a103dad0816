//! The client over connections of its own: what is sent, how often, and what comes of it.
#![allow(missing_docs, reason = "tests are named for what they prove")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

mod it;

const TRANSPORT: easemob_admin_api::Transport = easemob_admin_api::Transport::Direct;
