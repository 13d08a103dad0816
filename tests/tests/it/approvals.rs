//! `approvals`: what others ask for, seen and decided on the command line.

use serde_json::{Value, json};

use super::env::{Output, TestEnv};
use super::service::Service;
use super::vendor_calls::key;

struct Asked {
    env: TestEnv,
    keys: Vec<(&'static str, String)>,
    url: String,
    _service: Service,
}

impl Asked {
    fn new() -> Self {
        let mut env = TestEnv::new();
        for user in ["u1", "u2", "u3"] {
            env.online(user, &["ios_1"]);
        }
        let service = Service::start(&env, "service-data", &[]);
        let rules = json!({"rules": [{"verbs": ["logout"], "over_users": 2, "needs": [{"group": "leads", "count": 2}]}]});
        assert_eq!(
            service
                .ask("PUT", "/v1/apps/default/approval-rules", &rules)
                .status,
            200
        );
        let scopes = json!([
            "devices:read",
            "sessions:plan",
            "sessions:apply",
            "sessions:approve",
            "audit:read"
        ]);
        let keys = ["ann", "bob", "eve"]
            .map(|owner| {
                (
                    owner,
                    key(&service, owner, &json!({"scopes": scopes, "groups": ["leads"]})).1,
                )
            })
            .to_vec();
        let url = service.ready["url"].as_str().unwrap().to_owned();
        for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
            env.unset(name);
        }
        Self {
            env,
            keys,
            url,
            _service: service,
        }
    }

    fn by(&self, who: &str, args: &[&str]) -> Output {
        let key = &self.keys.iter().find(|(owner, _)| *owner == who).unwrap().1;
        let variables = [
            ("EASEMOB_SERVICE", self.url.as_str()),
            ("EASEMOB_SERVICE_KEY", key),
        ];
        TestEnv::finish(self.env.spawn_with(&variables, args))
    }

    /// Asks for a sign-out of three users, and returns the run.
    fn ask(&self, plan: &str) -> String {
        let path = self.env.path(plan);
        let path = path.to_str().unwrap();
        let _ = self
            .by(
                "ann",
                &[
                    "sessions", "plan", "u1", "u2", "u3", "--reason", "leak", "--out", path,
                ],
            )
            .expect(0);
        let waits = self.by("ann", &["sessions", "apply", path, "--yes"]);
        assert_eq!(waits.code, 4, "{}", waits.text());
        assert!(waits.stderr.contains("waits for approval"), "{}", waits.text());
        let list = self
            .by("bob", &["approvals", "list", "-o", "json"])
            .expect(0)
            .json();
        list["rows"][0]["run"].as_str().unwrap().to_owned()
    }
}

#[test]
fn two_others_agree_on_the_command_line() {
    let asked = Asked::new();
    let run = asked.ask("plan.json");
    let list = asked.by("bob", &["approvals", "list"]).expect(0);
    for part in [&run, "pending", "ann", "leak", "0/2 leads"] {
        assert!(list.stdout.contains(part), "{part}: {}", list.text());
    }
    let csv = asked.by("bob", &["approvals", "list", "-o", "csv"]).expect(0);
    assert!(
        csv.stdout.starts_with("run,state,act,users,devices,asked_by,"),
        "{}",
        csv.text()
    );
    let own = asked
        .by("ann", &["approvals", "approve", &run, "--reason", "mine"])
        .expect(4);
    assert!(own.stderr.contains("somebody else"), "{}", own.text());
    let _ = asked
        .by("bob", &["approvals", "approve", &run, "--reason", " "])
        .expect(2);
    let _ = asked
        .by(
            "bob",
            &["approvals", "approve", "20260101-000000-000000", "--reason", "x"],
        )
        .expect(4);
    let first = asked
        .by("bob", &["approvals", "approve", &run, "--reason", "checked"])
        .expect(0);
    assert!(first.stderr.contains("1/2 leads"), "{}", first.text());
    let early = asked.by("ann", &["runs", "resume", &run, "--yes"]).expect(4);
    assert!(early.stderr.contains("waits for approval"), "{}", early.text());
    assert_eq!(asked.env.devices("u1"), ["ios_1"]);
    let second = asked
        .by(
            "eve",
            &[
                "approvals",
                "approve",
                &run,
                "--reason",
                "checked too",
                "-o",
                "json",
            ],
        )
        .expect(0);
    assert_eq!(second.json()["rows"][0]["state"], "approved", "{}", second.text());
    let show = asked
        .by("ann", &["approvals", "show", &run, "-o", "json"])
        .expect(0)
        .json();
    let by: Vec<&Value> = show["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["by"])
        .collect();
    assert_eq!(by, ["bob", "eve"]);
    assert_eq!(
        (&show["summary"]["users"], &show["summary"]["devices"]),
        (&json!(3), &json!(3))
    );
    let _ = asked.by("ann", &["runs", "resume", &run, "--yes"]).expect(0);
    for user in ["u1", "u2", "u3"] {
        assert!(asked.env.devices(user).is_empty(), "{user}");
    }
    // Decisions are part of what was done, and are seen without --all.
    let log = asked.by("eve", &["audit", "log"]).expect(0);
    for part in ["approval.requested", "approval.approved", "checked too", "u3"] {
        assert!(log.stdout.contains(part), "{part}: {}", log.text());
    }
    let log = asked.by("eve", &["audit", "log", "-o", "json"]).expect(0).json();
    let decided: Vec<&Value> = log["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] == "approval.approved")
        .collect();
    let whys: Vec<&Value> = decided.iter().map(|row| &row["why"]).collect();
    assert_eq!(whys, ["checked", "checked too"]);
}

#[test]
fn one_refusal_is_final() {
    let asked = Asked::new();
    let run = asked.ask("plan.json");
    let refused = asked
        .by("bob", &["approvals", "refuse", &run, "--reason", "wrong list"])
        .expect(0);
    assert!(refused.stdout.contains("refused"), "{}", refused.text());
    let late = asked
        .by("eve", &["approvals", "approve", &run, "--reason", "x"])
        .expect(4);
    assert!(late.stderr.contains("closed"), "{}", late.text());
    let _ = asked.by("ann", &["runs", "resume", &run, "--yes"]).expect(4);
    let list = asked.by("bob", &["approvals", "list"]).expect(0);
    assert!(
        !list.stdout.contains(&run) && list.stderr.contains("--state all"),
        "{}",
        list.text()
    );
    let all = asked.by("bob", &["approvals", "list", "--state", "all", "-o", "name"]);
    assert!(all.stdout.contains(&run) || all.code == 2, "{}", all.text());
    assert_eq!(asked.env.devices("u1"), ["ios_1"]);
}

#[test]
fn without_a_service_there_are_no_requests() {
    let env = TestEnv::new();
    let none = env.run(&["approvals", "list"]).expect(3);
    assert!(none.stderr.contains("EASEMOB_SERVICE"), "{}", none.text());
}
