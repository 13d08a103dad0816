//! A service that listens, and requests to it.

use std::path::PathBuf;
use std::sync::Arc;

use easemob_admin_api::{AppRoot, Client, Credentials};
use easemob_admin_audit::{AuditTrail, Event, EventTime, Kind};
use easemob_admin_ops::documents::sqlite::SqliteDocuments;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::select::ages::IdStamps;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::stores::Stores;
use easemob_admin_ops::target::Target;
use easemob_admin_ops::trails::TrailsInFiles;
use easemob_admin_sandbox::Sandbox;
use easemob_admin_server::apps::App;
use easemob_admin_server::first_key;
use easemob_admin_server::service::{Addresses, Listening, Parts, Service, Settings};
use jiff::Timestamp;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The key of the administrator.
pub(crate) const ADMIN: &str = "ea_admin_0123456789abcdef0123456789abcdef";

pub(crate) struct Served {
    pub(crate) sandbox: Sandbox,
    pub(crate) home: Arc<TempDir>,
    pub(crate) url: String,
    http: reqwest::Client,
    listening: Listening,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) form: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the last part of the type of a problem.
    pub(crate) fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        assert_eq!(self.form, "application/problem+json", "{self:?}");
        kind.trim_start_matches("/problems/").to_owned()
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Served {
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let home = Arc::new(TempDir::new().unwrap());
        Self::start_with(sandbox, home, Timestamp::now)
    }

    pub(crate) fn start_with(sandbox: Sandbox, home: Arc<TempDir>, clock: fn() -> Timestamp) -> Self {
        let client = Client::builder(AppRoot::parse(&sandbox.app_root()).unwrap())
            .credentials(Credentials::client_secret(
                sandbox.client_id(),
                sandbox.client_secret(),
            ))
            .build()
            .unwrap();
        let chat = App {
            name: "chat".into(),
            target: Target {
                app: sandbox.app_key().to_owned(),
                app_root: sandbox.app_root(),
                profile: None,
                sandbox: true,
            },
            server: Server::new(client, Arc::new(IdStamps)),
        };
        // A second app, for keys that are for one of them only.
        let mut other = chat.clone();
        other.name = "other".into();
        other.target.app_root.push_str("-other");
        let service = Service::new(Parts {
            apps: [chat, other].into_iter().collect(),
            stores: Stores::on_disk(home.path()),
            trails: Arc::new(TrailsInFiles(home.path().join("audit"))),
            documents: Arc::new(SqliteDocuments::open(&home.path().join("service.sqlite")).unwrap()),
            account: Operator::named("service", "host"),
            in_files: true,
            openid: None,
            clock,
            settings: Settings::default(),
        });
        assert!(first_key(&service, ADMIN).unwrap());
        let listening = service
            .listen(
                service.routes(),
                &Addresses {
                    clients: "127.0.0.1:0".parse().unwrap(),
                    metrics: None,
                },
                None,
            )
            .unwrap();
        Self {
            sandbox,
            home,
            url: format!("http://{}", listening.addresses.clients),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            listening,
        }
    }

    pub(crate) async fn stop(self) -> (Sandbox, Arc<TempDir>) {
        self.listening.stop().await;
        (self.sandbox, self.home)
    }

    /// Returns the directory of the audit trail.
    pub(crate) fn trail(&self) -> PathBuf {
        self.home.path().join("audit").join("sandbox")
    }

    /// Writes entries to the trail as another process does.
    pub(crate) fn append(&self, users: std::ops::Range<u64>, run: &str) {
        let mut trail = AuditTrail::open(&self.trail(), "sandbox").unwrap();
        let events: Vec<Event> = users
            .map(|user| {
                let mut event = Event::new(
                    EventTime::from_millis(1_000 * i64::try_from(user).unwrap()),
                    Kind::Outcome,
                );
                event.user = Some(format!("user{user}"));
                event.run = Some(run.to_owned());
                event.outcome = Some(easemob_admin_audit::Outcome::Ended);
                event
            })
            .collect();
        trail.append(&events).unwrap();
        trail.checkpoint(std::time::SystemTime::now()).unwrap();
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        read(self.send(method, path, key, body).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Some(ADMIN), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(ADMIN), Some(body)).await
    }

    /// Makes a key, and returns its secret.
    pub(crate) async fn key(&self, scopes: &[&str], apps: &[&str]) -> String {
        let body = json!({"owner": "tester", "scopes": scopes, "apps": apps});
        let made = self.post("/v1/keys", body).await.expect(201);
        made.json()["secret"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn read(response: Response) -> Answer {
    let form = response.headers().get("content-type");
    Answer {
        status: response.status().as_u16(),
        form: form.map_or_else(String::new, |form| form.to_str().unwrap().to_owned()),
        text: response.text().await.unwrap(),
    }
}
