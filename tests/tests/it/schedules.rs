//! Schedules of the service: each turn once, whichever replica takes it.

use serde_json::{Value, json};

use super::env::{TestEnv, until};
use super::service::{Service, ask};
use crate::cluster::TestDatabase;

const SCHEDULES: &str = "/v1/apps/default/schedules";

struct Team {
    env: TestEnv,
    database: TestDatabase,
}

impl Team {
    /// Returns nothing if there is no PostgreSQL.
    fn new() -> Option<Self> {
        let database = TestDatabase::create()?;
        let mut env = TestEnv::new();
        env.set("EASEMOB_STORE", &database.url());
        let _ = env.run(&["store", "init"]).expect(0);
        for user in ["ann", "bob", "eve"] {
            env.online(user, &["ios_1"]);
        }
        Some(Self { env, database })
    }

    fn replica(&self, data: &str) -> Service {
        Service::start(&self.env, data, &["--key-rate", "0", "--timeout", "1s"])
    }

    /// Lets a schedule be as if it had been made in the last year, and had not had a turn.
    fn made_last_year(&self, id: &str) {
        self.database.run(&format!(
            "UPDATE easemob_admin.document SET revision = revision + 1, body = convert_to((convert_from(body, 'UTF8')::jsonb || \
             '{{\"since\": \"2025-12-31T00:00:00Z\", \"last\": null}}')::text, 'UTF8') \
             WHERE kind = 'schedule' AND id = convert_to('default/{id}', 'UTF8')"
        ));
    }
}

/// The only turn since last year is that of the first of January.
fn yearly(job: &str) -> Value {
    json!({"cron": "0 0 1 1 *", "time_zone": "Asia/Shanghai", "job": job, "missed": "run_once"})
}

fn last(service: &Service, id: &str) -> Value {
    let shown = service.ask("GET", &format!("{SCHEDULES}/{id}"), &Value::Null);
    shown.json()["last"].clone()
}

fn unlocks(service: &Service) -> Vec<Value> {
    let runs = service.ask("GET", "/v1/apps/default/runs", &Value::Null).json();
    let mut runs = runs["items"].as_array().unwrap().clone();
    runs.retain(|run| run["action"]["kind"] == "unlock");
    runs
}

#[test]
fn what_is_due_is_done_once_by_whichever_replica() {
    let Some(team) = Team::new() else { return };
    let replicas = [team.replica("one"), team.replica("two")];
    let soon = std::process::Command::new("date")
        .args(["-u", "-d", "+3 seconds", "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    let lock = json!({
        "action": {"kind": "lock", "until": String::from_utf8(soon.stdout).unwrap().trim()},
        "reason": "leak",
        "users": ["ann", "bob", "eve"],
    });
    assert_eq!(
        replicas[0].ask("POST", "/v1/apps/default/runs", &lock).status,
        201
    );
    until("locks that are over", || {
        let due = replicas[0].ask("GET", "/v1/apps/default/locks?due=true", &Value::Null);
        due.json()["items"].as_array().unwrap().len() == 3
    });
    let path = format!("{SCHEDULES}/night");
    let made = replicas[0].ask("PUT", &path, &yearly("due_unlocks"));
    assert_eq!(
        (made.status, &made.json()["owner"]),
        (200, &"administrator".into()),
        "{made:?}"
    );
    assert!(
        made.json()["next"]
            .as_str()
            .unwrap()
            .ends_with("-12-31T16:00:00Z")
    );
    team.made_last_year("night");
    until("a turn", || last(&replicas[1], "night")["run"].is_string());
    let turn = last(&replicas[1], "night");
    let run = turn["run"].as_str().unwrap().to_owned();
    assert_eq!(turn["due"], "2025-12-31T16:00:00Z");
    assert!(run.starts_with("20251231-160000-"), "{run}");
    until("the locks are lifted", || {
        let locks = replicas[1].ask("GET", "/v1/apps/default/locks", &Value::Null);
        locks.json()["items"].as_array().unwrap().is_empty()
    });
    assert_eq!(team.env.sandbox().call_count("users.unban"), 3);
    // As if the process had died before it noted the turn: the next one finds the same run.
    let [first, second] = replicas;
    drop(first);
    team.made_last_year("night");
    until("the turn is noted", || {
        last(&second, "night")["run"] == run.as_str()
    });
    let runs = unlocks(&second);
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["operator"], "administrator");
    assert_eq!(team.env.sandbox().call_count("users.unban"), 3);

    // All users are read into a snapshot, once.
    assert_eq!(
        second
            .ask("PUT", &format!("{SCHEDULES}/scan"), &yearly("scan"))
            .status,
        200
    );
    team.made_last_year("scan");
    until("a scan", || last(&second, "scan")["outcome"] == "3 users read");
    let snapshots = team
        .env
        .run(&["logins", "snapshots", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(snapshots["rows"].as_array().unwrap().len(), 1, "{snapshots}");

    assert_eq!(second.ask("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(second.ask("GET", &path, &Value::Null).status, 404);
    let log = team.env.run(&["audit", "export", "--format", "jsonl"]).expect(0);
    let told = log.stdout.lines().filter(|line| line.contains("\"schedule."));
    assert_eq!(told.count(), 3, "{}", log.stdout);
}

#[test]
fn a_schedule_that_is_not_understood_is_refused() {
    let env = TestEnv::new();
    let service = Service::start(&env, "data", &[]);
    for (id, schedule) in [
        ("..%2Fx", yearly("scan")),
        ("%00", yearly("scan")),
        ("A", yearly("scan")),
        (&"a".repeat(65), yearly("scan")),
        ("a", json!({"cron": "* * * *", "job": "scan"})),
        ("a", json!({"cron": "0 0 30 2 *", "job": "scan"})),
        (
            "a",
            json!({"cron": "* * * * *", "time_zone": "../../etc/passwd", "job": "scan"}),
        ),
        ("a", json!({"cron": "* * * * *", "job": "logout"})),
        ("a", json!({"cron": "* * * * *", "job": "scan", "mised": "skip"})),
    ] {
        let answer = ask(&service.address, "PUT", &format!("{SCHEDULES}/{id}"), &schedule).unwrap();
        assert_eq!(answer.status, 400, "{id} {schedule}: {answer:?}");
    }
    let listed = service.ask("GET", SCHEDULES, &Value::Null).json();
    assert_eq!(listed["items"], json!([]));
    assert_eq!(
        service
            .ask("DELETE", &format!("{SCHEDULES}/%00"), &Value::Null)
            .status,
        404
    );
}
