//! The vendor's own Web SDK, unmodified, signs in to the sandbox, sends, and is kicked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use easemob_admin_sandbox::{Rates, Sandbox};

use super::env::TestEnv;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("websdk")
}

/// Installs what the scripts need, if that was not done before.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| install_in(&folder()));
}

/// Installs what the `package-lock.json` of a folder says.
pub(crate) fn install_in(folder: &Path) {
    // npm writes this file last.
    if folder.join("node_modules/.package-lock.json").is_file() {
        return;
    }
    let installed = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder)
        .status()
        .expect("npm is needed for this test: install Node.js 20 or newer");
    assert!(installed.success(), "npm ci failed in {}", folder.display());
}

/// The browser, where there is one; in CI there has to be.
pub(crate) fn chromium() -> Option<OsString> {
    let browser = std::env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
    let there = Command::new(&browser).arg("--version").output();
    let there = there.is_ok_and(|output| output.status.success());
    (there || std::env::var_os("CI").is_some()).then_some(browser)
}

/// Plays scenarios with a script, which tells of each whether it passed.
fn play(script: &str, scenarios: usize) {
    play_with(script, &[], "", scenarios);
}

/// Plays them with more arguments, and with an older SDK if one is named.
fn play_with(script: &str, more: &[&str], older: &str, scenarios: usize) {
    install();
    let env = TestEnv::with(
        Sandbox::builder()
            .rates(Rates::unlimited())
            .open_registration(true),
    );
    let output = Command::new("node")
        .args([script, &env.sandbox().ready_line()])
        .args(more)
        .env("WEBSDK", older)
        .current_dir(folder())
        .output()
        .expect("node is needed for this test: install Node.js 20 or newer");
    let said = String::from_utf8_lossy(&output.stdout);
    let (passed, others): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.starts_with("PASS  "));
    assert!(
        output.status.success() && others.is_empty(),
        "{}\n{}",
        others.join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(passed.len(), scenarios, "{said}");
}

#[test]
fn the_vendors_sdk_works_with_the_sandbox_in_node() {
    play("node.mjs", 53);
}

/// One check for each of the 171 public methods that ask the service for something, and one that none is without a check.
/// `tests/websdk/sweep/missing.mjs` names those that the sandbox does not have.
#[test]
#[ignore = "needs a browser; run by .ci/full"]
fn the_public_methods_of_the_vendors_sdk_are_answered() {
    play_with("browser.mjs", &["--sweep"], "", 172);
}

/// With the SDKs that are in use still; `tests/websdk/older/differs.mjs` names what they do in another way.
#[test]
#[ignore = "installs older SDKs; run by .ci/full"]
fn older_sdks_of_the_vendor_work_with_the_sandbox_in_node() {
    install_in(&folder().join("older"));
    for older in ["easemob-websdk-4.13", "easemob-websdk-4.19", "agora-chat"] {
        play_with("node.mjs", &[], older, 53);
    }
}

/// Two people use an application that is made with a UI kit, each in a browser. What that looks like is left in
/// `target/tmp/uikit`.
#[test]
#[ignore = "needs a browser, and installs the vendor's UI kits, which are large; run by .ci/full"]
fn the_vendors_ui_kits_work_with_the_sandbox_in_a_page() {
    install_in(&folder().join("uikit"));
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uikit");
    for kit in ["easemob-chat-uikit", "agora-chat-uikit"] {
        play_with("uikit/browser.mjs", &[kit, screenshots.to_str().unwrap()], "", 6);
    }
}

#[test]
#[ignore = "installs the vendor's UIKit, which is large; run by .ci/full"]
fn the_vendors_newest_sdk_works_with_the_sandbox_in_node() {
    install_in(&folder().join("uikit"));
    play("uikit/node.mjs", 8);
}

/// Where there is no Chromium, this says so and checks nothing; `.ci/run` installs it and insists.
#[test]
#[allow(
    clippy::print_stderr,
    reason = "whoever has no Chromium is to know that nothing was checked"
)]
fn the_vendors_sdk_works_with_the_sandbox_in_a_page() {
    if chromium().is_some() {
        play("browser.mjs", 53);
    } else {
        eprintln!("not checked in a page: there is no Chromium here");
    }
}

#[test]
fn the_example_shows_two_devices_and_the_sandbox_tells_what_happens() {
    install();
    let env = TestEnv::bare();
    let mut serving = env.spawn(&["sandbox", "serve", "--log", "json"]);
    let mut stdout = std::io::BufReader::new(serving.stdout.take().unwrap());
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut ready).unwrap();
    let example = folder().join("../../examples/websdk/two-devices.mjs");
    // The packages are those of the test, which the example names in the same versions.
    let copy = folder().join("two-devices.example.mjs");
    std::fs::copy(example, &copy).unwrap();
    let output = Command::new("node")
        .arg(&copy)
        .arg(ready.trim())
        .current_dir(folder())
        .output();
    std::fs::remove_file(&copy).unwrap();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for line in [
        "laptop sees: ann/webim_web_phone",
        "phone got: message content from ann/webim_web_laptop",
        "phone was told: pinnedConversation bob",
        "phone was signed out: 217",
    ] {
        assert!(
            said.contains(line),
            "{line} is missing in:\n{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    super::interrupts::interrupt(&serving);
    let mut events = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut events).unwrap();
    let _ = TestEnv::finish(serving).expect(0);
    for event in [
        r#","event":"sign_in","user":"ann","resource":"webim_web_phone","live":true}"#,
        r#","event":"message","from":"ann","resource":"webim_web_laptop","to":"ann/webim_web_phone","devices":1}"#,
        r#","event":"told","user":"ann","what":"conversation","devices":1}"#,
        r#","event":"ended","user":"ann","resource":"webim_web_phone","cause":"operator"}"#,
    ] {
        assert!(events.contains(event), "{event} is missing in:\n{events}");
    }
}
