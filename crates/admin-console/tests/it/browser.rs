//! A browser without a window: it keeps cookies, follows no redirect, and knows what a form of a page would send.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Request, header};
use easemob_admin_api::{AppRoot, Client, Credentials};
use easemob_admin_ops::documents::memory::MemoryDocuments;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::select::ages::IdStamps;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::stores::Stores;
use easemob_admin_ops::target::Target;
use easemob_admin_ops::trails::TrailsInFiles;
use easemob_admin_remote::api::Scope;
use easemob_admin_sandbox::Sandbox;
use easemob_admin_server::access::openid::OpenId;
use easemob_admin_server::apps::App;
use easemob_admin_server::first_key;
use easemob_admin_server::service::{Parts, Service, Settings};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower_service::Service as _;

/// The key of the administrator.
pub(crate) const ADMIN: &str = "ea_admin_0123456789abcdef0123456789abcdef";

/// A service with a console, on a sandbox.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    pub(crate) service: Service,
    pub(crate) stores: Stores,
    parts: Parts,
    routes: Router,
    _home: TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_at(Timestamp::now).await
    }

    pub(crate) async fn start_at(clock: fn() -> Timestamp) -> Self {
        Self::start_with(clock, None).await
    }

    pub(crate) async fn start_with(clock: fn() -> Timestamp, openid: Option<Arc<OpenId>>) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let home = TempDir::new().unwrap();
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
        let stores = Stores::on_disk(home.path());
        let parts = Parts {
            apps: [chat, other].into_iter().collect(),
            stores: stores.clone(),
            trails: Arc::new(TrailsInFiles::new(home.path().join("audit"))),
            documents: Arc::new(MemoryDocuments::default()),
            account: Operator::named("service", "host"),
            in_files: true,
            openid,
            clock,
            settings: Settings::default(),
        };
        let service = Service::new(parts.clone());
        assert!(first_key(&service, ADMIN).unwrap());
        Self {
            routes: service
                .routes()
                .merge(easemob_admin_console::routes(&service, false)),
            sandbox,
            service,
            stores,
            parts,
            _home: home,
        }
    }

    /// Restarts the service with other issuers, on the same records.
    pub(crate) fn restart(&mut self, openid: Option<Arc<OpenId>>) {
        self.parts.openid = openid;
        self.service = Service::new(self.parts.clone());
        self.routes = self
            .service
            .routes()
            .merge(easemob_admin_console::routes(&self.service, false));
    }

    /// Goes on with a browser at the service as it is now.
    pub(crate) fn go_on_with(&self, browser: &mut Browser) {
        browser.routes = self.routes.clone();
    }

    /// Returns a browser in which nobody is signed in.
    pub(crate) fn browser(&self) -> Browser {
        Browser::of(self.routes.clone())
    }

    /// Returns a browser in which somebody is signed in who may do this for the app `chat`.
    pub(crate) async fn signed_in(&self, owner: &str, scopes: &[Scope]) -> Browser {
        let mut browser = self.browser();
        let key = self.key(owner, scopes).await;
        browser.sign_in(&key).await;
        browser
    }

    /// Makes a key for the app `chat`, and returns its secret.
    pub(crate) async fn key(&self, owner: &str, scopes: &[Scope]) -> String {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let body = json!({"owner": owner, "scopes": scopes, "apps": ["chat"]});
        let made = self.api(Method::POST, "/v1/keys", body).await;
        made["secret"]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .to_owned()
    }

    /// Asks the API as the administrator.
    pub(crate) async fn api(&self, method: Method, path: &str, body: Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        serde_json::from_str(&answer(self.routes.clone(), request).await.text).unwrap()
    }
}

/// A browser.
#[derive(Clone)]
pub(crate) struct Browser {
    routes: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) language: &'static str,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Returns where a redirect leads.
    pub(crate) fn place(&self) -> &str {
        let place = self
            .headers
            .get(header::LOCATION)
            .unwrap_or_else(|| panic!("{self:?}"));
        place.to_str().unwrap()
    }

    /// Returns what forms of the page show that they are of it.
    pub(crate) fn form_secret(&self) -> String {
        let (_, rest) = self.text.split_once(r#"name="form" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    pub(crate) fn of(routes: Router) -> Self {
        Self {
            routes,
            cookies: BTreeMap::new(),
            language: "en",
        }
    }

    pub(crate) async fn sign_in(&mut self, key: &str) {
        let answer = self.send(Method::POST, "/console/sign-in", &[("key", key)]).await;
        assert_eq!(answer.expect(303).place(), "/console");
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }

    /// Sends a form as a page of the console does.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let secret = self.get("/console/apps").await.form_secret();
        let fields = [&[("form", secret.as_str())], fields].concat();
        self.send(Method::POST, path, &fields).await
    }

    /// Sends a form, and returns the page that is gone on to.
    pub(crate) async fn post_and_go_on(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let place = self.post(path, fields).await.expect(303).place().to_owned();
        self.get(&place).await.expect(200)
    }

    /// Sends what is given, and nothing else.
    pub(crate) async fn send(&mut self, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send_with(method, path, fields, &[]).await
    }

    pub(crate) async fn send_with(
        &mut self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:7300")
            .header(header::ACCEPT_LANGUAGE, self.language)
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            // In place of what is there already.
            let given = request.headers_mut().unwrap();
            given.insert(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let answer = answer(
            self.routes.clone(),
            request.body(Body::from(body.finish())).unwrap(),
        )
        .await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

async fn answer(mut routes: Router, request: Request<Body>) -> Answer {
    let response = match routes.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        // Compressed ones are no text.
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// An answer that goes on.
pub(crate) struct Stream(axum::body::BodyDataStream);

impl Stream {
    /// Returns the next piece; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        use futures_util::StreamExt as _;
        let piece = self.0.next().await?.unwrap();
        Some(String::from_utf8(piece.to_vec()).unwrap())
    }
}

impl Browser {
    /// Begins to read an answer that goes on.
    pub(crate) async fn stream(&mut self, path: &str) -> Stream {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = Request::get(path)
            .header(header::COOKIE, cookies.join("; "))
            .body(Body::empty())
            .unwrap();
        let response = match self.routes.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        assert_eq!(response.status(), 200, "{:?}", response.headers());
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Stream(response.into_body().into_data_stream())
    }
}
