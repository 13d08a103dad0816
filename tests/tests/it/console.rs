//! The console in a browser: from the click to the device that is kicked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use easemob_admin_sandbox::{DeviceEvent, DeviceLogin, Fault, Rates, Sandbox, SimulatedDevice};
use serde_json::{Value, json};

use super::env::TestEnv;
use super::service::{KEY, Service};
use super::websdk::chromium;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("console")
}

/// Installs what the scripts need, if that was not done before.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| super::websdk::install_in(&folder()));
}

/// A sandbox, a service with its console, and people with keys.
pub(crate) struct World {
    pub(crate) env: TestEnv,
    pub(crate) service: Service,
    keys: Value,
    /// The issuer that browsers may visit.
    pub(crate) issuer: Option<String>,
}

impl World {
    /// Starts a sandbox of `users` users, `user000` and so on, each with an Android and a Web device.
    pub(crate) fn start(users: usize) -> Self {
        Self::start_with(users, |_| Vec::new())
    }

    /// Starts the same with more arguments for the service.
    pub(crate) fn start_with(users: usize, args: impl FnOnce(&TestEnv) -> Vec<String>) -> Self {
        let env = TestEnv::with(Sandbox::builder().rates(Rates::unlimited()));
        for number in 0..users {
            env.online(&format!("user{number:03}"), &["android_1", "webim_1"]);
        }
        let args = args(&env);
        // Whoever waits for something in a test asks more often than people do.
        let args = ["--key-rate", "0"]
            .into_iter()
            .chain(args.iter().map(String::as_str));
        let service = Service::start(&env, "service", &args.collect::<Vec<_>>());
        Self {
            env,
            service,
            keys: json!({}),
            issuer: None,
        }
    }

    /// The name of the app in addresses.
    pub(crate) fn app(&self) -> &str {
        self.service.ready["apps"][0].as_str().unwrap()
    }

    /// Makes a key for somebody, which scenarios find under the name.
    pub(crate) fn person(&mut self, owner: &str, scopes: &[&str], groups: &[&str]) {
        let body = json!({"owner": owner, "scopes": scopes, "apps": ["*"], "groups": groups});
        let made = self.service.ask("POST", "/v1/keys", &body);
        assert_eq!(made.status, 201, "{made:?}");
        self.keys[owner] = made.json()["secret"].clone();
    }

    /// Asks the HTTP API about the app.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/v1/apps/{}/{path}", self.app());
        let answer = self.service.ask(method, &path, body);
        assert!(answer.status < 300, "{answer:?}");
        answer.json()
    }

    /// Asks the same, and returns the status.
    fn try_ask(&self, method: &str, path: &str, body: &Value) -> u16 {
        let path = format!("/v1/apps/{}/{path}", self.app());
        self.service.ask(method, &path, body).status
    }

    /// Connects a device of a user, as an SDK does.
    pub(crate) fn connect(&self, user: &str, resource: &str) -> SimulatedDevice {
        let sandbox = self.env.sandbox();
        let token = sandbox.user_token(user).unwrap();
        let login = DeviceLogin::new(&sandbox.ws_url(), sandbox.app_key(), user, &token).resource(resource);
        self.env.block_on(SimulatedDevice::connect(&login)).unwrap()
    }

    /// Waits until a device is told that it is signed out.
    pub(crate) fn kicked(&self, mut device: SimulatedDevice) -> DeviceEvent {
        self.env.block_on(async {
            loop {
                match device.next().await {
                    Some(event @ DeviceEvent::SignedOut { .. }) => return event,
                    Some(_) => {}
                    None => panic!("the connection ended without a word"),
                }
            }
        })
    }

    /// Plays the scenarios of a file, where there is a browser.
    #[allow(
        clippy::print_stderr,
        reason = "whoever has no Chromium is to know that nothing was checked"
    )]
    pub(crate) fn play(&self, file: &str, scenarios: usize) -> bool {
        if chromium().is_none() {
            eprintln!("not checked in a browser: there is no Chromium here");
            return false;
        }
        install();
        let world = json!({
            "url": format!("http://{}", self.service.address), "app": self.app(), "key": KEY, "keys": self.keys,
            "name": self.env.sandbox().app_key(), "sandbox": self.env.sandbox().rest_url(),
            "issuer": self.issuer, "apps": self.service.ready["apps"],
        });
        let output = Command::new("node")
            .args(["play.mjs", file, &world.to_string()])
            .current_dir(folder())
            .output()
            .expect("node is needed for this test: install Node.js 20 or newer");
        let said = String::from_utf8_lossy(&output.stdout);
        let (passed, others): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.starts_with("PASS  "));
        assert!(
            output.status.success() && others.is_empty(),
            "{}\n{}",
            others.join("\n"),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(passed.len(), scenarios, "{said}");
        true
    }
}

#[test]
fn runs_are_followed_paused_and_retried() {
    let mut world = World::start(160);
    world.person("reader", &["devices:read", "audit:read"], &[]);
    let device = world.connect("user159", "ios_1");
    let sandbox = world.env.sandbox();
    sandbox.inject(Fault::result_false("sessions.logout_all").on("GET", "/users/user001/disconnect"));
    // Slow enough to be paused by hand, on a busy machine too.
    sandbox.inject(Fault::delay("devices.list", Duration::from_secs(10)));
    if world.play("runs", 3) {
        assert!(matches!(
            world.kicked(device),
            DeviceEvent::SignedOut { code: 217, .. }
        ));
    }
}

/// A rule: more than 20 users a day need one of the leads.
fn rule(world: &World) {
    let rules = json!({"rules": [{"verbs": ["logout", "ban"], "over_users": 20, "needs": [{"group": "leads", "count": 1}]}]});
    world.ask("PUT", "approval-rules", &rules);
}

#[test]
fn a_list_is_planned_approved_and_carried_out() {
    let mut world = World::start(70);
    let acts = [
        "devices:read",
        "sessions:plan",
        "sessions:apply",
        "users:write",
        "sessions:approve",
    ];
    world.person("ann", &acts, &["leads"]);
    world.person("bob", &acts, &["leads"]);
    world.person("reader", &["devices:read", "sessions:plan"], &[]);
    rule(&world);
    let device = world.connect("user029", "android_1");
    if world.play("approvals", 2) {
        assert!(matches!(
            world.kicked(device),
            DeviceEvent::SignedOut { code: 217, .. }
        ));
    }
}

#[test]
fn the_audit_trail_is_searched_verified_and_exported() {
    let world = World::start(3);
    world.play("audit", 2);
}

#[test]
fn every_page_is_accessible_in_both_languages_and_themes() {
    let mut world = World::start(30);
    let me = world.service.ask("GET", "/v1/whoami", &Value::Null).json();
    let every = me["scopes"].as_array().unwrap().iter();
    let every: Vec<&str> = every.map(|scope| scope.as_str().unwrap()).collect();
    world.person(&format!("<b>{}\u{202e}</b>", "W".repeat(150)), &every, &[]);
    let logout = |users: &[&str]| json!({"action": {"kind": "logout", "selection": {}}, "reason": "leak", "users": users});
    world.ask("POST", "runs", &logout(&["user001", "user002"]));
    rule(&world);
    let users: Vec<String> = (0..30).map(|number| format!("user{number:03}")).collect();
    let plan = json!({"selection": {}, "users": users, "reason": "leak"});
    let plan = world.ask("POST", "plans", &plan);
    let start = format!("runs/{}/start", plan["run"]["id"].as_str().unwrap());
    assert_eq!(
        world.try_ask("POST", &start, &json!({})),
        409,
        "it waits for approval"
    );
    super::env::until("the first run has ended", || {
        world.ask("GET", "runs", &Value::Null)["items"][1]["state"] == "done"
    });
    let lock = json!({"kind": "lock", "until": "2100-01-01T00:00:00Z"});
    for (action, user) in [(lock, "user004"), (json!({"kind": "ban"}), "user006")] {
        world.ask(
            "POST",
            "runs",
            &json!({"action": action, "reason": "leak", "users": [user]}),
        );
    }
    let policy = json!({"policy": "default = 4\n[platforms]\nweb = 2\n", "reason": "leak"});
    world.ask("POST", "limits/policies", &policy);
    super::env::until("one is locked and another banned", || {
        world.ask("GET", "accounts?banned=true", &Value::Null)["items"]
            .as_array()
            .map(Vec::len)
            == Some(2)
    });
    let looks = if std::env::var_os("EVERY_LOOK").is_some() {
        8
    } else {
        2
    };
    world.play("pages", looks + 1);
}
