//! The same over the transport that knows proxies: nothing else may differ.
#![allow(missing_docs, reason = "tests are named for what they prove")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

mod it;

const TRANSPORT: easemob_admin_api::Transport = easemob_admin_api::Transport::General;
