//! The client: what is sent, how often, and what comes of it.
#![allow(missing_docs, reason = "tests are named for what they prove")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

mod it;

use std::process::Command;

use easemob_admin_api::Transport;

/// Names the transport of all tests.
const VARIABLE: &str = "TEST_TRANSPORT_OF_ALL";

fn transport() -> Transport {
    match std::env::var(VARIABLE).as_deref() {
        Ok("general") => Transport::General,
        _ => Transport::Direct,
    }
}

/// In a process of its own, so that the tests are compiled once.
#[test]
fn nothing_differs_over_the_transport_that_knows_proxies() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["it::", "--skip", "it::proxies", "--skip", "it::descriptors"])
        .args(["--skip", "it::vendor_calls", "--skip", "it::webhooks"])
        .env(VARIABLE, "general")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(" 0 passed"), "{said}");
}
