//! The client against the sandbox: what is sent, how often, and what comes of it.
#![allow(missing_docs, reason = "tests are named for what they prove")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

mod it {
    mod documented_bodies;
    mod every_call;
    mod failures;
    mod jwt;
    mod listings;
    mod odd_names;
    mod retries;
    mod secrets;
    pub(crate) mod setup;
    mod tokens;
}
