//! A service that listens, and requests to it.

use std::path::PathBuf;
use std::sync::Arc;

use easemob_admin_api::{AppRoot, Client, Credentials};
use easemob_admin_audit::{AuditTrail, Event, EventTime, Kind};
use easemob_admin_ops::documents::DocumentStore;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::select::ages::IdStamps;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::target::Target;
use easemob_admin_sandbox::Sandbox;
use easemob_admin_server::apps::App;
use easemob_admin_server::first_key;
use easemob_admin_server::service::{Addresses, Listening, Parts, Service, Settings};
use jiff::Timestamp;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::records::{Home, Opened, Records};

/// The key of the administrator.
pub(crate) const ADMIN: &str = "ea_admin_0123456789abcdef0123456789abcdef";

pub(crate) struct Served {
    pub(crate) sandbox: Sandbox,
    pub(crate) home: Arc<Home>,
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
        Self::start_in(Records::Files).await
    }

    pub(crate) async fn start_in(records: Records) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        Self::start_with(sandbox, Home::of(records), Timestamp::now)
    }

    pub(crate) fn start_with(sandbox: Sandbox, home: Arc<Home>, clock: fn() -> Timestamp) -> Self {
        Self::start_set(sandbox, home, clock, Settings::default())
    }

    pub(crate) fn start_set(
        sandbox: Sandbox,
        home: Arc<Home>,
        clock: fn() -> Timestamp,
        settings: Settings,
    ) -> Self {
        let (service, listening) = listen(&sandbox, &home, clock, settings);
        assert!(first_key(&service, ADMIN).unwrap());
        Self {
            sandbox,
            home,
            url: format!("http://{}", listening.addresses.clients),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            listening,
        }
    }

    /// Starts another process of the same service; its address.
    pub(crate) fn replica(&self, clock: fn() -> Timestamp) -> Replica {
        let (_, listening) = listen(&self.sandbox, &self.home, clock, Settings::default());
        Replica {
            url: format!("http://{}", listening.addresses.clients),
            listening,
        }
    }

    pub(crate) async fn stop(self) -> (Sandbox, Arc<Home>) {
        self.listening.stop().await;
        (self.sandbox, self.home)
    }
}

/// Another process of a service.
pub(crate) struct Replica {
    pub(crate) url: String,
    listening: Listening,
}

impl Replica {
    pub(crate) async fn stop(self) {
        self.listening.stop().await;
    }
}

fn listen(
    sandbox: &Sandbox,
    home: &Home,
    clock: fn() -> Timestamp,
    settings: Settings,
) -> (Service, Listening) {
    let client = Client::builder(AppRoot::parse(&sandbox.app_root()).unwrap())
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()
        .unwrap();
    listen_for(client, sandbox.app_key(), home, clock, settings)
}

/// Starts a process of a service for the app of a client.
pub(crate) fn listen_for(
    client: Client,
    app_key: &str,
    home: &Home,
    clock: fn() -> Timestamp,
    settings: Settings,
) -> (Service, Listening) {
    let chat = App {
        name: "chat".into(),
        target: Target {
            app: app_key.to_owned(),
            app_root: client.app_root().to_string(),
            profile: None,
            // Runs of a sandbox are not shared.
            sandbox: matches!(home.records, Records::Files),
        },
        server: Server::new(client, Arc::new(IdStamps)),
    };
    // A second app, for keys that are for one of them only.
    let mut other = chat.clone();
    other.name = "other".into();
    other.target.app_root.push_str("-other");
    let Opened {
        stores,
        trails,
        documents,
        in_files,
    } = home.open();
    let service = Service::new(Parts {
        apps: [chat, other].into_iter().collect(),
        stores,
        trails,
        documents,
        account: Operator::named("service", "host"),
        in_files,
        openid: None,
        clock,
        settings,
    });
    let addresses = Addresses {
        clients: "127.0.0.1:0".parse().unwrap(),
        metrics: None,
    };
    let listening = service.listen(service.routes(), &addresses, None).unwrap();
    (service, listening)
}

impl Served {
    /// Opens the documents as another process does.
    pub(crate) fn documents(&self) -> Arc<dyn DocumentStore> {
        self.home.open().documents
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

    /// Posts a body of a type.
    pub(crate) async fn sent_as(&self, path: &str, form: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", form)
            .body(body);
        read(request.send().await.unwrap()).await
    }

    /// Posts a first line, and others.
    pub(crate) async fn post_lines(&self, path: &str, lines: impl IntoIterator<Item = Value>) -> Answer {
        let lines: Vec<String> = lines.into_iter().map(|line| line.to_string()).collect();
        self.sent_as(path, "application/x-ndjson", lines.join("\n")).await
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
