//! The vendor's own Web SDK, unmodified, signs in to the sandbox, sends, and is kicked.

use std::path::{Path, PathBuf};
use std::process::Command;

use easemob_admin_sandbox::{Rates, Sandbox};

use super::env::TestEnv;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("websdk")
}

/// Installs what the scripts need, as `package-lock.json` says, if that was not done before.
fn install() {
    if folder().join("node_modules/easemob-websdk").is_dir() {
        return;
    }
    let installed = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder())
        .status()
        .expect("npm is needed for this test: install Node.js 20 or newer");
    assert!(installed.success(), "npm ci failed in {}", folder().display());
}

#[test]
fn the_vendors_sdk_signs_in_sends_and_is_kicked() {
    install();
    let env = TestEnv::with(Sandbox::builder().rates(Rates::unlimited()));
    let output = Command::new("node")
        .args(["scenarios.mjs", &env.sandbox().ready_line()])
        .current_dir(folder())
        .output()
        .expect("node is needed for this test: install Node.js 20 or newer");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains("\"ok\":true"))
        .collect();
    assert!(
        output.status.success() && failed.is_empty(),
        "{}\n{}",
        failed.join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.lines().count() >= 21, "{said}");
}
